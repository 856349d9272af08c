// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"

	"trunkline.dev/trunkline/plan"
	"trunkline.dev/trunkline/reconciler/cluster"
	"trunkline.dev/trunkline/test/clustertest"
)

// defining declares the environment on clusters; its projects may define kinds.
func defining(clusters string) string {
	return "apiVersion: trunkline.dev/v1alpha1\nkind: Environment\nmetadata: {name: dev}\nspec: {clusters: [" + clusters +
		"], allow: [{clusterScoped: [CustomResourceDefinition.apiextensions.k8s.io]}]}\n"
}

// differing is a platform on disk whose project "told" is a Kustomize folder; "quiet" is there to stay as it is.
func differing(t *testing.T, name string, objects ...string) string {
	t.Helper()
	files := small(name, "img:1")
	files["project.yaml"] = strings.ReplaceAll(files["project.yaml"], "metadata: {name: "+name+"}", "metadata: {name: "+name+"-quiet}")
	files["env.yaml"] = defining("test")
	files["told/project.yaml"] = `apiVersion: trunkline.dev/v1alpha1
kind: Project
metadata: {name: ` + name + `-told}
spec:
  owner: team
  environments: [dev]
  workloads:
    - {name: objects, blueprint: kustomize, params: {path: objects}}
`
	files["told/objects/kustomization.yaml"] = "resources: [all.yaml]\n"
	dir := t.TempDir()
	for file, text := range files {
		write(t, filepath.Join(dir, file), text)
	}
	declare(t, dir, objects...)
	return dir
}

// declare makes the objects those of the project.
func declare(t *testing.T, dir string, objects ...string) {
	t.Helper()
	write(t, filepath.Join(dir, "told/objects/all.yaml"), strings.Join(objects, "\n---\n"))
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

const (
	// The values of Secrets in this test; none of them may be printed.
	oldCanary, newCanary, handCanary = "canary-0ld-value", "canary-n3w-value", "canary-h4nd-value"
)

func configMap(name, value string) string {
	return "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: " + name + "}\ndata: {value: " + value + "}"
}

func secret(name, field, value string) string {
	return "apiVersion: v1\nkind: Secret\nmetadata: {name: " + name + "}\n" + field + ": {token: " + value + "}"
}

const kept = `apiVersion: v1
kind: ConfigMap
metadata: {name: kept, annotations: {trunkline.dev/prune: disabled}}
data: {value: a}`

const definition = `apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.diff.example.com}
spec:
  group: diff.example.com
  scope: Namespaced
  names: {kind: Widget, plural: widgets, singular: widget}
  versions:
    - name: v1
      served: true
      storage: true
      schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}`

const widget = `apiVersion: diff.example.com/v1
kind: Widget
metadata: {name: first}
spec: {size: 1}`

const sealedSecret = `apiVersion: v1
kind: Secret
metadata: {name: sealed}
data: {token: "ENC[AES256_GCM,data:AA==,iv:AA==,tag:AA==,type:str]"}
sops: {mac: "ENC[AES256_GCM,data:AA==,iv:AA==,tag:AA==,type:str]", lastmodified: "2026-01-01T00:00:00Z", version: 3.9.0}`

// doc is as much of what "trunkline diff -o json" prints as the tests look at.
type doc struct {
	Changes, Failed bool
	Releases        []struct {
		Project, Action, Error string
		Steps                  []struct {
			Kind, Name, Action, Reason, Diff, Note, Error, Replaces string
			Drift                                                   []struct {
				Field, Manager string
				TakenBack      bool
			}
		}
	}
	Troubles []struct{ Cluster, Error string }
}

// steps returns what happens to each object of a project.
func (d doc) steps(project string) map[string]string {
	out := map[string]string{}
	for _, r := range d.Releases {
		for _, s := range r.Steps {
			if r.Project == project {
				out[s.Kind+" "+s.Name] = strings.Trim(s.Action+", "+s.Reason+", "+s.Note, ", ")
			}
		}
	}
	return out
}

func (d doc) diff(t *testing.T, object string) string {
	t.Helper()
	for _, r := range d.Releases {
		for _, s := range r.Steps {
			if s.Kind+" "+s.Name == object {
				return s.Diff
			}
		}
	}
	t.Errorf("nothing is said of %s", object)
	return ""
}

// diff runs "trunkline diff", which must end with the code and print no secret in any form.
func diff(t *testing.T, code int, args ...string) doc {
	t.Helper()
	var d doc
	for _, format := range []string{"text", "markdown", "json"} {
		stdout, stderr, got := command(t, append([]string{"diff", "-o", format}, args...)...)
		if got != code {
			t.Fatalf("diff -o %s ends with %d, want %d\n%s%s", format, got, code, stdout, stderr)
		}
		for _, canary := range []string{"canary", "Y2FuYXJ5"} { // also in base64
			if strings.Contains(stdout+stderr, canary) {
				t.Errorf("diff -o %s prints the value of a Secret:\n%s%s", format, stdout, stderr)
			}
		}
		if format == "json" {
			if err := json.Unmarshal([]byte(stdout), &d); err != nil {
				t.Fatalf("%v\n%s", err, stdout)
			}
		}
	}
	return d
}

// everything returns the resource versions of all objects of some kinds, to see that nothing was written.
func everything(t *testing.T, c *clustertest.Cluster) map[string]string {
	t.Helper()
	client, out := c.Client(t), map[string]string{}
	// What the tests before this one have removed goes while this one looks.
	namespaces, err := client.CoreV1().Namespaces().List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	ending := map[string]bool{}
	for _, ns := range namespaces.Items {
		ending[ns.Name] = ns.DeletionTimestamp != nil
	}
	lists, err := client.Discovery().ServerPreferredResources()
	if err != nil {
		t.Fatal(err)
	}
	dyn, err := dynamic.NewForConfig(c.Config)
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range []string{"configmaps", "secrets", "namespaces", "services", "serviceaccounts", "persistentvolumeclaims", "customresourcedefinitions", "networkpolicies"} {
		for _, list := range lists {
			for _, r := range list.APIResources {
				if r.Name != kind || strings.Contains(list.GroupVersion, "metrics") {
					continue
				}
				gv, err := schema.ParseGroupVersion(list.GroupVersion)
				if err != nil {
					t.Fatal(err)
				}
				all, err := dyn.Resource(gv.WithResource(kind)).List(t.Context(), metav1.ListOptions{})
				if err != nil {
					t.Fatal(err)
				}
				for _, o := range all.Items {
					in := o.GetNamespace()
					if kind == "namespaces" {
						in = o.GetName()
					}
					// The API server's own bookkeeping goes on by itself.
					if !strings.HasPrefix(in, "kube-") && !ending[in] {
						out[plan.RefOf(&o).String()] = o.GetResourceVersion()
					}
				}
			}
		}
	}
	if len(out) < 4 {
		t.Fatalf("found %d objects only: a write could go unseen", len(out))
	}
	return out
}

// TestDiff compares a platform with a live cluster before it is there, when all is as declared, and after each side has
// changed.
func TestDiff(t *testing.T) {
	c := pkg.Cluster(t)
	client := c.Client(t)
	reach := "test=" + c.Kubeconfig
	dir := differing(t, "diffed", configMap("stays", "a"), configMap("changes", "a"), configMap("drifts", "a"), configMap("goes", "a"),
		secret("login", "stringData", oldCanary), secret("taken", "stringData", oldCanary), kept)

	t.Log("before anything is there")
	before := everything(t, c)
	d := diff(t, 1, "--cluster", reach, dir)
	want := map[string]string{
		"Namespace diffed-told-dev": "create, missing", "ServiceAccount diffed-told": "create, missing, not tried: its namespace is not there yet",
	}
	for _, name := range []string{"ConfigMap stays", "ConfigMap changes", "ConfigMap drifts", "ConfigMap goes", "Secret login", "Secret taken", "ConfigMap kept"} {
		want[name] = "create, missing, not tried: its namespace is not there yet"
	}
	if diff := cmp.Diff(want, d.steps("diffed-told")); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if diff := cmp.Diff(before, everything(t, c)); diff != "" {
		t.Fatalf("comparing has written to the cluster (-before +after):\n%s", diff)
	}

	t.Log("all as declared")
	if out, stderr, code := command(t, "apply", "--from", dir, "--cluster", reach, "--timeout", "90s"); code != 0 {
		t.Fatalf("apply ends with %d:\n%s%s", code, out, stderr)
	}
	d = diff(t, 0, "--cluster", reach, dir)
	if d.Changes || len(d.Releases) > 0 {
		t.Errorf("right after it was applied, something would change: %+v", d)
	}

	t.Log("both sides have changed")
	const ns = "diffed-told-dev"
	patch := func(kind, name, data string) {
		t.Helper()
		var err error
		if kind == "ConfigMap" {
			_, err = client.CoreV1().ConfigMaps(ns).Patch(t.Context(), name, types.MergePatchType, []byte(data), metav1.PatchOptions{FieldManager: "eve"})
		} else {
			_, err = client.CoreV1().Secrets(ns).Patch(t.Context(), name, types.MergePatchType, []byte(data), metav1.PatchOptions{FieldManager: "eve"})
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	patch("ConfigMap", "drifts", `{"data":{"value":"theirs"}}`)
	patch("Secret", "taken", fmt.Sprintf(`{"stringData":{"token":%q},"metadata":{"annotations":{"kubectl.kubernetes.io/last-applied-configuration":%q}}}`,
		handCanary, `{"stringData":{"token":"`+handCanary+`"}}`))
	for name, value := range map[string]string{"adopted": "a", "conflicts": "theirs"} {
		if _, err := client.CoreV1().ConfigMaps(ns).Create(t.Context(), &corev1.ConfigMap{
			ObjectMeta: metav1.ObjectMeta{Name: name}, Data: map[string]string{"value": value},
		}, metav1.CreateOptions{FieldManager: "eve"}); err != nil {
			t.Fatal(err)
		}
	}
	declare(t, dir, configMap("stays", "a"), configMap("changes", "b"), configMap("drifts", "a"), configMap("fresh", "a"),
		configMap("adopted", "a"), configMap("conflicts", "ours"),
		secret("login", "stringData", newCanary), secret("taken", "stringData", oldCanary), secret("broken", "type: kubernetes.io/tls\nstringData", "canary-n0-certificate"),
		sealedSecret, definition, widget)
	before = everything(t, c)
	d = diff(t, 2, "--cluster", reach, dir)
	if diff := cmp.Diff(before, everything(t, c)); diff != "" {
		t.Fatalf("comparing has written to the cluster (-before +after):\n%s", diff)
	}
	want = map[string]string{
		"ConfigMap changes": "update, changed", "ConfigMap drifts": "update, drifted", "ConfigMap fresh": "create, missing",
		"ConfigMap adopted": "adopt, already there", "ConfigMap conflicts": "adopt, already there", "ConfigMap goes": "delete, not declared",
		"Secret login": "update, changed", "Secret taken": "update, drifted", "Secret broken": "create, missing", "Secret sealed": "create, missing, encrypted, not compared",
		"CustomResourceDefinition widgets.diff.example.com": "create, missing",
		"Widget first":   "create, missing, not tried: its kind is not there yet",
		"ConfigMap kept": "keep, prune disabled",
	}
	if diff := cmp.Diff(want, d.steps("diffed-told")); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	for object, lines := range map[string][]string{
		"ConfigMap changes": {"-  value: a", "+  value: b"},
		"ConfigMap drifts":  {"-  value: theirs", "+  value: a"},
		"Secret login":      {"-  token: (redacted)", "+  token: (redacted, changed)"},
		"Secret taken":      {"-  token: (redacted)", "+  token: (redacted, changed)"},
		"Widget first":      {"+  size: 1"},
	} {
		got := strings.Split(d.diff(t, object), "\n")
		for _, line := range lines {
			if !slices.Contains(got, line) {
				t.Errorf("the diff of %s has no line %q:\n%s", object, line, strings.Join(got, "\n"))
			}
		}
		for _, filled := range []string{"resourceVersion", "uid:", "creationTimestamp", "managedFields", "generation"} {
			if strings.Contains(strings.Join(got, "\n"), filled) {
				t.Errorf("the diff of %s has what the API server fills in: %s", object, filled)
			}
		}
	}
	drift, failing := map[string]string{}, map[string]string{}
	for _, s := range d.Releases[0].Steps {
		for _, f := range s.Drift {
			drift[s.Name] = fmt.Sprintf("%s %s %t", f.Field, f.Manager, f.TakenBack)
		}
		if s.Error != "" {
			failing[s.Name] = s.Error
		}
	}
	if diff := cmp.Diff(map[string]string{"drifts": ".data.value eve true", "taken": ".stringData.token eve true"}, drift); diff != "" {
		t.Errorf("drift, -want +got:\n%s", diff)
	}
	if diff := cmp.Diff([]string{"broken", "conflicts"}, slices.Sorted(maps.Keys(failing))); diff != "" {
		t.Errorf("what would fail, -want +got:\n%s", diff)
	}
	if !strings.Contains(failing["conflicts"], "is owned by eve") {
		t.Errorf("the conflict does not say with whom: %s", failing["conflicts"])
	}

	t.Log("one cluster of two does not answer")
	write(t, filepath.Join(dir, "other.yaml"), "apiVersion: trunkline.dev/v1alpha1\nkind: Cluster\nmetadata: {name: other}\n")
	write(t, filepath.Join(dir, "env.yaml"), defining("test, other"))
	write(t, filepath.Join(dir, "other.kubeconfig"), strings.ReplaceAll(unreachable, "NAME", "other"))
	d = diff(t, 2, "--cluster", reach, "--cluster", "other="+filepath.Join(dir, "other.kubeconfig"), dir)
	if len(d.Troubles) != 1 || d.Troubles[0].Cluster != "other" {
		t.Errorf("the troubles are %+v, want one with the cluster %q", d.Troubles, "other")
	}
	if d.diff(t, "ConfigMap changes") == "" {
		t.Error("the cluster that does not answer hides the other one")
	}

	t.Log("a release that is not declared any more")
	if err := os.RemoveAll(filepath.Join(dir, "told")); err != nil {
		t.Fatal(err)
	}
	d = diff(t, 1, "--cluster", reach, dir)
	want = map[string]string{
		"ConfigMap stays": "delete, not declared", "ConfigMap changes": "delete, not declared", "ConfigMap drifts": "delete, not declared",
		"ConfigMap goes": "delete, not declared", "Secret login": "delete, not declared", "Secret taken": "delete, not declared",
		"ServiceAccount diffed-told": "delete, not declared", "ConfigMap kept": "keep, prune disabled", "Namespace diffed-told-dev": "keep, not empty",
	}
	if diff := cmp.Diff(want, d.steps("diffed-told")); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if got := d.Releases[0].Action; got != "remove" {
		t.Errorf("the release is said to %s, want remove", got)
	}
}

const unreachable = `apiVersion: v1
kind: Config
current-context: NAME
clusters: [{name: NAME, cluster: {server: "https://127.0.0.1:1"}}]
contexts: [{name: NAME, context: {cluster: NAME, user: NAME}}]
users: [{name: NAME, user: {token: none}}]
`

// TestTheReadOnlyConnectionRefusesWrites tries to write over the connection that diff has.
func TestTheReadOnlyConnectionRefusesWrites(t *testing.T) {
	c := pkg.Cluster(t)
	ns := c.Namespace(t)
	o := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "v1", "kind": "ConfigMap", "metadata": map[string]any{"namespace": ns, "name": "a"}, "data": map[string]any{"k": "v"},
	}}
	conn, err := cluster.New(cluster.Config{Name: "test", Kubeconfig: c.Kubeconfig, ReadOnly: true}, func(cluster.Event) {}).Connect(t.Context(), t.Context())
	if err != nil {
		t.Fatal(err)
	}
	actor, err := conn.As(cluster.Daemon(), plan.Scope{Namespace: ns})
	if err != nil {
		t.Fatal(err)
	}
	_, applying := actor.Apply(t.Context(), o, cluster.Applying{Force: true})
	deleting := actor.Delete(t.Context(), plan.Ref{GroupKind: o.GroupVersionKind().GroupKind(), Namespace: ns, Name: "kube-root-ca.crt"}, "some")
	for what, err := range map[string]error{"applying": applying, "deleting": deleting} {
		if err == nil || !strings.Contains(err.Error(), "this client only reads") {
			t.Errorf("%s is not refused: %v", what, err)
		}
	}
	if after, err := actor.DryRun(t.Context(), o, cluster.Applying{}); err != nil || after.GetName() != "a" {
		t.Errorf("a dry run gives %v, %v", after, err)
	}
	if live, err := conn.Get(t.Context(), plan.RefOf(o)); err != nil || live != nil {
		t.Errorf("the object is there: %v, %v", live, err)
	}
}
