// SPDX-License-Identifier: Apache-2.0

package release_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/plan/gate"
	"trunkline.dev/trunkline/plan/health"
	"trunkline.dev/trunkline/plan/release"
)

// TestActsOnHolds asks for everything of a release that is held in every way: what is asked for is done, or refused with what to do
// instead. What nothing would come of is refused.
func TestActsOnHolds(t *testing.T) {
	frozen, closed := settings(), settings()
	frozen.Schedule = schedule(v1alpha1.EnvironmentSpec{Freezes: []v1alpha1.Freeze{{From: at(-time.Hour), Until: at(time.Hour), Reason: "sale"}}})
	closed.Schedule = schedule(v1alpha1.EnvironmentSpec{Windows: []v1alpha1.DeployWindow{{Schedule: "0 3 * * 0", Duration: v1alpha1.Duration(time.Hour)}}})
	const (
		byHand    = "it is suspended by ann: incident 7: resume it first"
		byProject = `its project suspends it: take "suspend: true" out of its declaration`
		neither   = "it is not suspended by hand"
		noState   = "no other state is known"
		notKept   = "not being kept in any state"
	)
	healthy := func(w *world) { // at c2, after c1
		w.declare(w.target("c2", "d2", 2), settings())
		w.settle()
	}
	for name, tc := range map[string]struct {
		reason string
		do     func(w *world)
		hold   gate.Rule
		// What is refused, and in which words; what is not here is done.
		refused map[release.Do]string
	}{
		"Nothing": {"Nothing holds it, and nothing was there before.", func(*world) {}, "", map[release.Do]string{release.Resume: neither, release.Rollback: noState}},
		"Before":  {"There is a state to go back to.", healthy, "", map[release.Do]string{release.Resume: neither}},
		"Freeze": {"A freeze holds what is new; what is in place is kept.", func(w *world) {
			healthy(w)
			w.declare(w.target("c3", "d3", 2), frozen)
		}, gate.Frozen, map[release.Do]string{release.Resume: neither}},
		"Window": {"So does a window that is closed.", func(w *world) {
			healthy(w)
			w.declare(w.target("c3", "d3", 2), closed)
		}, gate.Closed, map[release.Do]string{release.Resume: neither}},
		"Promotion": {"And an environment that goes first.", func(w *world) {
			healthy(w)
			w.step(release.Declared{Target: w.target("c3", "d3", 2), Settings: settings(), Sources: []gate.Source{{Release: "orders/dev@eu"}}})
		}, gate.Promotion, map[release.Do]string{release.Resume: neither}},
		"DependsOn": {"And a project that goes first.", func(w *world) {
			healthy(w)
			w.step(release.Declared{Target: w.target("c3", "d3", 2), Settings: settings(), Needs: []gate.Source{{Release: "base/prod@eu"}}})
		}, gate.Depends, map[release.Do]string{release.Resume: neither}},
		"Removals": {"A removal that waits for an approval leaves what is in place.", func(w *world) {
			healthy(w)
			w.step(release.Declared{Target: release.Target{Commit: "c3", Remove: true}, Settings: settings(), Removals: &gate.Removals{Environment: "prod", Removed: 8, Of: 10, Max: 10}})
		}, gate.ManyRemoved, map[release.Do]string{release.Resume: neither}},
		"Quarantine": {"What was rolled back is not tried again, until someone asks for it.", func(w *world) {
			healthy(w)
			w.act(release.Rollback)
			w.settle()
		}, gate.Quarantined, map[release.Do]string{release.Resume: neither, release.Rollback: noState}},
		"Suspended": {"Whoever asks for something of what is left alone is told to resume it.", func(w *world) {
			healthy(w)
			w.act(release.Suspend)
			w.settle()
		}, gate.Suspended, map[release.Do]string{release.Reconcile: byHand, release.Rollback: byHand}},
		"Project": {"Or to change the declaration, which no act by hand is stronger than.", func(w *world) {
			healthy(w)
			w.step(release.Paused{Namespace: "orders-prod", Owner: "team"})
			w.settle()
		}, "", map[release.Do]string{release.Resume: byProject, release.Reconcile: byProject, release.Rollback: byProject}},
		"Both": {"One after the other.", func(w *world) {
			healthy(w)
			w.act(release.Suspend)
			w.step(release.Paused{Namespace: "orders-prod", Owner: "team"})
			w.settle()
		}, gate.Suspended, map[release.Do]string{release.Reconcile: byHand, release.Rollback: byHand}},
		"Removed": {"What is on its way out is in no state that it could go back from.", func(w *world) {
			healthy(w)
			w.health = health.Progressing
			w.removed("c3")
		}, "", map[release.Do]string{release.Resume: neither, release.Rollback: notKept}},
	} {
		for _, do := range []release.Do{release.Suspend, release.Resume, release.Reconcile, release.Rollback} {
			t.Run(name+"/"+string(do), func(t *testing.T) {
				w := kept(t)
				tc.do(w)
				if got := w.state.Verdict.Hold; got != tc.hold && tc.hold != "" {
					t.Fatalf("%s\nit is held by %q, want %q", tc.reason, got, tc.hold)
				}
				before := w.memory.String()
				id := w.act(do)
				err, answered := w.replies[id]
				want, refused := tc.refused[do]
				switch {
				case !refused && answered && err != nil:
					t.Errorf("%s\nrefused: %v", tc.reason, err)
				case refused && (!errors.Is(err, release.ErrRefused) || !strings.Contains(err.Error(), want)):
					t.Errorf("%s\nanswered %t with %v, want %q", tc.reason, answered, err, want)
				case refused && w.memory.String() != before:
					t.Errorf("what was refused is remembered: %s, before %s", w.memory, before)
				case refused && strings.Count(err.Error(), "cannot")+strings.Count(err.Error(), "not possible") > 1:
					t.Errorf("it is said twice that it cannot be done: %v", err)
				}
			})
		}
	}
}
