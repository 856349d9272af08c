// SPDX-License-Identifier: Apache-2.0

package kustomize

import (
	"context"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	utiljson "k8s.io/apimachinery/pkg/util/json"
	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/yaml"

	"trunkline.dev/trunkline/render/internal/manifest"
)

// ContextName is the name of the ConfigMap that a component can take values from. It is never rendered itself.
const ContextName = "trunkline"

// Input is one kustomization to render, and what it is given.
type Input struct {
	FS fs.FS
	// Dir is the folder of the kustomization. A component can use the context, another kustomization cannot.
	Dir string
	// Context becomes the data of the ConfigMap [ContextName].
	Context map[string]string
	// Labels are put on the templates of pods.
	Labels map[string]string
	// Trace makes the objects name the file they come from. It takes as long again, so it is for messages only.
	Trace bool
	// Builder runs Kustomize; default: [InProcess].
	Builder Builder
}

// Render returns the objects of a kustomization.
func Render(ctx context.Context, in Input) (objects []manifest.Object, err error) {
	defer func() {
		if r := recover(); r != nil {
			objects, err = nil, fmt.Errorf("kustomization %s: the engine failed: %v", in.Dir, r)
		}
	}()
	files := newFileSystem(ctx, in.FS)
	kind, err := check(files, in.Dir)
	if err != nil {
		return nil, err
	}
	root := path.Join(treeRoot, in.Dir)
	// What only a component can use, and what is for messages only, is left out where it does nothing: a
	// kustomization over another takes Kustomize as long again as a small base.
	if kind == types.ComponentKind || in.Trace {
		root = overlayRoot
		if err := files.addOverlay(in, kind); err != nil {
			return nil, err
		}
	}
	if objects, err = run(ctx, in.Builder, Job{Root: root, Seen: files.seen(), Look: files.look}); err != nil {
		return nil, fmt.Errorf("kustomization %s: %w", in.Dir, tidy(err))
	}
	for _, o := range objects {
		if err := labelPods(o.Unstructured, in.Labels); err != nil {
			return nil, fmt.Errorf("kustomization %s: %s %q: %w", in.Dir, o.GetKind(), o.GetName(), err)
		}
	}
	return objects, nil
}

// addOverlay puts the kustomization under one of Trunkline's own, which adds the context for a component.
func (f *fileSystem) addOverlay(in Input, kind string) error {
	top := types.Kustomization{
		TypeMeta: types.TypeMeta{APIVersion: types.KustomizationVersion, Kind: types.KustomizationKind},
	}
	if in.Trace {
		top.BuildMetadata = []string{types.OriginAnnotations} // taken off again
	}
	entry := path.Join("..", treeRoot, in.Dir)
	if kind == types.ComponentKind {
		top.Resources, top.Components = []string{"context.yaml"}, []string{entry}
	} else {
		top.Resources = []string{entry}
	}
	values := map[string]any{
		"apiVersion": "v1", "kind": "ConfigMap",
		"metadata": map[string]any{
			"name": ContextName, "annotations": map[string]any{"config.kubernetes.io/local-config": "true"},
		},
		"data": in.Context,
	}
	for name, content := range map[string]any{"kustomization.yaml": top, "context.yaml": values} {
		data, err := yaml.Marshal(content)
		if err != nil {
			return err
		}
		f.overlay[path.Join(overlayRoot, name)] = data
	}
	return nil
}

// run has the job built, and reads what comes of it.
func run(ctx context.Context, builder Builder, job Job) ([]manifest.Object, error) {
	if builder == nil {
		builder = InProcess{}
	}
	built, err := builder.Build(ctx, job)
	if err != nil {
		return nil, err
	}
	objects := make([]manifest.Object, len(built))
	for i, b := range built {
		var content map[string]any
		if err := utiljson.Unmarshal(b.JSON, &content); err != nil {
			return nil, fmt.Errorf("%s: %w", b.Source, err)
		}
		objects[i] = manifest.Object{Unstructured: &unstructured.Unstructured{Object: content}, Source: b.Source}
	}
	return objects, nil
}

// tidy makes the paths in Kustomize's messages those of the tree.
func tidy(err error) error { return &buildError{err} }

type buildError struct{ err error }

func (e *buildError) Error() string {
	text := strings.NewReplacer("../tree/", "", treeRoot+"/", "").Replace(e.err.Error())
	return strings.ReplaceAll(strings.TrimSpace(text), "\n", " ")
}

func (e *buildError) Unwrap() error { return e.err }
