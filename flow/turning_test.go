// SPDX-License-Identifier: Apache-2.0

package flow

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/flow/plan"
	"trunkline.dev/trunkline/flow/survey"
)

// TestTurning: after a commit, the planner that there is goes on at once by what is declared and known, and says what one from nothing would.
func TestTurning(t *testing.T) {
	there := survey.Lot{Mark: plan.Mark{State: plan.Complete, Written: noon}, ETag: "a"}
	for reason, edit := range map[string]func(*world, *state){
		"nothing is another": func(*world, *state) {},
		"a lot came before it counted": func(w *world, s *state) {
			s.saw(survey.At{Series: "orders/raw@1", Lot: w.at(2)}, there)
		},
		"a dataset is elsewhere, and is listed there": func(w *world, s *state) {
			s.saw(survey.At{Series: "orders/raw@1", Lot: w.at(2)}, there)
			where := s.places["orders/raw@1"]
			s.places["orders/raw@1"] = kept{"s3://elsewhere/", where.unit}
			s.redeclare(declare(w.catalog.Load(), "dev", ""))
			s.takes(s.stockOf(t, map[survey.At]survey.Lot{{Series: "orders/raw@1", Lot: w.at(4)}: there}, "orders/raw@1"))
		},
		"a run has failed, as its manifest says": func(w *world, s *state) {
			at := survey.At{Series: "orders/raw@1", Lot: w.at(3)}
			s.own[at] = partial(s, at)
			s.renew("orders/raw@1")
		},
		"what a run has left, which had failed, is gone": func(w *world, s *state) {
			at := survey.At{Series: "orders/raw@1", Lot: w.at(3)}
			s.own[at] = partial(s, at)
			s.renew(at.Series)
			s.redeclare(declare(w.catalog.Load(), "dev", ""))
			s.turn(w.now)
			if len(s.runs) == 0 {
				t.Error("no run has failed")
			}
			delete(s.own, at)
			s.renew(at.Series)
		},
	} {
		w := newWorld(t)
		s := planned(t, w)
		edit(w, s)
		s.redeclare(declare(w.catalog.Load(), "dev", ""))
		if !s.stale {
			t.Errorf("%s: runs are started by what was declared", reason)
		}
		before := s.planner
		if s.turn(w.now); s.stale || s.planner != before {
			t.Errorf("%s: another planner is to be made", reason)
			continue
		}
		v := s.view()
		seen := v.seen()
		for _, run := range s.runs {
			seen.Run(run)
		}
		fresh := plan.New(s.graph, seen, s.limited(s.missing, s.held), w.now)
		if diff := cmp.Diff(fresh.Plan(), s.planner.Plan()); diff != "" {
			t.Errorf("%s: -from nothing +got:\n%s", reason, diff)
		}
	}
}

// partial is what the first attempt left that makes a lot, and has failed.
func partial(s *state, at survey.At) survey.Lot {
	arc, _ := s.graph.Arc(s.graph.Producer(at.Series))
	a := attempt{1, epoch(arc, at.Lot, s.lot), arc.Digest}
	return survey.Lot{Mark: plan.Mark{State: plan.Partial, Written: noon}, Partial: map[string]time.Time{a.String(): noon}}
}

// TestTurningIsNotForAll: what would stop the loop for long has a planner made beside it, and nothing is started until then.
func TestTurningIsNotForAll(t *testing.T) {
	w := newWorld(t)
	s := planned(t, w)
	all := map[survey.At]survey.Lot{}
	unit := s.places["orders/raw@1"].unit
	for n := range mostTurned/costOfRenewed + 1 {
		all[survey.At{Series: "orders/raw@1", Lot: unit.At(w.now.Add(-time.Duration(n+1) * unit.Duration()))}] = survey.Lot{Mark: plan.Mark{State: plan.Complete, Written: noon}}
	}
	s.stock = s.stock.Only(func(id string) bool { return id != "orders/raw@1" })
	s.takes(s.stockOf(t, all, "orders/raw@1"))
	s.turn(w.now)
	if p := s.toPlan(w.now); p == nil {
		t.Fatal("no planner is made")
	} else if todo, _ := s.starts(w.now); len(todo) > 0 {
		t.Errorf("%d runs are started", len(todo))
	} else if s.planned(p.do(), w.now); s.stale || len(s.renewed) > 0 {
		t.Error("the planner does not count that was made")
	}
}
