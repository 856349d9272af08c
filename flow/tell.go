// SPDX-License-Identifier: Apache-2.0

package flow

import (
	"maps"
	"slices"
	"strings"
	"time"

	"trunkline.dev/trunkline/api/lot"
	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/flow/egress"
	"trunkline.dev/trunkline/flow/manifest"
	"trunkline.dev/trunkline/flow/plan"
	"trunkline.dev/trunkline/flow/survey"
)

// Teller is told what happens to lots, for others. Its methods return at once.
type Teller interface {
	// Declare says who is told of the lots of an environment, and where what has to be remembered of that is kept; without
	// subscriptions, nobody is.
	Declare(environment, records string, subscriptions []egress.Subscription)
	// Wants returns since when all that has happened is to be told, as after a start; false if that is not wanted. Anyway: it was not
	// looked for a while, so that something may have been missed.
	Wants(environment string, anyway bool) (since time.Time, ok bool)
	// Tell tells facts; all: they are all since what Wants returned.
	Tell(environment string, facts []egress.Fact, all bool)
}

// subscriptions are those that an environment declares, and that of its Airflow.
func subscriptions(env *v1alpha1.Environment) (out []egress.Subscription) {
	for _, e := range env.Spec.Lots.Events {
		s := egress.Subscription{Target: e.To, Datasets: e.Datasets}
		for _, t := range e.Types {
			s.Types = append(s.Types, egress.Type(t))
		}
		out = append(out, s)
	}
	if env.Spec.Orchestrator == v1alpha1.Airflow {
		out = append(out, egress.Subscription{Target: egress.OwnAirflow, Types: []egress.Type{egress.Available}})
	}
	return out
}

// subscribe says who is told of the lots of an environment, as it is declared; nil: it keeps none.
func (l *loop) subscribe(name string, d *declared) {
	switch {
	case l.opts.Teller == nil:
	case d == nil:
		l.opts.Teller.Declare(name, "", nil)
	default:
		records, _ := d.catalog.Records(name)
		l.opts.Teller.Declare(name, records, d.subscriptions)
	}
}

// tellOthers tells what is new, and all that has happened since someone wants to know, once all that there is has been seen.
func (l *loop) tellOthers() {
	for name, s := range l.states {
		tells := l.opts.Teller != nil && len(s.subscriptions) > 0
		if tells && s.surveyed && s.whole() {
			if since, ok := l.opts.Teller.Wants(name, s.fresh); ok {
				l.opts.Teller.Tell(name, s.all(since), true)
			}
			s.surveyed, s.fresh = false, false
		}
		if tells && len(s.facts) > 0 {
			l.opts.Teller.Tell(name, s.facts, false)
		}
		s.facts = nil
	}
}

// whole reports whether all that there is has been seen, and nothing is left to be taken of the last listing.
func (s *state) whole() bool {
	return s.known() && s.news == nil && len(s.supposed) == 0 && len(s.unlisted()) == 0
}

// all are the facts that what is kept says, since a time.
func (s *state) all(since time.Time) (facts []egress.Fact) {
	for _, id := range s.stock.Datasets() {
		for at := range s.stock.After(id, since) {
			key := survey.At{Series: id, Lot: at}
			if _, seen := s.own[key]; !seen {
				facts = append(facts, s.changes(key, survey.Lot{}, s.lot(key), since)...)
			}
		}
	}
	for key := range s.own {
		facts = append(facts, s.changes(key, survey.Lot{}, s.lot(key), since)...)
	}
	for key, j := range s.jobs() {
		if _, ours := parseAttempt(j.Attempt); !ours || !s.mine(j) {
			continue
		}
		if j.Created.After(since) {
			facts = append(facts, s.ofRun(egress.RunStarted, key, j.Attempt, j.Created, ""))
		}
		outcome, why, _ := strings.Cut(j.Outcome, ": ")
		if t, ended := ends[came(outcome)]; ended && j.Ended.After(since) {
			facts = append(facts, s.ofRun(t, key, j.Attempt, j.Ended, why))
		}
	}
	return facts
}

// learn notes what is new about a lot. What a snapshot says is not told, nor is what differs from it: once all has been listed, everything
// is told that has happened.
func (s *state) learn(key survey.At, was, is survey.Lot) {
	if len(s.subscriptions) > 0 && s.sure(key.Series) {
		s.facts = append(s.facts, s.changes(key, was, is, time.Time{})...)
	}
}

// tellLate notes that a dataset has become late. It is told again after a start, if it is late still.
func (s *state) tellLate(late Lateness, now time.Time) {
	if late.Late && len(s.subscriptions) > 0 {
		f := s.ofLot(egress.Late, survey.At{Series: late.Dataset, Lot: late.Lot}, now, "", "")
		f.Fleeting, f.Mark = true, late.Since.UTC().Format(time.RFC3339Nano)
		s.facts = append(s.facts, f)
	}
}

// changes are the facts of what a lot was and is, after a time: of one that was nothing, all that its manifests say.
func (s *state) changes(key survey.At, was, is survey.Lot, since time.Time) (facts []egress.Fact) {
	other := was.State != is.State || !was.Written.Equal(is.Written) || was.ETag != is.ETag
	switch {
	case !other:
	case is.State.There():
		if is.Written.After(since) {
			f := s.ofLot(egress.Available, key, is.Written, stateNames[is.State], "")
			f.Mark += " " + is.ETag
			facts = append(facts, f)
		}
	case is.State == plan.Removed:
		if is.Written.After(since) {
			facts = append(facts, s.ofLot(egress.Removed, key, is.Written, manifest.Removed, ""))
		}
	case was.State.There():
		f := s.ofLot(egress.Removed, key, was.Written, "", "")
		f.Fleeting, f.Reason = true, "its manifest is not there any more"
		if is.State == plan.Partial {
			f.Reason = "its manifest does not count any more: it is damaged, or another one contradicts it"
		}
		facts = append(facts, f)
	}
	if len(is.Partial) == 0 {
		return facts
	}
	for _, attempt := range slices.Sorted(maps.Keys(is.Partial)) {
		if _, known := was.Partial[attempt]; !known && is.Partial[attempt].After(since) {
			f := s.ofLot(egress.Failed, key, is.Partial[attempt], manifest.Partial, attempt)
			a, _ := parseAttempt(attempt)
			if run := s.runs[arcLot{f.Workload, key.Lot}]; !run.Failed.IsZero() && run.Attempt == a.number {
				f.Reason = run.Reason
			}
			facts = append(facts, f)
		}
	}
	return facts
}

var stateNames = map[plan.State]manifest.State{plan.Complete: manifest.Complete, plan.Empty: manifest.Empty}

// ofLot is a fact about a lot. The address is that of the manifest that says so; that of a record that a lot was removed is not known.
func (s *state) ofLot(t egress.Type, key survey.At, at time.Time, state manifest.State, attempt string) egress.Fact {
	_, d, _ := s.catalog.Dataset(key.Series)
	f := egress.Fact{
		Type: t, Platform: s.catalog.Platform.Metadata.Name, Environment: s.name, Dataset: key.Series, Workload: s.declared.graph.Producer(key.Series),
		Lot: key.Lot, At: at.UTC(), State: string(state), Attempt: attempt, Mark: at.UTC().Format(time.RFC3339Nano) + attempt,
	}
	f.Location, _ = s.catalog.Location(key.Series, s.name, catalog.Reads)
	if store, ok := s.catalog.Manifests(key.Series, s.name, catalog.Reads); ok && d != nil && state != "" && state != manifest.Removed {
		of := manifest.Key{Dataset: manifest.Dataset{Name: d.Name, Version: d.Version}, Lot: key.Lot, State: state, Attempt: attempt}
		f.Manifest = store + of.Path()
	}
	return f
}

// ends are what is told of runs that have ended.
var ends = map[came]egress.Type{cameMade: egress.RunMade, cameFailed: egress.RunFailed, cameLost: egress.RunLost, cameNeedless: egress.RunLost}

// attribute says in what is new about a lot which attempt did that, and why it failed: what a listing finds does not say.
func (s *state) attribute(d done) {
	arc, _ := s.declared.graph.Arc(d.key.arc)
	for i := range s.facts {
		f := &s.facts[i]
		switch {
		case f.Lot != d.key.lot || !slices.Contains(arc.Writes, f.Dataset):
		case f.Type == egress.Available && d.came == cameMade:
			f.Attempt = d.attempt.String()
		case f.Type == egress.Failed && f.Attempt == d.attempt.String():
			f.Reason = d.why
		}
	}
}

// ended notes what is new about a run.
func (s *state) ended(d done, now time.Time) {
	if len(s.subscriptions) == 0 || s.graph == nil {
		return
	}
	t, at := ends[d.came], now
	switch {
	case d.came == cameStarted:
		t = egress.RunStarted
	case d.job != nil && !d.job.Ended.IsZero():
		at = d.job.Ended
	}
	if t == "" || d.came == cameNeedless && d.job == nil {
		return
	}
	why := d.why
	if t == egress.RunMade {
		why = ""
	}
	s.facts = append(s.facts, s.ofRun(t, d.key, d.attempt.String(), at, why))
}

// ofRun is a fact about a run.
func (s *state) ofRun(t egress.Type, key arcLot, attempt string, at time.Time, why string) egress.Fact {
	f := egress.Fact{
		Type: t, Platform: s.catalog.Platform.Metadata.Name, Environment: s.name, Workload: key.arc, Lot: key.lot, At: at.UTC(),
		Attempt: attempt, Reason: why, Mark: attempt,
	}
	arc, _ := s.declared.graph.Arc(key.arc)
	inputs := s.declared.graph.Inputs(key.arc, key.lot)
	for _, r := range arc.Reads {
		f.Reads = append(f.Reads, s.series(r.Series, inputs[r.Role]))
	}
	for _, id := range arc.Writes {
		f.Writes = append(f.Writes, s.series(id, []lot.Lot{key.lot}))
	}
	return f
}

func (s *state) series(id string, lots []lot.Lot) egress.Series {
	out := egress.Series{ID: id}
	out.Location, _ = s.catalog.Location(id, s.name, catalog.Reads)
	for _, l := range lots {
		out.Lots = append(out.Lots, l.ID())
	}
	return out
}
