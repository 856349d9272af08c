// SPDX-License-Identifier: Apache-2.0

package reconciler_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"trunkline.dev/trunkline/blueprints"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/cost"
	"trunkline.dev/trunkline/evaluate"
	"trunkline.dev/trunkline/reconciler"
	"trunkline.dev/trunkline/reconciler/status"
	"trunkline.dev/trunkline/render"
)

// put puts the preview of a pull request that makes a tree of the accepted one.
func (d *daemon) put(number int, commit string, now tree, changed ...string) {
	d.t.Helper()
	_, base := d.rec.Accepted()
	renderer := render.New(blueprints.FS)
	head, err := evaluate.Head(d.t.Context(), evaluate.Input{
		Tree: now.fs(), Library: blueprints.FS, Renderer: renderer, Now: time.Now(), Before: base, Changed: changed, Change: &evaluate.Change{},
	})
	if err != nil {
		d.t.Fatal(err)
	}
	p, err := evaluate.NewPreview(d.t.Context(), evaluate.PreviewInput{
		Pull: catalog.Pull{Number: number}, Environment: "dev", Base: base, Head: head, Renderer: renderer, Cost: cost.Terms{Now: time.Now()},
	})
	if err == nil {
		err = d.rec.PutPreview(d.t.Context(), reconciler.Preview{Preview: p, Commit: commit})
	}
	if err != nil {
		d.t.Fatal(err)
	}
}

// of returns the release of a project in an environment.
func of(p status.Platform, project, environment string) status.Release {
	i := slices.IndexFunc(p.Releases, func(r status.Release) bool { return r.Project == project && r.Environment == environment })
	if i < 0 {
		return status.Release{ReleaseID: catalog.ReleaseID{Project: "(none)"}}
	}
	return p.Releases[i]
}

// TestPreviewInACluster: the preview of a pull request from its first push to its end, in a real API server.
func TestPreviewInACluster(t *testing.T) {
	c := look(t, pkg.Cluster(t))
	d := start(t, c.Kubeconfig)
	ctx := t.Context()
	trunk := platform("preview", tree{
		"env.yaml": environment("  preview: {quota: {pods: \"7\"}, network: {from: [ingress]}}\n"), "a/project.yaml": service("preview-a", "img:1"),
		"b/project.yaml": manifests("preview-b"), "b/objects/kustomization.yaml": kustomization, "b/objects/all.yaml": configMap("b", "1"),
	})
	d.mustAccept("c1", trunk)
	d.awaitFine("c1")
	before := c.versions("preview-a-dev")
	image := func() string {
		containers, _, _ := unstructured.NestedSlice(c.get(deployments, "preview-a-pr-7", "web").Object, "spec", "template", "spec", "containers")
		return at(&unstructured.Unstructured{Object: containers[0].(map[string]any)}, "image")
	}
	awaitAt := func(commit string) {
		t.Helper()
		d.await("the preview to be at "+commit, func(p status.Platform) bool {
			r := of(p, "preview-a", "pr-7")
			return r.Commit == commit && r.Fine()
		})
	}

	d.put(7, "p1", trunk.with(tree{"a/project.yaml": service("preview-a", "img:2")}), "a/project.yaml")
	awaitAt("p1")
	if got := image(); got != "img:2" {
		t.Errorf("the image is %s", got)
	}
	policies := schema.GroupVersionResource{Group: "networking.k8s.io", Version: "v1", Resource: "networkpolicies"}
	if got := at(c.get(quotas, "preview-a-pr-7", "trunkline"), "spec", "hard", "pods"); got != "7" {
		t.Errorf("the quota is of %s pods", got)
	}
	if got := at(c.get(policies, "preview-a-pr-7", "trunkline"), "spec", "ingress"); !strings.Contains(got, "ingress preview-a-pr-7") {
		t.Errorf("who may connect is %s", got)
	}

	d.put(7, "p2", trunk.with(tree{"a/project.yaml": service("preview-a", "img:3")}), "a/project.yaml")
	awaitAt("p2")
	if got := image(); got != "img:3" {
		t.Errorf("after another push the image is %s", got)
	}

	replicas := func() string { return at(c.get(deployments, "preview-a-pr-7", "web"), "spec", "replicas") }
	if err := d.rec.SleepPreview(ctx, "pr-7", reconciler.ByHand{By: "ann"}); err != nil {
		t.Fatal(err)
	}
	d.await("it to sleep", func(p status.Platform) bool { r := of(p, "preview-a", "pr-7"); return r.Preview.Asleep && r.Fine() })
	if got := replicas(); got != "0" {
		t.Errorf("asleep it has %s replicas", got)
	}
	if got := c.get(configMaps, "trunkline-system", "preview.pr-7.preview-a").GetLabels()["trunkline.dev/preview"]; got != "asleep" {
		t.Errorf("the inventory says that it is %q", got)
	}
	if err := d.rec.WakePreview(ctx, "pr-7", reconciler.ByHand{By: "ann"}); err != nil {
		t.Fatal(err)
	}
	d.await("it to wake", func(p status.Platform) bool { r := of(p, "preview-a", "pr-7"); return !r.Preview.Asleep && r.Fine() })
	if got := replicas(); got != "1" {
		t.Errorf("awake again it has %s replicas", got)
	}

	// A namespace that is there is someone's: a preview does not take it, and does not delete it.
	c.apply(namespaces, "", "preview-b-pr-8", "people", `{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"preview-b-pr-8"}}`)
	theirs := c.get(namespaces, "", "preview-b-pr-8")
	d.put(8, "p8", trunk.with(tree{"b/objects/all.yaml": configMap("b", "2")}), "b/objects/all.yaml")
	r := of(d.await("it to be refused", func(p status.Platform) bool { return of(p, "preview-b", "pr-8").Result == status.Failed }), "preview-b", "pr-8")
	if !strings.Contains(r.Message, "it is there already and does not belong to this release") {
		t.Errorf("it is said that %s", r.Message)
	}

	// A claim in the preview that someone else has made goes as well.
	claims := schema.GroupVersionResource{Version: "v1", Resource: "persistentvolumeclaims"}
	c.apply(claims, "preview-a-pr-7", "data", "people", `{"apiVersion":"v1","kind":"PersistentVolumeClaim","metadata":{"name":"data"},
		"spec":{"accessModes":["ReadWriteOnce"],"resources":{"requests":{"storage":"1Gi"}}}}`)
	for _, name := range []string{"pr-7", "pr-8"} {
		if err := d.rec.RemovePreview(ctx, name, reconciler.ByHand{By: "ann"}); err != nil {
			t.Fatal(err)
		}
	}
	d.await("both to be gone", func(p status.Platform) bool {
		return !slices.ContainsFunc(p.Releases, func(r status.Release) bool { return r.Preview != nil })
	})
	if err := c.awaitGone(namespaces, "", "preview-a-pr-7"); err != nil {
		t.Error(err)
	}
	if states, err := d.rec.Previews(ctx); err != nil || len(states) > 0 {
		t.Errorf("previews are %+v (%v)", states, err)
	}
	for _, r := range []schema.GroupVersionResource{configMaps, deployments, quotas, policies, services, accounts, claims, namespaces} {
		list, err := c.client.Resource(r).List(ctx, metav1.ListOptions{})
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range list.Items {
			if env := o.GetLabels()["trunkline.dev/environment"]; strings.HasPrefix(env, "pr-") || strings.HasSuffix(o.GetNamespace(), "-pr-7") {
				t.Errorf("%s %s/%s is left of a preview", o.GetKind(), o.GetNamespace(), o.GetName())
			}
		}
	}
	if now := c.get(namespaces, "", "preview-b-pr-8"); now.GetUID() != theirs.GetUID() || now.GetDeletionTimestamp() != nil || len(now.GetLabels()) != len(theirs.GetLabels()) {
		t.Errorf("the namespace that was there was touched: %v", now.Object)
	}
	if after := c.versions("preview-a-dev"); len(after) != len(before) || after["ServiceAccount/preview-a"] != before["ServiceAccount/preview-a"] {
		t.Errorf("the environment was touched: %v, and was %v", after, before)
	}
}
