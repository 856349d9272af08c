// SPDX-License-Identifier: Apache-2.0

package flow

import (
	"maps"
	"slices"
	"time"

	"trunkline.dev/trunkline/api/lot"
	"trunkline.dev/trunkline/flow/plan"
)

// Dataset is what there is of a dataset in an environment.
type Dataset struct {
	// Cluster is where its lots are made, or, if that is nowhere, the first of the environment.
	Environment, Cluster string
	// Dataset is the id, and Workload that of the one that makes its lots; empty if none does.
	Dataset, Workload string
	Unit              lot.Unit
	// Known is false while its store has not been listed: then nothing is counted. Trouble is why the store could not be listed last, if it
	// could not: what is counted is from before.
	Known   bool
	Trouble string
	plan.Tally
	// Running and Failed count the lots of the workload that are under way, and whose last run failed.
	Running, Failed int
	// Refused counts the events in which tasks of Airflow say that they have made a lot, and of which nothing comes; RefusedWhy is why of the
	// last one.
	Refused    int
	RefusedWhy string
	// Disabled says who has disabled the workload, and why; empty if it is not.
	Disabled string
}

// Missing counts the lots that are due and not there.
func (d Dataset) Missing() int64 { return d.Due - d.There }

// Lateness is the fact that a dataset became late, or is not late any more.
type Lateness struct {
	Environment, Dataset string
	// Late says which of both.
	Late bool
	// Lot is the one that it is late with, or was last, and Since is since when.
	Lot   lot.Lot
	Since time.Time
}

// Datasets returns what there is of all datasets that come in lots, as it was a second ago at most; nil while this replica keeps no lots.
// Any goroutine may ask.
func (k *Keeper) Datasets() []Dataset {
	if told := k.told.Load(); told != nil {
		return *told
	}
	return nil
}

// publish tells what there is, of those environments where that has changed. A burst of changes is one.
func (l *loop) publish(now time.Time) {
	changed := len(l.states) != l.published
	for _, s := range l.states {
		if !s.dirty && now.Before(s.tallyNext) || !s.tallied.IsZero() && now.Sub(s.tallied).Abs() < lookInterval {
			continue
		}
		for _, late := range s.tally(now) {
			s.tellLate(late, now)
			if l.opts.Late != nil {
				l.opts.Late(late)
			}
		}
		changed = true
	}
	if !changed {
		return
	}
	l.published = len(l.states)
	all := []Dataset{}
	for _, name := range slices.Sorted(maps.Keys(l.states)) {
		all = append(all, l.states[name].datasets...)
	}
	l.told.Store(&all)
	if l.opts.Told != nil {
		l.opts.Told(all)
	}
}

// tally counts what there is of each dataset. It returns which became late, and which are no longer.
func (s *state) tally(now time.Time) (facts []Lateness) {
	s.dirty, s.tallied, s.tallyNext = false, now, now.Add(time.Hour)
	type counted struct{ running, failed int }
	runs := map[string]counted{}
	for key, r := range s.runs {
		n := runs[key.arc]
		if r.Failed.IsZero() {
			n.running++
		} else {
			n.failed++
		}
		runs[key.arc] = n
	}
	g := s.declared.graph
	if s.planner != nil {
		s.planner.At(now)
		g = s.graph
	}
	s.datasets = nil
	for _, id := range g.Datasets() {
		series, _ := g.Series(id)
		d := Dataset{Environment: s.name, Cluster: s.fleets[0].name, Dataset: id, Workload: g.Producer(id), Unit: series.Unit}
		if where, made := s.where[d.Workload]; made {
			d.Cluster = where
		}
		d.Trouble = s.trouble[s.places[id].store]
		if s.planner != nil && s.sure(id) {
			d.Tally, d.Known = s.planner.Tally(id)
			d.Running, d.Failed = runs[d.Workload].running, runs[d.Workload].failed
			if d.Next.Before(s.tallyNext) {
				s.tallyNext = d.Next
			}
		}
		if of := s.refused.Of(id); len(of) > 0 {
			d.Refused, d.RefusedWhy = len(of), of[len(of)-1].Why
		}
		if by, is := s.written.Disabled[d.Workload]; is {
			d.Disabled = by.String()
		}
		s.datasets = append(s.datasets, d)
		if fact, is := s.lateness(d); is {
			facts = append(facts, fact)
		}
	}
	return facts
}

// lateness is what has changed about a dataset being late.
func (s *state) lateness(d Dataset) (fact Lateness, changed bool) {
	was, before := s.late[d.Dataset]
	switch {
	case d.Known && !d.Late.IsZero():
		fact = Lateness{s.name, d.Dataset, true, d.Late, d.LateSince}
		s.late[d.Dataset] = fact
		return fact, !before
	case d.Known && d.Late.IsZero() && before:
		delete(s.late, d.Dataset)
		was.Late = false
		return was, true
	}
	return Lateness{}, false
}
