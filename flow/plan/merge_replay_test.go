// SPDX-License-Identifier: Apache-2.0

package plan_test

import (
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/flow/plan"
)

// TestMergeOfReplays is which lots a merge has made once more, at ten past noon of the third day.
func TestMergeOfReplays(t *testing.T) {
	now := epoch.AddDate(0, 0, 2).Add(12*time.Hour + 10*time.Minute)
	const at = "path: lake://orders/clean/,"
	replay := func(id, from, until, more string) string {
		return fmt.Sprintf(`{id: %s, from: "2026-03-%s:00:00Z", until: "2026-03-%s:00:00Z", reason: test%s}`, id, from, until, more)
	}
	with := func(replays string, pairs ...string) map[string]string {
		files := maps.Clone(declared)
		pairs = append(pairs, at, at+" replay: ["+replays+"],")
		for i := 0; i < len(pairs); i += 2 {
			files["orders.yaml"] = strings.ReplaceAll(files["orders.yaml"], pairs[i], pairs[i+1])
		}
		return files
	}
	cases := map[string]struct {
		reason     string
		base, head map[string]string
		want       []string
	}{
		"New": {
			"in each environment in which the workload runs", declared, with(replay("one", "02T00", "02T06", "")),
			[]string{"prod orders/clean makes 6 again from 20260302PT1H000 to 20260302PT1H005 by one of orders/clean@2"},
		},
		"Declared": {"a replay that was declared has nothing made", with(replay("one", "02T00", "02T06", "")), with(replay("one", "02T00", "02T06", "")), nil},
		"Narrower": {"nor one of fewer lots", with(replay("one", "02T00", "02T06", "")), with(replay("one", "02T01", "02T05", "")), nil},
		"Gone":     {"nor one that is not declared any more", with(replay("one", "02T00", "02T06", "")), declared, nil},
		"Wider": {
			"only what is new of it", with(replay("one", "02T02", "02T04", "")), with(replay("one", "02T00", "02T06", "")),
			[]string{"prod orders/clean makes 4 again from 20260302PT1H000 to 20260302PT1H005 by one of orders/clean@2"},
		},
		"Cascade": {
			"with the days that are made of the hours", declared, with(replay("one", "02T00", "02T06", ", cascade: true")),
			[]string{
				"prod orders/clean makes 6 again from 20260302PT1H000 to 20260302PT1H005 by one of orders/clean@2",
				"prod orders/sum makes 1 again from 20260302P1D000 to 20260302P1D000 by one of orders/clean@2",
			},
		},
		"CascadeLater": {
			"what is downstream alone is new", with(replay("one", "02T00", "02T06", "")), with(replay("one", "02T00", "02T06", ", cascade: true")),
			[]string{"prod orders/sum makes 1 again from 20260302P1D000 to 20260302P1D000 by one of orders/clean@2"},
		},
		"Bounds": {
			"what is not due or not declared is not made", declared, with(replay("one", "01T00", "09T00", "")),
			[]string{"prod orders/clean makes 36 again from 20260302PT1H000 to 20260303PT1H011 by one of orders/clean@2"},
		},
		"WithBackfill": {
			"what is computed for the first time is not made once more", declared,
			with(replay("one", "01T12", "02T06", ""), `retention: 90d, lots: {unit: hourly, since: "2026-03-02T`, `retention: 90d, lots: {unit: hourly, since: "2026-03-01T`),
			[]string{
				"prod orders/clean computes 24 from 20260301PT1H000 to 20260301PT1H023",
				"prod orders/clean makes 6 again from 20260302PT1H000 to 20260302PT1H005 by one of orders/clean@2",
			},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			base := load(t, tc.base)
			heads := []*catalog.Catalog{load(t, tc.head)}
			if tc.base["orders.yaml"] == declared["orders.yaml"] {
				heads = append(heads, updated(t, base, tc.head))
			}
			for _, head := range heads {
				var got []string
				for _, c := range plan.Merge(base, head, now).Compute {
					verb, by := "computes %d", ""
					if c.Replay != "" {
						verb, by = "makes %d again", " by "+c.Replay
					}
					got = append(got, fmt.Sprintf("%s %s "+verb+" from %s to %s%s", c.Environment, c.Arc, c.Lots, c.First, c.Last, by))
				}
				if diff := cmp.Diff(tc.want, got); diff != "" {
					t.Errorf("%s (-want +got):\n%s", tc.reason, diff)
				}
			}
		})
	}
}

// TestLasts is how long lots take at the limits.
func TestLasts(t *testing.T) {
	c := plan.Compute{Lots: 25, Each: time.Minute, AtOnce: 10}
	if c.Lasts() != 3*time.Minute || c.Takes() != 25*time.Minute {
		t.Errorf("25 minutes of runs, 10 at a time, take %s of %s", c.Lasts(), c.Takes())
	}
	if c.AtOnce = 0; c.Lasts() != 0 {
		t.Error("without a limit nothing is said")
	}
}
