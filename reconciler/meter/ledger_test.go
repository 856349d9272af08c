// SPDX-License-Identifier: Apache-2.0

package meter_test

import (
	"errors"
	"fmt"
	"math/big"
	"slices"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/cost"
	"trunkline.dev/trunkline/cost/usage"
	"trunkline.dev/trunkline/reconciler/meter"
)

func TestThingsCountOnce(t *testing.T) {
	onBoth(t, func(t *testing.T, replica func() *meter.Ledger) {
		a, b := replica(), replica()
		write(t, a, pod("p", noon, 2*time.Hour, usage.Running))
		write(t, b, pod("p", noon, 2*time.Hour, usage.Running), pod("p", noon, 14*time.Hour, usage.Running))
		write(t, a, pod("p", noon, 3*time.Hour, usage.Running))
		check(t, "What is seen for longer counts, whoever saw it.", map[string]int64{"2026-11-21||||||": 12e9, "2026-11-22||||||": 2e9},
			amounts(query(t, b, all(usage.ByDay)).Rows))
		write(t, b, pod("p", noon, 11*time.Hour, usage.Ended))
		check(t, "An end that is known counts more, also where it was earlier.", map[string]int64{"2026-11-21||||||": 11e9},
			amounts(query(t, a, all(usage.ByDay)).Rows))
		write(t, replica(), pod("p", noon, 20*time.Hour, usage.Running), pod("p", noon, 10*time.Hour, usage.Ended))
		check(t, "A restart changes nothing.", map[string]int64{"2026-11-21||||||": 11e9}, amounts(query(t, a, all(usage.ByDay)).Rows))
	})
}

func TestTwoReplicasAtOnce(t *testing.T) {
	onBoth(t, func(t *testing.T, replica func() *meter.Ledger) {
		var running sync.WaitGroup
		for range 2 {
			l := replica()
			running.Go(func() {
				for hour := range 30 {
					certainty := usage.Running
					if hour == 29 {
						certainty = usage.Ended
					}
					if _, err := l.Write(t.Context(), "acme", []meter.Priced{pod("p", noon, time.Duration(hour+1)*time.Hour, certainty)}); err != nil {
						t.Error(err)
					}
				}
			})
		}
		running.Wait()
		check(t, "Both count the same pod.", map[string]int64{"2026-11-21||||||": 12e9, "2026-11-22||||||": 18e9}, amounts(query(t, replica(), all(usage.ByDay)).Rows))
	})
}

func TestQuery(t *testing.T) {
	onBoth(t, func(t *testing.T, replica func() *meter.Ledger) {
		l := replica()
		spot, other := pod("spot", noon, time.Hour, usage.Ended), pod("other", noon, 3*time.Hour, usage.Ended)
		spot.Spot = true
		other.Place.Project, other.Place.Environment, other.Cluster = "rates", "dev", "two"
		claim := pod("claim", noon, 24*time.Hour, usage.Running)
		claim.Kind, claim.Tariff.Steps = usage.Claim, []usage.Step{{PerHour: big.NewRat(1, 100)}}
		node := pod("node", noon, 4*time.Hour, usage.Running)
		node.Kind, node.Place = usage.Node, usage.Place{}
		unpriced := pod("unpriced", noon, time.Hour, usage.Ended)
		unpriced.Tariff.Steps[0].Unpriced = true
		write(t, l, spot, other, claim, node, unpriced)

		a := query(t, l, all(usage.ByProject))
		check(t, "What nodes have is not added to what is taken of them.", map[string]int64{"|||orders|||": 2_240_000_000, "|||rates|||": 3e9}, amounts(a.Rows))
		check(t, "The total is that of the rows.", int64(5_240_000_000), a.Total)
		check(t, "The share on spot machines, of claims, and what has no price.", []int64{1e9, 240_000_000, 1}, []int64{a.Rows[0].SpotNano, a.Rows[0].StorageNano, a.Rows[0].Unpriced})
		check(t, "What is idle is what pods do not take: claims take nothing of nodes.", map[string]int64{"|one|idle||||": 2e9}, amounts(a.Idle))
		for name, f := range map[string]struct {
			filter usage.Filter
			want   map[string]int64
		}{
			"Day":      {all(usage.ByDay, usage.ByKind), map[string]int64{"2026-11-21||pod||||": 5e9, "2026-11-21||claim||||": 120_000_000, "2026-11-22||claim||||": 120_000_000}},
			"Run":      {all(usage.ByRun), map[string]int64{"||||||load-spot": 1e9, "||||||load-other": 3e9, "||||||load-claim": 240_000_000, "||||||load-unpriced": 1e9}},
			"All":      {all(), map[string]int64{"||||||": 5_240_000_000}},
			"Project":  {usage.Filter{Platform: "acme", Since: noon.AddDate(0, 0, -1), Until: noon.AddDate(0, 0, 5), Place: usage.Place{Project: "rates"}}, map[string]int64{"||||||": 3e9}},
			"Platform": {usage.Filter{Platform: "other", Since: noon, Until: noon.AddDate(1, 0, 0)}, map[string]int64{}},
			"Until":    {usage.Filter{Platform: "acme", Since: noon.AddDate(0, 0, 1), Until: noon.AddDate(0, 0, 2), By: []usage.Dimension{usage.ByDay}}, map[string]int64{"2026-11-22||||||": 120_000_000}},
		} {
			check(t, name, f.want, amounts(query(t, l, f.filter).Rows))
		}
		foreign := pod("foreign", noon, time.Hour, usage.Ended)
		foreign.Tariff.Currency = "USD"
		write(t, l, foreign)
		var mixed *usage.MixedError
		if _, err := l.Query(t.Context(), all()); !errors.As(err, &mixed) || !slices.Equal(mixed.Currencies, []string{"EUR", "USD"}) {
			t.Errorf("Currencies are not added up: %v", err)
		}
		dollars := all()
		dollars.Currency = "USD"
		check(t, "One of them can be asked for.", map[string]int64{"||||||": 1e9}, amounts(query(t, l, dollars).Rows))
	})
}

func TestGaps(t *testing.T) {
	onBoth(t, func(t *testing.T, replica func() *meter.Ledger) {
		l := replica()
		since, err := l.Begin(t.Context(), "acme", "one", noon)
		if err != nil || !since.Equal(noon) {
			t.Fatal(since, err)
		}
		write(t, l, pod("stays", noon, time.Hour, usage.Running), pod("goes", noon, time.Hour, usage.Running), pod("ended", noon, time.Hour, usage.Ended))
		for hour, want := range []int64{0, 1, 0} {
			l := replica()
			if since, err := l.Begin(t.Context(), "acme", "one", noon.Add(time.Duration(hour)*time.Hour)); err != nil || !since.Equal(noon) {
				t.Errorf("Counting began once: %s, %v", since, err)
			}
			there := map[string]bool{"stays": true}
			if hour == 0 {
				there["goes"] = true
			}
			lost, err := l.Look(t.Context(), "acme", "one", noon.Add(time.Duration(hour)*time.Hour), there)
			if err != nil || lost != want {
				t.Errorf("at %d o'clock %d are lost, want %d: %v", hour, lost, want, err)
			}
		}
		check(t, "An hour in which nobody looked is told, with what ended in it.", []usage.Gap{
			{Cluster: "one", From: noon, Until: noon.Add(time.Hour), Lost: 1}, {Cluster: "one", From: noon.Add(time.Hour), Until: noon.Add(2 * time.Hour)},
		}, query(t, l, all()).Gaps)
		write(t, l, pod("goes", noon, 90*time.Minute, usage.Ended))
		check(t, "If its end is found after all, that counts.", int64(3_500_000_000), query(t, l, all()).Total)
	})
}

func TestFold(t *testing.T) {
	onBoth(t, func(t *testing.T, replica func() *meter.Ledger) {
		l := replica()
		old := noon.AddDate(0, 0, -80)
		write(t, l, pod("a", old, time.Hour, usage.Ended), pod("b", old, 2*time.Hour, usage.Ended), pod("ancient", noon.AddDate(-2, 0, 0), time.Hour, usage.Ended),
			pod("long", old, 79*24*time.Hour, usage.Running), pod("new", noon, time.Hour, usage.Ended))
		f := all(usage.ByDay, usage.ByWorkload)
		f.Since = noon.AddDate(-3, 0, 0)
		before := amounts(query(t, l, f).Rows)
		keep := meter.Retention{Days: 365 * 24 * time.Hour, Things: 60 * 24 * time.Hour}
		for range 3 {
			if err := replica().Fold(t.Context(), "acme", keep, noon); err != nil {
				t.Fatal(err)
			}
			// An API server may still have what ended long ago.
			write(t, replica(), pod("a", old, time.Hour, usage.Ended), pod("long", old, 79*24*time.Hour, usage.Running))
		}
		delete(before, noon.AddDate(-2, 0, 0).Format(time.DateOnly)+"|||||load|")
		check(t, "Sums of days stay as they were, but for what is older than is kept.", before, amounts(query(t, l, f).Rows))
		for run := range amounts(query(t, l, all(usage.ByRun)).Rows) {
			if run == "||||||load-a" || run == "||||||load-b" {
				t.Errorf("%s is kept for longer than it was to be", run)
			}
		}
		write(t, l, pod("long", old, 80*24*time.Hour, usage.Ended))
		check(t, "What is still there goes on: 36 hours of it, and one of another.", int64(37e9),
			query(t, l, usage.Filter{Platform: "acme", Since: noon.AddDate(0, 0, -1), Until: noon.AddDate(0, 0, 1)}).Total)
	})
}

func TestMeasure(t *testing.T) {
	onBoth(t, func(t *testing.T, replica func() *meter.Ledger) {
		l := replica()
		write(t, l, pod("p", noon, time.Hour, usage.Running))
		at := func(minute int) meter.Measured {
			return meter.Measured{Cluster: "one", UID: "p", At: noon.Add(time.Duration(minute) * time.Minute), MilliCoreSeconds: 1_800_000, MiBSeconds: 1024 * 1800}
		}
		for _, m := range [][]meter.Measured{{at(5), at(10)}, {at(10)}, {at(7)}, {{Cluster: "one", UID: "nobody", At: noon, MiBSeconds: 1}}, nil} {
			if err := replica().Measure(t.Context(), m); err != nil {
				t.Fatal(err)
			}
		}
		write(t, l, pod("p", noon, 2*time.Hour, usage.Ended))
		row := query(t, l, all()).Rows[0]
		check(t, "Each measurement counts once, beside what was requested.", []float64{2, 2, 1, 1}, []float64{row.CoreHours, row.GiBHours, row.UsedCoreHours, row.UsedGiBHours})
	})
}

func TestBills(t *testing.T) {
	onBoth(t, func(t *testing.T, replica func() *meter.Ledger) {
		l := replica()
		bill := usage.Bill{Account: "acme", Period: "2026-11-01", Currency: "EUR", Items: []usage.Item{{Day: "2026-11-02", Cluster: "one", Service: "EC2", Nano: 5}, {Day: "2026-11-02", Cluster: "one", Service: "EBS", Nano: 1}}}
		put := func(reason string, b usage.Bill, want bool) {
			t.Helper()
			if changed, err := l.Import(t.Context(), "acme", b); err != nil || changed != want {
				t.Errorf("%s: changed is %t, %v", reason, changed, err)
			}
		}
		put("A bill is kept.", bill, true)
		put("The same one changes nothing.", bill, false)
		bill.Items = []usage.Item{{Day: "2026-11-02", Cluster: "one", Service: "EC2", Nano: 6}}
		put("One that was corrected replaces it.", bill, true)
		other := bill
		other.Account = "other"
		put("Another account is billed beside it.", other, true)
		items, currency, err := l.Billed(t.Context(), "acme", noon.AddDate(0, -1, 0), noon)
		check(t, "What is billed.", append(bill.Items, other.Items...), items)
		if currency != "EUR" || err != nil {
			t.Error(currency, err)
		}
	})
}

func TestTypical(t *testing.T) {
	onBoth(t, func(t *testing.T, replica func() *meter.Ledger) {
		l := replica()
		for i, minutes := range []int{10, 11, 12, 90, 9} {
			check(t, "A few runs say nothing.", map[cost.WorkloadID]time.Duration{}, typical(t, l))
			write(t, l, pod(fmt.Sprint(i), noon.Add(time.Duration(i)*time.Hour), time.Duration(minutes)*time.Minute, usage.Ended))
		}
		write(t, l, pod("running", noon, time.Hour, usage.Running))
		check(t, "The median of those that ended says how long one takes.", map[cost.WorkloadID]time.Duration{
			{ReleaseID: catalog.ReleaseID{Project: "orders", Environment: "prod", Cluster: "one"}, Workload: "load"}: 11 * time.Minute,
		}, typical(t, l))
	})
}

func typical(t *testing.T, l *meter.Ledger) map[cost.WorkloadID]time.Duration {
	t.Helper()
	got, err := l.Typical(t.Context(), "acme", noon.AddDate(0, -1, 0))
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestEstimated(t *testing.T) {
	onBoth(t, func(t *testing.T, replica func() *meter.Ledger) {
		l := replica()
		for _, nano := range []int64{7e9, 9e9} {
			if err := l.Estimate(t.Context(), "acme", cost.MonthOf(noon), "EUR", map[[2]string]int64{{"orders", "prod"}: nano, {"rates", "prod"}: 1e9}); err != nil {
				t.Fatal(err)
			}
		}
		write(t, l, pod("p", noon, 8*time.Hour, usage.Ended))
		got, err := l.Estimated(t.Context(), "acme", cost.MonthOf(noon), cost.MonthOf(noon.AddDate(0, 1, 0)))
		if err != nil {
			t.Fatal(err)
		}
		check(t, "The first estimate of a month is held against what was spent.", []usage.Estimated{{Estimate: 7e9, Actual: 8e9}}, got)
	})
}

// TestStorm: whatever is heard of pods, in any order, twice, or not at all, the sums are those of what was known in the end.
func TestStorm(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l, done := inFile(t)
		defer done()
		var heard []meter.Priced
		want := int64(0)
		for i := range rapid.IntRange(1, 4).Draw(t, "pods") {
			began := noon.Add(time.Duration(rapid.IntRange(-60, 60).Draw(t, "began")) * time.Hour)
			hours := rapid.IntRange(1, 60).Draw(t, "hours")
			ended := rapid.Bool().Draw(t, "ended")
			last := usage.Running
			if ended {
				last = usage.Ended
			}
			uid := fmt.Sprint(i)
			heard = append(heard, pod(uid, began, time.Duration(hours)*time.Hour, last))
			want += int64(hours) * usage.Nano
			for range rapid.IntRange(0, 4).Draw(t, "more") {
				most := hours
				if ended {
					most += 30 // a watch may be behind
				}
				seen := rapid.IntRange(1, most).Draw(t, "seen")
				heard = append(heard, pod(uid, began, time.Duration(seen)*time.Hour, usage.Running))
			}
		}
		heard = rapid.Permutation(slices.Concat(heard, heard)).Draw(t, "heard")
		for len(heard) > 0 {
			n := rapid.IntRange(1, len(heard)).Draw(t, "at once")
			if _, err := l.Write(t.Context(), "acme", heard[:n]); err != nil {
				t.Fatal(err)
			}
			heard = heard[n:]
		}
		for _, by := range [][]usage.Dimension{nil, {usage.ByDay, usage.ByRun}, {usage.ByWorkload}} {
			a, err := l.Query(t.Context(), all(by...))
			if err != nil {
				t.Fatal(err)
			}
			if a.Total != want {
				t.Errorf("by %v it comes to %d, want %d", by, a.Total, want)
			}
		}
	})
}
