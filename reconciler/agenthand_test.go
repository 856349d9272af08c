// SPDX-License-Identifier: Apache-2.0

package reconciler_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/reconciler"
	"trunkline.dev/trunkline/reconciler/cluster"
	"trunkline.dev/trunkline/reconciler/status"
)

// TestAClusterIsHandedToAnAgentAndBack: whoever keeps a cluster from now on, the daemon or an agent, takes up what is there. Nothing is
// made again, written again or removed, and what someone has changed while nobody kept the cluster is put right.
func TestAClusterIsHandedToAnAgentAndBack(t *testing.T) {
	c := look(t, pkg.Cluster(t))
	const id = "handed"
	a := startAfar(t, c.Kubeconfig)
	direct, afar := []cluster.Config{{Name: "test", Kubeconfig: c.Kubeconfig}}, []cluster.Config{{Name: "test", Agent: true}}
	set := func(configs []cluster.Config) {
		t.Helper()
		did, err := a.rec.SetClusters(configs)
		if diff := cmp.Diff(reconciler.ClusterChanges{Changed: []string{"test"}}, did); err != nil || diff != "" {
			t.Fatalf("%v -want +got:\n%s", err, diff)
		}
	}
	versions := func() map[string]string {
		all := c.versions(id + "-a-dev")
		for name, version := range c.versions(id + "-b-dev") {
			all["b/"+name] = version
		}
		return all
	}
	untouched := func(what string, before map[string]string) {
		t.Helper()
		if diff := cmp.Diff(before, versions()); diff != "" {
			t.Errorf("%s touched what was in place (-before +after):\n%s", what, diff)
		}
	}
	files := func(value string) tree { return two(id, configMap("a", value), configMap("b", "1")) }
	changed := []string{"a/objects/all.yaml"}

	// The daemon keeps it, and the agent is not let in.
	set(direct)
	a.mustAccept("c1", files("1"))
	a.awaitFine("c1")
	before := versions()

	// To the agent.
	set(afar)
	a.awaitConnection(true)
	a.awaitFine("c1")
	untouched("the agent", before)
	c.tamper(id+"-b-dev", "b", "while the agent keeps it")
	c.awaitValue(id+"-b-dev", "b", "1")
	a.mustAccept("c2", files("2"), changed...)
	a.awaitFine("c2")
	c.awaitValue(id+"-a-dev", "a", "2")
	before = versions()

	// And back, as docs/agents.md says it: the agent ends first.
	a.stopAgent()
	a.awaitConnection(false)
	set(direct)
	a.await("the cluster to answer the daemon", func(p status.Platform) bool { return len(p.Clusters) == 1 && p.Clusters[0].Reachable })
	a.awaitFine("c2")
	untouched("the daemon", before)
	a.mustAccept("c3", files("3"), changed...)
	a.awaitFine("c3")

	// To the agent again, which has an old book, and someone changes something while nobody is there.
	uid := c.uid(id+"-a-dev", "a")
	set(afar)
	c.tamper(id+"-b-dev", "b", "while nobody keeps it")
	a.startAgent()
	c.awaitValue(id+"-b-dev", "b", "1")
	a.awaitFine("c3")
	c.awaitValue(id+"-a-dev", "a", "3")
	if got := c.uid(id+"-a-dev", "a"); got != uid {
		t.Errorf("an object was made again: %s is now %s", uid, got)
	}
	only := platform(id, tree{"a/project.yaml": manifests(id + "-a"), "a/objects/kustomization.yaml": kustomization, "a/objects/all.yaml": configMap("a", "3")})
	a.mustAccept("c4", only, "b/project.yaml", "b/objects/kustomization.yaml", "b/objects/all.yaml")
	a.await("the other one to be gone", func(p status.Platform) bool { return len(p.Releases) == 1 && p.Fine() })
}
