// SPDX-License-Identifier: Apache-2.0

package main

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jedib0t/go-pretty/v6/text"

	"trunkline.dev/trunkline/flow/plan"
	"trunkline.dev/trunkline/flow/report"
)

// shownIn is a table in a terminal, without its colours.
func shownIn[T any](c columns[T], all []T, width int) string {
	return "\n" + text.StripEscape(c.fitted(all, width)) + "\n"
}

// TestLotsInATerminal: in a terminal of 80 columns nothing is cut off that is of use, and what is plain takes one line.
func TestLotsInATerminal(t *testing.T) {
	written := time.Date(2026, 1, 2, 0, 5, 0, 0, time.UTC)
	lots := []report.Lot{
		{Lot: "20260101PT1H022", Start: written.Add(-125 * time.Minute), State: "complete", Written: &written, Status: plan.IsThere, Why: "there"},
		{
			Lot: "20260101PT1H023", Start: written.Add(-65 * time.Minute), State: "partial", Written: &written, Status: plan.IsFailed,
			Why: "orders/clean failed (attempt 2): it ended with exit code 3; tried again at 2026-01-02T00:07:00Z",
		},
	}
	summaries := []report.Summary{
		{Dataset: "orders/clean@1", TemporalUnit: "hourly", Known: true, TotalFound: 23, Range: 24, RangeGap: 1, LatestGap: 1, EarliestFound: "20260101PT1H000", LatestFound: "20260101PT1H022", Partial: 1},
		{Dataset: "orders/raw@1", TemporalUnit: "hourly", Known: true, TotalFound: 24, Range: 24, EarliestFound: "20260101PT1H000", LatestFound: "20260101PT1H023"},
	}
	gaps := []report.Gap{{Dataset: "revenue/daily@1", First: "20260107P1D000", Last: "20260108P1D000", Lots: 2, Cause: &report.Cause{Of: "orders/clean@1", Lot: "20260107P1D000", Why: "orders/clean is suspended"}}}
	for name, tc := range map[string]struct{ got, want string }{
		"lots at 80": {shownIn(lotTable, lots, 80), `
LOT               START              STATE      WRITTEN
20260101PT1H022   2026-01-01 22:00   complete   2026-01-02 00:05:00
20260101PT1H023   2026-01-01 23:00   partial    2026-01-02 00:05:00
  orders/clean failed (attempt 2): it ended with exit code 3; tried again at
  2026-01-02T00:07:00Z
`},
		"datasets at 80": {shownIn(summaryTable, summaries, 80), `
DATASET          UNIT     THERE      MISSING   EARLIEST          LATEST
orders/clean@1   hourly   23 of 24   1         20260101PT1H000   20260101PT1H022
  missing are 1 after; 1 partial
orders/raw@1     hourly   24 of 24   0         20260101PT1H000   20260101PT1H023
`},
		"datasets at 140": {shownIn(summaryTable, summaries, 140), `
DATASET          UNIT     THERE      MISSING   EARLIEST          LATEST            NOTE
orders/clean@1   hourly   23 of 24   1         20260101PT1H000   20260101PT1H022   missing are 1 after; 1 partial
orders/raw@1     hourly   24 of 24   0         20260101PT1H000   20260101PT1H023
`},
		"gaps at 80": {shownIn(gapTable, gaps, 80), `
DATASET           FIRST            LAST             LOTS
revenue/daily@1   20260107P1D000   20260108P1D000   2
  orders/clean@1 20260107P1D000: orders/clean is suspended
`},
		"gaps at 140": {shownIn(gapTable, gaps, 140), `
DATASET           FIRST            LAST             LOTS   WHY
revenue/daily@1   20260107P1D000   20260108P1D000   2      orders/clean@1 20260107P1D000: orders/clean is suspended
`},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, tc.got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}
