// SPDX-License-Identifier: Apache-2.0

package flow

import (
	"iter"
	"maps"
	"slices"
	"time"

	"trunkline.dev/trunkline/api/lot"
	"trunkline.dev/trunkline/flow/plan"
	"trunkline.dev/trunkline/flow/survey"
)

const (
	// mostTurned is how many lots may be looked at in the loop when something else is declared or known than before: they take some
	// milliseconds. For more, a planner is made beside the loop.
	mostTurned = 50_000
	// costOfRenewed is how many lots that are looked at take as long as one of which it has to be noted what is known.
	costOfRenewed = 4
)

// turn has the planner go on by what is declared and known by now, if not much of that is another: most commits change nothing that is
// planned by, or little of it. Otherwise nothing is started until one was made beside the loop, by [state.toPlan]. It returns what is to be
// written down of runs that ended while nobody looked.
func (s *state) turn(now time.Time) (todo []work) {
	if s.planner == nil || !s.outdated() {
		return nil
	}
	before := maps.Clone(s.runs)
	homes, g, missing := s.prepare(now)
	known, lots := s.renewals()
	s.planner.At(now)
	if !s.planner.Turn(plan.Turn{Graph: g, Replays: s.replays(), Known: known, Lots: lots * costOfRenewed}, mostTurned) {
		return nil
	}
	s.graph, s.missing, s.where = g, missing, whereOf(homes)
	for key := range before {
		if _, is := s.runs[key]; !is {
			s.planner.Forget(key.arc, key.lot)
		}
	}
	for key, r := range s.runs {
		if before[key] != r {
			s.planner.Ran(r)
		}
	}
	return s.goOn(now)
}

// renew notes that of some datasets something else is known as a whole than the planner was told.
func (s *state) renew(datasets ...string) {
	for _, id := range datasets {
		s.renewed[id] = true
	}
}

// renewals are the lots of the datasets of which something else is known, and how many they are at most.
func (s *state) renewals() (known map[string]iter.Seq2[lot.Lot, plan.Mark], lots int) {
	own := map[string][]lot.Lot{}
	if len(s.renewed) > 0 {
		for at := range s.own {
			if s.renewed[at.Series] {
				own[at.Series] = append(own[at.Series], at.Lot)
				lots++
			}
		}
	}
	known = map[string]iter.Seq2[lot.Lot, plan.Mark]{}
	for id := range s.renewed {
		lots += s.stock.Count(id)
		known[id] = func(yield func(lot.Lot, plan.Mark) bool) {
			for at, f := range s.stock.Lots(id) {
				if !yield(at, s.believed(survey.At{Series: id, Lot: at}, f).Mark) {
					return
				}
			}
			for _, at := range own[id] {
				if !yield(at, s.lot(survey.At{Series: id, Lot: at}).Mark) {
					return
				}
			}
		}
	}
	return known, lots
}

// forgotten are the datasets that were planned by, and are not wanted any more or are in another place by now.
func (s *state) forgotten(wanted func(dataset string) bool) []string {
	if s.graph == nil {
		return nil
	}
	return slices.DeleteFunc(append(s.graph.Datasets(), s.stock.Datasets()...), wanted)
}
