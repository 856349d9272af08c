// SPDX-License-Identifier: Apache-2.0

package reconciler_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/reconciler"
	"trunkline.dev/trunkline/reconciler/status"
)

// in returns the release of a project in an environment.
func in(p status.Platform, project, environment string) status.Release {
	for _, r := range p.Releases {
		if r.Project == project && r.Environment == environment {
			return r
		}
	}
	return status.Release{ReleaseID: catalog.ReleaseID{Project: "(none)"}}
}

func heldBy(rule string) func(status.Release) bool {
	return func(r status.Release) bool { return r.Held != nil && r.Held.Rule == rule }
}

func freezeUntil(t time.Time) string {
	return environment(fmt.Sprintf("  freezes: [{from: 2026-01-01T00:00:00Z, until: %s, reason: end of year}]\n", t.UTC().Format(time.RFC3339)))
}

// TestAFreezeHolds: in a freeze nothing new is taken; what is in place is kept so, also by a daemon that was started
// meanwhile and knows it only from the commit that the inventory names. When the freeze is over it goes on by itself.
func TestAFreezeHolds(t *testing.T) {
	c := look(t, pkg.Cluster(t))
	d := start(t, c.Kubeconfig)
	files := platform("freeze", tree{
		"a/project.yaml": manifests("freeze-a"), "a/objects/kustomization.yaml": kustomization, "a/objects/all.yaml": configMap("a", "1"),
	})
	d.mustAccept("c1", files)
	d.awaitFine("c1")
	frozen := files.with(tree{"env.yaml": freezeUntil(time.Now().Add(24 * time.Hour)), "a/objects/all.yaml": configMap("a", "2")})
	d.mustAccept("c2", frozen, "env.yaml", "a/objects/all.yaml")
	held := func(p status.Platform) bool { return heldBy("freeze")(release(p, "freeze-a")) }
	p := d.await("the freeze to hold", held)
	r := release(p, "freeze-a")
	if !strings.Contains(r.Held.Reason, "end of year") || r.Held.Commit != "c2" || r.Commit != "c1" || r.Held.Until.IsZero() {
		t.Errorf("the status says %+v at %s", r.Held, r.Commit)
	}
	if !p.Fine() {
		t.Error("a freeze is what was asked for, and the platform is not fine")
	}
	d.stop()

	trees := d.trees
	c.merge(configMaps, "freeze-a-dev", "a", "kubectl-edit", `{"data":{"key":"by hand"}}`)
	d = start(t, c.Kubeconfig)
	d.trees = trees
	d.mustAccept("c2", frozen)
	d.await("what is in place to be kept so", func(p status.Platform) bool {
		return held(p) && release(p, "freeze-a").Fine() && release(p, "freeze-a").Commit == "c1"
	})
	if got := c.value("freeze-a-dev", "a"); got != "1" {
		t.Errorf("the value is %q, want that of c1", got)
	}

	soon := time.Now().Add(1500 * time.Millisecond).Truncate(time.Second).Add(time.Second)
	d.mustAccept("c3", frozen.with(tree{"env.yaml": freezeUntil(soon)}), "env.yaml")
	d.await("the thaw", func(p status.Platform) bool { return release(p, "freeze-a").Held == nil && p.Fine() })
	if got := c.value("freeze-a-dev", "a"); got != "2" || time.Now().Before(soon) {
		t.Errorf("the value is %q at %s, want 2 not before %s", got, time.Now(), soon)
	}
}

// TestPromotion: an environment takes a commit when the one that it is promoted from is healthy with it.
func TestPromotion(t *testing.T) {
	c := look(t, pkg.Cluster(t))
	d := start(t, c.Kubeconfig)
	project := strings.Replace(service("promote-a", "img:1"), "[dev]", "[dev, prod]", 1)
	prod := func(more string) string {
		return "apiVersion: trunkline.dev/v1alpha1\nkind: Environment\nmetadata: {name: prod}\nspec:\n  clusters: [test]\n  promotesFrom: dev\n" + more
	}
	files := platform("promote", tree{"prod.yaml": prod(""), "a.yaml": project})
	d.mustAccept("c1", files)
	d.awaitFine("c1")
	// A commit that never becomes healthy in dev does not reach prod.
	sick := files.with(tree{"a.yaml": strings.Replace(project, "image: img:1", "image: img:2", 1)})
	c.stopScheduling(t, "promote-a-dev")
	d.mustAccept("c2", sick, "a.yaml")
	p := d.await("prod to wait", func(p status.Platform) bool {
		r := in(p, "promote-a", "prod")
		return heldBy("promotion")(r) && r.Held.Reason == "waiting for promote-a/dev@test to be healthy"
	})
	if r := in(p, "promote-a", "prod"); r.Commit != "c1" || in(p, "promote-a", "dev").Commit != "c2" {
		t.Errorf("prod is at %s, and says %q", r.Commit, r.Held.Reason)
	}
	c.startScheduling(t, "promote-a-dev")
	d.await("prod to follow", func(p status.Platform) bool { return p.Fine() && in(p, "promote-a", "prod").Commit == "c2" })

	d.mustAccept("c3", files.with(tree{"prod.yaml": prod("  soak: 1h\n"), "a.yaml": strings.Replace(project, "image: img:1", "image: img:3", 1)}), "a.yaml", "prod.yaml")
	p = d.await("the soak", func(p status.Platform) bool {
		r := in(p, "promote-a", "prod")
		return heldBy("promotion")(r) && strings.HasPrefix(r.Held.Reason, "soaking")
	})
	if r := in(p, "promote-a", "prod"); r.Commit != "c2" || time.Until(r.Held.Until) < 50*time.Minute {
		t.Errorf("prod is at %s, held until %s", r.Commit, r.Held.Until)
	}
}

// TestRollback: a release that fails goes back to what was healthy, and the commit that failed is not tried again until
// another one changes the release; not by a daemon that was started meanwhile either.
func TestRollback(t *testing.T) {
	c := look(t, pkg.Cluster(t))
	d := start(t, c.Kubeconfig)
	files := platform("rollback", tree{"env.yaml": environment("  rollback: true\n  healthTimeout: 3s\n"), "a.yaml": service("rollback-a", "img:1")})
	d.mustAccept("c1", files)
	d.awaitFine("c1")
	c.stopScheduling(t, "rollback-a-dev")
	bad := files.with(tree{"a.yaml": service("rollback-a", "img:2")})
	d.mustAccept("c2", bad, "a.yaml")
	back := func(p status.Platform) bool {
		r := release(p, "rollback-a")
		return heldBy("quarantined")(r) && r.Result == status.Applied && r.Commit == "c1"
	}
	p := d.await("the way back", back)
	if r := release(p, "rollback-a"); !strings.Contains(r.Held.Reason, "c2 is not tried again: not healthy for 3s") || r.Fine() {
		t.Errorf("the status says %+v; fine: %v", r.Held, r.Fine())
	}
	c.startScheduling(t, "rollback-a-dev")
	d.await("what was healthy to be so again", func(p status.Platform) bool { return back(p) && release(p, "rollback-a").Health == status.Healthy })
	d.stop()

	trees := d.trees
	d = start(t, c.Kubeconfig)
	d.trees = trees
	d.mustAccept("c2", bad)
	d.await("the commit to stay in quarantine", func(p status.Platform) bool { return back(p) && release(p, "rollback-a").Health == status.Healthy })
	// A commit that changes something else does not bring it back; one that fixes the release does.
	d.mustAccept("c3", bad.with(tree{"b.yaml": service("rollback-b", "img:1")}), "b.yaml")
	d.await("the other project", func(p status.Platform) bool { return release(p, "rollback-b").Fine() && back(p) })
	d.mustAccept("c4", bad.with(tree{"a.yaml": service("rollback-a", "img:3")}), "a.yaml")
	d.await("the fixed commit", func(p status.Platform) bool {
		return release(p, "rollback-a").Fine() && release(p, "rollback-a").Commit == "c4"
	})
}

// TestAProtectedEnvironmentKeepsWhatItDoesNotName, also when the environment itself is not declared any more.
func TestAProtectedEnvironmentKeepsWhatItDoesNotName(t *testing.T) {
	c := look(t, pkg.Cluster(t))
	d := start(t, c.Kubeconfig)
	files := platform("protect", tree{
		"env.yaml": environment("  protected: true\n"), "a.yaml": service("protect-a", "img:1"), "b.yaml": service("protect-b", "img:1"),
	})
	d.mustAccept("c1", files)
	d.awaitFine("c1")
	d.mustAccept("c2", files.with(tree{"a.yaml": ""}), "a.yaml")
	held := func(p status.Platform) bool { return heldBy("protected")(release(p, "protect-a")) }
	d.await("the environment to hold on", held)
	d.stop()

	d = start(t, c.Kubeconfig)
	gone := platform("protect", tree{"env.yaml": ""}).with(tree{"env.yaml": ""})
	d.mustAccept("c3", gone)
	d.await("it to hold on without its declaration", held)
	if got := c.versions("protect-a-dev"); len(got) == 0 {
		t.Error("the release is gone")
	}
	d.mustAccept("c4", files.with(tree{"a.yaml": "", "env.yaml": environment("  protected: true\n  removals: [protect-a]\n")}))
	if err := c.awaitGone(namespaces, "", "protect-a-dev"); err != nil {
		t.Error(err)
	}
}

// TestManyRemovalsAreConfirmed: a commit that removes most of an environment waits until someone confirms it.
func TestManyRemovalsAreConfirmed(t *testing.T) {
	c := look(t, pkg.Cluster(t))
	d := start(t, c.Kubeconfig)
	files := platform("many", nil)
	none := files.with(nil)
	for i := range 6 {
		name := fmt.Sprintf("many-%d", i)
		files[name+"/project.yaml"], files[name+"/objects/kustomization.yaml"] = manifests(name), kustomization
		files[name+"/objects/all.yaml"] = configMap("a", "1")
	}
	d.mustAccept("c1", files)
	d.awaitFine("c1")
	d.stop()

	d = start(t, c.Kubeconfig) // which learns of them from the cluster
	d.mustAccept("c2", none)
	d.await("all to be held", func(p status.Platform) bool {
		n := 0
		for _, r := range p.Releases {
			if heldBy("removals")(r) && !r.Fine() {
				n++
			}
		}
		return n == 6
	})
	if err := d.rec.Approve("nowhere", "", reconciler.ByHand{By: "ann"}); err == nil {
		t.Error("an environment that removes nothing was approved")
	}
	_, digest := status.ToApprove(d.board.Snapshot().Releases, "dev")
	if err := d.rec.Approve("dev", digest, reconciler.ByHand{By: "ann", Why: "spring cleaning"}); err != nil {
		t.Fatal(err)
	}
	d.await("all to be gone", func(p status.Platform) bool { return len(p.Releases) == 0 })
}

// TestDependsOn: a release waits for those that it depends on, and nobody else does.
func TestDependsOn(t *testing.T) {
	c := look(t, pkg.Cluster(t))
	d := start(t, c.Kubeconfig)
	needs := func(text, other string) string {
		return strings.Replace(text, "  owner:", "  dependsOn: ["+other+"]\n  owner:", 1)
	}
	files := platform("depends", tree{
		// In the order of their names the last is needed first.
		"a.yaml": needs(service("depends-a", "img:1"), "depends-b"), "b.yaml": needs(service("depends-b", "img:1"), "depends-c"),
		"c.yaml": service("depends-c", "img:1"), "other.yaml": service("depends-other", "img:1"),
	})
	d.mustAccept("c1", files)
	d.awaitFine("c1")

	c.stopScheduling(t, "depends-b-dev")
	d.mustAccept("c2", files.with(tree{
		"a.yaml": needs(service("depends-a", "img:2"), "depends-b"), "b.yaml": needs(service("depends-b", "img:2"), "depends-c"),
		"c.yaml": service("depends-c", "img:2"), "other.yaml": service("depends-other", "img:2"),
	}), "a.yaml", "b.yaml", "c.yaml", "other.yaml")
	p := d.await("all but what waits to be there", func(p status.Platform) bool {
		b, a := release(p, "depends-b"), release(p, "depends-a")
		return release(p, "depends-other").Commit == "c2" && release(p, "depends-other").Fine() && release(p, "depends-c").Commit == "c2" &&
			b.Commit == "c2" && b.Health == status.Progressing && heldBy("dependsOn")(a) && strings.HasSuffix(a.Held.Reason, "to be healthy")
	})
	if a := release(p, "depends-a"); a.Commit != "c1" || a.Held.Reason != "waiting for depends-b/dev@test to be healthy" {
		t.Errorf("what waits is at %s, and says %q", a.Commit, a.Held.Reason)
	}
	c.startScheduling(t, "depends-b-dev")
	p = d.await("what waited to follow", func(p status.Platform) bool { return p.Fine() && release(p, "depends-a").Held == nil })
	if a := release(p, "depends-a"); a.Commit != "c2" {
		t.Errorf("what waited is at %s", a.Commit)
	}
}
