package kustomize

import (
	"context"
	"fmt"
	"io/fs"
	"path"
	"strings"
	"sync"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	utiljson "k8s.io/apimachinery/pkg/util/json"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/api/resource"
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
}

// build serialises builds: Kustomize keeps the OpenAPI schema that it merges by in variables of the process,
// which each build sets. Renders of Helm charts go on beside it.
var build sync.Mutex

// Render gives the objects of a kustomization.
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
	if err := files.addOverlay(in, kind); err != nil {
		return nil, err
	}
	if objects, err = run(ctx, files); err != nil {
		return nil, fmt.Errorf("kustomization %s: %w", in.Dir, tidy(err))
	}
	for _, o := range objects {
		if err := labelPods(o.Unstructured, in.Labels); err != nil {
			return nil, fmt.Errorf("kustomization %s: %s %q: %w", in.Dir, o.GetKind(), o.GetName(), err)
		}
	}
	return objects, nil
}

// addOverlay puts the kustomization under one of Trunkline's own, which adds the context.
func (f *fileSystem) addOverlay(in Input, kind string) error {
	top := types.Kustomization{
		TypeMeta:  types.TypeMeta{APIVersion: types.KustomizationVersion, Kind: types.KustomizationKind},
		Resources: []string{"context.yaml"},
	}
	if in.Trace {
		top.BuildMetadata = []string{types.OriginAnnotations} // taken off again
	}
	entry := path.Join("..", treeRoot, in.Dir)
	if kind == types.ComponentKind {
		top.Components = []string{entry}
	} else {
		top.Resources = append(top.Resources, entry)
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

func run(ctx context.Context, files *fileSystem) ([]manifest.Object, error) {
	build.Lock()
	defer build.Unlock()
	if err := ctx.Err(); err != nil {
		return nil, context.Cause(ctx) // it may have been a long wait
	}
	options := krusty.MakeDefaultOptions() // no plugins, objects in the order in which they are given
	// The tree is the boundary, and the file system ends there.
	options.LoadRestrictions = types.LoadRestrictionsNone
	built, err := krusty.MakeKustomizer(options).Run(files, overlayRoot)
	if err != nil {
		return nil, err
	}
	objects := make([]manifest.Object, 0, built.Size())
	size := 0
	for _, r := range built.Resources() {
		o, n, err := object(r)
		if err != nil {
			return nil, err
		}
		if size += n; size > manifest.MaxBytes {
			return nil, fmt.Errorf("renders to more than %d MiB", manifest.MaxBytes>>20)
		}
		objects = append(objects, o)
	}
	return objects, nil
}

// object takes an object out of Kustomize's form.
func object(r *resource.Resource) (manifest.Object, int, error) {
	source := ""
	if origin, err := r.GetOrigin(); err == nil && origin != nil {
		source = origin.Path
		if source == "" {
			source = origin.ConfiguredIn
		}
		source = strings.TrimPrefix(path.Join(overlayRoot, source), treeRoot+"/")
	}
	if err := r.SetOrigin(nil); err != nil {
		return manifest.Object{}, 0, err
	}
	data, err := r.MarshalJSON()
	if err != nil {
		return manifest.Object{}, 0, fmt.Errorf("%s: %w", source, err)
	}
	var content map[string]any
	if err := utiljson.Unmarshal(data, &content); err != nil {
		return manifest.Object{}, 0, fmt.Errorf("%s: %w", source, err)
	}
	return manifest.Object{Unstructured: &unstructured.Unstructured{Object: content}, Source: source}, len(data), nil
}

// tidy makes the paths in Kustomize's messages those of the tree.
func tidy(err error) error { return &buildError{err} }

type buildError struct{ err error }

func (e *buildError) Error() string {
	text := strings.NewReplacer("../tree/", "", treeRoot+"/", "").Replace(e.err.Error())
	return strings.ReplaceAll(strings.TrimSpace(text), "\n", " ")
}

func (e *buildError) Unwrap() error { return e.err }
