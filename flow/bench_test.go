// SPDX-License-Identifier: Apache-2.0

package flow

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"trunkline.dev/trunkline/api/lot"
	"trunkline.dev/trunkline/flow/plan"
	"trunkline.dev/trunkline/flow/survey"
)

// benched is the state of an environment whose two datasets have so many lots together, all of them there, with what a listing says.
func benched(b *testing.B, lots int) (*world, *state, *survey.Stock) {
	b.Helper()
	w := newWorld(b, func(now time.Time, tree fstest.MapFS) {
		since := now.Add(-time.Duration(lots/2) * 5 * time.Minute).Format(time.RFC3339)
		for _, f := range tree {
			text := strings.ReplaceAll(string(f.Data), "unit: hourly", "unit: Twelfths")
			f.Data = []byte(strings.ReplaceAll(text, now.Add(-hours*time.Hour).Format(time.RFC3339), since))
		}
	})
	s := planned(b, w)
	all := map[survey.At]survey.Lot{}
	for _, id := range s.graph.Datasets() {
		series, _ := s.graph.Series(id)
		for l := range lot.Range(series.Unit, series.Since, w.now) {
			all[survey.At{Series: id, Lot: l}] = survey.Lot{Mark: plan.Mark{State: plan.Complete, Written: l.End()}, ETag: "e"}
		}
	}
	if len(all) != lots {
		b.Fatalf("there are %d lots, want %d", len(all), lots)
	}
	stock := s.stockOf(b, all)
	s.takes(stock)
	s.plan(w.now)
	return w, s, stock
}

// sizes are how many lots an environment has.
var sizes = []int{1_000, 1_000_000}

// BenchmarkTurn is a turn of the loop in which nothing is due.
func BenchmarkTurn(b *testing.B) {
	for _, n := range sizes {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			w, s, _ := benched(b, n)
			for b.Loop() {
				s.plan(w.now)
				s.hold(w.now)
				if todo, _ := s.starts(w.now); len(todo) > 0 {
					b.Fatalf("%d runs are started", len(todo))
				}
			}
		})
	}
}

// BenchmarkOneLotGoes is from one manifest that is gone to the run that is to be started for it.
func BenchmarkOneLotGoes(b *testing.B) {
	for _, n := range sizes {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			w, s, all := benched(b, n)
			key := survey.At{Series: "orders/raw@1", Lot: lot.Twelfths.At(w.now.Add(-time.Hour))}
			for b.Loop() {
				s.saw(key, survey.Lot{})
				todo, _ := s.starts(w.now)
				if len(todo) != 1 {
					b.Fatalf("%d runs are started, want 1", len(todo))
				}
				s.done(done{work: todo[0], came: cameMade, lots: map[survey.At]survey.Lot{key: all.Lot(key)}}, w.now)
			}
		})
	}
}

// BenchmarkListing is taking a listing in which nothing is new: what is done of that in the loop, and beside it.
func BenchmarkListing(b *testing.B) {
	for _, n := range sizes {
		_, s, all := benched(b, n)
		b.Run(fmt.Sprint("loop/", n), func(b *testing.B) {
			for b.Loop() {
				s.list(all, nil)
				for s.took() {
				}
			}
		})
		b.Run(fmt.Sprint("beside/", n), func(b *testing.B) {
			other := s.stock.With(nil)
			for b.Loop() {
				if changed := s.stock.Changed(other); len(changed) > 0 {
					b.Fatalf("%d have changed", len(changed))
				}
			}
		})
	}
}

// BenchmarkAllChanged is taking a listing in which every lot is another, and how long the loop stops for a piece of it at most.
func BenchmarkAllChanged(b *testing.B) {
	for _, n := range sizes[1:] {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			_, s, all := benched(b, n)
			var m survey.Maker
			for _, id := range all.Datasets() {
				m.Dataset(id, all.Unit(id))
				for at, f := range all.Lots(id) {
					f.Written = f.Written.Add(time.Second)
					m.Add(survey.At{Series: id, Lot: at}, f)
				}
			}
			other := m.Stock()
			changed := s.stock.Changed(other)
			began := time.Now()
			s.list(other, changed)
			longest := time.Since(began)
			for more := true; more; {
				before := time.Now()
				more = s.took()
				longest = max(longest, time.Since(before))
			}
			for b.Loop() { // once
			}
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(float64(longest.Microseconds())/1000, "ms-longest")
			b.ReportMetric(time.Since(began).Seconds(), "s-all")
		})
	}
}

// BenchmarkNewCommit is taking a commit that changes nothing of the lots, by which the planner goes on, and one for which another is made:
// what is done of that in the loop, and beside it.
func BenchmarkNewCommit(b *testing.B) {
	for _, n := range sizes {
		w, s, _ := benched(b, n)
		b.Run(fmt.Sprint("turn/", n), func(b *testing.B) {
			for b.Loop() {
				s.redeclare(declare(w.catalog.Load(), "dev", ""))
				if s.turn(w.now); s.stale {
					b.Fatal("another planner is to be made")
				}
			}
		})
		b.Run(fmt.Sprint("loop/", n), func(b *testing.B) {
			for b.Loop() {
				s.redeclare(declare(w.catalog.Load(), "dev", ""))
				p := s.toPlan(w.now)
				b.StopTimer()
				made := p.do()
				b.StartTimer()
				s.planned(made, w.now)
			}
		})
		b.Run(fmt.Sprint("beside/", n), func(b *testing.B) {
			for b.Loop() {
				s.redeclare(declare(w.catalog.Load(), "dev", ""))
				s.toPlan(w.now).do()
			}
		})
	}
}
