// SPDX-License-Identifier: Apache-2.0

package kustomize

import (
	"context"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
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
	// KubeVersion and APIVersions are what charts are told of the cluster, as [helm.Input] has them.
	KubeVersion string
	APIVersions []string
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
	if files.isDir(in.Dir) {
		in.Dir = files.real(in.Dir)
	}
	files.kubeVersion, files.apiVersions = in.KubeVersion, in.APIVersions
	job := func(root string) Job {
		return Job{Root: root, Seen: files.seen(), OwnSchema: files.ownSchema, Stat: files.stat}
	}
	top, err := check(files, in.Dir, func(dir string) ([]manifest.Object, error) {
		return run(ctx, in.Builder, job(path.Join(treeRoot, dir)))
	})
	if err != nil {
		return nil, err
	}
	root := path.Join(treeRoot, in.Dir)
	// What only a component can use, and what is for messages only, is left out where it does nothing: a
	// kustomization over another takes Kustomize as long again as a small base.
	if top.Kind == types.ComponentKind || in.Trace {
		root = overlayRoot
		if err := files.addOverlay(in, top); err != nil {
			return nil, err
		}
	}
	if objects, err = run(ctx, in.Builder, job(root)); err != nil {
		return nil, fmt.Errorf("kustomization %s: %w", in.Dir, tidy(in.Dir, err))
	}
	m := metadata{Kustomization: top, root: root, dir: path.Join(treeRoot, in.Dir), charts: files.charts}
	for i, o := range objects {
		objects[i].Source = m.source(o.Source)
		if err := m.finish(o.Unstructured); err != nil {
			return nil, fmt.Errorf("kustomization %s: %s %q: %w", in.Dir, o.GetKind(), o.GetName(), err)
		}
		if err := manifest.LabelPods(o.Unstructured, in.Labels); err != nil {
			return nil, fmt.Errorf("kustomization %s: %s %q: %w", in.Dir, o.GetKind(), o.GetName(), err)
		}
	}
	return objects, nil
}

// addOverlay puts the kustomization under one of Trunkline's own, which adds the context for a component.
func (f *fileSystem) addOverlay(in Input, below *types.Kustomization) error {
	// The topmost kustomization decides on these for all that it loads.
	top := types.Kustomization{
		TypeMeta:      types.TypeMeta{APIVersion: types.KustomizationVersion, Kind: types.KustomizationKind},
		BuildMetadata: slices.Clone(below.BuildMetadata), SortOptions: below.SortOptions, OpenAPI: maps.Clone(below.OpenAPI),
	}
	if in.Trace && !slices.Contains(top.BuildMetadata, types.OriginAnnotations) {
		top.BuildMetadata = append(top.BuildMetadata, types.OriginAnnotations) // taken off again
	}
	entry := path.Join("..", treeRoot, in.Dir)
	if file, named := top.OpenAPI["path"]; named {
		top.OpenAPI["path"] = path.Join(entry, file)
	}
	if below.Kind == types.ComponentKind {
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

// tidy has the cause in Kustomize's messages, and paths of the tree.
func tidy(dir string, err error) error { return &buildError{dir, err} }

type buildError struct {
	dir string
	err error
}

func (e *buildError) Error() string {
	text := strings.NewReplacer("../tree/", "", treeRoot+"/", "").Replace(e.err.Error())
	return cause(e.dir, strings.ReplaceAll(strings.TrimSpace(text), "\n", " "))
}

func (e *buildError) Unwrap() error { return e.err }
