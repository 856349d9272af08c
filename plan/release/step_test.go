// SPDX-License-Identifier: Apache-2.0

package release_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/api/field"
	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/plan"
	"trunkline.dev/trunkline/plan/gate"
	"trunkline.dev/trunkline/plan/health"
	"trunkline.dev/trunkline/plan/ownership"
	"trunkline.dev/trunkline/plan/release"
)

// errBoom is something that may pass.
var errBoom = errors.New("boom")

// outcome is what a case looks at.
type outcome struct {
	Result  release.Result
	Health  health.State
	Message string
	// Digest is what the cluster holds, and Hold what holds the newest state.
	Digest string
	Hold   string
	// Op is the operation under way.
	Op release.Operation
}

func (w *world) outcome() outcome {
	o := outcome{Result: w.view.Result, Message: w.view.Message, Digest: w.digest, Op: w.state.Op}
	if w.view.Known {
		o.Health = w.view.Health
	}
	if w.view.Held != nil {
		o.Hold = w.view.Held.Rule
	}
	return o
}

// TestStep: what becomes of a release that is kept at c1, where nothing else is said.
func TestStep(t *testing.T) {
	fine := outcome{Result: release.Applied, Health: health.Healthy, Digest: "d1"}
	with := func(o outcome, change func(*outcome)) outcome { change(&o); return o }
	frozen := func() release.Settings {
		s := settings()
		s.Schedule = schedule(v1alpha1.EnvironmentSpec{Freezes: []v1alpha1.Freeze{{From: at(-time.Hour), Until: at(time.Hour), Reason: "sale"}}})
		return s
	}
	cases := map[string]struct {
		reason string
		do     func(w *world)
		want   outcome
	}{
		"Nothing": {"What nothing happens to stays as it is.", func(w *world) { w.pass(24 * time.Hour) }, fine},
		"Commit": {"A new state is applied.", func(w *world) {
			w.declare(w.target("c2", "d2", 2), settings())
			w.settle()
		}, with(fine, func(o *outcome) { o.Digest = "d2" })},
		"SameState": {"A commit that changes nothing of it asks for nothing.", func(w *world) {
			before := len(w.runs)
			w.declare(w.target("c2", "d1", 2), settings())
			w.settle()
			if len(w.runs) != before {
				w.t.Error("it runs for a commit that changes nothing")
			}
		}, fine},
		"Newer": {"A newer commit ends the run of an older one, and is what is applied.", func(w *world) {
			w.declare(w.target("c2", "d2", 2), settings())
			w.declare(w.target("c3", "d3", 2), settings())
			if !w.canceled {
				w.t.Error("the run of the older commit goes on")
			}
			w.settle()
		}, with(fine, func(o *outcome) { o.Digest = "d3" })},
		"NotRendered": {"A commit in which it does not render says so, and changes nothing.", func(w *world) {
			w.step(release.NotRendered{Why: "template: line 3", Access: settings().Access})
			w.settle()
		}, outcome{Result: release.Failed, Message: "template: line 3", Health: health.Healthy, Digest: "d1"}},
		"RenderedAgain": {"The next one that does is applied.", func(w *world) {
			w.step(release.NotRendered{Why: "template: line 3", Access: settings().Access})
			w.declare(w.target("c3", "d1", 2), settings())
			w.settle()
		}, fine},
		"Removed": {"What is not declared any more is deleted.", func(w *world) {
			w.removed("c2")
			w.settle()
			if !w.retired {
				w.t.Error("it is not retired")
			}
		}, outcome{Result: release.Pruning, Digest: ""}},
		"DeclaredAgain": {"A removal that has not ended ends when the release is declared again.", func(w *world) {
			w.removed("c2")
			w.declare(w.target("c3", "d1", 2), settings())
			if !w.canceled {
				w.t.Error("the removal goes on")
			}
			w.settle()
		}, fine},
		"HeldAfterRemoval": {"Also if what it is declared as is held: what is in place is kept meanwhile.", func(w *world) {
			w.removed("c2")
			w.declare(w.target("c3", "d3", 2), frozen())
			w.settle()
			if w.retired {
				w.t.Error("it is removed although it is declared")
			}
		}, with(fine, func(o *outcome) { o.Hold = "freeze" })},
		"NotRenderedAfterRemoval": {"A release that is declared again and does not render is not removed.", func(w *world) {
			w.removed("c2")
			w.step(release.NotRendered{Why: "x", Access: settings().Access})
			w.settle()
			if w.retired {
				w.t.Error("it is removed although it is declared")
			}
		}, outcome{Result: release.Failed, Message: "x", Digest: "d1"}},
		"ShrunkMeanwhile": {"A hold is looked at again once what it depends on has changed.", func(w *world) {
			w.declare(w.target("c2", "d2", 20), settings())
			w.settle()
			w.declare(w.target("c3", "d3", 1), settings())
			w.step(release.Approved{Digest: "d3"})
			w.declare(w.target("c4", "d4", 2), settings())
			w.settle()
		}, with(fine, func(o *outcome) { o.Digest = "d4" })},
		"Frozen": {"A held state is not applied, and what is in place is kept.", func(w *world) {
			w.declare(w.target("c2", "d2", 2), frozen())
			w.step(release.MemberGone{Ref: plan.Ref{Name: "a"}})
			w.settle()
		}, with(fine, func(o *outcome) { o.Hold = "freeze" })},
		"Thawed": {"A hold that is over by the clock needs nobody.", func(w *world) {
			w.declare(w.target("c2", "d2", 2), frozen())
			w.pass(2 * time.Hour)
		}, with(fine, func(o *outcome) { o.Digest = "d2" })},
		"Shrinks": {"A release that would lose most of its objects waits for an approval.", func(w *world) {
			w.declare(w.target("c2", "d2", 20), settings())
			w.settle()
			w.declare(w.target("c3", "d3", 1), settings())
			w.settle()
		}, with(fine, func(o *outcome) { o.Digest, o.Hold = "d2", "shrinks" })},
		"ShrinkApproved": {"What was approved goes.", func(w *world) {
			w.declare(w.target("c2", "d2", 20), settings())
			w.settle()
			w.declare(w.target("c3", "d3", 1), settings())
			w.step(release.Approved{Digest: "d3"})
			w.settle()
		}, with(fine, func(o *outcome) { o.Digest = "d3" })},
		"OtherShrinkApproved": {"An approval is for the state that was seen.", func(w *world) {
			w.declare(w.target("c2", "d2", 20), settings())
			w.settle()
			w.declare(w.target("c3", "d3", 1), settings())
			w.declare(w.target("c4", "d4", 2), settings())
			w.step(release.Approved{Digest: "d3"})
			w.settle()
		}, with(fine, func(o *outcome) { o.Digest, o.Hold = "d2", "shrinks" })},
		"Nothing left": {"Empty is not \"remove all\": a release that renders to nothing waits, however small it was.", func(w *world) {
			w.declare(w.target("c2", "d2", 0), settings())
			w.settle()
		}, with(fine, func(o *outcome) { o.Hold = "shrinks" })},
		"Failed": {"A failing run is retried by itself.", func(w *world) {
			w.declare(w.target("c2", "d2", 2), settings())
			w.fail(errBoom, false)
		}, outcome{Result: release.Retrying, Message: "boom", Health: "", Digest: "d1"}},
		"Retried": {"And succeeds once what was in the way is gone.", func(w *world) {
			w.declare(w.target("c2", "d2", 2), settings())
			w.fail(errBoom, false)
			w.pass(time.Second)
		}, with(fine, func(o *outcome) { o.Digest = "d2" })},
		"Terminal": {"What a retry cannot help waits longer.", func(w *world) {
			w.declare(w.target("c2", "d2", 2), settings())
			w.fail(errBoom, true)
			w.step(release.Timer{})
		}, outcome{Result: release.Failed, Message: "boom", Digest: "d1", Op: release.Restoring}},
		"Deleted": {"An object that is deleted by hand asks for a run.", func(w *world) {
			w.step(release.MemberGone{Ref: plan.Ref{Name: "a"}})
		}, with(fine, func(o *outcome) { o.Op = release.Running })},
		"Changed": {"So does one that is changed.", func(w *world) {
			w.step(release.MemberChanged{Ref: plan.Ref{Name: "a"}, Sight: release.Sight{Ours: "other"}})
		}, with(fine, func(o *outcome) { o.Op = release.Running })},
		"Stranger": {"An object that is not declared and must stay asks for nothing.", func(w *world) {
			w.step(release.MemberChanged{Ref: plan.Ref{Name: "z"}, Sight: release.Sight{Ours: "other"}, Leaving: true})
		}, fine},
		"Rights": {"Rights that change ask for a run.", func(w *world) {
			s := settings()
			s.Access.Account = "deployer"
			w.declare(w.target("c2", "d1", 2), s)
		}, with(fine, func(o *outcome) { o.Op = release.Running })},
		"RightsOfABrokenCommit": {"Also those of a commit in which it does not render: a right that was taken away is gone.", func(w *world) {
			s := settings()
			s.Access.Account = "deployer"
			w.step(release.NotRendered{Why: "x", Access: s.Access})
			if got := w.runs[len(w.runs)-1].Settings.Access.Account; got != "deployer" {
				w.t.Errorf("it runs as %q", got)
			}
		}, outcome{Result: release.Failed, Message: "x", Health: health.Healthy, Digest: "d1", Op: release.Running}},
		"ProjectSuspended": {"A project that is suspended is left as it is.", func(w *world) {
			w.step(release.Paused{Namespace: "orders-prod", Owner: "team"})
			w.step(release.MemberGone{Ref: plan.Ref{Name: "a"}})
			w.pass(time.Hour)
		}, outcome{Result: release.Halted, Message: "left as it is until its project is not suspended any more", Health: health.Healthy, Digest: "d1"}},
		"ProjectResumed": {"Once it is not, everything is applied again.", func(w *world) {
			w.step(release.Paused{})
			w.declare(w.target("c3", "d1", 2), settings())
			if run := w.runs[len(w.runs)-1]; !run.Everything {
				w.t.Error("what nobody watched is taken for as it was")
			}
			w.settle()
		}, fine},
		"Lost": {"A release that another replica keeps is not touched.", func(w *world) {
			w.step(release.Lost{Owner: "r2"})
			w.step(release.MemberGone{Ref: plan.Ref{Name: "a"}})
			w.declare(w.target("c2", "d2", 2), settings())
			w.pass(time.Hour)
		}, outcome{Result: release.Elsewhere, Message: "kept by the replica r2", Digest: "d1"}},
		"Regained": {"One that comes back is looked at again, and taken further.", func(w *world) {
			w.step(release.Lost{Owner: "r2"})
			w.declare(w.target("c2", "d2", 2), settings())
			w.step(release.Gained{})
			if look, ok := w.op.(release.Look); !ok || !look.Fresh {
				w.t.Errorf("%+v is under way, want a fresh look", w.op)
			}
			w.settle()
		}, with(fine, func(o *outcome) { o.Digest = "d2" })},
		"RemovedElsewhere": {"A removal is its owner's to do; nothing is left to do here.", func(w *world) {
			w.step(release.Lost{Owner: "r2"})
			w.removed("c2")
			if !w.retired {
				w.t.Error("it is not retired")
			}
		}, outcome{Result: release.Elsewhere, Message: "kept by the replica r2", Digest: "d1"}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			w := kept(t)
			tc.do(w)
			if diff := cmp.Diff(tc.want, w.outcome()); diff != "" {
				t.Errorf("%s\n-want +got:\n%s", tc.reason, diff)
			}
		})
	}
}

func at(d time.Duration) v1alpha1.Time { return v1alpha1.Time{Time: start.Add(d)} }

func schedule(env v1alpha1.EnvironmentSpec) gate.Schedule {
	s, err := gate.NewSchedule(env)
	if err != nil {
		panic(err)
	}
	return s
}

// TestStart: what a daemon does with a release when it starts, by what the inventory says.
func TestStart(t *testing.T) {
	hand := &gate.ByHand{By: "ann", Why: "incident 7"}
	healthy := []gate.Mark{{Commit: "c1", Digest: "d1", Since: start.Add(-time.Hour)}}
	frozen := settings()
	frozen.Schedule = schedule(v1alpha1.EnvironmentSpec{Freezes: []v1alpha1.Freeze{{From: at(-time.Hour), Until: at(time.Hour), Reason: "sale"}}})
	cases := map[string]struct {
		reason string
		// commit and digest are in place.
		commit, digest string
		memory         gate.Memory
		settings       release.Settings
		want           outcome
		// restored is the commit that was rendered again.
		restored string
	}{
		"New":       {"What is not there is applied.", "", "", gate.Memory{}, settings(), outcome{Result: release.Applied, Health: health.Healthy, Digest: "d2"}, ""},
		"Same":      {"What is there is kept.", "c2", "d2", gate.Memory{}, settings(), outcome{Result: release.Applied, Health: health.Healthy, Digest: "d2"}, ""},
		"Older":     {"An older state is brought to the newest.", "c1", "d1", gate.Memory{}, settings(), outcome{Result: release.Applied, Health: health.Healthy, Digest: "d2"}, ""},
		"Frozen":    {"In a freeze what is in place is rendered again, and kept.", "c1", "d1", gate.Memory{}, frozen, outcome{Result: release.Applied, Health: health.Healthy, Digest: "d1", Hold: "freeze"}, "c1"},
		"FrozenNew": {"In a freeze nothing new is begun.", "", "", gate.Memory{}, frozen, outcome{Result: release.Pending, Hold: "freeze"}, ""},
		"Suspended": {"What a person has suspended stays so.", "c1", "d1", gate.Memory{Suspended: hand}, settings(), outcome{Result: release.Halted, Message: "suspended by ann: incident 7", Digest: "d1", Hold: "suspended"}, ""},
		"Failed": {
			"What has failed is not tried again; what is in place is kept.", "c1", "d1",
			gate.Memory{Failed: &gate.Failed{Commit: "c2", Digest: "d2", Why: "it crashed"}, Healthy: healthy},
			settings(),
			outcome{Result: release.Applied, Health: health.Healthy, Message: "went back from c2: it crashed", Digest: "d1", Hold: "quarantined"},
			"c1",
		},
		"FailedInPlace": {
			"The daemon ended on the way back from what failed: it goes on with that.", "c2", "d2",
			gate.Memory{Failed: &gate.Failed{Commit: "c2", Digest: "d2", Why: "it crashed"}, Healthy: healthy},
			settings(),
			outcome{Result: release.Applied, Health: health.Healthy, Message: "went back from c2: it crashed", Digest: "d1", Hold: "quarantined"},
			"c1",
		},
		"Unreadable": {
			"What cannot be read keeps everything as it is, and says so.", "c1", "d1", gate.ReadMemory("{"), settings(),
			outcome{Result: release.Failed, Message: gate.ReadMemory("{").Suspended.Why, Digest: "d1", Hold: "suspended"},
			"",
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.target("c1", "d1", 2)
			w.commit, w.digest, w.memory = tc.commit, tc.digest, tc.memory
			w.step(release.Gained{})
			w.declare(w.target("c2", "d2", 2), tc.settings)
			if _, ok := w.op.(release.Look); !ok {
				t.Fatalf("%T is under way before the inventory was read", w.op)
			}
			w.answer()
			restored := ""
			if r, ok := w.op.(release.Restore); ok {
				restored = r.Commit
			}
			w.settle()
			if diff := cmp.Diff(tc.want, w.outcome()); diff != "" {
				t.Errorf("%s\n-want +got:\n%s", tc.reason, diff)
			}
			if restored != tc.restored {
				t.Errorf("%s: restored %q, want %q", tc.reason, restored, tc.restored)
			}
		})
	}
}

// TestRollback: a state that was never healthy goes back to the last one that was, by itself or by hand.
func TestRollback(t *testing.T) {
	sick := func(w *world, h health.State) {
		w.health = h
		w.declare(w.target("c2", "d2", 2), settings())
		w.settle()
	}
	heal := func(w *world) {
		w.health = health.Healthy
		w.settle()
	}
	cases := map[string]struct {
		reason string
		do     func(w *world)
		want   string // what the cluster holds
		failed string // the digest in quarantine
	}{
		"Failed": {"What has failed goes back at once.", func(w *world) { sick(w, health.Failed); heal(w) }, "d1", "d2"},
		"TimedOut": {"What is not healthy in time goes back.", func(w *world) {
			sick(w, health.Progressing)
			w.pass(10 * time.Minute)
			heal(w)
		}, "d1", "d2"},
		"InTime": {"What still has time does not.", func(w *world) {
			sick(w, health.Progressing)
			w.pass(9 * time.Minute)
		}, "d2", ""},
		"HealthyOnce": {"What was healthy has another cause than its commit.", func(w *world) {
			w.declare(w.target("c2", "d2", 2), settings())
			w.settle()
			w.health = health.Failed
			w.pass(time.Hour)
		}, "d2", ""},
		"NotAsked": {"An environment that does not ask for it has no rollback.", func(w *world) {
			s := settings()
			s.Rollback = false
			w.health = health.Failed
			w.declare(w.target("c2", "d2", 2), s)
			w.pass(time.Hour)
		}, "d2", ""},
		"Terminal": {"What cannot be applied goes back as well.", func(w *world) {
			w.declare(w.target("c2", "d2", 2), settings())
			w.digest = "d2" // some of it is there
			w.fail(errBoom, true)
			w.settle()
		}, "d1", "d2"},
		"Suspended": {"What a person has suspended stays as it is.", func(w *world) {
			sick(w, health.Progressing)
			w.act(release.Suspend)
			w.pass(time.Hour)
		}, "d2", ""},
		"Fixed": {"The next commit is taken.", func(w *world) {
			sick(w, health.Failed)
			heal(w)
			w.declare(w.target("c3", "d3", 2), settings())
			w.settle()
		}, "d3", "d2"},
		"ByHand": {"A person can go back from what is healthy.", func(w *world) {
			w.declare(w.target("c2", "d2", 2), settings())
			w.settle()
			w.act(release.Rollback)
			w.settle()
		}, "d1", "d2"},
		"Reconcile": {"A person can have it tried again.", func(w *world) {
			sick(w, health.Failed)
			heal(w)
			w.act(release.Reconcile)
			w.settle()
		}, "d2", ""},
		"Superseded": {"A newer commit that comes on the way back counts.", func(w *world) {
			w.health = health.Failed
			w.declare(w.target("c2", "d2", 2), settings())
			w.answer() // the run
			w.health = health.Healthy
			w.declare(w.target("c3", "d3", 2), settings())
			w.settle()
		}, "d3", ""},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			w := kept(t)
			tc.do(w)
			failed := ""
			if w.memory.Failed != nil {
				failed = w.memory.Failed.Digest
			}
			if w.digest != tc.want || failed != tc.failed {
				t.Errorf("%s the cluster holds %q and %q is in quarantine, want %q and %q", tc.reason, w.digest, failed, tc.want, tc.failed)
			}
		})
	}
}

// TestActs: what a person asks for is done, persisted, and answered then.
func TestActs(t *testing.T) {
	t.Run("Suspend", func(t *testing.T) {
		w := kept(t)
		w.declare(w.target("c2", "d2", 2), settings())
		id := w.act(release.Suspend)
		if !w.canceled {
			t.Error("the run goes on")
		}
		if _, early := w.replies[id]; early {
			t.Error("it is answered before it is persisted")
		}
		w.settle()
		if err, ok := w.replies[id]; !ok || err != nil || w.memory.Suspended == nil {
			t.Errorf("answered %t with %v, remembered %v", ok, err, w.memory.Suspended)
		}
		if w.digest != "d1" {
			t.Errorf("the cluster holds %s although it was suspended", w.digest)
		}
		id = w.act(release.Resume)
		w.settle()
		if err, ok := w.replies[id]; !ok || err != nil || w.memory.Suspended != nil || w.digest != "d2" {
			t.Errorf("answered %t with %v, remembered %v, the cluster holds %s", ok, err, w.memory.Suspended, w.digest)
		}
		if diff := cmp.Diff([]release.Kind{release.Stopped, release.Held, release.Resumed, release.Healed}, w.kinds()); diff != "" {
			t.Errorf("history (-want +got):\n%s", diff)
		}
	})
	t.Run("Refused", func(t *testing.T) {
		for do, why := range map[release.Do]string{
			release.Resume: "not suspended", release.Rollback: "no other state is known", "dance": "is not something",
		} {
			w := kept(t)
			id := w.act(do)
			if err := w.replies[id]; !errors.Is(err, release.ErrRefused) || !strings.Contains(err.Error(), why) {
				t.Errorf("%s: %v, want that %q", do, err, why)
			}
			if w.op != nil {
				t.Errorf("%s: %T is done for what was refused", do, w.op)
			}
		}
	})
	t.Run("RollbackFails", func(t *testing.T) {
		w := kept(t)
		w.declare(w.target("c2", "d2", 2), settings())
		w.settle()
		id := w.act(release.Rollback)
		w.fail(errBoom, false)
		if err := w.replies[id]; !errors.Is(err, release.ErrRefused) || !strings.Contains(err.Error(), "boom") {
			t.Errorf("answered %v", err)
		}
	})
	t.Run("BeforeItIsKnown", func(t *testing.T) {
		// What the inventory remembers besides is not overwritten by a request that comes before it was read.
		w := newWorld(t)
		w.commit, w.digest = "c1", "d1"
		w.memory = gate.Memory{Failed: &gate.Failed{Digest: "bad"}, Healthy: []gate.Mark{{Commit: "c1", Digest: "d1"}}}
		w.step(release.Gained{})
		w.declare(w.target("c2", "d2", 2), settings())
		id := w.act(release.Suspend)
		if _, early := w.replies[id]; early {
			t.Fatal("it is answered before anything is known")
		}
		w.settle()
		if m := w.memory; m.Suspended == nil || m.Failed == nil || len(m.Healthy) != 1 {
			t.Errorf("the inventory remembers %s", m)
		}
		if err, ok := w.replies[id]; !ok || err != nil {
			t.Errorf("answered %t with %v", ok, err)
		}
	})
	t.Run("SaveFails", func(t *testing.T) {
		w := kept(t)
		id := w.act(release.Suspend)
		w.fail(errBoom, false)
		if _, early := w.replies[id]; early {
			t.Error("it is answered although it could not be persisted")
		}
		w.pass(time.Minute)
		if err, ok := w.replies[id]; !ok || err != nil {
			t.Errorf("after a retry: answered %t with %v", ok, err)
		}
	})
	t.Run("SavedTooEarly", func(t *testing.T) {
		w := kept(t)
		first := w.act(release.Suspend)
		second := w.act(release.Resume)
		w.answer() // the first is saved, and the second not
		if _, early := w.replies[second]; early {
			t.Error("it is answered when something else is persisted")
		}
		w.settle()
		for _, id := range []int64{first, second} {
			if err, ok := w.replies[id]; !ok || err != nil {
				t.Errorf("%d: answered %t with %v", id, ok, err)
			}
		}
		if w.memory.Suspended != nil {
			t.Error("it is suspended still")
		}
	})
	t.Run("AtAnotherReplica", func(t *testing.T) {
		w := kept(t)
		before := w.memory.String()
		w.step(release.Lost{Owner: "r2"})
		id := w.act(release.Suspend)
		if !errors.Is(w.replies[id], release.ErrElsewhere) {
			t.Errorf("answered %v", w.replies[id])
		}
		w.memory.Failed = &gate.Failed{Digest: "bad"} // the owner remembers something
		w.step(release.Gained{})
		w.settle()
		if w.memory.Suspended != nil || w.memory.Failed == nil {
			t.Errorf("what the other replica remembered is overwritten: %s, before %s", w.memory, before)
		}
	})
	t.Run("Removed", func(t *testing.T) {
		for _, do := range []release.Do{release.Suspend, release.Reconcile} {
			w := kept(t)
			w.removed("c2")
			run := w.op.(release.Run)
			id := w.act(do)
			w.op = nil
			w.step(release.Ended{Epoch: run.Epoch, Planned: true, Finished: true})
			if err, ok := w.replies[id]; !w.retired || !ok || do == release.Suspend && !errors.Is(err, release.ErrRefused) {
				t.Errorf("%s of what is removed meanwhile: retired %t, answered %t with %v", do, w.retired, ok, err)
			}
		}
	})
	t.Run("LostOnTheWay", func(t *testing.T) {
		w := kept(t)
		id := w.act(release.Suspend)
		w.step(release.Lost{Owner: "r2"})
		if !errors.Is(w.replies[id], release.ErrElsewhere) {
			t.Errorf("answered %v", w.replies[id])
		}
	})
}

// TestHandOver: what an operation from before a hand-over finds out does not count.
func TestHandOver(t *testing.T) {
	w := kept(t)
	w.declare(w.target("c2", "d2", 2), settings())
	run := w.op.(release.Run)
	w.step(release.Lost{Owner: "r2"})
	w.step(release.Gained{})
	if w.state.Op != release.Running {
		t.Fatalf("%q is under way, want the run of before: it has not ended", w.state.Op)
	}
	w.op = nil
	w.step(release.Ended{Epoch: run.Epoch, Recorded: &release.Recorded{Commit: "c2", Digest: "d2"}, Planned: true, Observation: w.observation()})
	if w.state.Known || w.state.InPlace != "" || w.view.Result == release.Applied {
		t.Errorf("the answer of before counts: %q is in place, %+v", w.state.InPlace, w.view)
	}
	look, ok := w.op.(release.Look)
	if !ok {
		t.Fatalf("%T is under way, want a look", w.op)
	}
	w.step(release.Lost{Owner: "r2"})
	w.step(release.Gained{})
	w.op = nil
	w.step(release.Looked{Epoch: look.Epoch, Commit: "c9", Digest: "d9"})
	if w.state.Known || w.state.InPlace != "" {
		t.Errorf("what was read before the hand-over counts: %q is in place", w.state.InPlace)
	}
}

// TestMembersDuringARun: what is seen while a run writes is compared with what it wrote, once that is known.
func TestMembersDuringARun(t *testing.T) {
	ref := plan.Ref{Namespace: "orders-prod", Name: "a"}
	ref.Kind = "ConfigMap"
	ours, others := release.Sight{Digest: "x", Ours: "f"}, release.Sight{Digest: "x", Ours: "f", Others: 1}
	cases := map[string]struct {
		reason string
		seen   release.Sight
		again  bool
	}{
		"Own":    {"The echo of our own write is no news.", ours, false},
		"Others": {"Someone else's write meanwhile is.", others, true},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			w := kept(t)
			w.declare(w.target("c2", "d2", 2), settings())
			run := w.op.(release.Run)
			w.step(release.MemberChanged{Ref: ref, Sight: tc.seen})
			ended := w.ran(run)
			ended.Sights = map[plan.Ref]release.Sight{ref: ours}
			w.op = nil
			w.step(ended)
			if again := w.state.Op == release.Running; again != tc.again {
				t.Errorf("%s runs again: %t, want %t", tc.reason, again, tc.again)
			}
		})
	}
}

// TestWaiting: while a plan waits for objects, any that change ask for a run.
func TestWaiting(t *testing.T) {
	w := kept(t)
	w.health = health.Progressing
	w.declare(w.target("c2", "d2", 2), settings())
	run := w.op.(release.Run)
	ended := w.ran(run)
	ended.Waiting = "waiting for a to be ready before b"
	w.op = nil
	w.step(ended)
	if w.view.Result != release.Applying || w.view.Message != ended.Waiting || w.progress.Current {
		t.Errorf("published %s %q, current %t", w.view.Result, w.view.Message, w.progress.Current)
	}
	w.step(release.Observed{Observation: release.Observation{Health: health.Healthy}})
	if len(w.state.Memory.Healthy) != 1 || w.state.Memory.Healthy[0].Digest != "d1" {
		t.Errorf("a wave that is healthy counts for the whole: %s", w.state.Memory)
	}
	ref := plan.Ref{Namespace: "orders-prod", Name: "a"}
	ref.Kind = "ConfigMap"
	w.step(release.MemberChanged{Ref: ref})
	if w.state.Op != release.Running {
		t.Error("it does not go on when an object has changed")
	}
}

// TestPromotion: a release takes a commit once those that it waits for have it and are healthy, and tells those that wait for it.
func TestPromotion(t *testing.T) {
	w := kept(t)
	s := settings()
	s.Soak = time.Hour
	source := func(current bool, since time.Time) []gate.Source {
		return []gate.Source{{Release: "orders/staging@eu", Current: current, HealthySince: since}}
	}
	w.step(release.Declared{Target: w.target("c2", "d2", 2), Settings: s, Sources: source(false, time.Time{})})
	w.settle()
	if w.digest != "d1" || w.view.Held == nil || w.view.Held.Rule != "promotion" || w.progress.Current {
		t.Fatalf("the cluster holds %s, held by %v", w.digest, w.view.Held)
	}
	w.step(release.Progressed{Sources: source(true, start)})
	w.settle()
	if w.digest != "d1" {
		t.Fatal("it does not soak")
	}
	w.pass(2 * time.Hour)
	if w.digest != "d2" || !w.progress.Current || w.progress.HealthySince.IsZero() {
		t.Errorf("after the soak the cluster holds %s, progress %+v", w.digest, w.progress)
	}
}

// TestAsking: releases of other replicas are asked for while they are waited for, and no longer.
func TestAsking(t *testing.T) {
	w := kept(t)
	behind := []gate.Source{{Release: "base/prod@eu"}}
	w.step(release.Declared{Target: w.target("c2", "d2", 2), Settings: settings(), Needs: behind})
	ask, ok := w.op.(release.Ask)
	if !ok {
		t.Fatalf("%T is under way, want that others are asked", w.op)
	}
	w.op = nil
	w.step(release.Answered{Epoch: ask.Epoch, Again: true})
	if got := w.wake.Sub(w.now); got != 5*time.Second {
		t.Errorf("asks again in %s", got)
	}
	w.now = w.wake
	w.step(release.Timer{})
	w.op = nil
	w.step(release.Answered{Epoch: ask.Epoch}) // nobody else keeps them any more
	if !w.wake.IsZero() {
		t.Errorf("it wakes up at %s although there is nobody to ask", w.wake)
	}
	w.step(release.Resharded{})
	if _, ok := w.op.(release.Ask); !ok {
		t.Error("it does not ask again when others may keep them")
	}
	w.answer()
	w.step(release.Progressed{Needs: []gate.Source{{Release: "base/prod@eu", Current: true, HealthySince: start}}})
	w.settle()
	if w.digest != "d2" {
		t.Errorf("the cluster holds %s", w.digest)
	}
}

// TestDiagnosis: what is not healthy for a while is looked into, and what is found is published.
func TestDiagnosis(t *testing.T) {
	w := kept(t)
	w.health = health.Progressing
	w.declare(w.target("c2", "d2", 2), settings())
	w.settle()
	w.now = w.now.Add(14 * time.Second)
	w.step(release.Timer{})
	if w.looking != nil {
		t.Fatal("it is looked into too early")
	}
	w.now = w.now.Add(time.Second)
	w.step(release.Timer{})
	if w.looking == nil {
		t.Fatal("it is not looked into")
	}
	w.step(release.Timer{})
	w.diagnosed(health.Reason{Code: health.ImagePull, Summary: "the image is not there"})
	if w.view.Cause == nil || w.view.Cause.Code != string(health.ImagePull) || w.view.Health != health.Stalled || !strings.Contains(w.view.Message, "the image is not there") {
		t.Errorf("published %+v", w.view)
	}
	w.now = w.now.Add(30 * time.Second)
	w.step(release.Timer{})
	if w.looking == nil {
		t.Error("it is not looked into again")
	}
}

// TestDrift: what others change is recorded once, corrected, and published.
func TestDrift(t *testing.T) {
	ref := plan.Ref{Namespace: "orders-prod", Name: "a"}
	ref.Kind = "ConfigMap"
	w := kept(t)
	w.step(release.MemberGone{Ref: ref})
	run := w.op.(release.Run)
	if diff := cmp.Diff(map[plan.Ref]plan.Vanished{ref: {At: w.now}}, run.Gone); diff != "" {
		t.Errorf("gone (-want +got):\n%s", diff)
	}
	ended := w.ran(run)
	ended.Open = []release.Drifted{{Ref: ref, At: w.now}}
	ended.Corrected = []release.Drifted{{Ref: plan.Ref{Name: "b"}, At: w.now}}
	w.op = nil
	w.step(ended)
	if diff := cmp.Diff([]release.Kind{release.Corrected, release.DriftSeen}, w.kinds()); diff != "" {
		t.Errorf("history (-want +got):\n%s", diff)
	}
	if len(w.view.Drifts) != 2 || w.view.Drifts[0].Corrected || !w.view.Drifts[1].Corrected {
		t.Errorf("published %+v", w.view.Drifts)
	}
	w.step(release.Nudged{})
	ended.Corrected = nil
	w.op = nil
	w.step(ended)
	if len(w.kinds()) != 2 {
		t.Errorf("drift that is still there is recorded again: %v", w.kinds())
	}
}

// TestHealthyBeforeARestart: a state that was healthy is not rolled back by a daemon that did not see it.
func TestHealthyBeforeARestart(t *testing.T) {
	w := newWorld(t)
	w.target("c1", "d1", 2)
	w.commit, w.digest, w.health = "c2", "d2", health.Failed
	w.memory.Healthy = []gate.Mark{{Commit: "c2", Digest: "d2", Since: start}, {Commit: "c1", Digest: "d1", Since: start}}
	w.step(release.Gained{})
	w.declare(w.target("c2", "d2", 2), settings())
	w.pass(time.Hour)
	if w.digest != "d2" || w.memory.Failed != nil || w.view.Health != health.Failed {
		t.Errorf("the cluster holds %s, in quarantine is %v, health %s", w.digest, w.memory.Failed, w.view.Health)
	}
}

// TestFights: a field that is corrected again and again is counted, in the next state only.
func TestFights(t *testing.T) {
	ref := plan.Ref{Namespace: "orders-prod", Name: "a"}
	w := kept(t)
	drift := []release.Drifted{{Ref: ref, Fields: []ownership.Field{{Path: field.Path{{Field: "data"}}, Manager: "kubectl"}}, At: w.now}}
	for n := 1; n <= 3; n++ {
		w.step(release.MemberGone{Ref: ref})
		ended := w.ran(w.op.(release.Run))
		ended.Corrected = drift
		release.Step(w.state, ended, w.now) // of which nobody takes the result
		w.op = nil
		w.step(ended)
		if got := w.view.Drifts[0].Rounds; n > 1 && got != n {
			t.Errorf("after %d corrections %d are counted", n, got)
		}
	}
	w.step(release.Nudged{})
	if run := w.op.(release.Run); len(run.Damped[ref]) != 1 {
		t.Errorf("after three rounds the field is left alone for a while; left alone are %v", run.Damped)
	}
}
