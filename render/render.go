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
	"trunkline.dev/trunkline/render/code"
	"trunkline.dev/trunkline/render/cue/evaluate"
	"trunkline.dev/trunkline/render/helm"
	"trunkline.dev/trunkline/render/internal/manifest"
	"trunkline.dev/trunkline/render/jsonnet"
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
	charts     func() (*helm.Library, error)
	builder    kustomize.Builder
	evaluators map[v1alpha1.Engine]code.Evaluator
	artifacts  Artifacts
}

// Option changes how a renderer works, never what it renders to.
type Option func(*Renderer)

// WithBuilder says what runs Kustomize; default: [kustomize.InProcess], which a hostile kustomization can end the
// process of.
func WithBuilder(b kustomize.Builder) Option { return func(r *Renderer) { r.builder = b } }

// WithEvaluator says what evaluates the programs of an engine; default: where it is called, which a hostile
// program can end the process of.
func WithEvaluator(engine v1alpha1.Engine, e code.Evaluator) Option {
	return func(r *Renderer) { r.evaluators[engine] = e }
}

// New makes a renderer with a library of embedded blueprints.
func New(library fs.FS, opts ...Option) *Renderer {
	r := &Renderer{
		library: library, charts: sync.OnceValues(func() (*helm.Library, error) { return readPartials(library) }),
		evaluators: map[v1alpha1.Engine]code.Evaluator{v1alpha1.Jsonnet: code.InProcess{jsonnet.Language: jsonnet.Evaluate}, v1alpha1.CUE: code.InProcess(evaluate.Languages())},
	}
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
	// Warnings are what is left out, or done otherwise than the files say.
	Warnings []Warning
}

// Warning is what is odd about a workload, and refuses nothing.
type Warning struct {
	Workload string `json:"workload"`
	// Source is the template or file; empty if it is not known. Line is the line of what it renders to, or 0.
	Source string `json:"source,omitempty"`
	Line   int    `json:"line,omitempty"`
	// Message says what is odd, and what it means.
	Message string `json:"message"`
}

func (w Warning) String() string {
	where := ""
	switch {
	case w.Line > 0:
		where = fmt.Sprintf("%s, line %d of what it renders to: ", w.Source, w.Line)
	case w.Source != "":
		where = w.Source + ": "
	}
	return fmt.Sprintf("workload %q: %s%s", w.Workload, where, w.Message)
}

// Render returns the objects of a release.
//
// To the objects that the engines give, it does the following. Lists are flattened. Objects get the namespace
// of the release, and labels that say what they belong to. Fields that the API server fills
// (status, managedFields, uid, resourceVersion, generation, creationTimestamp, selfLink) are taken out.
// Refused are: an object without apiVersion, kind or name, or with generateName or ownerReferences; one that
// names another namespace, and a cluster-scoped one, unless the environment allows it; one with labels or annotations
// that Trunkline or pod security go by; the same object twice; and one that the API server would refuse for its version, its
// fields or their types, which is a [MisfitError].
func (r *Renderer) Render(ctx context.Context, tree fs.FS, rel catalog.Release) (Result, error) {
	recorded, recorder := Record(tree)
	out, err := r.render(ctx, recorded, rel, false)
	if err != nil && ctx.Err() == nil && usesKustomize(rel) && !transient(err) {
		// Once more, so that the message names files: Kustomize does not keep track of them by itself.
		if _, traced := r.render(ctx, recorded, rel, true); traced != nil {
			err = traced
		}
	}
	out.ReadSet = recorder.ReadSet()
	out.ReadSet.Artifacts = artifactsOf(rel)
	if err != nil {
		return Result{ReadSet: out.ReadSet}, fmt.Errorf("rendering %s: %w", rel.ID, err)
	}
	return out, nil
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

// render renders a release, and once more if its definitions define what charts were told that the cluster does not serve.
func (r *Renderer) render(ctx context.Context, tree fs.FS, rel catalog.Release, trace bool) (Result, error) {
	charts, err := r.charts()
	if err != nil {
		return Result{}, err
	}
	f := newFinisher(rel)
	if err := f.addOwn(releaseObjects(rel)); err != nil {
		return Result{}, err
	}
	for _, s := range rel.GeneratedSecrets {
		f.objects = append(f.objects, member{generatedSecret(rel, s), "", ""})
	}
	given, err := dataObjects(rel)
	if err != nil {
		return Result{}, err
	}
	dags, err := dagObjects(tree, rel)
	if err != nil {
		return Result{}, err
	}
	for _, o := range slices.Concat(cloudObjects(rel), given, secretObjects(rel), providerClasses(rel), dags) {
		f.objects = append(f.objects, member{o, "", ""})
	}
	opts := workloadOptions{charts: charts, trace: trace, apiVersions: rel.Kubernetes.APIVersions}
	own := len(f.objects)
	err = r.workloads(ctx, tree, rel, f, opts)
	if defined := f.defined(opts.apiVersions); len(defined) > 0 && ctx.Err() == nil {
		opts.apiVersions = slices.Concat(opts.apiVersions, defined)
		f.objects, f.warnings = f.objects[:own], nil
		err = r.workloads(ctx, tree, rel, f, opts)
	}
	if ctx.Err() == nil {
		err = errors.Join(err, f.misfits())
	}
	if err != nil {
		return Result{}, err
	}
	objects, err := f.finish()
	return Result{Objects: objects, Warnings: f.warnings}, err
}

// workloads renders the workloads of a release.
func (r *Renderer) workloads(ctx context.Context, tree fs.FS, rel catalog.Release, f *finisher, opts workloadOptions) error {
	// A workload that fails does not hide what is wrong with the next one.
	var failed []error
	for _, w := range rel.Workloads {
		out, err := r.workload(ctx, tree, rel, w, opts)
		if err == nil {
			f.warn(w.Name, out.Warnings...)
			err = errors.Join(f.add(w.Name, out.Objects), checkEntryPoint(w, out.Objects), checkVolumes(w, out.Objects), checkIdentity(rel, w))
		}
		if err != nil {
			failed = append(failed, &WorkloadError{Workload: w.Name, Blueprint: blueprintName(w), Err: err})
		}
		if ctx.Err() != nil {
			break
		}
	}
	return errors.Join(failed...)
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
	// apiVersions are those that charts are told of.
	apiVersions []string
}

// workload renders one workload. What goes wrong in it, be it the engine itself, ends here.
func (r *Renderer) workload(
	ctx context.Context, tree fs.FS, rel catalog.Release, w catalog.Workload, opts workloadOptions,
) (out helm.Result, err error) {
	defer func() {
		if v := recover(); v != nil {
			out, err = helm.Result{}, fmt.Errorf("the engine failed: %v", v)
		}
	}()
	if err := ctx.Err(); err != nil {
		return out, context.Cause(ctx)
	}
	if w.Blueprint == nil {
		return out, errors.New("the workload has no blueprint")
	}
	bp := w.Blueprint
	if err := checkParams(bp, w.Params); err != nil {
		return out, err
	}
	values, err := newValues(tree, rel, w)
	if err != nil {
		return out, err
	}
	source, err := r.source(ctx, tree, bp)
	if err != nil {
		return out, err
	}
	if bp.Embedded && bp.Spec.Engine != v1alpha1.Helm {
		source = walled(tree, rel.Root) // it has no folder of its own
	} else if !bp.Embedded {
		source = walled(source, bp.Root)
	}
	switch bp.Spec.Engine {
	case v1alpha1.Helm:
		return helm.Render(ctx, helm.Input{
			FS: source, Dir: bp.Source, Values: values.helm(w.Params), Name: w.Name, Namespace: rel.Namespace,
			Library: opts.charts, KubeVersion: rel.Kubernetes.Version, APIVersions: opts.apiVersions,
		})
	case v1alpha1.Kustomize:
		out.Objects, err = r.kustomized(ctx, source, rel, w, values, opts)
		return out, err
	case v1alpha1.Manifests, v1alpha1.Jsonnet, v1alpha1.CUE:
		out.Objects, err = r.coded(ctx, source, rel, w, values)
		return out, err
	}
	return out, fmt.Errorf("unknown engine %q", bp.Spec.Engine)
}

// kustomized renders the folder of a blueprint, or, for the embedded blueprint, the one that the workload's
// param path names.
func (r *Renderer) kustomized(
	ctx context.Context, tree fs.FS, rel catalog.Release, w catalog.Workload, values *contextValues, opts workloadOptions,
) ([]manifest.Object, error) {
	in := kustomize.Input{
		FS: tree, Dir: w.Blueprint.Source, Context: values.flat(w.Params), Labels: identity(values.rel, w.Name), Trace: opts.trace, Builder: r.builder,
		KubeVersion: rel.Kubernetes.Version, APIVersions: opts.apiVersions,
	}
	if w.Blueprint.Embedded {
		folder, _ := w.Params["path"].(string)
		var err error
		if in.Dir, err = ownPath(rel, "path", folder, "a folder"); err != nil {
			return nil, err
		}
	}
	objects, err := kustomize.Render(ctx, in)
	if err != nil || !w.Blueprint.Embedded {
		return objects, err
	}
	return objects, substituted(tree, objects, w.Params["substitute"])
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
