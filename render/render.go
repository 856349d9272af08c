// SPDX-License-Identifier: Apache-2.0

package render

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"sync"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/render/helm"
	"trunkline.dev/trunkline/render/internal/manifest"
	"trunkline.dev/trunkline/render/kustomize"
)

const (
	// MaxObjects bounds the objects of one release.
	MaxObjects = 2000
	// MaxBytes bounds the size of one release's objects, as JSON.
	MaxBytes = 16 << 20
)

// helpersDir is the folder of the library with the partials that every chart may include; they belong to the
// library chart "trunkline".
const (
	helpersDir   = "common/templates"
	helpersChart = "trunkline"
)

// Renderer renders releases. It may be used by several goroutines.
type Renderer struct {
	library fs.FS
	// charts reads the partials of the library once. It is an error of the program if that fails, which New
	// need not bother its callers with.
	charts  func() (*helm.Library, error)
	builder kustomize.Builder
}

// Option changes how a renderer works, never what it renders to.
type Option func(*Renderer)

// WithBuilder says what runs Kustomize; default: [kustomize.InProcess], which a hostile kustomization can end the
// process of.
func WithBuilder(b kustomize.Builder) Option { return func(r *Renderer) { r.builder = b } }

// New makes a renderer with a library of embedded blueprints.
func New(library fs.FS, opts ...Option) *Renderer {
	r := &Renderer{library: library, charts: sync.OnceValues(func() (*helm.Library, error) { return readPartials(library) })}
	for _, opt := range opts {
		opt(r)
	}
	return r
}

// Result is a rendered release.
type Result struct {
	// Objects are in the order in which they are best applied, then by namespace and name.
	Objects []*unstructured.Unstructured
	// ReadSet is what the render depends on in the tree. It is there also when rendering failed: what was read
	// until then is what could fix it.
	ReadSet ReadSet
}

// Render returns the objects of a release.
//
// To the objects that the engines give, it does the following. Lists are flattened. Objects get the namespace
// of the release, and labels that say what they belong to. Fields that the API server fills
// (status, managedFields, uid, resourceVersion, generation, creationTimestamp, selfLink) are taken out.
// Refused are: an object without apiVersion, kind or name, or with generateName or ownerReferences; one that
// names another namespace, and a cluster-scoped one, unless the environment allows it; one with labels or annotations
// that Trunkline or pod security go by; and the same object twice.
func (r *Renderer) Render(ctx context.Context, tree fs.FS, rel catalog.Release) (Result, error) {
	recorded, recorder := Record(tree)
	objects, err := r.render(ctx, recorded, rel, false)
	if err != nil && ctx.Err() == nil && usesKustomize(rel) && !transient(err) {
		// Once more, so that the message names files: Kustomize does not keep track of them by itself.
		if _, traced := r.render(ctx, recorded, rel, true); traced != nil {
			err = traced
		}
	}
	result := Result{ReadSet: recorder.ReadSet()}
	if err != nil {
		return result, fmt.Errorf("rendering %s: %w", rel.ID, err)
	}
	result.Objects = objects
	return result, nil
}

// transient tells of an error that says nothing about the files, such as that of a builder that ran out of time.
func transient(err error) bool {
	passing, ok := errors.AsType[interface {
		error
		Transient() bool
	}](err)
	return ok && passing.Transient()
}

func usesKustomize(rel catalog.Release) bool {
	return slices.ContainsFunc(rel.Workloads, func(w catalog.Workload) bool {
		return w.Blueprint != nil && w.Blueprint.Spec.Engine == v1alpha1.Kustomize
	})
}

func (r *Renderer) render(ctx context.Context, tree fs.FS, rel catalog.Release, trace bool) ([]*unstructured.Unstructured, error) {
	charts, err := r.charts()
	if err != nil {
		return nil, err
	}
	f := newFinisher(rel)
	if err := f.addOwn(releaseObjects(rel)); err != nil {
		return nil, err
	}
	// A workload that fails does not hide what is wrong with the next one.
	var failed []error
	for _, w := range rel.Workloads {
		objects, err := r.workload(ctx, tree, rel, w, workloadOptions{charts: charts, trace: trace})
		if err == nil {
			err = f.add(w.Name, objects)
		}
		if err != nil {
			failed = append(failed, fmt.Errorf("workload %q (blueprint %s): %w", w.Name, blueprintName(w), err))
		}
		if ctx.Err() != nil {
			break
		}
	}
	if err := errors.Join(failed...); err != nil {
		return nil, err
	}
	return f.finish()
}

func blueprintName(w catalog.Workload) string {
	if w.Blueprint == nil {
		return "missing"
	}
	return w.Blueprint.Name
}

// workloadOptions are what all workloads of a release are rendered with.
type workloadOptions struct {
	charts *helm.Library
	trace  bool
}

// workload renders one workload. What goes wrong in it, be it the engine itself, ends here.
func (r *Renderer) workload(
	ctx context.Context, tree fs.FS, rel catalog.Release, w catalog.Workload, opts workloadOptions,
) (objects []manifest.Object, err error) {
	defer func() {
		if v := recover(); v != nil {
			objects, err = nil, fmt.Errorf("the engine failed: %v", v)
		}
	}()
	if err := ctx.Err(); err != nil {
		return nil, context.Cause(ctx)
	}
	if w.Blueprint == nil {
		return nil, errors.New("the workload has no blueprint")
	}
	bp := w.Blueprint
	if err := checkParams(bp, w.Params); err != nil {
		return nil, err
	}
	values, err := newValues(tree, rel, w)
	if err != nil {
		return nil, err
	}
	source := tree
	if bp.Embedded {
		source = r.library
	}
	switch bp.Spec.Engine {
	case v1alpha1.Helm:
		return helm.Render(ctx, helm.Input{
			FS: source, Dir: bp.Source, Values: values.helm(w.Params), Name: w.Name, Namespace: rel.Namespace,
			Library: opts.charts,
		})
	case v1alpha1.Kustomize:
		return r.kustomized(ctx, tree, rel, w, values, opts.trace)
	}
	return nil, fmt.Errorf("unknown engine %q", bp.Spec.Engine)
}

// kustomized renders the folder of a blueprint, or, for the embedded blueprint, the one that the workload's
// param path names.
func (r *Renderer) kustomized(
	ctx context.Context, tree fs.FS, rel catalog.Release, w catalog.Workload, values *contextValues, trace bool,
) ([]manifest.Object, error) {
	in := kustomize.Input{
		FS: tree, Dir: w.Blueprint.Source, Context: values.flat(w.Params), Labels: values.labels, Trace: trace, Builder: r.builder,
	}
	if w.Blueprint.Embedded {
		folder, _ := w.Params["path"].(string)
		in.Dir = path.Join(rel.Dir, folder)
		if folder == "" || path.IsAbs(folder) || !fs.ValidPath(in.Dir) {
			return nil, fmt.Errorf("params.path: %q is not a folder of the repository", folder)
		}
	}
	return kustomize.Render(ctx, in)
}

// readPartials reads the library chart.
func readPartials(library fs.FS) (*helm.Library, error) {
	entries, err := fs.ReadDir(library, helpersDir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	partials := map[string]string{}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), "_") {
			continue
		}
		data, err := fs.ReadFile(library, path.Join(helpersDir, e.Name()))
		if err != nil {
			return nil, err
		}
		partials[e.Name()] = string(data)
	}
	return helm.NewLibrary(helpersChart, partials)
}
