// SPDX-License-Identifier: Apache-2.0

package flow

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/flow/plan"
)

// TestWindowsHoldRuns: where the environment says so, no run is started outside of its windows and in its freezes, and at the end of
// each they are; elsewhere windows are for releases alone.
func TestWindowsHoldRuns(t *testing.T) {
	w := newWorld(t)
	day := w.now.Truncate(24*time.Hour).AddDate(0, 0, 1)
	at := func(hour int) time.Time { return day.Add(time.Duration(hour) * time.Hour) }
	const lots = `manifests: `
	freeze := fmt.Sprintf("\n  freezes: [{from: %q, until: %q, reason: the year's end}]", at(10).Format(time.RFC3339), at(12).Format(time.RFC3339))
	const windows = "\n  windows: [{schedule: \"0 8 * * *\", duration: 6h}]"
	for name, tc := range map[string]struct {
		reason, hold, rest string
		at                 int
		want               []plan.Hold
	}{
		"elsewhere":     {"nothing says that they hold runs", "", freeze, 11, nil},
		"in a freeze":   {"it holds", "holdRuns: true, ", freeze, 11, []plan.Hold{{By: `the freeze "the year's end"`, Until: at(12)}}},
		"after it":      {"the end does not belong to it", "holdRuns: true, ", freeze, 12, nil},
		"before":        {"the window has not opened", "holdRuns: true, ", windows, 7, []plan.Hold{{By: "the deploy windows", Until: at(8)}}},
		"in a window":   {"it is open", "holdRuns: true, ", windows, 8, nil},
		"once it ended": {"the next opens tomorrow", "holdRuns: true, ", windows, 14, []plan.Hold{{By: "the deploy windows", Until: at(32)}}},
	} {
		w.declare(lots, tc.hold+lots, "\n  clusters: [one]", "\n  clusters: [one]"+tc.rest)
		if diff := cmp.Diff(tc.want, Holds(w.catalog.Load(), "dev", at(tc.at))); diff != "" {
			t.Errorf("%s: %s: -want +got:\n%s", name, tc.reason, diff)
		}
	}

	w.declare(lots, "holdRuns: true, "+lots, "\n  clusters: [one]", "\n  clusters: [one]"+freeze)
	s := planned(t, w)
	for _, step := range []struct {
		what  string
		now   time.Time
		holds bool
	}{
		{"in the freeze", at(10), true},
		{"just before it ends", at(12).Add(-time.Nanosecond), true},
		{"when it ends", at(12), false},
	} {
		s.hold(step.now)
		todo, next := s.starts(step.now)
		if held := len(todo) == 0; held != step.holds {
			t.Errorf("%s %d runs are started", step.what, len(todo))
		}
		if step.holds && (next.IsZero() || next.After(at(12))) {
			t.Errorf("%s it is looked again at %s, and the freeze ends at %s", step.what, next, at(12))
		}
	}
}

// TestLimitsAreDeclared: a merge changes how many runs there are at a time.
func TestLimitsAreDeclared(t *testing.T) {
	w := newWorld(t)
	w.declare(`manifests: `, `limits: {runs: 3}, manifests: `)
	s := planned(t, w)
	todo, _ := s.starts(w.now)
	if len(todo) != 3 {
		t.Fatalf("%d runs are started, and 3 may be", len(todo))
	}
	w.declare(`manifests: `, `limits: {runs: 7}, manifests: `, "command: [run]", "command: [run], lots: {atOnce: 5}")
	s.redeclare(declare(w.catalog.Load(), "dev", ""))
	s.plan(w.now)
	if todo, _ = s.starts(w.now); len(todo) != 2 {
		t.Errorf("3 run, the workload may have 5, and %d more are started", len(todo))
	}
}
