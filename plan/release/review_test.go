// SPDX-License-Identifier: Apache-2.0

package release_test

import (
	"testing"
	"time"

	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/plan/gate"
	"trunkline.dev/trunkline/plan/release"
)

// TestWhatIsNotReviewedWaits: where only what was reviewed may be applied, a state waits until it is known that it was, or a person
// confirms it. What was found out or confirmed of one state counts for no other, and a confirmation outlives a restart.
func TestWhatIsNotReviewedWaits(t *testing.T) {
	strict := settings()
	strict.Reviewed = true
	frozen := strict
	frozen.Schedule = schedule(v1alpha1.EnvironmentSpec{Freezes: []v1alpha1.Freeze{{From: at(-time.Hour), Until: at(time.Hour), Reason: "sale"}}})
	reviewed := func(w *world, digest string) { w.step(release.Reviewed{Digest: digest}) }
	refused := func(w *world, digest string) {
		w.step(release.Reviewed{Digest: digest, Not: "#7 showed something else"})
	}
	approve := func(w *world, digest string) {
		w.step(release.Approved{Digest: digest, Hold: gate.Unreviewed, By: "ann", Why: "looked at it"})
	}
	restart := func(w *world) {
		w.settle()
		w.state, w.op, w.wake = release.New(id), nil, time.Time{}
		w.step(release.Gained{})
	}
	cases := map[string]struct {
		reason string
		// do comes after a release at d2, of which the newest commit c3 makes d3.
		do func(w *world)
		// want is what the cluster holds then, and hold what holds the newest state.
		want, hold string
	}{
		"Unknown":  {"Nobody has found out yet.", func(*world) {}, "d2", "reviewed"},
		"Reviewed": {"It was reviewed.", func(w *world) { reviewed(w, "d3") }, "d3", ""},
		"Not":      {"It was not.", func(w *world) { refused(w, "d3") }, "d2", "reviewed"},
		"Approved": {"A person has looked at it.", func(w *world) { refused(w, "d3"); approve(w, "d3") }, "d3", ""},
		"OtherApproval": {"An approval of another hold says nothing of this one.", func(w *world) {
			w.step(release.Approved{Digest: "d3", Hold: gate.Shrunk})
		}, "d2", "reviewed"},
		"OtherState": {"What is known of another state says nothing.", func(w *world) {
			w.declare(w.target("c4", "d4", 3), strict)
			reviewed(w, "d3")
			approve(w, "d3")
		}, "d2", "reviewed"},
		"Next": {"The next state is reviewed for itself.", func(w *world) {
			reviewed(w, "d3")
			w.settle()
			w.declare(w.target("c4", "d4", 3), strict)
		}, "d3", "reviewed"},
		"ComesBack": {"A state that comes back was not reviewed as the step that it is now.", func(w *world) {
			reviewed(w, "d3")
			w.settle()
			w.declare(w.target("c4", "d2", 3), strict)
			approve(w, "d2")
			w.settle()
			w.declare(w.target("c5", "d3", 3), strict)
		}, "d2", "reviewed"},
		"ApprovedComesBack": {"Nor does an approval come back with it.", func(w *world) {
			approve(w, "d3")
			w.settle()
			w.declare(w.target("c4", "d2", 3), strict)
			reviewed(w, "d2")
			w.settle()
			w.declare(w.target("c5", "d3", 3), strict)
		}, "d2", "reviewed"},
		"Restart": {"An approval that waits for something else is remembered.", func(w *world) {
			w.declare(w.target("c3", "d3", 3), frozen)
			approve(w, "d3")
			restart(w)
			w.declare(w.target("c3", "d3", 3), frozen)
			w.pass(2 * time.Hour)
		}, "d3", ""},
		"RestartOtherState": {"And of no use for what came meanwhile.", func(w *world) {
			w.declare(w.target("c3", "d3", 3), frozen)
			approve(w, "d3")
			restart(w)
			w.declare(w.target("c4", "d4", 3), frozen)
			w.pass(2 * time.Hour)
		}, "d2", "reviewed"},
		"Lifted": {"An environment that does not ask for it any more does not wait.", func(w *world) { w.declare(w.target("c3", "d3", 3), settings()) }, "d3", ""},
		"Removal": {"A removal was reviewed, or not.", func(w *world) {
			reviewed(w, "d3")
			w.settle()
			w.step(release.Declared{Target: release.Target{Commit: "c4", Remove: true}, Settings: strict})
		}, "d3", "reviewed"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			w := kept(t)
			w.declare(w.target("c2", "d2", 3), settings())
			w.settle()
			w.declare(w.target("c3", "d3", 3), strict)
			w.settle()
			tc.do(w)
			w.settle()
			if got := w.outcome(); got.Digest != tc.want || got.Hold != tc.hold {
				t.Errorf("%s The cluster holds %s, held by %q; want %s, %q", tc.reason, got.Digest, got.Hold, tc.want, tc.hold)
			}
		})
	}
}
