// SPDX-License-Identifier: Apache-2.0

package reconciler_test

import (
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"

	"trunkline.dev/trunkline/reconciler/cluster"
	"trunkline.dev/trunkline/reconciler/status"
	"trunkline.dev/trunkline/test/clustertest"
)

// onOne is a protected platform of two clusters with a project on the first that is not drained.
func onOne(drained string) tree {
	drain := ""
	if drained != "" {
		drain = "spec: {drained: {reason: " + drained + "}}\n"
	}
	return platform("one", tree{
		"cluster.yaml":   "apiVersion: trunkline.dev/v1alpha1\nkind: Cluster\nmetadata: {name: test}\n" + drain,
		"cluster2.yaml":  "apiVersion: trunkline.dev/v1alpha1\nkind: Cluster\nmetadata: {name: second}\n",
		"env.yaml":       "apiVersion: trunkline.dev/v1alpha1\nkind: Environment\nmetadata: {name: dev}\nspec: {clusters: [test, second], protected: true}\n",
		"a/project.yaml": strings.Replace(service("one-a", "acme/a:1"), "[dev]", "{dev: {cluster: {}}}", 1),
	})
}

// TestProjectsMoveBetweenClusters: a project leaves a cluster that is drained once it is healthy on the next one, also in an environment that
// is protected, and comes back in the same way. As long as the next one is not reached it stays.
func TestProjectsMoveBetweenClusters(t *testing.T) {
	first, second := look(t, pkg.Cluster(t)), look(t, clustertest.Start(t, clustertest.Options{Name: "second"}))
	one, two := cluster.Config{Name: "test", Kubeconfig: first.Kubeconfig}, cluster.Config{Name: "second", Kubeconfig: second.Kubeconfig}
	d := start(t, first.Kubeconfig)
	at := func(p status.Platform, name string) status.Release {
		for _, r := range p.Releases {
			if r.Cluster == name {
				return r
			}
		}
		return status.Release{}
	}
	set := func(configs ...cluster.Config) {
		t.Helper()
		if _, err := d.rec.SetClusters(configs); err != nil {
			t.Fatal(err)
		}
	}
	there := func(c cell) bool {
		t.Helper()
		_, err := c.client.Resource(deployments).Namespace("one-a-dev").Get(t.Context(), "web", metav1.GetOptions{})
		if err != nil && !apierrors.IsNotFound(err) {
			t.Fatal(err)
		}
		return err == nil
	}
	// side is a cluster, how it is reached, and how it is called.
	type side struct {
		cell
		cluster.Config
	}
	// wellWhenGone waits for the deployment to go, and returns how its next place was then.
	wellWhenGone := func(from, to side) <-chan bool {
		t.Helper()
		w, err := from.client.Resource(deployments).Namespace("one-a-dev").Watch(t.Context(), metav1.ListOptions{})
		if err != nil {
			t.Fatal(err)
		}
		well := make(chan bool, 1)
		go func() {
			defer close(well)
			defer w.Stop()
			for e := range w.ResultChan() {
				if e.Type == watch.Deleted {
					well <- at(d.board.Snapshot(), to.Name).Fine()
					return
				}
			}
		}()
		return well
	}
	move := func(commit, drained, placed string, from, to side) {
		t.Helper()
		set(from.Config)
		d.mustAccept(commit, onOne(drained), "cluster.yaml")
		p := d.await("the release on "+from.Name+" to wait for the other one", func(p status.Platform) bool {
			return heldBy("moves")(at(p, from.Name))
		})
		want := "its project moves to another cluster: waiting for one-a/dev@" + to.Name + " to take the commit"
		if got := at(p, from.Name).Held.Reason; got != want {
			t.Errorf("it waits for %q, want %q", got, want)
		}
		if !there(from.cell) {
			t.Error("it is gone before it is anywhere else")
		}
		well := wellWhenGone(from, to)
		set(one, two)
		p = d.await("the release to be on "+to.Name+" alone", func(p status.Platform) bool {
			return at(p, from.Name).Project == "" && at(p, to.Name).Fine()
		})
		if !<-well {
			t.Error("it went while it was not healthy where it moves to")
		}
		if got := at(p, to.Name).Placed; got != placed {
			t.Errorf("it is there %q, want %q", got, placed)
		}
		if there(from.cell) || !there(to.cell) {
			t.Errorf("after the move to %s: %t where it was, %t where it is", to.Name, there(from.cell), there(to.cell))
		}
	}

	set(one, two)
	d.mustAccept("c1", onOne(""))
	d.awaitFine("c1")
	if there(second) || !there(first) {
		t.Fatalf("%t on the first cluster, and %t on the second", there(first), there(second))
	}
	a, b := side{first, one}, side{second, two}
	move("c2", "upgrade", "on the first cluster of dev; test is drained (upgrade)", a, b)
	move("c3", "", "on the first cluster of dev", b, a)
}
