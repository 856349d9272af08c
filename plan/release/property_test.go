// SPDX-License-Identifier: Apache-2.0

package release_test

import (
	"fmt"
	"reflect"
	"testing"
	"time"

	"pgregory.net/rapid"

	"trunkline.dev/trunkline/api/field"
	"trunkline.dev/trunkline/plan"
	"trunkline.dev/trunkline/plan/gate"
	"trunkline.dev/trunkline/plan/health"
	"trunkline.dev/trunkline/plan/ownership"
	"trunkline.dev/trunkline/plan/release"
)

// course is a random one: commits, people, replicas, clusters and clocks do what they like.
type course struct {
	*world

	commits int
	// last is the newest commit's target; nil if the project is suspended or the release is not rendered.
	last    *release.Target
	mine    bool
	removed bool
}

func (c *course) play(rt *rapid.T) {
	switch rapid.SampledFrom([]string{
		"commit", "same", "remove", "broken", "pause", "lose", "gain", "suspend", "resume", "reconcile", "rollback", "changed", "gone", "nudge",
		"answer", "answer", "answer", "fail", "terminal", "sicken", "heal", "observe", "time", "hour", "back", "approve", "diagnosed", "reshard",
	}).Draw(rt, "what") {
	case "commit":
		c.commits++
		t := c.target(fmt.Sprint("c", c.commits), fmt.Sprint("d", c.commits), rapid.IntRange(0, 12).Draw(rt, "objects"))
		c.last, c.removed = &t, false
		c.declare(t, settings())
	case "same":
		if c.last != nil && !c.last.Remove {
			c.commits++
			t := *c.last
			t.Commit = fmt.Sprint("c", c.commits)
			c.targets[t.Commit], c.last = t, &t
			c.declare(t, settings())
		}
	case "remove":
		c.commits++
		t := release.Target{Commit: fmt.Sprint("c", c.commits), Remove: true}
		c.last, c.removed = &t, true
		c.world.removed(t.Commit)
	case "broken":
		c.last, c.removed = nil, false
		c.step(release.NotRendered{Why: "x", Access: settings().Access})
	case "pause":
		c.last, c.removed = nil, false
		c.step(release.Paused{})
	case "lose":
		c.mine = false
		c.step(release.Lost{Owner: "r2"})
	case "gain":
		c.mine = true
		c.step(release.Gained{})
	case "suspend":
		c.act(release.Suspend)
	case "resume":
		c.act(release.Resume)
	case "reconcile":
		c.act(release.Reconcile)
	case "rollback":
		c.act(release.Rollback)
	case "changed":
		c.step(release.MemberChanged{Ref: c.ref(rt), Sight: release.Sight{Ours: rapid.StringMatching("[ab]").Draw(rt, "ours")}})
	case "gone":
		c.step(release.MemberGone{Ref: c.ref(rt)})
	case "nudge":
		c.step(release.Nudged{})
	case "answer":
		if c.op != nil {
			c.answer()
		}
	case "fail":
		if c.op != nil {
			c.fail(errBoom, false)
		}
	case "terminal":
		if c.op != nil {
			c.fail(errBoom, true)
		}
	case "sicken":
		c.health = rapid.SampledFrom([]health.State{health.Progressing, health.Stalled, health.Failed}).Draw(rt, "health")
	case "heal":
		c.health = health.Healthy
	case "observe":
		c.observe()
	case "time":
		c.now = c.now.Add(time.Duration(rapid.IntRange(0, 60_000).Draw(rt, "ms")) * time.Millisecond)
		c.step(release.Timer{})
	case "hour":
		c.now = c.now.Add(time.Hour)
		c.step(release.Timer{})
	case "back":
		c.now = c.now.Add(-time.Hour)
		c.step(release.Timer{})
	case "approve":
		c.step(release.Approved{Digest: c.state.Wanted()})
	case "diagnosed":
		if c.looking != nil {
			c.diagnosed(health.Reason{Code: health.ImagePull, Summary: "s"})
		}
	case "reshard":
		c.step(release.Resharded{})
	}
	c.check(rt)
}

func (c *course) ref(rt *rapid.T) plan.Ref {
	ref := plan.Ref{Namespace: "orders-prod", Name: rapid.StringMatching("[a-d]").Draw(rt, "name")}
	ref.Kind = "ConfigMap"
	return ref
}

// check holds what must be so after every step.
func (c *course) check(rt *rapid.T) {
	rt.Helper()
	for _, run := range c.runs {
		switch {
		case run.Target.Remove && !c.removed:
			rt.Fatal("a run removes what the newest commit declares")
		case run.Memory.Suspended != nil:
			rt.Fatal("a run of what is suspended")
		}
	}
	if len(c.runs) > 0 && !c.mine {
		rt.Fatal("a run of a release that another replica keeps")
	}
	c.runs = nil
	a, b := c.state.View(), c.state.View()
	if !reflect.DeepEqual(a, b) {
		rt.Fatal("reading the status changes it")
	}
	if !reflect.DeepEqual(a, c.view) && !reflect.DeepEqual(c.view, release.View{}) {
		rt.Fatalf("published is\n%+v, and it is\n%+v", c.view, a)
	}
}

// often checks a property twenty times as often as usual: a check takes less than a millisecond, and courses in which something
// goes wrong are rare.
func often(t *testing.T, property func(*rapid.T)) {
	t.Helper()
	for range 20 {
		rapid.Check(t, property)
	}
}

// TestNothingGetsStuck: whatever has happened, once everything works again and people let it, the release comes to the newest
// commit, and those who asked for something have their answer.
func TestNothingGetsStuck(t *testing.T) {
	often(t, func(rt *rapid.T) {
		c := &course{world: newWorld(rt)}
		for range rapid.IntRange(1, 40).Draw(rt, "steps") {
			c.play(rt)
			if c.retired {
				return // another one begins from nothing
			}
		}
		c.health, c.mine = health.Healthy, true
		c.step(release.Gained{})
		c.pass(time.Hour)
		c.act(release.Resume)
		c.act(release.Reconcile)
		c.step(release.Approved{Digest: c.state.Wanted()})
		c.pass(time.Hour)
		c.step(release.Approved{Digest: c.state.Wanted()})
		c.pass(time.Hour)
		for id := int64(1); id <= c.acts; id++ {
			if _, ok := c.replies[id]; !ok {
				rt.Fatalf("request %d has no answer", id)
			}
		}
		switch {
		case c.last == nil:
		case c.last.Remove:
			if !c.retired {
				rt.Fatalf("it is not removed: %+v", c.view)
			}
		case c.digest != c.last.Digest || c.view.Result != release.Applied || !c.progress.Current:
			rt.Fatalf("the newest commit is %s, the cluster holds %s: %+v", c.last.Digest, c.digest, c.view)
		}
	})
}

// TestStepIsAFunction: the same state, event and time give the same, and the state that a step is given does not change.
func TestStepIsAFunction(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		c := &course{world: newWorld(rt)}
		for range rapid.IntRange(1, 30).Draw(rt, "steps") {
			c.play(rt)
			if c.retired {
				return
			}
			e := rapid.SampledFrom([]release.Event{
				release.MemberGone{Ref: c.ref(rt)},
				release.MemberChanged{Ref: c.ref(rt), Sight: release.Sight{Ours: "z"}},
				release.Nudged{},
				release.Timer{},
				release.Act{ID: 99, Do: release.Suspend},
				release.Lost{},
				release.Counted{Removals: gate.Removals{Removed: 9, Of: 9}},
			}).Draw(rt, "event")
			if run, ok := c.op.(release.Run); ok && rapid.Bool().Draw(rt, "ended") {
				drift := []release.Drifted{{Ref: c.ref(rt), Fields: []ownership.Field{{Path: field.Path{{Field: "data"}}, Manager: "kubectl"}}, At: c.now}}
				e = release.Ended{
					Epoch: run.Epoch, Planned: true, Sights: map[plan.Ref]release.Sight{c.ref(rt): {}}, Corrected: drift, Open: drift,
				}
			}
			one, first := release.Step(c.state, e, c.now)
			two, second := release.Step(c.state, e, c.now)
			if !reflect.DeepEqual(one, two) || !reflect.DeepEqual(first, second) {
				rt.Fatalf("two steps by %T from one state differ:\n%+v\n%+v", e, first, second)
			}
		}
	})
}

// TestTheNewestCommitWins: whatever the order of commits and answers, a run towards an older commit is not begun once a newer
// one may be taken.
func TestTheNewestCommitWins(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w := kept(rt)
		newest := "d1"
		for i := range rapid.IntRange(1, 20).Draw(rt, "steps") {
			switch rapid.SampledFrom([]string{"commit", "answer", "fail"}).Draw(rt, "what") {
			case "commit":
				newest = fmt.Sprint("n", i)
				w.declare(w.target(newest, newest, 2), settings())
			case "answer":
				if w.op != nil {
					w.answer()
				}
			case "fail":
				if w.op != nil {
					w.fail(errBoom, false)
				}
			}
			if run, ok := w.op.(release.Run); ok && run.Target.Digest != newest && !w.canceled {
				rt.Fatalf("it runs towards %s, and the newest is %s", run.Target.Digest, newest)
			}
		}
		w.pass(time.Minute)
		if w.digest != newest {
			rt.Fatalf("the cluster holds %s, and the newest is %s", w.digest, newest)
		}
	})
}
