// SPDX-License-Identifier: Apache-2.0

package release_test

import (
	"testing"

	"trunkline.dev/trunkline/plan"
	"trunkline.dev/trunkline/plan/gate"
	"trunkline.dev/trunkline/plan/release"
)

// TestPreviewsAreDisposable: what holds the releases of other environments, for what they would lose, does not hold those of a
// preview.
func TestPreviewsAreDisposable(t *testing.T) {
	for _, tt := range []struct {
		reason  string
		preview plan.Preview
		memory  gate.Memory
		target  release.Target
		want    string
	}{
		{reason: "Others lose nothing unasked", target: release.Target{Commit: "c2", Digest: "d2"}, want: "shrinks"},
		{reason: "and previews do, as when they fall asleep.", preview: plan.Asleep, target: release.Target{Commit: "c2", Digest: "d2"}},
		{reason: "Others are not removed while they are suspended", memory: gate.Memory{Suspended: &gate.ByHand{By: "ann"}}, target: release.Target{Remove: true}, want: "suspended"},
		{reason: "and previews are.", preview: plan.Awake, memory: gate.Memory{Suspended: &gate.ByHand{By: "ann"}}, target: release.Target{Remove: true}},
		{reason: "What was protected is not removed", memory: gate.Memory{Protected: true}, target: release.Target{Remove: true}, want: "protected"},
		{reason: "but previews are.", preview: plan.Awake, memory: gate.Memory{Protected: true}, target: release.Target{Remove: true}},
		{reason: "A preview that is suspended stays as it is,", preview: plan.Awake, memory: gate.Memory{Suspended: &gate.ByHand{By: "ann"}}, target: release.Target{Commit: "c2", Digest: "d2"}, want: "suspended"},
	} {
		t.Run(tt.reason, func(t *testing.T) {
			w := newWorld(t)
			w.target("c1", "d1", 9)
			w.commit, w.digest, w.memory, w.objects = "c1", "d1", tt.memory, w.targets["c1"].Objects.Made()
			w.step(release.Gained{})
			s := settings()
			s.Preview = tt.preview
			w.step(release.Declared{Target: tt.target, Settings: s})
			w.settle()
			if got := w.outcome().Hold; got != tt.want || tt.want == "" && tt.target.Remove != w.retired {
				t.Errorf("held by %q, want %q; removed: %v", got, tt.want, w.retired)
			}
			if tt.want == "" && !tt.target.Remove && w.digest != "d2" {
				t.Errorf("it does not take the state: %+v", w.view)
			}
		})
	}
}

// TestAsleepIsRecorded: that a preview sleeps is written into its inventory also if it has nothing to scale.
func TestAsleepIsRecorded(t *testing.T) {
	w := newWorld(t)
	w.step(release.Gained{})
	s := settings()
	s.Preview = plan.Awake
	target := w.target("c1", "d1", 2)
	w.declare(target, s)
	w.settle()
	runs := len(w.runs)
	s.Preview = plan.Asleep
	w.declare(target, s)
	w.settle()
	if len(w.runs) != runs+1 || w.runs[runs].Settings.Preview != plan.Asleep {
		t.Errorf("there were %d runs after it fell asleep, want one that says so", len(w.runs)-runs)
	}
}
