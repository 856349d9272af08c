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
