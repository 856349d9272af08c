// SPDX-License-Identifier: Apache-2.0

package plan_test

import (
	"testing"

	"trunkline.dev/trunkline/plan"
)

func TestTally(t *testing.T) {
	tally := func(maps, jobs int) plan.Tally {
		return plan.Tally{{Kind: "ConfigMap"}: maps, {Group: "batch", Kind: "Job"}: jobs}
	}
	for _, tc := range []struct {
		reason       string
		before, next plan.Tally
		sum, lost    int
	}{
		{"nothing has nothing to lose", nil, tally(1, 1), 0, 0},
		{"nothing is left", tally(2, 3), nil, 5, 5},
		{"as many are left, under whatever names", tally(2, 3), tally(2, 3), 5, 0},
		{"some of a kind", tally(2, 3), tally(2, 1), 5, 2},
		{"more of one kind make up for none of another", tally(2, 3), tally(9, 0), 5, 3},
		{"the group is part of a kind", plan.Tally{{Group: "a", Kind: "X"}: 2}, plan.Tally{{Group: "b", Kind: "X"}: 2}, 2, 2},
	} {
		if sum, lost := tc.before.Sum(), tc.before.Lost(tc.next); sum != tc.sum || lost != tc.lost {
			t.Errorf("%s: %d, of which %d are lost; want %d and %d", tc.reason, sum, lost, tc.sum, tc.lost)
		}
	}
}
