// SPDX-License-Identifier: Apache-2.0

package reconciler

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/catalog"
)

// TestAnApprovalCoversWhatWasSeen: releases that come to light after an approval are not part of it.
func TestAnApprovalCoversWhatWasSeen(t *testing.T) {
	release := func(cluster string, i int) catalog.ReleaseID {
		return catalog.ReleaseID{Project: fmt.Sprint(i), Environment: "prod", Cluster: cluster}
	}
	seen := func(n int) (ids []catalog.ReleaseID) {
		for i := range n {
			ids = append(ids, release("a", i))
		}
		return ids
	}
	cases := map[string]struct {
		reason string
		later  func(r *removals)
		// approved are those that may be removed then, of the six that were seen and of one more.
		approved []catalog.ReleaseID
		removed  int
	}{
		"Nothing": {"What was seen is approved.", func(*removals) {}, seen(6), 6},
		"Same":    {"A release that is found a second time is the same one.", func(r *removals) { r.add(release("a", 3)) }, seen(6), 6},
		"Cluster": {"A second cluster is reached.", func(r *removals) {
			for i := range 200 {
				r.add(release("b", i))
			}
		}, seen(6), 206},
		"One":       {"One more is one that nobody saw.", func(r *removals) { r.add(release("a", 6)) }, seen(6), 7},
		"Replica":   {"One that another replica keeps was not shown here.", func(r *removals) { r.add(release("c", 0)) }, seen(6), 7},
		"Elsewhere": {"Another environment has its own approval.", func(r *removals) { r.add(catalog.ReleaseID{Project: "x", Environment: "dev", Cluster: "a"}) }, seen(6), 6},
		"Again": {"A later approval covers what is known by then.", func(r *removals) {
			r.add(release("a", 6))
			r.approve("prod", []catalog.ReleaseID{release("a", 6)})
		}, seen(7), 7},
		"OtherEnvironment": {"An approval of another environment is none of this.", func(r *removals) {
			r.add(release("a", 6))
			r.approve("dev", []catalog.ReleaseID{release("a", 6)})
		}, seen(6), 7},
		"Commit": {"The next commit has to be approved for itself.", func(r *removals) {
			r.begin(map[catalog.ReleaseID]bool{})
			for _, id := range seen(6) {
				r.add(id)
			}
		}, nil, 6},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			var r removals
			r.begin(map[catalog.ReleaseID]bool{})
			for _, id := range seen(6) {
				r.add(id)
			}
			r.approve("prod", seen(6))
			tc.later(&r)
			var approved []catalog.ReleaseID
			for _, id := range append(seen(7), release("b", 0), release("c", 0)) {
				if r.of(id).Approved {
					approved = append(approved, id)
				}
			}
			if diff := cmp.Diff(tc.approved, approved); diff != "" {
				t.Errorf("%s\n-want +approved:\n%s", tc.reason, diff)
			}
			if got := r.of(release("a", 0)).Removed; got != tc.removed {
				t.Errorf("%s\n%d are counted, want %d", tc.reason, got, tc.removed)
			}
		})
	}
}
