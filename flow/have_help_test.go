// SPDX-License-Identifier: Apache-2.0

package flow

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"trunkline.dev/trunkline/flow/survey"
)

// stock makes a stock of lots of the datasets of an environment; of those of some of them, if any are named.
func (s *state) stockOf(t testing.TB, all map[survey.At]survey.Lot, only ...string) *survey.Stock {
	t.Helper()
	var m survey.Maker
	for id, where := range s.places {
		if len(only) == 0 || slices.Contains(only, id) {
			m.Dataset(id, where.unit)
		}
	}
	keys := slices.SortedFunc(maps.Keys(all), func(a, b survey.At) int {
		if c := strings.Compare(a.Series, b.Series); c != 0 {
			return c
		}
		return a.Lot.Compare(b.Lot)
	})
	for _, at := range keys {
		if len(only) > 0 && !slices.Contains(only, at.Series) {
			continue
		}
		if !m.Add(at, all[at]) {
			t.Fatalf("%v cannot be in a stock", at)
		}
	}
	return m.Stock()
}

// lists has the stores have been listed, and all of that taken.
func (s *state) lists(t testing.TB, all map[survey.At]survey.Lot) {
	t.Helper()
	s.takes(s.stockOf(t, all))
}

// takes takes a listing as a whole.
func (s *state) takes(lots *survey.Stock) {
	s.list(lots, s.stock.Changed(lots))
	for s.took() {
	}
	s.heard, s.recorded = true, true
}

// plan makes the planner at once, if it has to be made, or has it go on.
func (s *state) plan(now time.Time) []work {
	todo := s.turn(now)
	if p := s.toPlan(now); p != nil {
		return append(todo, s.planned(p.do(), now)...)
	}
	return todo
}
