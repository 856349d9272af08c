// SPDX-License-Identifier: Apache-2.0

package release_test

import (
	"testing"
	"time"

	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/plan/gate"
	"trunkline.dev/trunkline/plan/release"
)

// TestApprovalsCoverWhatWasShown: an approval was given for what was seen. Whatever comes later has to be approved for itself.
func TestApprovalsCoverWhatWasShown(t *testing.T) {
	approve := func(w *world, digest string) { w.step(release.Approved{Digest: digest}) }
	frozen := settings()
	frozen.Schedule = schedule(v1alpha1.EnvironmentSpec{Freezes: []v1alpha1.Freeze{{From: at(-time.Hour), Until: at(time.Hour), Reason: "sale"}}})
	cases := map[string]struct {
		reason string
		// do comes after a release of 20 objects, of which the newest commit c3 leaves one.
		do func(w *world)
		// want is what the cluster holds then, and hold what holds the newest state.
		want, hold string
	}{
		"Nobody": {"Without one, nothing goes.", func(*world) {}, "d2", "shrinks"},
		"Given":  {"What was shown goes.", func(w *world) { approve(w, "d3") }, "d3", ""},
		"SameState": {"A commit that changes nothing of it is no other state.", func(w *world) {
			w.declare(w.target("c4", "d3", 1), settings())
			approve(w, "d3")
		}, "d3", ""},
		"OtherState": {"One that does is.", func(w *world) {
			w.declare(w.target("c4", "d4", 1), settings())
			approve(w, "d3")
		}, "d2", "shrinks"},
		"TooLate": {"What comes too late does not wait for its state to come back.", func(w *world) {
			w.declare(w.target("c4", "d4", 1), settings())
			approve(w, "d3")
			w.declare(w.target("c5", "d3", 1), settings())
		}, "d2", "shrinks"},
		"Reverted": {"It ends with the state, and does not come back with it.", func(w *world) {
			approve(w, "d3")
			w.settle()
			w.declare(w.target("c4", "d2", 20), settings())
			w.settle()
			w.declare(w.target("c5", "d3", 1), settings())
		}, "d2", "shrinks"},
		"Removed": {"Nor with a removal in between.", func(w *world) {
			frozen.MaxRemovals = 50
			w.declare(w.target("c4", "d3", 1), frozen)
			approve(w, "d3")
			w.step(release.Declared{Target: release.Target{Commit: "c5", Remove: true}, Settings: frozen, Removals: &gate.Removals{Removed: 1, Of: 9}})
			w.declare(w.target("c6", "d3", 1), settings())
		}, "d2", "shrinks"},
		"Held": {"What holds it besides does not end it.", func(w *world) {
			w.declare(w.target("c4", "d3", 1), frozen)
			approve(w, "d3")
			w.pass(2 * time.Hour)
		}, "d3", ""},
		"Grown": {"It covers as much as would have been lost then.", func(w *world) {
			w.declare(w.target("c4", "d3", 1), frozen)
			approve(w, "d3")
			w.step(release.Nudged{}) // a run of what is in force finds more: objects that no watch had seen
			run := w.op.(release.Run)
			w.target("more", "more", 24)
			ended := w.ran(run)
			ended.Members = w.targets["more"].Objects.Made()
			w.op, w.objects = nil, ended.Members
			w.step(ended)
			w.now = w.now.Add(2 * time.Hour)
			w.step(release.Timer{})
		}, "d2", "shrinks"},
		"Elsewhere": {"Another replica has not heard of it.", func(w *world) {
			w.declare(w.target("c4", "d3", 1), frozen)
			approve(w, "d3")
			w.step(release.Lost{Owner: "r2"})
			w.step(release.Gained{})
			w.pass(2 * time.Hour)
		}, "d2", "shrinks"},
		"Suspended": {"A project that is suspended meanwhile is declared anew.", func(w *world) {
			w.declare(w.target("c4", "d3", 1), frozen)
			approve(w, "d3")
			w.step(release.Paused{})
			w.declare(w.target("c6", "d3", 1), settings())
		}, "d2", "shrinks"},
		"Nothing": {"Nothing is no state.", func(w *world) { approve(w, "") }, "d2", "shrinks"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			w := kept(t)
			w.declare(w.target("c2", "d2", 20), settings())
			w.settle()
			w.declare(w.target("c3", "d3", 1), settings())
			w.settle()
			tc.do(w)
			w.settle()
			if got := w.outcome(); got.Digest != tc.want || got.Hold != tc.hold {
				t.Errorf("%s the cluster holds %s, held by %q; want %s, %q", tc.reason, got.Digest, got.Hold, tc.want, tc.hold)
			}
		})
	}
}
