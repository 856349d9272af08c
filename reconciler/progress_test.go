// SPDX-License-Identifier: Apache-2.0

package reconciler

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/plan/gate"
	"trunkline.dev/trunkline/plan/release"
)

// TestFollowing: a release is told of what it waits for now, and of nothing that it waited for before.
func TestFollowing(t *testing.T) {
	one, two := catalog.ReleaseID{Project: "one"}, catalog.ReleaseID{Project: "two"}
	var p progress
	a := &actor{box: newMailbox()}
	follow := func(f follows) { p.follow(a, f, func(_, _ []gate.Source) {}) }
	told := func() (events []release.Event) {
		for _, m := range a.box.take() {
			events = append(events, m.event)
		}
		return events
	}
	source := func(id catalog.ReleaseID, current bool) []gate.Source {
		return []gate.Source{{Release: id.String(), Current: current}}
	}
	none := []gate.Source{}

	follow(follows{sources: []catalog.ReleaseID{one}})
	p.set(one, true, time.Time{})
	if diff := cmp.Diff([]release.Event{release.Progressed{Sources: source(one, true), Needs: none}}, told()); diff != "" {
		t.Errorf("what it waits for (-want +got):\n%s", diff)
	}
	p.set(one, true, time.Time{})
	if got := told(); got != nil {
		t.Errorf("told of nothing new: %v", got)
	}
	follow(follows{needs: []catalog.ReleaseID{two}})
	p.set(one, false, time.Time{})
	if got := told(); got != nil {
		t.Errorf("told of what it does not wait for any more: %v", got)
	}
	p.set(two, true, time.Time{})
	if diff := cmp.Diff([]release.Event{release.Progressed{Sources: none, Needs: source(two, true)}}, told()); diff != "" {
		t.Errorf("what it waits for since (-want +got):\n%s", diff)
	}
	p.forget(a)
	p.set(two, false, time.Time{})
	if got := told(); got != nil {
		t.Errorf("told although it waits for nobody: %v", got)
	}
}

// TestFollowingWhileACommitIsHandedOut: a follower that does not have the commit yet hears of no success with it, and all of what it
// missed in the end.
func TestFollowingWhileACommitIsHandedOut(t *testing.T) {
	one, two := catalog.ReleaseID{Project: "one"}, catalog.ReleaseID{Project: "two"}
	since := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	var p progress
	behind, level := &actor{box: newMailbox()}, &actor{box: newMailbox()}
	both := follows{sources: []catalog.ReleaseID{one, two}}
	follow := func(a *actor) (sources []gate.Source) {
		p.follow(a, both, func(s, _ []gate.Source) { sources = s })
		return sources
	}
	last := func(a *actor) (sources []gate.Source) {
		for _, m := range a.box.take() {
			sources = m.event.(release.Progressed).Sources
		}
		return sources
	}
	of := func(id catalog.ReleaseID, current bool, since time.Time) gate.Source {
		return gate.Source{Release: id.String(), Current: current, HealthySince: since}
	}
	check := func(what string, got, want []gate.Source) {
		t.Helper()
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", what, diff)
		}
	}
	follow(behind)
	follow(level)
	p.begin()
	p.handed(one)
	p.set(one, true, since)
	check("with the newer commit it is fine, which says nothing of the older one", last(behind), []gate.Source{of(one, false, time.Time{}), of(two, false, time.Time{})})
	p.set(two, true, since)
	check("with the older commit it is fine", last(behind), []gate.Source{of(one, false, time.Time{}), of(two, true, since)})
	check("who gets the commit sees all", follow(level), []gate.Source{of(one, true, since), of(two, true, since)})
	last(level)
	p.set(one, true, since.Add(1))
	check("and hears all", last(level), []gate.Source{of(one, true, since.Add(1)), of(two, true, since)})
	last(behind)
	p.settle()
	check("in the end so does who is not changed by the commit", last(behind), []gate.Source{of(one, true, since.Add(1)), of(two, true, since)})
	check("who knew it is told nothing", last(level), nil)
}
