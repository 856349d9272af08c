// SPDX-License-Identifier: Apache-2.0

package plan_test

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	"trunkline.dev/trunkline/api/lot"
	"trunkline.dev/trunkline/flow/plan"
)

// large is a platform of so many workloads in chains of five, each with so many hourly lots at the time that it
// returns; every fifth reads a day's window.
func large(workloads, lots int) (*plan.Graph, time.Time) {
	since := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	var all []plan.Series
	var arcs []plan.Arc
	for i := range workloads {
		chain := i / 5
		all = append(all, plan.Series{ID: fmt.Sprintf("p/d-%03d@1", i), Unit: lot.Hourly, Since: since})
		read := plan.Read{Role: "main", Series: fmt.Sprintf("p/d-%03d@1", i-1), Lots: 1, Trigger: true, Recompute: true}
		if i%5 == 0 {
			read.Series = fmt.Sprintf("p/raw-%03d@1", chain)
			all = append(all, plan.Series{ID: read.Series, Unit: lot.Hourly, Since: since.AddDate(0, 0, -1), External: true})
		}
		if i%5 == 4 {
			read.Lots, read.Series = 24, fmt.Sprintf("p/raw-%03d@1", chain)
		}
		arcs = append(arcs, plan.Arc{ID: fmt.Sprintf("p/w-%03d", i), Writes: []string{fmt.Sprintf("p/d-%03d@1", i)}, Reads: []plan.Read{read}})
	}
	return plan.NewGraph(all, arcs), since.Add(time.Duration(lots) * time.Hour)
}

// filled is what is seen if each lot up to a time is there, but for one of each so many that are computed; 0 for all.
func filled(g *plan.Graph, now time.Time, gap int) *plan.Seen {
	seen := &plan.Seen{}
	for _, id := range g.Datasets() {
		s, _ := g.Series(id)
		n := 0
		for l := range lot.Range(s.Unit, s.Since, now) {
			if n++; gap == 0 || n%gap != 0 || s.External {
				seen.Lot(id, l, plan.Mark{State: plan.Complete, Written: l.End().Add(time.Minute)})
			}
		}
	}
	return seen
}

// BenchmarkFromNothing plans a million lots from nothing: when most are there, and when only what comes from outside is.
func BenchmarkFromNothing(b *testing.B) {
	for _, there := range []bool{true, false} {
		b.Run(fmt.Sprintf("there=%v", there), func(b *testing.B) {
			g, now := large(200, 5000)
			b.ReportAllocs()
			var before, after runtime.MemStats
			for b.Loop() {
				b.StopTimer()
				runtime.GC()
				runtime.ReadMemStats(&before)
				seen := filled(g, now, 1000)
				if !there {
					seen = outside(g, now)
				}
				b.StartTimer()
				p := plan.New(g, seen, plan.Limits{}, now)
				out := p.Plan()
				b.StopTimer()
				if len(out.Starts) == 0 {
					b.Fatal("nothing to start")
				}
				runtime.ReadMemStats(&after)
				b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/(1<<20), "MB-held")
				b.ReportMetric(float64(len(out.Starts)), "starts")
				runtime.KeepAlive(p)
				b.StartTimer()
			}
		})
	}
}

func outside(g *plan.Graph, now time.Time) *plan.Seen {
	seen := &plan.Seen{}
	for _, id := range g.Datasets() {
		if s, _ := g.Series(id); s.External {
			for l := range lot.Range(s.Unit, s.Since, now) {
				seen.Lot(id, l, plan.Mark{State: plan.Complete, Written: l.End().Add(time.Minute)})
			}
		}
	}
	return seen
}

// BenchmarkOneManifest has one lot of the middle of the past written again, and plans: at a thousand lots as
// at ten million.
func BenchmarkOneManifest(b *testing.B) {
	for _, lots := range []int{5, 50, 500, 5000, 50_000} {
		b.Run(fmt.Sprintf("lots=%d", 200*lots), func(b *testing.B) {
			g, now := large(200, lots)
			p := plan.New(g, filled(g, now, 0), plan.Limits{AtOnce: 100, PerArc: 10}, now)
			l := lot.Hourly.At(now.Add(-time.Duration(lots/2) * time.Hour))
			i := 0
			for b.Loop() {
				i++
				p.Saw("p/raw-020@1", l, plan.Mark{State: plan.Complete, Written: now.Add(time.Duration(i) * time.Second)})
				p.Plan()
			}
		})
	}
}

// BenchmarkIdleTick moves the clock by less than a lot, and plans.
func BenchmarkIdleTick(b *testing.B) {
	for _, lots := range []int{5, 50, 500, 5000, 50_000} {
		b.Run(fmt.Sprintf("lots=%d", 200*lots), func(b *testing.B) {
			g, now := large(200, lots)
			p := plan.New(g, filled(g, now, 0), plan.Limits{AtOnce: 100, PerArc: 10}, now)
			i := 0
			for b.Loop() {
				i++
				p.At(now.Add(time.Duration(i)))
				p.Plan()
			}
		})
	}
}

// BenchmarkWhy asks why of every lot, when 400,000 of them are about to be started.
func BenchmarkWhy(b *testing.B) {
	g, now := large(200, 5000)
	p := plan.New(g, outside(g, now), plan.Limits{}, now)
	for b.Loop() {
		for _, id := range g.Datasets() {
			s, _ := g.Series(id)
			for l := range lot.Range(s.Unit, s.Since, now) {
				p.Why(id, l)
			}
		}
	}
}

// BenchmarkTallies counts what there is of 200 datasets, a million lots.
func BenchmarkTallies(b *testing.B) {
	g, now := large(200, 5000)
	p := plan.New(g, filled(g, now, 50), plan.Limits{}, now)
	ids := g.Datasets()
	for b.Loop() {
		for _, id := range ids {
			p.Tally(id)
		}
	}
}
