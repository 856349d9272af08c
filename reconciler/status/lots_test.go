// SPDX-License-Identifier: Apache-2.0

package status_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/reconciler/status"
)

// TestSetLots: what there is of lots is said of releases that are on the board, whichever is known first, and a change is told once.
func TestSetLots(t *testing.T) {
	b := status.NewBoard(newClock().Now)
	set := func(release catalog.ReleaseID) {
		b.SetRelease(release, func(r *status.Release) { r.Result, r.Health = status.Applied, status.Healthy })
	}
	a, late := id("a", "dev", "one"), id("b", "dev", "one")
	set(a)
	all := map[catalog.ReleaseID]status.Lots{a: {Running: 1, Missing: 3}, late: {Late: 1}}
	b.SetLots(all)
	set(late)
	shown := func() map[string]*status.Lots {
		out := map[string]*status.Lots{}
		for _, r := range b.Snapshot().Releases {
			out[r.Project] = r.Lots
		}
		return out
	}
	if diff := cmp.Diff(map[string]*status.Lots{"a": {Running: 1, Missing: 3}, "b": {Late: 1}}, shown()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	for release, fine := range map[catalog.ReleaseID]bool{a: true, late: false} {
		if r, _ := b.Release(release); r.Fine() != fine {
			t.Errorf("%s is fine: %t", release, r.Fine())
		}
	}
	before := b.Snapshot().Revision
	b.SetLots(all)
	if after := b.Snapshot().Revision; after != before {
		t.Errorf("nothing changed, and the revision is %d after %d", after, before)
	}
	b.SetLots(nil)
	if diff := cmp.Diff(map[string]*status.Lots{"a": nil, "b": nil}, shown()); diff != "" {
		t.Errorf("nobody keeps lots any more: -want +got:\n%s", diff)
	}
	if changes := b.Changes(before, 10).Changes; len(changes) != 2 {
		t.Errorf("both changed, and told is %+v", changes)
	}
}

func TestLotsInWords(t *testing.T) {
	for want, lots := range map[string]status.Lots{
		"":                 {},
		"lots: 14 missing": {Missing: 14},
		"lots: 2 running, 1 failed, 3 missing; 1 dataset is late":  {Running: 2, Failed: 1, Missing: 3, Late: 1},
		"2 datasets are late; 1 workload is disabled":              {Late: 2, Disabled: 1},
		"lots: 1 missing; the store of 1 dataset cannot be listed": {Missing: 1, Unlisted: 1},
		"the stores of 2 datasets cannot be listed":                {Unlisted: 2},
	} {
		if got := lots.String(); got != want {
			t.Errorf("%+v is %q, want %q", lots, got, want)
		}
	}
}
