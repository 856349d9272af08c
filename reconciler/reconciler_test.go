// SPDX-License-Identifier: Apache-2.0

package reconciler_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"trunkline.dev/trunkline/reconciler"
	"trunkline.dev/trunkline/reconciler/status"
)

func TestRollOutChangeAndRemoval(t *testing.T) {
	c := look(t, pkg.Cluster(t))
	d := start(t, c.Kubeconfig)
	first := platform("story", tree{"a/project.yaml": service("story-a", "img:1"), "b/project.yaml": service("story-b", "img:1")})

	d.mustAccept("c1", first)
	d.awaitFine("c1")
	deployment := c.get(deployments, "story-a-dev", "web")
	if got, want := deployment.GetManagedFields()[0].Manager, "trunkline"; got != want {
		t.Errorf("the Deployment's first field manager is %q, want %q", got, want)
	}
	parent := c.get(configMaps, "trunkline-system", "story.dev.story-a")
	if got, want := deployment.GetLabels()["applyset.kubernetes.io/part-of"], parent.GetLabels()["applyset.kubernetes.io/id"]; got != want || got == "" {
		t.Errorf("the Deployment is part of %q, want the id of its parent, %q", got, want)
	}
	wantKinds := "ConfigMap,Deployment.apps,Namespace,Service,ServiceAccount"
	if got := parent.GetAnnotations()["applyset.kubernetes.io/contains-group-kinds"]; got != strings.TrimPrefix(wantKinds, "ConfigMap,") {
		t.Errorf("the parent records the kinds %q, want those of the release", got)
	}

	before := c.versions("story-b-dev")
	second := first.with(tree{"a/project.yaml": service("story-a", "img:2")})
	d.mustAccept("c2", second, "a/project.yaml")
	if p := d.board.Snapshot(); p.Fine() && release(p, "story-a").Commit != "c2" {
		t.Error("everything is said to be fine right after a commit was accepted that changes something")
	}
	p := d.await("story-a to be at c2", func(p status.Platform) bool {
		return release(p, "story-a").Commit == "c2" && release(p, "story-a").Fine()
	})
	if diff := cmp.Diff(before, c.versions("story-b-dev")); diff != "" {
		t.Errorf("a commit to story-a touched story-b: -before +after:\n%s", diff)
	}
	if got := release(p, "story-b").Commit; got != "c1" {
		t.Errorf("story-b is said to be at %s, want c1: nothing of it changed", got)
	}

	d.mustAccept("c3", second.with(tree{"a/project.yaml": ""}), "a/project.yaml")
	d.await("story-a to be gone", func(p status.Platform) bool { return release(p, "story-a").Project == "(none)" })
	for _, gone := range []struct {
		r               schema.GroupVersionResource
		namespace, name string
	}{{namespaces, "", "story-a-dev"}, {configMaps, "trunkline-system", "story.dev.story-a"}} {
		if err := c.awaitGone(gone.r, gone.namespace, gone.name); err != nil {
			t.Errorf("%s %s: %v", gone.r.Resource, gone.name, err)
		}
	}
	if diff := cmp.Diff(before, c.versions("story-b-dev")); diff != "" {
		t.Errorf("removing story-a touched story-b: -before +after:\n%s", diff)
	}
}

func TestACommitThatIsRefusedChangesNothing(t *testing.T) {
	c := look(t, pkg.Cluster(t))
	d := start(t, c.Kubeconfig)
	good := platform("refuse", tree{"a/project.yaml": service("refuse-a", "img:1")})
	d.mustAccept("c1", good)
	d.awaitFine("c1")
	before := c.versions("refuse-a-dev")

	cases := map[string]struct {
		reason string
		change tree
		want   string
	}{
		"Syntax": {
			reason: "A file that cannot be read declares nothing, so nothing may be concluded from it.",
			change: tree{"a/project.yaml": "apiVersion: trunkline.dev/v1alpha1\nkind: Project\nspec: {\n"},
			want:   "a/project.yaml",
		},
		"UnknownField": {
			reason: "A field that is ignored is a wish that is not fulfilled.",
			change: tree{"a/project.yaml": strings.Replace(service("refuse-a", "img:2"), "owner:", "ower:", 1)},
			want:   `did you mean "owner"?`,
		},
		"UnknownBlueprint": {
			reason: "A workload that nothing renders cannot run.",
			change: tree{"a/project.yaml": strings.Replace(service("refuse-a", "img:2"), "blueprint: service", "blueprint: servce", 1)},
			want:   `there is no blueprint "servce"`,
		},
		"Cycle": {
			reason: "A workload cannot come after itself.",
			change: tree{"a/project.yaml": strings.Replace(service("refuse-a", "img:2"), "command: [serve]", "command: [serve], after: [web]", 1)},
			want:   "refuse-a/web runs after refuse-a/web",
		},
		"EmptyTree": {
			reason: "A repository that was emptied by mistake must not empty the clusters.",
			change: tree{"trunkline.yaml": ""},
			want:   "the file is missing",
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if err := d.accept("bad-"+name, good.with(tc.change)); !errors.Is(err, reconciler.ErrRefused) {
				t.Fatalf("%s\nAccept: got %v, want it refused", tc.reason, err)
			}
			p := d.board.Snapshot()
			if got := p.Source.Problems.String(); !strings.Contains(got, tc.want) {
				t.Errorf("the board says\n%s\nwant it to say %q", got, tc.want)
			}
			if p.Source.Accepted.Hash != "c1" || p.Source.Head.Hash != "bad-"+name || p.Fine() {
				t.Errorf("the board has accepted=%s head=%s fine=%t", p.Source.Accepted.Hash, p.Source.Head.Hash, p.Fine())
			}
			if diff := cmp.Diff(before, c.versions("refuse-a-dev")); diff != "" {
				t.Errorf("%s\n-before +after:\n%s", tc.reason, diff)
			}
		})
	}
	d.mustAccept("c2", good)
	d.awaitFine("c2")
}

func TestAReleaseThatDoesNotRenderStaysAsItIs(t *testing.T) {
	c := look(t, pkg.Cluster(t))
	d := start(t, c.Kubeconfig)
	good := platform("norender", tree{
		"a/project.yaml": manifests("norender-a"), "a/objects/kustomization.yaml": kustomization, "a/objects/all.yaml": configMap("a", "1"),
		"b/project.yaml": manifests("norender-b"), "b/objects/kustomization.yaml": kustomization, "b/objects/all.yaml": configMap("b", "1"),
	})
	d.mustAccept("c1", good)
	d.awaitFine("c1")

	d.mustAccept("c2", good.with(tree{
		"a/objects/kustomization.yaml": "resources: [all.yaml, missing.yaml]\n", "b/objects/all.yaml": configMap("b", "2"),
	}), "a/objects/kustomization.yaml", "b/objects/all.yaml")
	p := d.await("b to be at c2 and a to have failed", func(p status.Platform) bool {
		return release(p, "norender-b").Commit == "c2" && release(p, "norender-b").Fine() && release(p, "norender-a").Result == status.Failed
	})
	if got := release(p, "norender-a"); !strings.Contains(got.Message, "missing.yaml") || got.Commit != "c1" {
		t.Errorf("a is at %s with the message %q, want c1 and the file that is missing", got.Commit, got.Message)
	}
	if got := c.get(configMaps, "norender-a-dev", "a").Object["data"].(map[string]any)["key"]; got != "1" {
		t.Errorf("the ConfigMap of the release that does not render has the value %v, want it untouched", got)
	}

	d.mustAccept("c3", good, "a/objects/kustomization.yaml", "b/objects/all.yaml")
	d.awaitFine("c3")
}

// TestConflictsAreReportedByName: an object that someone else has made is adopted only as far as nobody's fields are
// overwritten, unless it says that they may be.
func TestConflictsAreReportedByName(t *testing.T) {
	c := look(t, pkg.Cluster(t))
	d := start(t, c.Kubeconfig)
	files := platform("conflict", tree{
		"a/project.yaml": manifests("conflict-a"), "a/objects/kustomization.yaml": kustomization, "a/objects/all.yaml": configMap("a", "1"),
	})
	d.mustAccept("c1", files)
	d.awaitFine("c1")
	c.apply(configMaps, "conflict-a-dev", "b", "someone", `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"b"},"data":{"key":"by-hand"}}`)
	d.mustAccept("c2", files.with(tree{"a/objects/all.yaml": configMap("a", "2") + "---\n" + configMap("b", "2")}), "a/objects/all.yaml")
	p := d.await("the conflict", func(p status.Platform) bool { return release(p, "conflict-a").Result == status.Failed })
	if got, want := release(p, "conflict-a").Message, "conflict on ConfigMap conflict-a-dev/b: .data.key is owned by someone; "+
		"to take the fields over, give the object the annotation trunkline.dev/adopt: enabled"; got != want {
		t.Errorf("the message is\n%s\nwant\n%s", got, want)
	}
	adopt := strings.Replace(configMap("b", "2"), "{name: b}", "{name: b, annotations: {trunkline.dev/adopt: enabled}}", 1)
	d.mustAccept("c3", files.with(tree{"a/objects/all.yaml": configMap("a", "2") + "---\n" + adopt}), "a/objects/all.yaml")
	d.awaitFine("c3")
	if got := c.value("conflict-a-dev", "b"); got != "2" {
		t.Errorf("the value is %q, want 2", got)
	}
}

func TestWhatIsNotOursIsLeftAlone(t *testing.T) {
	c := look(t, pkg.Cluster(t))
	foreign := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "v1", "kind": "Namespace", "metadata": map[string]any{"name": "foreign-a-dev"},
	}}
	if _, err := c.client.Resource(namespaces).Create(t.Context(), foreign, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	d := start(t, c.Kubeconfig)
	files := platform("foreign", tree{"a/project.yaml": service("foreign-a", "img:1"), "b/project.yaml": service("foreign-b", "img:1")})
	d.mustAccept("c1", files)
	p := d.await("the refusal", func(p status.Platform) bool {
		return release(p, "foreign-a").Result == status.Failed && release(p, "foreign-b").Fine()
	})
	if got := release(p, "foreign-a").Message; !strings.Contains(got, "does not belong to this release") || !strings.Contains(got, "kubectl label namespace foreign-a-dev") {
		t.Errorf("the message is %q, want it to say whose it is not, and how to hand it over", got)
	}
	d.mustAccept("c2", files.with(tree{"a/project.yaml": ""}), "a/project.yaml")
	d.await("foreign-a to be off the board", func(p status.Platform) bool { return release(p, "foreign-a").Project == "(none)" })
	if got := c.get(namespaces, "", "foreign-a-dev"); got.GetDeletionTimestamp() != nil || len(got.GetLabels()) > 1 {
		t.Errorf("the namespace of someone else was touched: %v", got.Object["metadata"])
	}
}

func TestWhatSaysSoIsKept(t *testing.T) {
	c := look(t, pkg.Cluster(t))
	d := start(t, c.Kubeconfig)
	kept := strings.Replace(configMap("kept", "1"), "{name: kept}", `{name: kept, annotations: {trunkline.dev/prune: disabled}}`, 1)
	files := platform("keep", tree{
		"a/project.yaml": manifests("keep-a"), "a/objects/kustomization.yaml": kustomization,
		"a/objects/all.yaml": kept + "---\n" + configMap("gone", "1"),
		"b/project.yaml":     service("keep-b", "img:1"),
	})
	d.mustAccept("c1", files)
	d.awaitFine("c1")
	d.mustAccept("c2", files.with(tree{"a/project.yaml": ""}), "a/project.yaml")
	p := d.await("what is left to be said", func(p status.Platform) bool {
		return release(p, "keep-a").Fine() && len(release(p, "keep-a").Kept) == 2
	})
	if diff := cmp.Diff([]string{"ConfigMap keep-a-dev/kept", "Namespace keep-a-dev"}, release(p, "keep-a").Kept); diff != "" {
		t.Errorf("kept: -want +got:\n%s", diff)
	}
	if err := c.awaitGone(configMaps, "keep-a-dev", "gone"); err != nil {
		t.Error(err)
	}
	c.get(configMaps, "keep-a-dev", "kept")
}

func TestAnObjectDeletedByHandComesBack(t *testing.T) {
	c := look(t, pkg.Cluster(t))
	d := start(t, c.Kubeconfig)
	d.mustAccept("c1", platform("back", tree{
		"a/project.yaml": manifests("back-a"), "a/objects/kustomization.yaml": kustomization, "a/objects/all.yaml": configMap("a", "1"),
	}))
	d.awaitFine("c1")
	before := c.get(configMaps, "back-a-dev", "a")
	if err := c.client.Resource(configMaps).Namespace("back-a-dev").Delete(t.Context(), "a", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	after := c.awaitAnother(configMaps, "back-a-dev", "a", before.GetUID())
	if got := after.Object["data"].(map[string]any)["key"]; got != "1" {
		t.Errorf("it came back with the value %v, want 1", got)
	}
}

func TestDefinitionsComeBeforeWhatTheyDefine(t *testing.T) {
	c := look(t, pkg.Cluster(t))
	d := start(t, c.Kubeconfig)
	crd := `apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: lakes.test.example}
spec:
  group: test.example
  names: {kind: Lake, plural: lakes, singular: lake}
  scope: Namespaced
  versions:
    - {name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}}
---
apiVersion: test.example/v1
kind: Lake
metadata: {name: one}
`
	files := platform("define", tree{
		"env.yaml": "apiVersion: trunkline.dev/v1alpha1\nkind: Environment\nmetadata: {name: dev}\nspec:\n  clusters: [test]\n" +
			"  allow: [{projects: [define-a], clusterScoped: [CustomResourceDefinition.apiextensions.k8s.io]}]\n",
		"a/project.yaml": manifests("define-a"), "a/objects/kustomization.yaml": kustomization, "a/objects/all.yaml": crd,
		"b/project.yaml": service("define-b", "img:1"),
	})
	d.mustAccept("c1", files)
	d.awaitFine("c1")
	c.get(schema.GroupVersionResource{Group: "test.example", Version: "v1", Resource: "lakes"}, "define-a-dev", "one")

	d.mustAccept("c2", files.with(tree{"a/project.yaml": ""}), "a/project.yaml")
	d.await("define-a to be gone", func(p status.Platform) bool { return release(p, "define-a").Project == "(none)" })
	if err := c.awaitGone(crds, "", "lakes.test.example"); err != nil {
		t.Error(err)
	}
}

// TestOneBadDurationHoldsUpNobodyElse has a chart render a duration that the API server does not take. It did once keep
// a controller from seeing any object of the kind (Flux CVE-2022-39272).
func TestOneBadDurationHoldsUpNobodyElse(t *testing.T) {
	c := look(t, pkg.Cluster(t))
	d := start(t, c.Kubeconfig)
	job := func(deadline string) string {
		return "apiVersion: batch/v1\nkind: CronJob\nmetadata: {name: j}\nspec:\n  schedule: 0 0 1 1 *\n  suspend: true\n  startingDeadlineSeconds: " + deadline +
			"\n  jobTemplate: {spec: {template: {spec: {restartPolicy: Never, containers: [{name: c, image: i}]}}}}\n"
	}
	files := platform("duration", tree{"a/project.yaml": manifests("duration-a"), "a/objects/kustomization.yaml": kustomization, "a/objects/all.yaml": job("60")})
	for i, deadline := range []string{"99999999999999999999", "-1", `"1h"`, "[]"} {
		name := fmt.Sprintf("duration-bad%d", i)
		dir := fmt.Sprintf("bad%d", i)
		files = files.with(tree{dir + "/project.yaml": manifests(name), dir + "/objects/kustomization.yaml": kustomization, dir + "/objects/all.yaml": job(deadline)})
	}
	d.mustAccept("c1", files)
	p := d.await("the bad ones to fail and the good one to be fine", func(p status.Platform) bool {
		failed := 0
		for _, r := range p.Releases {
			if r.Result == status.Failed {
				failed++
			}
		}
		return failed == 4 && release(p, "duration-a").Fine()
	})
	for _, r := range p.Releases {
		if r.Result == status.Failed && !strings.Contains(r.Message, "startingDeadlineSeconds") {
			t.Errorf("%s does not say what is wrong: %s", r.ReleaseID, r.Message)
		}
	}
	d.mustAccept("c2", files.with(tree{"a/objects/all.yaml": job("61")}), "a/objects/all.yaml")
	d.await("the good one to go on", func(p status.Platform) bool { r := release(p, "duration-a"); return r.Fine() && r.Commit == "c2" })
}
