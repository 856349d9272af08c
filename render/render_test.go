// SPDX-License-Identifier: Apache-2.0

package render_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/blueprints"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/render"
	"trunkline.dev/trunkline/render/kustomize"
)

// chart makes a tree with one chart in bp/NAME for each text.
func charts(texts map[string]string) fstest.MapFS {
	tree := fstest.MapFS{}
	for name, text := range texts {
		tree["bp/"+name+"/Chart.yaml"] = &fstest.MapFile{Data: []byte("apiVersion: v2\nname: " + name + "\nversion: 1.0.0\n")}
		tree["bp/"+name+"/templates/all.yaml"] = &fstest.MapFile{Data: []byte(text)}
	}
	return tree
}

// anything is a schema that takes any params.
var anything = map[string]any{"type": "object"}

func helmBlueprint(name string) *catalog.Blueprint {
	return &catalog.Blueprint{
		Name: name, Source: "bp/" + name, Spec: v1alpha1.BlueprintSpec{Engine: v1alpha1.Helm, Parameters: anything},
	}
}

// releaseOf makes a release; its workloads run as the project's own service account unless they say otherwise.
func releaseOf(w ...catalog.Workload) catalog.Release {
	for i := range w {
		if w[i].Identity == "" {
			w[i].Identity = "orders"
		}
	}
	return catalog.Release{
		ID:       catalog.ReleaseID{Project: "orders", Environment: "prod", Cluster: "prod-eu"},
		Platform: "acme", Owner: "team-orders", Namespace: "orders-prod", Accounts: []catalog.Account{{Name: "orders"}},
		Dir: "projects/orders", Workloads: w,
	}
}

// renderAll renders a release with one workload for each chart, in order of name.
func renderAll(t *testing.T, texts map[string]string, allowed ...catalog.Allowed) (render.Result, error) {
	t.Helper()
	rel := releaseOf()
	for _, a := range allowed {
		rel.Allowed = a
	}
	for _, name := range []string{"a", "b"} {
		if _, there := texts[name]; there {
			rel.Workloads = append(rel.Workloads, catalog.Workload{Name: name, Identity: "orders", Blueprint: helmBlueprint(name)})
		}
	}
	return render.New(blueprints.FS).Render(t.Context(), charts(texts), rel)
}

const configMap = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: %s}\n"

func TestFinishedObjects(t *testing.T) {
	labels := func(workload string) map[string]any {
		return map[string]any{
			"trunkline.dev/project": "orders", "trunkline.dev/environment": "prod", "trunkline.dev/workload": workload,
		}
	}
	cases := map[string]struct {
		reason  string
		text    string
		allowed catalog.Allowed
		want    []map[string]any
	}{
		"Namespace": {
			reason: "an object without a namespace gets that of the release, and the labels",
			text:   "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata: {a: b}\n",
			want: []map[string]any{{
				"apiVersion": "v1", "kind": "ConfigMap", "data": map[string]any{"a": "b"},
				"metadata": map[string]any{"name": "c", "namespace": "orders-prod", "labels": labels("a")},
			}},
		},
		"Filled": {
			reason: "what the API server fills is taken out, and labels that lie are overwritten",
			text: "apiVersion: v1\nkind: ConfigMap\nstatus: {x: y}\n" +
				"metadata: {name: c, uid: u, resourceVersion: '1', creationTimestamp: null, managedFields: [], generation: 2,\n" +
				"  annotations: , deletionTimestamp: '2026-01-01T00:00:00Z', labels: {trunkline.dev/project: other, keep: 'yes'}}\n",
			want: []map[string]any{{
				"apiVersion": "v1", "kind": "ConfigMap",
				"metadata": map[string]any{"name": "c", "namespace": "orders-prod", "labels": with(labels("a"), "keep", "yes")},
			}},
		},
		"List": {
			reason: "lists are flattened",
			text: "apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: Secret, metadata: {name: s}}\n" +
				"- {apiVersion: example.com/v1, kind: Widget, metadata: {name: w}}\n",
			want: []map[string]any{
				{"apiVersion": "v1", "kind": "Secret", "metadata": map[string]any{"name": "s", "namespace": "orders-prod", "labels": labels("a")}},
				{"apiVersion": "example.com/v1", "kind": "Widget", "metadata": map[string]any{"name": "w", "namespace": "orders-prod", "labels": labels("a")}},
			},
		},
		"Definition": {
			reason:  "a CustomResourceDefinition belongs to the cluster",
			allowed: catalog.Allowed{ClusterScoped: []schema.GroupKind{{Group: "apiextensions.k8s.io", Kind: "CustomResourceDefinition"}}},
			text: "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: widgets.example.com}\n" +
				"spec: {group: example.com, scope: Namespaced, names: {kind: Widget}}\n",
			want: []map[string]any{{
				"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
				"metadata": map[string]any{"name": "widgets.example.com", "labels": labels("a")},
				"spec":     map[string]any{"group": "example.com", "scope": "Namespaced", "names": map[string]any{"kind": "Widget"}},
			}},
		},
		"AllowedKind": {
			reason:  "a kind of an add-on belongs to the cluster when the environment says so, and then has no namespace",
			text:    "apiVersion: example.com/v1\nkind: Issuer\nmetadata: {name: i, namespace: orders-prod}\n",
			allowed: catalog.Allowed{ClusterScoped: []schema.GroupKind{{Group: "example.com", Kind: "Issuer"}}},
			want: []map[string]any{{
				"apiVersion": "example.com/v1", "kind": "Issuer", "metadata": map[string]any{"name": "i", "labels": labels("a")},
			}},
		},
		"AllowedNamespace": {
			reason:  "another namespace is taken when the environment names it",
			text:    "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c, namespace: monitoring}\n",
			allowed: catalog.Allowed{Namespaces: []string{"monitoring"}},
			want: []map[string]any{{
				"apiVersion": "v1", "kind": "ConfigMap", "metadata": map[string]any{"name": "c", "namespace": "monitoring", "labels": labels("a")},
			}},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			result, err := renderAll(t, map[string]string{"a": tc.text}, tc.allowed)
			if err != nil {
				t.Fatal(err)
			}
			var got []map[string]any
			for _, o := range result.Objects {
				if _, ofWorkload := o.GetLabels()[render.LabelWorkload]; ofWorkload {
					got = append(got, o.Object)
				}
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.reason, diff)
			}
		})
	}
}

func with(m map[string]any, k string, v any) map[string]any {
	m[k] = v
	return m
}

func TestRefusedObjects(t *testing.T) {
	const at = `rendering orders/prod@prod-eu: workload "a" (blueprint a): a/templates/all.yaml: `
	cases := map[string]struct {
		reason string
		texts  map[string]string
		want   string
	}{
		"NoKind":        {"no object without a kind", map[string]string{"a": "apiVersion: v1\nmetadata: {name: x}\n"}, at + `an object has no kind`},
		"NoVersion":     {"nor without an apiVersion", map[string]string{"a": "kind: Pod\nmetadata: {name: x}\n"}, at + `Pod "x" has no apiVersion`},
		"NoName":        {"nor without a name", map[string]string{"a": "apiVersion: v1\nkind: Pod\n"}, at + `Pod "" has no metadata.name`},
		"GenerateName":  {"a generated name is another object each time", map[string]string{"a": "apiVersion: v1\nkind: Pod\nmetadata: {generateName: x-}\n"}, at + `Pod "" has metadata.generateName: it would be another object each time; give it a name`},
		"Owner":         {"owners are not for files", map[string]string{"a": "apiVersion: v1\nkind: Pod\nmetadata: {name: x, ownerReferences: [{}]}\n"}, at + `Pod "x" has metadata.ownerReferences: what owns it is decided in the cluster, not in a file`},
		"LabelType":     {"a label that YAML makes a boolean", map[string]string{"a": "apiVersion: v1\nkind: Pod\nmetadata: {name: x, labels: {debug: on}}\n"}, at + `Pod "x" has metadata.labels["debug"] that is not a string: put it in quotes`},
		"ApplySet":      {"the inventory's labels are ours", map[string]string{"a": "apiVersion: v1\nkind: Pod\nmetadata: {name: x, labels: {applyset.kubernetes.io/part-of: z}}\n"}, at + `Pod "x" sets applyset.kubernetes.io/part-of in metadata.labels: applyset.kubernetes.io/* is set by Trunkline only`},
		"Access":        {"no object passes for one that gives an account its rights", map[string]string{"a": "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: x, labels: {trunkline.dev/access: granted}}\n"}, at + `ServiceAccount "x" sets trunkline.dev/access in metadata.labels: it is set by Trunkline only`},
		"PodSecurity":   {"pod security is not lowered (Fleet CVE-2026-44938)", map[string]string{"a": "apiVersion: v1\nkind: Pod\nmetadata: {name: x, labels: {pod-security.kubernetes.io/enforce: privileged}}\n"}, at + `Pod "x" sets pod-security.kubernetes.io/enforce in metadata.labels: pod-security.kubernetes.io/* is set by Trunkline only`},
		"Namespace":     {"namespaces are Trunkline's", map[string]string{"a": "apiVersion: v1\nkind: Namespace\nmetadata: {name: orders-prod}\n"}, `rendering orders/prod@prod-eu: workload "a": a/templates/all.yaml: Namespace "orders-prod" cannot be part of a workload: a release has one namespace, which Trunkline creates`},
		"ClusterScoped": {"nothing for the whole cluster", map[string]string{"a": "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRoleBinding\nmetadata: {name: x}\n"}, `rendering orders/prod@prod-eu: workload "a": a/templates/all.yaml: ClusterRoleBinding "x" belongs to the whole cluster, and a release has objects in its own namespace only; to allow it, name "ClusterRoleBinding.rbac.authorization.k8s.io" in spec.allow of environment "prod"`},
		"CustomScope": {"also of kinds that the release defines", map[string]string{
			"a": "apiVersion: example.com/v1\nkind: Widget\nmetadata: {name: x}\n",
			"b": "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: w}\nspec: {group: example.com, scope: Cluster, names: {kind: Widget}}\n",
		}, `rendering orders/prod@prod-eu: workload "a": a/templates/all.yaml: Widget "x" belongs to the whole cluster, and a release has objects in its own namespace only; to allow it, name "Widget.example.com" in spec.allow of environment "prod"`},
		"Foreign":   {"nothing in another's namespace", map[string]string{"a": "apiVersion: v1\nkind: Secret\nmetadata: {name: x, namespace: kube-system}\n"}, `rendering orders/prod@prod-eu: workload "a": a/templates/all.yaml: Secret "x" names the namespace "kube-system", but the release's is "orders-prod"; to allow it, name it in spec.allow of environment "prod"`},
		"Duplicate": {"the same object from two workloads", map[string]string{"a": fmt.Sprintf(configMap, "c"), "b": fmt.Sprintf(configMap, "c")}, `rendering orders/prod@prod-eu: ConfigMap "c" is rendered twice: by workload "a" (a/templates/all.yaml) and by workload "b" (b/templates/all.yaml)`},
		"TooMany":   {"a release has a bounded number of objects", map[string]string{"a": "{{ range until 2100 }}---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: c{{ . }}}\n{{ end }}"}, `rendering orders/prod@prod-eu: workload "a" (blueprint a): the release has more than 2000 objects`},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			result, err := renderAll(t, tc.texts, catalog.Allowed{
				ClusterScoped: []schema.GroupKind{{Group: "apiextensions.k8s.io", Kind: "CustomResourceDefinition"}}, Namespaces: []string{"monitoring"},
			})
			if err == nil || err.Error() != tc.want {
				t.Errorf("%s\nwant %s\ngot  %v", tc.reason, tc.want, err)
			}
			if len(result.Objects) > 0 {
				t.Errorf("objects come with the error")
			}
			if len(result.ReadSet.Files) == 0 {
				t.Errorf("no read-set comes with the error: nothing could tell which commit fixes it")
			}
		})
	}
}

// TestKustomizeObjectsNameTheirFile: as those of a chart do.
func TestKustomizeObjectsNameTheirFile(t *testing.T) {
	bp := &catalog.Blueprint{Name: "a", Source: "app", Spec: v1alpha1.BlueprintSpec{Engine: v1alpha1.Kustomize}}
	tree := fstest.MapFS{
		"app/kustomization.yaml": {Data: []byte("resources: [../lib/x.yaml]\n")},
		"lib/x.yaml":             {Data: []byte("apiVersion: v1\nkind: Secret\nmetadata: {name: x, namespace: kube-system}\n")},
	}
	_, err := render.New(blueprints.FS).Render(t.Context(), tree, releaseOf(catalog.Workload{Name: "a", Blueprint: bp}))
	want := `rendering orders/prod@prod-eu: workload "a": lib/x.yaml: Secret "x" names the namespace "kube-system", ` +
		`but the release's is "orders-prod"; to allow it, name it in spec.allow of environment "prod"`
	if err == nil || err.Error() != want {
		t.Errorf("want %s\ngot  %v", want, err)
	}
}

// TestOneWorkloadDoesNotHideAnother: all that is wrong is told at once.
func TestOneWorkloadDoesNotHideAnother(t *testing.T) {
	_, err := renderAll(t, map[string]string{"a": `{{ fail "first" }}`, "b": `{{ fail "second" }}`})
	for _, want := range []string{
		`workload "a" (blueprint a): chart bp/a: template a/templates/all.yaml:1: first`,
		`workload "b" (blueprint b): chart bp/b: template b/templates/all.yaml:1: second`,
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q in %v", want, err)
		}
	}
}

// panicFS fails in a way that nobody foresaw.
type panicFS struct{ fs.FS }

func (panicFS) Open(string) (fs.File, error) { panic("boom") }

func TestPanicEndsAtTheWorkload(t *testing.T) {
	for _, engine := range []v1alpha1.Engine{v1alpha1.Helm, v1alpha1.Kustomize} {
		bp := helmBlueprint("a")
		bp.Spec.Engine = engine
		_, err := render.New(blueprints.FS).Render(t.Context(), panicFS{}, releaseOf(catalog.Workload{Name: "a", Blueprint: bp}))
		if err == nil || !strings.Contains(err.Error(), `workload "a" (blueprint a)`) || !strings.Contains(err.Error(), "the engine failed: boom") {
			t.Errorf("%s: got %v, want an error of the workload that names the panic", engine, err)
		}
	}
}

func TestCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := render.New(blueprints.FS).Render(ctx, charts(nil), releaseOf(catalog.Workload{Name: "a", Blueprint: helmBlueprint("a")}))
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
}

// TestStopsWithItsContext: a template that goes on within its budget still ends when nobody waits any more.
func TestStopsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	tree := charts(map[string]string{"a": `{{ range until 1000000 }}{{ $x := sha256sum (toString .) }}{{ end }}`})
	began := time.Now()
	_, err := render.New(blueprints.FS).Render(ctx, tree, releaseOf(catalog.Workload{Name: "a", Blueprint: helmBlueprint("a")}))
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v after %s, want context.DeadlineExceeded", err, time.Since(began))
	}
}

// TestDeterministic renders the same release many times over.
func TestDeterministic(t *testing.T) {
	text := `apiVersion: v1
kind: ConfigMap
metadata: {name: c}
data:
  keys: '{{ keys (dict "c" 1 "a" 2 "b" 3 "d" 4) }}'
  values: '{{ values (dict "c" 1 "a" 2 "b" 3 "d" 4) }}'
  env: {{ toJson .Values.global.trunkline | quote }}
`
	var first string
	for range 30 {
		result, err := renderAll(t, map[string]string{"a": text})
		if err != nil {
			t.Fatal(err)
		}
		if got := asJSON(t, result.Objects); first == "" {
			first = got
		} else if got != first {
			t.Fatalf("rendered otherwise (-first +now):\n%s", cmp.Diff(first, got))
		}
	}
}

// TestSideBySide is for the race detector: one renderer serves all releases.
func TestSideBySide(t *testing.T) {
	tree := charts(map[string]string{"a": fmt.Sprintf(configMap, "{{ .Values.n }}") + `data: {l: '{{ include "trunkline.labels" . | b64enc }}'}` + "\n"})
	tree["app/kustomization.yaml"] = &fstest.MapFile{Data: []byte("configMapGenerator: [{name: k, literals: [a=b]}]\n")}
	kust := &catalog.Blueprint{Name: "k", Source: "app", Spec: v1alpha1.BlueprintSpec{Engine: v1alpha1.Kustomize}}
	r := render.New(blueprints.FS)
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			name := fmt.Sprintf("n%d", i)
			result, err := r.Render(t.Context(), tree, releaseOf(
				catalog.Workload{Name: "a", Blueprint: helmBlueprint("a"), Params: map[string]any{"n": name}},
				catalog.Workload{Name: "k", Blueprint: kust},
			))
			if err != nil || !strings.Contains(asJSON(t, result.Objects), `"name":"`+name+`"`) {
				t.Errorf("%s: %v", name, err)
			}
		})
	}
	wg.Wait()
}

func asJSON(t *testing.T, objects []*unstructured.Unstructured) string {
	t.Helper()
	data, err := json.Marshal(objects)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// TestNothingLeaks renders from a folder on disk with a secret beside it, and looks for it in all that comes out.
func TestNothingLeaks(t *testing.T) {
	const secret = "the-content-of-a-file-outside"
	top := t.TempDir()
	write(t, filepath.Join(top, "secret.yaml"), secret)
	repo := filepath.Join(top, "repo")
	write(t, filepath.Join(repo, "bp/a/Chart.yaml"), "apiVersion: v2\nname: a\nversion: 1.0.0\n")
	write(t, filepath.Join(repo, "bp/a/templates/x.yaml"), "")
	write(t, filepath.Join(repo, "projects/orders/..file.yaml"), "x")
	write(t, filepath.Join(repo, "projects/orders/in/x"), "inside")
	for link, target := range map[string]string{
		"projects/orders/out": "../../../secret.yaml", "projects/orders/abs": filepath.Join(top, "secret.yaml"),
		"projects/orders/chain": "out", "projects/orders/dir": "../../..", "projects/orders/ok": "in/x",
		"projects/orders/back": "../../../repo/projects/orders/in/x", "projects/orders/loop": "loop", "bp/a/templates/y.yaml": "../../../../secret.yaml",
		"projects/orders/down/up": "../down",
	} {
		link = filepath.Join(repo, link)
		if err := os.MkdirAll(filepath.Dir(link), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(target, link); err != nil {
			t.Fatal(err)
		}
	}
	root, err := os.OpenRoot(repo)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	job := catalog.Workload{Name: "a", Image: "i", Blueprint: &catalog.Blueprint{
		Name: "container-job", Embedded: true, Source: "container-job/chart", Spec: v1alpha1.BlueprintSpec{Engine: v1alpha1.Helm},
	}}
	cases := map[string]struct {
		reason string
		files  []string
		chart  bool
		ok     bool
	}{
		"Inside":     {"a link inside the tree is followed", []string{"ok"}, false, true},
		"Parent":     {"a path with dots leads nowhere", []string{"../../../secret.yaml"}, false, false},
		"Absolute":   {"an absolute path neither", []string{filepath.Join(top, "secret.yaml")}, false, false},
		"Link":       {"a link that leads out", []string{"out"}, false, false},
		"AbsLink":    {"an absolute link", []string{"abs"}, false, false},
		"Chained":    {"a link to a link that leads out", []string{"chain"}, false, false},
		"DirLink":    {"a folder that is a link out", []string{"dir"}, false, false},
		"ThroughDir": {"a file through a folder that is a link out", []string{"dir/secret.yaml"}, false, false},
		"Returns":    {"a link that leaves and comes back", []string{"back"}, false, false},
		"Loop":       {"a link to itself", []string{"loop"}, false, false},
		"DirLoop":    {"a folder that holds itself", []string{"down"}, false, false},
		"URL":        {"a URL is a path that is not there", []string{"file:///etc/passwd"}, false, false},
		"Chart":      {"a chart with a template that is a link out", nil, true, false},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			w := job
			w.Files = tc.files
			if tc.chart {
				w.Blueprint = helmBlueprint("a")
			}
			result, err := render.New(blueprints.FS).Render(t.Context(), root.FS(), releaseOf(w))
			if (err == nil) != tc.ok {
				t.Errorf("%s: got error %v", tc.reason, err)
			}
			if out := asJSON(t, result.Objects) + fmt.Sprint(err); strings.Contains(out, secret) {
				t.Errorf("%s: the file outside is in what came out:\n%s", tc.reason, out)
			}
		})
	}
}

func write(t *testing.T, file, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestFilesAreBounded(t *testing.T) {
	w := catalog.Workload{Name: "a", Image: "i", Files: []string{"big"}, Blueprint: &catalog.Blueprint{
		Name: "container-job", Embedded: true, Source: "container-job/chart", Spec: v1alpha1.BlueprintSpec{Engine: v1alpha1.Helm},
	}}
	tree := fstest.MapFS{}
	for i := range 10 {
		tree[fmt.Sprintf("projects/orders/big/%d", i)] = &fstest.MapFile{Data: make([]byte, 100<<10)}
	}
	_, err := render.New(blueprints.FS).Render(t.Context(), tree, releaseOf(w))
	want := `rendering orders/prod@prod-eu: workload "a" (blueprint container-job): files: "big": the files of a workload have at most ` +
		`900 KiB together; put larger ones into the image`
	if err == nil || err.Error() != want {
		t.Errorf("want %s\ngot  %v", want, err)
	}
}

// failing is a builder that always fails, and counts how often.
type failing struct {
	err   error
	times int
}

func (f *failing) Build(context.Context, kustomize.Job) ([]kustomize.Built, error) {
	f.times++
	return nil, f.err
}

// passingError is one that says nothing about the files.
type passingError struct{}

func (passingError) Error() string   { return "out of time" }
func (passingError) Transient() bool { return true }

// TestBuiltOnceMoreForItsMessage: a build that fails is done again to find out where, unless that would take as much
// time as the one before and find nothing.
func TestBuiltOnceMoreForItsMessage(t *testing.T) {
	bp := &catalog.Blueprint{Name: "a", Source: "app", Spec: v1alpha1.BlueprintSpec{Engine: v1alpha1.Kustomize}}
	tree := fstest.MapFS{
		"app/base.yaml": {Data: []byte(benchBase)}, "app/kustomization.yaml": {Data: []byte(benchKustomization)},
	}
	for _, tc := range []struct {
		reason string
		err    error
		want   int
	}{{"what Kustomize says", fs.ErrInvalid, 2}, {"what passes", passingError{}, 1}} {
		builder := &failing{err: tc.err}
		_, err := render.New(blueprints.FS, render.WithBuilder(builder)).Render(t.Context(), tree, releaseOf(catalog.Workload{Name: "a", Blueprint: bp}))
		if !errors.Is(err, tc.err) || builder.times != tc.want {
			t.Errorf("%s: %v after %d builds, want %d", tc.reason, err, builder.times, tc.want)
		}
	}
}
