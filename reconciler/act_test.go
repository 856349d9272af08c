// SPDX-License-Identifier: Apache-2.0

package reconciler_test

import (
	"errors"
	"slices"
	"testing"

	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/reconciler"
	"trunkline.dev/trunkline/reconciler/history"
	"trunkline.dev/trunkline/reconciler/status"
)

func dev(project string) catalog.ReleaseID {
	return catalog.ReleaseID{Project: project, Environment: "dev", Cluster: "test"}
}

// TestByHand: what a person asks for is done, remembered by a daemon that was started since, and told of with who and
// why.
func TestByHand(t *testing.T) {
	c := look(t, pkg.Cluster(t))
	d := start(t, c.Kubeconfig)
	files := platform("hand", tree{
		"env.yaml":       environment("  rollback: true\n"),
		"a/project.yaml": manifests("hand-a"), "a/objects/kustomization.yaml": kustomization, "a/objects/all.yaml": configMap("a", "1"),
	})
	id, ann := dev("hand-a"), reconciler.ByHand{By: "ann", Why: "incident 7"}
	do := func(act reconciler.Act) {
		t.Helper()
		if err := d.rec.Do(t.Context(), id, act, ann); err != nil {
			t.Fatal(err)
		}
	}
	refused := func(act reconciler.Act, why string) {
		t.Helper()
		if err := d.rec.Do(t.Context(), id, act, ann); !errors.Is(err, reconciler.ErrCannot) {
			t.Errorf("%s: got %v, want it refused: %s", act, err, why)
		}
	}
	restart := func(commit string, now tree) {
		t.Helper()
		trees := d.trees
		d.stop()
		d = start(t, c.Kubeconfig)
		d.trees = trees
		d.mustAccept(commit, now)
	}
	if err := d.rec.Do(t.Context(), id, reconciler.Suspend, ann); !errors.Is(err, reconciler.ErrNotFound) {
		t.Errorf("a release that is not there: got %v", err)
	}
	d.mustAccept("c1", files)
	d.awaitFine("c1")
	refused(reconciler.Resume, "nobody has suspended it")
	refused(reconciler.Rollback, "there is no state before")
	refused("dance", "there is no such act")

	do(reconciler.Suspend)
	suspended := func(p status.Platform) bool {
		r := release(p, "hand-a")
		return r.Result == status.Suspended && r.Message == "suspended by ann: incident 7"
	}
	d.await("the release to be suspended", suspended)
	second := files.with(tree{"a/objects/all.yaml": configMap("a", "2")})
	d.mustAccept("c2", second, "a/objects/all.yaml")
	c.merge(configMaps, "hand-a-dev", "a", "kubectl-edit", `{"data":{"key":"by hand"}}`)
	restart("c2", second)
	d.await("the release to be suspended still", suspended)
	if got := c.value("hand-a-dev", "a"); got != "by hand" {
		t.Errorf("the value is %q while the release is suspended", got)
	}
	refused(reconciler.Rollback, "it is suspended")
	do(reconciler.Resume)
	d.awaitFine("c2")
	if got := c.value("hand-a-dev", "a"); got != "2" {
		t.Errorf("the value is %q, want 2", got)
	}

	do(reconciler.Rollback)
	back := func(p status.Platform) bool {
		r := release(p, "hand-a")
		return r.Commit == "c1" && r.Result == status.Applied && r.Held != nil && r.Held.Reason == "commit c2 is not tried again: rolled back by ann: incident 7"
	}
	d.await("the way back", back)
	restart("c2", second)
	d.await("the way back to be remembered", back)
	if got := c.value("hand-a-dev", "a"); got != "1" {
		t.Errorf("the value is %q, want that of c1", got)
	}
	do(reconciler.Reconcile)
	d.awaitFine("c2")
	if got := c.value("hand-a-dev", "a"); got != "2" {
		t.Errorf("the value is %q, want that of c2", got)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if !slices.ContainsFunc(d.events, func(e history.Event) bool {
		return e.Kind == history.Reconcile && e.By == "ann" && e.Why == "incident 7" && e.Release == id
	}) {
		t.Errorf("who asked, and why, is not told of: %v", d.events)
	}
}
