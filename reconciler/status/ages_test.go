// SPDX-License-Identifier: Apache-2.0

package status_test

import (
	"testing"
	"time"

	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/reconciler/status"
)

// TestAgesOutliveTheDaemon: a release that is found as it was is as old as it was, whether the ages or the release are known
// first.
func TestAgesOutliveTheDaemon(t *testing.T) {
	type state struct {
		result status.Result
		health status.Health
		commit string
	}
	pending, progressing, healthy := state{status.Pending, status.Unknown, ""}, state{status.Applied, status.Progressing, "1"}, state{status.Applied, status.Healthy, "1"}
	cases := map[string]struct {
		reason string
		states []state
		old    bool
	}{
		"AsItWas":   {"It is found healthy after a while.", []state{pending, progressing, healthy}, true},
		"Pending":   {"Nothing is known yet.", []state{pending}, false},
		"Newer":     {"Another commit is in place.", []state{pending, {status.Applied, status.Healthy, "2"}}, false},
		"Unhealthy": {"It is found unhealthy, and becomes healthy again.", []state{{status.Applied, status.Unhealthy, "1"}, healthy}, false},
		"Again":     {"It becomes unhealthy later, and healthy again.", []state{healthy, {status.Applied, status.Stalled, "1"}, healthy}, false},
	}
	for name, tc := range cases {
		for _, late := range []bool{false, true} {
			c := newClock()
			b := status.NewBoard(c.Now)
			r := id("a", "dev", "one")
			old := c.now.Add(-24 * time.Hour)
			recall := func() { b.Recall(map[catalog.ReleaseID]status.Age{r: {Commit: "1", Since: old}}) }
			if !late {
				recall()
			}
			for i, s := range tc.states {
				c.now = c.now.Add(time.Minute)
				b.SetRelease(r, func(shown *status.Release) { shown.Result, shown.Health, shown.Commit = s.result, s.health, s.commit })
				if late && i == 0 {
					recall()
				}
			}
			if got, _ := b.Release(r); got.Since.Equal(old) != tc.old {
				t.Errorf("%s, ages known late: %v: %s It is as it is since %s", name, late, tc.reason, got.Since)
			}
		}
	}
}
