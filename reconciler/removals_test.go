// SPDX-License-Identifier: Apache-2.0

package reconciler

import (
	"fmt"
	"testing"

	"trunkline.dev/trunkline/catalog"
)

// TestAnApprovalCoversWhatWasSeen: releases that come to light after an approval are not part of it.
func TestAnApprovalCoversWhatWasSeen(t *testing.T) {
	release := func(cluster string, i int) catalog.ReleaseID {
		return catalog.ReleaseID{Project: fmt.Sprint(i), Environment: "prod", Cluster: cluster}
	}
	cases := map[string]struct {
		reason string
		later  func(r *removals)
		want   bool
	}{
		"Nothing": {"What was seen is approved.", func(*removals) {}, true},
		"Same":    {"A release that is found a second time is the same one.", func(r *removals) { r.add(release("a", 3)) }, true},
		"Cluster": {"A second cluster is reached.", func(r *removals) {
			for i := range 200 {
				r.add(release("b", i))
			}
		}, false},
		"One":       {"One more is one that nobody saw.", func(r *removals) { r.add(release("a", 6)) }, false},
		"Elsewhere": {"Another environment has its own approval.", func(r *removals) { r.add(catalog.ReleaseID{Project: "x", Environment: "dev", Cluster: "a"}) }, true},
		"Again": {"A later approval covers what is known by then.", func(r *removals) {
			r.add(release("a", 6))
			r.approve("prod", []catalog.ReleaseID{release("a", 6)})
		}, true},
		"Commit": {"The next commit has to be approved for itself.", func(r *removals) {
			r.begin(map[catalog.ReleaseID]bool{})
			for i := range 6 {
				r.add(release("a", i))
			}
		}, false},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			var r removals
			r.begin(map[catalog.ReleaseID]bool{})
			for i := range 6 {
				r.add(release("a", i))
			}
			var seen []catalog.ReleaseID
			for i := range 6 {
				seen = append(seen, release("a", i))
			}
			r.approve("prod", seen)
			tc.later(&r)
			if got := r.of("prod").Approved; got != tc.want {
				t.Errorf("%s approved: %t, want %t", tc.reason, got, tc.want)
			}
		})
	}
}
