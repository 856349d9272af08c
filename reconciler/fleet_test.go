// SPDX-License-Identifier: Apache-2.0

package reconciler_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/reconciler"
	"trunkline.dev/trunkline/reconciler/cluster"
	"trunkline.dev/trunkline/reconciler/status"
	"trunkline.dev/trunkline/test/clustertest"
)

// onTwo is a platform with a project in two clusters.
func onTwo(value string) tree {
	return platform("two", tree{
		"cluster2.yaml":  "apiVersion: trunkline.dev/v1alpha1\nkind: Cluster\nmetadata: {name: second}\n",
		"env.yaml":       "apiVersion: trunkline.dev/v1alpha1\nkind: Environment\nmetadata: {name: dev}\nspec: {clusters: [test, second]}\n",
		"a/project.yaml": manifests("two-a"), "a/objects/kustomization.yaml": kustomization, "a/objects/all.yaml": configMap("a", value),
	})
}

// TestClustersComeAndGo: a cluster that is configured while the daemon runs gets what is declared in it; one that is not any more stays as it
// is, and nothing is done there; when it comes back, what it remembers counts. The other cluster is kept all the time.
func TestClustersComeAndGo(t *testing.T) {
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
	set := func(want reconciler.ClusterChanges, configs ...cluster.Config) {
		t.Helper()
		did, err := d.rec.SetClusters(configs)
		if diff := cmp.Diff(want, did); err != nil || diff != "" {
			t.Fatalf("%v -want +got:\n%s", err, diff)
		}
	}
	names := func(p status.Platform) (all []string) {
		for _, c := range p.Clusters {
			all = append(all, c.Name)
		}
		return all
	}

	d.mustAccept("c1", onTwo("1"))
	d.await("what nobody can reach to say so", func(p status.Platform) bool {
		return at(p, "test").Fine() && at(p, "second").Result == status.Failed
	})
	set(reconciler.ClusterChanges{Added: []string{"second"}}, one, two)
	d.awaitFine("c1")
	if got := second.value("two-a-dev", "a"); got != "1" {
		t.Errorf("the new cluster has %q, want 1", got)
	}
	set(reconciler.ClusterChanges{}, two, one)

	// Not configured any more: what changes in the repository, or by hand, changes nothing there.
	set(reconciler.ClusterChanges{Removed: []string{"second"}}, one)
	if diff := cmp.Diff([]string{"test"}, names(d.board.Snapshot())); diff != "" {
		t.Errorf("clusters of the status -want +got:\n%s", diff)
	}
	before := second.versions("two-a-dev")
	if err := second.client.Resource(configMaps).Namespace("two-a-dev").Delete(t.Context(), "a", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	d.mustAccept("c2", onTwo("2"), "a/objects/all.yaml")
	d.await("the other one to be at c2", func(p status.Platform) bool {
		return at(p, "test").Fine() && at(p, "test").Commit == "c2" && at(p, "second").Result == status.Failed
	})
	if len(second.versions("two-a-dev")) >= len(before) {
		t.Error("the object that was deleted is there again, in a cluster that is not kept")
	}

	set(reconciler.ClusterChanges{Added: []string{"second"}}, one, two)
	d.awaitFine("c2")
	if got := second.value("two-a-dev", "a"); got != "2" {
		t.Errorf("the cluster that came back has %q, want 2", got)
	}
	if _, err := d.rec.SetClusters([]cluster.Config{one, one}); err == nil {
		t.Error("a cluster can be configured twice")
	}

	// What only the cluster knows is not written over by a daemon that learns of it later.
	id := catalog.ReleaseID{Project: "two-a", Environment: "dev", Cluster: "second"}
	if err := d.rec.Do(t.Context(), id, reconciler.Suspend, reconciler.ByHand{By: "ann", Why: "an audit"}); err != nil {
		t.Fatal(err)
	}
	d.stop()
	d = start(t, first.Kubeconfig)
	d.mustAccept("c3", onTwo("3"))
	d.await("what nobody can reach to say so", func(p status.Platform) bool {
		return at(p, "test").Fine() && at(p, "second").Result == status.Failed
	})
	set(reconciler.ClusterChanges{Added: []string{"second"}}, one, two)
	d.await("it to be suspended as it was", func(p status.Platform) bool { return at(p, "second").Result == status.Suspended })
	if got := second.value("two-a-dev", "a"); got != "2" {
		t.Errorf("the suspended release has %q, want 2", got)
	}
}

// TestAClusterIsReachedInAnotherWay: a wrong way leaves the connection as it is, and a right one replaces it.
func TestAClusterIsReachedInAnotherWay(t *testing.T) {
	c := look(t, pkg.Cluster(t))
	d := start(t, c.Kubeconfig)
	declare := func(value string) tree {
		return platform("way", tree{
			"a/project.yaml": manifests("way-a"), "a/objects/kustomization.yaml": kustomization, "a/objects/all.yaml": configMap("a", value),
		})
	}
	d.mustAccept("c1", declare("1"))
	d.awaitFine("c1")
	if _, err := d.rec.SetClusters([]cluster.Config{{Name: "test", Kubeconfig: filepath.Join(t.TempDir(), "none")}}); err != nil {
		t.Fatal(err)
	}
	d.mustAccept("c2", declare("2"), "a/objects/all.yaml")
	d.awaitFine("c2")
	data, err := os.ReadFile(c.Kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	other := filepath.Join(t.TempDir(), "other")
	if err := os.WriteFile(other, data, 0o600); err != nil {
		t.Fatal(err)
	}
	did, err := d.rec.SetClusters([]cluster.Config{{Name: "test", Kubeconfig: other}})
	if diff := cmp.Diff(reconciler.ClusterChanges{Changed: []string{"test"}}, did); err != nil || diff != "" {
		t.Fatalf("%v -want +got:\n%s", err, diff)
	}
	d.mustAccept("c3", declare("3"), "a/objects/all.yaml")
	d.awaitFine("c3")
	if got := c.value("way-a-dev", "a"); got != "3" {
		t.Errorf("the cluster has %q, want 3", got)
	}
}
