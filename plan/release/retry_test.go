// SPDX-License-Identifier: Apache-2.0

package release_test

import (
	"testing"
	"time"

	"trunkline.dev/trunkline/api/field"
	"trunkline.dev/trunkline/plan"
	"trunkline.dev/trunkline/plan/gate"
	"trunkline.dev/trunkline/plan/health"
	"trunkline.dev/trunkline/plan/ownership"
	"trunkline.dev/trunkline/plan/release"
)

// TestPauses: each failure in a row doubles the wait before the next attempt, up to a bound; what no retry can fix waits long.
func TestPauses(t *testing.T) {
	attempts := func(terminal bool) (pauses []time.Duration) {
		w := kept(t)
		s := settings()
		s.Rollback = false // otherwise what cannot be applied goes back
		w.declare(w.target("c2", "d2", 2), s)
		for range 9 {
			w.fail(errBoom, terminal)
			if w.op != nil || w.wake.IsZero() {
				t.Fatalf("after a failure %T is under way, and it wakes at %s", w.op, w.wake)
			}
			pauses = append(pauses, w.wake.Sub(w.now))
			w.now = w.wake
			w.step(release.Timer{})
			if _, ok := w.op.(release.Run); !ok {
				t.Fatalf("when the wait is over, %T is under way", w.op)
			}
		}
		return pauses
	}
	near := func(got, want time.Duration) bool { return got >= want*4/5 && got <= want*6/5 }
	want := 500 * time.Millisecond
	for i, got := range attempts(false) {
		if !near(got, want) {
			t.Errorf("attempt %d comes after %s, want about %s", i+2, got, want)
		}
		want = min(2*want, 30*time.Second)
	}
	for i, got := range attempts(true)[:3] {
		if got != 10*time.Minute {
			t.Errorf("what no retry can fix is tried again after %s (attempt %d)", got, i+2)
		}
	}
}

// TestAFightSlowsDown: a field that others keep changing is not corrected for a while, and then again.
func TestAFightSlowsDown(t *testing.T) {
	ref := plan.Ref{Namespace: "orders-prod", Name: "a"}
	replicas := ownership.Field{Path: field.Path{{Field: "spec"}, {Field: "replicas"}}, Manager: "kubectl"}
	w := kept(t)
	fight := func() release.Run {
		w.step(release.Nudged{})
		run, ok := w.op.(release.Run)
		if !ok {
			t.Fatalf("%T is under way", w.op)
		}
		ended := w.ran(run)
		if len(run.Damped) == 0 {
			ended.Corrected = []release.Drifted{{Ref: ref, Fields: []ownership.Field{replicas}, At: w.now}}
		}
		w.op = nil
		w.step(ended)
		return run
	}
	rounds := 0
	for len(fight().Damped) == 0 {
		w.now = w.now.Add(time.Second)
		if rounds++; rounds > 10 {
			t.Fatal("it is corrected again and again")
		}
	}
	if rounds < 2 {
		t.Errorf("it is left alone after %d rounds: one change is no fight", rounds)
	}
	if w.wake.IsZero() {
		t.Error("nobody wakes it when the pause is over")
	}
	w.now = w.now.Add(time.Hour)
	if run := fight(); len(run.Damped) != 0 {
		t.Errorf("after the pause it is still left alone: %v", run.Damped)
	}
}

// TestProtectionOutlivesItsDeclaration: a commit that removes a protected environment removes what says that it is protected.
func TestProtectionOutlivesItsDeclaration(t *testing.T) {
	for _, tt := range []struct {
		name      string
		memory    gate.Memory
		protected bool // by the commit itself
		named     bool
		want      string
	}{
		{name: "neither", want: ""},
		{name: "declared", protected: true, want: "protected"},
		{name: "remembered", memory: gate.Memory{Protected: true}, want: "protected"},
		{name: "both", memory: gate.Memory{Protected: true}, protected: true, want: "protected"},
		{name: "remembered, and named", memory: gate.Memory{Protected: true}, named: true, want: ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			w.target("c1", "d1", 2)
			w.commit, w.digest, w.memory, w.objects = "c1", "d1", tt.memory, w.targets["c1"].Objects.Made()
			w.step(release.Gained{})
			s := settings()
			s.Protected, s.Named = tt.protected, tt.named
			w.step(release.Declared{
				Target: release.Target{Commit: "c2", Remove: true}, Settings: s, Removals: &gate.Removals{Environment: "prod", Removed: 1, Of: 10},
			})
			w.settle()
			if got := w.outcome().Hold; got != tt.want || w.retired != (tt.want == "") {
				t.Errorf("held by %q, want %q; removed: %v", got, tt.want, w.retired)
			}
		})
	}
}

// TestWhatIsNotRolledBack: a state that was healthy before this process began, and one that cannot be rendered as it was.
func TestWhatIsNotRolledBack(t *testing.T) {
	mark := func(commit, digest string) gate.Mark {
		return gate.Mark{Commit: commit, Digest: digest, Since: start.Add(-time.Hour)}
	}
	for _, tt := range []struct {
		name, reason string
		healthy      []gate.Mark
		older        string // what c1 renders to now
		want         string
	}{
		{"never healthy", "what has failed goes back", []gate.Mark{mark("c1", "d1")}, "d1", "d1"},
		{"healthy before a restart", "its cause is another than its commit", []gate.Mark{mark("c2", "d2"), mark("c1", "d1")}, "d1", "d2"},
		{"healthy long before", "likewise", []gate.Mark{mark("c1", "d1"), mark("c2", "d2")}, "d1", "d2"},
		{"nothing to go back to", "it stays", nil, "d1", "d2"},
		{"it renders to something else now", "what was never healthy is not put in place", []gate.Mark{mark("c1", "d1")}, "other", "d2"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			w.target("c1", tt.older, 2)
			w.commit, w.digest, w.memory, w.objects = "c2", "d2", gate.Memory{Healthy: tt.healthy}, w.targets["c1"].Objects.Made()
			w.health = health.Failed
			w.step(release.Gained{})
			w.declare(w.target("c2", "d2", 2), settings())
			w.answer() // the inventory
			w.answer() // the run
			w.observe()
			w.health = health.Healthy
			w.settle()
			if w.digest != tt.want {
				t.Errorf("%s: the cluster holds %q, want %q", tt.reason, w.digest, tt.want)
			}
		})
	}
}
