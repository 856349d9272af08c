// SPDX-License-Identifier: Apache-2.0

package reconciler_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"trunkline.dev/trunkline/reconciler/status"
)

// environment returns the declaration of dev with more in its spec.
func environment(more string) string {
	return "apiVersion: trunkline.dev/v1alpha1\nkind: Environment\nmetadata: {name: dev}\nspec:\n  clusters: [test]\n" + more
}

// text of an object at a path of fields.
func at(o *unstructured.Unstructured, fields ...string) string {
	v, _, _ := unstructured.NestedFieldNoCopy(o.Object, fields...)
	return fmt.Sprint(v)
}

// corrected waits until drift was corrected n times, and returns the drifts without their times.
func (d *daemon) corrected(project string, n int) []status.Drift {
	d.t.Helper()
	p := d.await(fmt.Sprintf("%d corrections", n), func(p status.Platform) bool {
		r := release(p, project)
		return len(r.Drifts) >= n && !r.Drifted() && r.Fine()
	})
	return release(p, project).Drifts
}

var noTime = cmpopts.IgnoreFields(status.Drift{}, "Time")

// TestDriftIsCorrected: what someone changes of what is declared is taken back at once, by whatever means they did it,
// and the status says who changed what. What is not declared is theirs.
func TestDriftIsCorrected(t *testing.T) {
	c := look(t, pkg.Cluster(t))
	d := start(t, c.Kubeconfig)
	d.mustAccept("c1", platform("drift", tree{
		"a/project.yaml": service("drift-a", "img:1"),
		"b/project.yaml": manifests("drift-b"), "b/objects/kustomization.yaml": kustomization, "b/objects/all.yaml": configMap("b", "1"),
	}))
	d.awaitFine("c1")
	ns := "drift-a-dev"
	image := func() string {
		containers, _, _ := unstructured.NestedSlice(c.get(deployments, ns, "web").Object, "spec", "template", "spec", "containers")
		return at(&unstructured.Unstructured{Object: containers[0].(map[string]any)}, "image")
	}
	replicas := at(c.get(deployments, ns, "web"), "spec", "replicas")
	fixes := []struct {
		reason string
		change func()
		want   status.Drift
		fixed  func() bool
	}{
		{
			"kubectl set image", func() {
				c.strategic(deployments, ns, "web", "kubectl-set", `{"spec":{"template":{"spec":{"containers":[{"name":"web","image":"other:1"}]}}}}`)
			},
			status.Drift{
				Object: "Deployment.apps drift-a-dev/web", Fields: []string{`.spec.template.spec.containers[name="web"].image`}, Manager: "kubectl-set", Corrected: true,
			},
			func() bool { return image() == "img:1" },
		},
		{
			"kubectl scale", func() { c.merge(deployments, ns, "web", "kubectl", `{"spec":{"replicas":5}}`, "scale") },
			status.Drift{Object: "Deployment.apps drift-a-dev/web", Fields: []string{".spec.replicas"}, Manager: "kubectl (scale)", Corrected: true},
			func() bool { return at(c.get(deployments, ns, "web"), "spec", "replicas") == replicas },
		},
		{
			"kubectl label", func() {
				c.merge(deployments, ns, "web", "kubectl-label", `{"metadata":{"labels":{"app.kubernetes.io/name":null,"extra":"theirs"}}}`)
			},
			status.Drift{Object: "Deployment.apps drift-a-dev/web", Fields: []string{`.metadata.labels["app.kubernetes.io/name"]`}, Corrected: true},
			func() bool { return c.get(deployments, ns, "web").GetLabels()["app.kubernetes.io/name"] != "" },
		},
		{
			"server-side apply by force", func() {
				c.apply(deployments, ns, "web", "someone", `{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"web","labels":{"trunkline.dev/project":"x"}}}`)
			},
			status.Drift{Object: "Deployment.apps drift-a-dev/web", Fields: []string{`.metadata.labels["trunkline.dev/project"]`}, Manager: "someone", Corrected: true},
			func() bool { return c.get(deployments, ns, "web").GetLabels()["trunkline.dev/project"] == "drift-a" },
		},
	}
	if replicas == "<nil>" {
		fixes = append(fixes[:1], fixes[2:]...) // the blueprint leaves them to others
	}
	for i, m := range fixes {
		m.change()
		got := d.corrected("drift-a", i+1)
		if diff := cmp.Diff(m.want, got[0], noTime); diff != "" {
			t.Errorf("%s: -want +got:\n%s", m.reason, diff)
		}
		if !m.fixed() {
			t.Errorf("%s is said to be corrected, and is not", m.reason)
		}
	}
	if got := c.get(deployments, ns, "web").GetLabels()["extra"]; got != "theirs" {
		t.Errorf("the label that is not declared is %q, want it left alone", got)
	}

	c.merge(configMaps, "drift-b-dev", "b", "kubectl-edit", `{"data":{"key":"2","more":"theirs"}}`)
	if diff := cmp.Diff(status.Drift{Object: "ConfigMap drift-b-dev/b", Fields: []string{".data.key"}, Manager: "kubectl-edit", Corrected: true}, d.corrected("drift-b", 1)[0], noTime); diff != "" {
		t.Errorf("a ConfigMap: -want +got:\n%s", diff)
	}
	if got := c.value("drift-b-dev", "b"); got != "1" {
		t.Errorf("the value is %q, want 1", got)
	}
}

// TestDriftIsReported: where the environment says so, what others change is left to them, also by the next commit, and
// is told of until it is over.
func TestDriftIsReported(t *testing.T) {
	c := look(t, pkg.Cluster(t))
	d := start(t, c.Kubeconfig)
	two := strings.Replace(configMap("a", "1"), `{key: "1"}`, `{key: "1", other: "1"}`, 1)
	files := platform("report", tree{
		"env.yaml":       environment("  drift: {mode: report}\n"),
		"a/project.yaml": manifests("report-a"), "a/objects/kustomization.yaml": kustomization, "a/objects/all.yaml": two,
	})
	d.mustAccept("c1", files)
	d.awaitFine("c1")
	c.merge(configMaps, "report-a-dev", "a", "kubectl-edit", `{"data":{"key":"2"}}`)
	drifted := func(p status.Platform) bool { return release(p, "report-a").Drifted() }
	p := d.await("the drift", drifted)
	want := []status.Drift{{Object: "ConfigMap report-a-dev/a", Fields: []string{".data.key"}, Manager: "kubectl-edit"}}
	if diff := cmp.Diff(want, release(p, "report-a").Drifts, noTime); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if p.Fine() {
		t.Error("a platform with drift is fine")
	}
	d.mustAccept("c2", files.with(tree{"a/objects/all.yaml": strings.Replace(two, `other: "1"`, `other: "2"`, 1)}), "a/objects/all.yaml")
	d.await("c2 to be applied", func(p status.Platform) bool {
		r := release(p, "report-a")
		return r.Commit == "c2" && r.Result == status.Applied && r.Drifted()
	})
	if got := at(c.get(configMaps, "report-a-dev", "a"), "data"); got != "map[key:2 other:2]" {
		t.Errorf("the data is %s, want what they changed and what the commit changed", got)
	}
	c.merge(configMaps, "report-a-dev", "a", "kubectl-edit", `{"data":{"key":null}}`)
	d.await("nobody's field to be told of", func(p status.Platform) bool {
		r := release(p, "report-a")
		return r.Drifted() && r.Drifts[0].Manager == ""
	})
	d.mustAccept("c3", files.with(tree{"env.yaml": environment("")}), "env.yaml")
	d.awaitFine("c3")
	if got := c.value("report-a-dev", "a"); got != "1" {
		t.Errorf("the value is %q; with correction it is what is declared", got)
	}
}

// TestIgnoredFieldsAreTheirs: an ignored field is declared until someone takes it; then it stays theirs.
func TestIgnoredFieldsAreTheirs(t *testing.T) {
	c := look(t, pkg.Cluster(t))
	d := start(t, c.Kubeconfig)
	two := func(other string) string {
		return strings.Replace(configMap("a", "1"), `{key: "1"}`, fmt.Sprintf(`{key: "1", other: %q}`, other), 1)
	}
	files := platform("ignore", tree{
		"env.yaml":       environment("  drift: {ignore: [{kind: ConfigMap, fields: [.data.key], reason: they tune it}]}\n"),
		"a/project.yaml": manifests("ignore-a"), "a/objects/kustomization.yaml": kustomization, "a/objects/all.yaml": two("1"),
	})
	d.mustAccept("c1", files)
	d.awaitFine("c1")
	c.merge(configMaps, "ignore-a-dev", "a", "tuner", `{"data":{"key":"tuned"}}`)
	c.merge(configMaps, "ignore-a-dev", "a", "meddler", `{"data":{"other":"x"}}`)
	if got := d.corrected("ignore-a", 1); len(got) != 1 || got[0].Fields[0] != ".data.other" {
		t.Errorf("got %v, want the field that is not ignored", got)
	}
	d.mustAccept("c2", files.with(tree{"a/objects/all.yaml": two("2")}), "a/objects/all.yaml")
	d.awaitFine("c2")
	if got := at(c.get(configMaps, "ignore-a-dev", "a"), "data"); got != "map[key:tuned other:2]" {
		t.Errorf("the data is %s, want what they tuned and what the commit changed", got)
	}
}

// TestAFightIsDamped: a field that someone takes again and again is left to them for a while, and the status says so.
func TestAFightIsDamped(t *testing.T) {
	c := look(t, pkg.Cluster(t))
	d := start(t, c.Kubeconfig)
	d.mustAccept("c1", platform("fight", tree{
		"a/project.yaml": manifests("fight-a"), "a/objects/kustomization.yaml": kustomization, "a/objects/all.yaml": configMap("a", "1"),
	}))
	d.awaitFine("c1")
	for i := range 3 {
		c.merge(configMaps, "fight-a-dev", "a", "operator", fmt.Sprintf(`{"data":{"key":"round %d"}}`, i))
		d.corrected("fight-a", i+1)
	}
	c.merge(configMaps, "fight-a-dev", "a", "operator", `{"data":{"key":"round 3"}}`)
	p := d.await("the fight to be damped", func(p status.Platform) bool { return release(p, "fight-a").Drifted() })
	got := release(p, "fight-a").Drifts[0]
	if want := (status.Drift{Object: "ConfigMap fight-a-dev/a", Fields: []string{".data.key"}, Manager: "operator", Rounds: 3}); cmp.Diff(want, got, noTime) != "" {
		t.Errorf("-want +got:\n%s", cmp.Diff(want, got, noTime))
	}
	if v := c.value("fight-a-dev", "a"); v != "round 3" {
		t.Errorf("the value is %q, want it left alone", v)
	}
}

// TestARestartWritesNothing: the objects themselves say what was last applied to them, so that a daemon that knows
// nothing finds all in order without a single write; and what was changed while it was away, it takes back.
func TestARestartWritesNothing(t *testing.T) {
	c := look(t, pkg.Cluster(t))
	files := platform("again", tree{
		"a/project.yaml": service("again-a", "img:1"),
		"b/project.yaml": manifests("again-b"), "b/objects/kustomization.yaml": kustomization, "b/objects/all.yaml": configMap("b", "1"),
	})
	d := start(t, c.Kubeconfig)
	d.mustAccept("c1", files)
	d.awaitFine("c1")
	d.stop()
	before := c.versions("again-a-dev")
	c.merge(configMaps, "again-b-dev", "b", "kubectl-edit", `{"data":{"key":"2"}}`)

	d = start(t, c.Kubeconfig)
	d.mustAccept("c1", files)
	d.awaitFine("c1")
	if diff := cmp.Diff(before, c.versions("again-a-dev")); diff != "" {
		t.Errorf("the restart changed objects: -before +after:\n%s", diff)
	}
	if got := c.value("again-b-dev", "b"); got != "1" {
		t.Errorf("what was changed meanwhile is %q, want 1", got)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, run := range d.runs {
		if want := map[string]int{"again-a": 0, "again-b": 1}[run.Release.Project]; run.Applied > want {
			t.Errorf("%s: %d objects were applied, want %d", run.Release, run.Applied, want)
		}
	}
}

// TestWhatCannotChangeIsReplacedOnlyOnRequest: a field that is immutable is refused with a hint; with the annotation, the
// object is deleted and made again.
func TestWhatCannotChangeIsReplacedOnlyOnRequest(t *testing.T) {
	c := look(t, pkg.Cluster(t))
	d := start(t, c.Kubeconfig)
	immutable := func(value, annotations string) string {
		return strings.Replace(configMap("a", value), "{name: a}", "{name: a"+annotations+"}", 1) + "immutable: true\n"
	}
	files := func(value, annotations string) tree {
		return platform("immutable", tree{
			"a/project.yaml": manifests("immutable-a"), "a/objects/kustomization.yaml": kustomization, "a/objects/all.yaml": immutable(value, annotations),
		})
	}
	d.mustAccept("c1", files("1", ""))
	d.awaitFine("c1")
	before := c.get(configMaps, "immutable-a-dev", "a").GetUID()
	d.mustAccept("c2", files("2", ""), "a/objects/all.yaml")
	p := d.await("the refusal", func(p status.Platform) bool { return release(p, "immutable-a").Result == status.Failed })
	if got := release(p, "immutable-a").Message; !strings.Contains(got, "field is immutable") || !strings.Contains(got, "trunkline.dev/replace: enabled") {
		t.Errorf("the message is %q, want the field and the hint", got)
	}
	d.mustAccept("c3", files("3", ", annotations: {trunkline.dev/replace: enabled}"), "a/objects/all.yaml")
	d.awaitFine("c3")
	if after := c.get(configMaps, "immutable-a-dev", "a"); after.GetUID() == before || at(after, "data", "key") != "3" {
		t.Errorf("the object was not made again: %v", after.Object)
	}
}

// TestAWaveWaitsForTheOneBefore: a Job of an earlier wave has to be complete before what comes after it is applied.
func TestAWaveWaitsForTheOneBefore(t *testing.T) {
	c := look(t, pkg.Cluster(t))
	d := start(t, c.Kubeconfig)
	job := `apiVersion: batch/v1
kind: Job
metadata: {name: migrate, annotations: {trunkline.dev/wave: "-1"}}
spec:
  template:
    spec:
      restartPolicy: Never
      securityContext: {runAsNonRoot: true, seccompProfile: {type: RuntimeDefault}}
      containers: [{name: main, image: img, securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}}]
---
`
	pod := `apiVersion: v1
kind: Pod
metadata: {name: first, annotations: {trunkline.dev/wave: "-2"}}
spec:
  schedulerName: nobody
  securityContext: {runAsNonRoot: true, seccompProfile: {type: RuntimeDefault}}
  containers: [{name: main, image: img, securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}}]
---
`
	files := func() tree {
		return platform("wave", tree{
			"a/project.yaml": manifests("wave-a"), "a/objects/kustomization.yaml": kustomization,
			"a/objects/all.yaml": job +
				pod + configMap("after", "1"),
		})
	}
	d.mustAccept("c1", files())
	p := d.await("the second wave to wait", func(p status.Platform) bool { return strings.HasPrefix(release(p, "wave-a").Message, "waiting for") })
	if got, want := release(p, "wave-a").Message, "waiting for Pod wave-a-dev/first to be ready before ConfigMap wave-a-dev/after"; got != want {
		t.Errorf("the message is %q, want %q", got, want)
	}
	if got := c.versions("wave-a-dev"); got["ConfigMap/after"] != "" {
		t.Error("what comes after is there already")
	}
	if _, err := c.client.Resource(pods).Namespace("wave-a-dev").Patch(t.Context(), "first", "application/merge-patch+json",
		[]byte(`{"status":{"phase":"Running","conditions":[{"type":"Ready","status":"True"}]}}`), metav1.PatchOptions{}, "status"); err != nil {
		t.Fatal(err)
	}
	d.awaitFine("c1")
	if job := c.get(jobs, "wave-a-dev", "migrate"); at(job, "status", "succeeded") != "1" {
		t.Errorf("the Job of the wave between has not run: %v", job.Object["status"])
	}
}

// TestANamespaceWithDataIsKept: claims on volumes that others have made in a release's namespace keep the namespace, and
// a definition stays while there are objects of its kind, until someone says that they may go.
func TestANamespaceWithDataIsKept(t *testing.T) {
	c := look(t, pkg.Cluster(t))
	d := start(t, c.Kubeconfig)
	files := platform("data", tree{"a/project.yaml": manifests("data-a"), "a/objects/kustomization.yaml": kustomization, "a/objects/all.yaml": configMap("a", "1")})
	d.mustAccept("c1", files)
	d.awaitFine("c1")
	claims := schema.GroupVersionResource{Version: "v1", Resource: "persistentvolumeclaims"}
	c.apply(claims, "data-a-dev", "theirs", "someone", `{"apiVersion":"v1","kind":"PersistentVolumeClaim","metadata":{"name":"theirs"},
		"spec":{"accessModes":["ReadWriteOnce"],"resources":{"requests":{"storage":"1Gi"}}}}`)
	d.mustAccept("c2", files.with(tree{"a/project.yaml": ""}), "a/project.yaml")
	p := d.await("the namespace to be kept", func(p status.Platform) bool { return len(release(p, "data-a").Kept) > 0 })
	if diff := cmp.Diff([]string{"Namespace data-a-dev, which has PersistentVolumeClaim data-a-dev/theirs"}, release(p, "data-a").Kept); diff != "" {
		t.Errorf("kept: -want +got:\n%s", diff)
	}
	c.merge(namespaces, "", "data-a-dev", "ann", `{"metadata":{"annotations":{"trunkline.dev/prune":"enabled"}}}`)
	if err := c.awaitGone(namespaces, "", "data-a-dev"); err != nil {
		t.Error(err)
	}
}
