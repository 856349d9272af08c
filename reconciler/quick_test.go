// SPDX-License-Identifier: Apache-2.0

package reconciler_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/watch"

	"trunkline.dev/trunkline/reconciler/status"
)

// TestQuickReverts has each commit superseded by its revert while it is being applied. What was on its way when the
// revert came may or may not have arrived: the cluster must not be left at it.
func TestQuickReverts(t *testing.T) {
	c := look(t, pkg.Cluster(t))
	d := start(t, c.Kubeconfig)
	declare := func(value string) tree {
		return platform("revert", tree{
			"a/project.yaml": manifests("revert-a"), "a/objects/kustomization.yaml": kustomization, "a/objects/all.yaml": configMap("a", value),
		})
	}
	d.mustAccept("c0", declare("good"))
	d.awaitFine("c0")
	for i := range 25 {
		d.mustAccept(fmt.Sprintf("bad-%d", i), declare(fmt.Sprintf("bad-%d", i)), "a/objects/all.yaml")
		if i%2 == 0 {
			d.await("the commit to be begun", func(p status.Platform) bool { return release(p, "revert-a").Result != status.Pending })
		}
		good := fmt.Sprintf("good-%d", i)
		d.mustAccept(good, declare("good"), "a/objects/all.yaml")
		d.awaitFine(good)
		if got := c.get(configMaps, "revert-a-dev", "a").Object["data"].(map[string]any)["key"]; got != "good" {
			t.Fatalf("attempt %d: everything is said to be fine, and the cluster has the value %v", i, got)
		}
	}
}

// TestQuickRemoval removes a project right after it was declared: what was on its way arrives after all, and must go.
func TestQuickRemoval(t *testing.T) {
	c := look(t, pkg.Cluster(t))
	d := start(t, c.Kubeconfig)
	with := platform("removal", tree{"a/project.yaml": service("removal-a", "img:1"), "b/project.yaml": service("removal-b", "img:1")})
	without := with.with(tree{"a/project.yaml": ""})
	d.mustAccept("c0", without)
	d.awaitFine("c0")
	for i := range 6 {
		d.mustAccept(fmt.Sprintf("with-%d", i), with, "a/project.yaml")
		if i%2 == 0 {
			d.await("the roll-out to be begun", func(p status.Platform) bool { return release(p, "removal-a").Result != status.Pending })
		}
		d.mustAccept(fmt.Sprintf("without-%d", i), without, "a/project.yaml")
		d.await("the project to be gone", func(p status.Platform) bool { return release(p, "removal-a").Project == "(none)" })
		if err := c.awaitGone(namespaces, "", "removal-a-dev"); err != nil {
			t.Fatalf("attempt %d: the namespace is an orphan: %v", i, err)
		}
		if err := c.awaitGone(configMaps, "trunkline-system", "removal.dev.removal-a"); err != nil {
			t.Fatalf("attempt %d: the inventory is left: %v", i, err)
		}
	}
}

// TestWhatControllersMakeIsNotPruned: Kubernetes gives the EndpointSlices of a Service all labels of the Service, and
// so that of its ApplySet. Once some release declares an EndpointSlice, all of them are watched.
func TestWhatControllersMakeIsNotPruned(t *testing.T) {
	c := look(t, pkg.Cluster(t))
	slices := schema.GroupVersionResource{Group: "discovery.k8s.io", Version: "v1", Resource: "endpointslices"}
	d := start(t, c.Kubeconfig)
	own := "apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: {name: own}\naddressType: IPv4\nendpoints: [{addresses: [192.0.2.1]}]\n"
	files := platform("copies", tree{
		"a/project.yaml": manifests("copies-a"), "a/objects/kustomization.yaml": kustomization, "a/objects/all.yaml": own,
		"b/project.yaml": service("copies-b", "img:1"),
	})
	d.mustAccept("c1", files)
	d.awaitFine("c1")
	// generated waits for the EndpointSlice that Kubernetes makes of the Service of copies-b.
	generated := func() *unstructured.Unstructured {
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		w, err := c.client.Resource(slices).Namespace("copies-b-dev").Watch(ctx, metav1.ListOptions{LabelSelector: "applyset.kubernetes.io/part-of"})
		if err != nil {
			t.Fatal(err)
		}
		defer w.Stop()
		for e := range w.ResultChan() {
			if o, ok := e.Object.(*unstructured.Unstructured); ok && e.Type != watch.Deleted {
				return o
			}
		}
		t.Fatal("Kubernetes makes no EndpointSlice with the labels of the Service")
		return nil
	}
	before := generated()
	d.mustAccept("c2", files.with(tree{"b/project.yaml": service("copies-b", "img:2")}), "b/project.yaml")
	d.awaitFine("c2")
	if after := generated(); after.GetUID() != before.GetUID() {
		t.Error("the EndpointSlice that Kubernetes made was pruned")
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, run := range d.runs {
		if strings.HasPrefix(run.Release.Project, "copies") && run.Pruned > 0 {
			t.Errorf("a run of %s pruned %d objects, although nothing was taken out of the repository", run.Release, run.Pruned)
		}
	}
}
