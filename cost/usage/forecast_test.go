// SPDX-License-Identifier: Apache-2.0

package usage_test

import (
	"math/big"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/cost"
	"trunkline.dev/trunkline/cost/usage"
)

func TestForecast(t *testing.T) {
	nov := cost.Month{Year: 2026, Month: time.November}
	for name, tc := range map[string]struct {
		reason   string
		now      time.Time
		spent    int64
		recent   int64
		days     int
		declared *big.Rat
		want     usage.Outlook
	}{
		"Recent": {
			"Nine days and a half are left, and a day did cost 10.", noon, 200e9, 70e9, 7, nil,
			usage.Outlook{Month: nov, Spent: 200e9, ByRecent: 295e9, Recent: true},
		},
		"Declared": {
			"They are 19 of 60 halves of the month.", noon, 200e9, 0, 0, big.NewRat(600, 1),
			usage.Outlook{Month: nov, Spent: 200e9, ByDeclared: 390e9, Declared: true},
		},
		"Unknown": {"Of a first day nothing follows.", noon, 1e9, 0, 0, nil, usage.Outlook{Month: nov, Spent: 1e9}},
		"Nothing": {"If nothing was spent, that goes on.", noon, 0, 0, 7, new(big.Rat), usage.Outlook{Month: nov, Recent: true, Declared: true}},
		"Last": {
			"At the end of the month it is what was spent.", day("2026-12-01").Add(-1), 30e9, 7e9, 7, big.NewRat(31, 1),
			usage.Outlook{Month: nov, Spent: 30e9, ByRecent: 30e9, Recent: true, ByDeclared: 30e9, Declared: true},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got := usage.Forecast(tc.now, tc.spent, tc.recent, tc.days, tc.declared)
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s\n-want +got:\n%s", tc.reason, diff)
			}
		})
	}
}

func TestRecent(t *testing.T) {
	for name, tc := range map[string]struct {
		reason string
		began  time.Time
		want   string
		days   int
	}{
		"Week":    {"The last seven whole days.", day("2026-01-01"), "2026-11-14", 7},
		"Short":   {"Those that were counted as a whole.", day("2026-11-18").Add(time.Hour), "2026-11-19", 2},
		"Exactly": {"A day that was counted from its begin counts.", day("2026-11-18"), "2026-11-18", 3},
		"None":    {"There may be none.", noon.Add(-time.Hour), "2026-11-21", 0},
	} {
		t.Run(name, func(t *testing.T) {
			since, until, days := usage.Recent(tc.began, noon)
			if since.Format(time.DateOnly) != tc.want || days != tc.days || !until.Equal(day("2026-11-21")) {
				t.Errorf("%s\nfrom %s until %s, %d days; want from %s, %d", tc.reason, since, until, days, tc.want, tc.days)
			}
		})
	}
}

func TestAccuracy(t *testing.T) {
	got, known := usage.Accuracy([]usage.Estimated{{Estimate: 50e9, Actual: 60e9}, {Estimate: 38e9, Actual: 40e9}})
	if !known || got != -12 {
		t.Errorf("88 were estimated and 100 spent, which is 12 %% low: %v, %t", got, known)
	}
	if _, known := usage.Accuracy([]usage.Estimated{{Estimate: 5}}); known {
		t.Error("nothing was spent, so that nothing is known")
	}
}
