// SPDX-License-Identifier: Apache-2.0

package flow

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/flow/jobs"
	"trunkline.dev/trunkline/flow/plan"
	"trunkline.dev/trunkline/flow/survey"
)

var noon = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

// TestFailures: how often a lot has failed is in the names of its partial manifests, as far as they are about the lot as it is now.
func TestFailures(t *testing.T) {
	w := newWorld(t)
	g := plan.Of(w.catalog.Load(), "dev")
	arc, _ := g.Arc("orders/land")
	key := survey.At{Series: "orders/raw@1", Lot: w.at(0)}
	have := map[survey.At]survey.Lot{}
	now, digest := epoch(arc, w.at(0), in(have)), short("d", digestLength)
	name := func(n int, epoch string) string { return attempt{n, epoch, digest}.String() }
	have[key] = survey.Lot{Mark: plan.Mark{State: plan.Partial, Written: noon}, Partial: map[string]time.Time{
		name(1, now): noon.Add(-time.Hour), name(2, now): noon, name(7, short("before", epochLength)): noon, "1764450000000": noon,
	}}
	want := []plan.Run{{Arc: "orders/land", Lot: w.at(0), Attempt: 2, Failed: noon, Digest: digest, Reason: "see its partial manifest"}}
	if diff := cmp.Diff(want, failures(g, have, in(have))); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	removed := have[key]
	removed.State = plan.Removed
	have[key] = removed
	if got := failures(g, have, in(have)); len(got) > 0 {
		t.Errorf("what failed before the lot was made and removed counts: %+v", got)
	}
}

// in looks lots up.
func in(have map[survey.At]survey.Lot) func(survey.At) survey.Lot {
	return func(at survey.At) survey.Lot { return have[at] }
}

// planned is the state of the environment, with nothing in its stores.
func planned(t testing.TB, w *world) *state {
	t.Helper()
	f := newFleet("one")
	for _, tmpl := range []*jobs.Template{template("orders", "land"), template("sales", "clean")} {
		f.has(jobs.Event{Kind: jobs.Has, Template: tmpl})
	}
	f.complete = true
	s := newState(declare(w.catalog.Load(), "dev", ""), DefaultLimits(), f)
	s.lists(t, nil)
	s.plan(w.now)
	return s
}

// TestAnOlderListing: a listing that began before a lot was made does not say that it is not there.
func TestAnOlderListing(t *testing.T) {
	w := newWorld(t)
	s := planned(t, w)
	todo, _ := s.starts(w.now)
	if len(todo) != hours {
		t.Fatalf("%d runs are started, want %d", len(todo), hours)
	}
	first := todo[0]
	key := survey.At{Series: "orders/raw@1", Lot: first.key.lot}
	there := survey.Lot{Mark: plan.Mark{State: plan.Complete, Written: noon}, ETag: "a"}
	s.done(done{work: first, came: cameMade, lots: map[survey.At]survey.Lot{key: there}}, w.now)
	for _, l := range []struct {
		what string
		want bool
	}{{"one that began before", true}, {"the next, in which it is not", false}} {
		s.lists(t, nil)
		if is := s.lot(key).State.There(); is != l.want {
			t.Errorf("after %s the lot is there: %t", l.what, is)
		}
	}
}

// TestJobsThatWent: that a Job went while its run was started is known once it is, whatever another environment on the same cluster starts.
func TestJobsThatWent(t *testing.T) {
	w := newWorld(t)
	s, other := planned(t, w), planned(t, w)
	l := &loop{fleets: map[string]*fleet{"one": s.fleets[0]}, states: map[string]*state{"dev": s, "prod": other}}
	other.fleets = s.fleets
	todo, _ := s.starts(w.now)
	same, _ := other.starts(w.now)
	first := todo[0]
	j := jobs.Job{
		Namespace: first.target.as.Namespace, Name: "x", Environment: "dev", Workload: first.key.arc, Lot: first.key.lot, Attempt: first.attempt.String(),
	}
	l.happened(jobs.Event{Cluster: "one", Kind: jobs.Gone, Job: &j})
	if todo := other.done(done{work: same[0], came: cameStarted}, w.now); len(todo) > 0 {
		t.Errorf("the other environment is told of it: %+v", todo)
	}
	if todo := s.done(done{work: first, came: cameStarted}, w.now); len(todo) != 1 || !todo[0].lost {
		t.Errorf("the run is not taken for lost: %+v", todo)
	}
}

// TestNothingIsStartedBlindly: before all stores and Jobs have been seen, and while a cluster is listed again, no run is started.
func TestNothingIsStartedBlindly(t *testing.T) {
	for name, blind := range map[string]func(*state){
		"the stores were not listed": func(s *state) {
			s.have = newHave()
			s.lists(t, nil)
			s.stock = s.stock.Only(func(string) bool { return false })
			s.unplanned()
			s.plan(noon)
		},
		"the Jobs are listed again":     func(s *state) { s.fleets[0].complete = false },
		"another catalog counts by now": func(s *state) { s.stale = true },
		"no template is in the cluster": func(s *state) {
			s.fleets[0] = newFleet("one")
			s.fleets[0].complete = true
			s.stale = true
			s.plan(noon)
		},
		"a template is of another place": func(s *state) { s.targets["one"] = map[string]target{}; s.stale = true; s.plan(noon) },
	} {
		w := newWorld(t)
		s := planned(t, w)
		blind(s)
		if todo, _ := s.starts(w.now); len(todo) > 0 {
			t.Errorf("%s, and %d runs are started", name, len(todo))
		}
	}
}

// TestPausesEndWithTheirLot: that a lot failed, or could not be started, says nothing of it once others have made or removed it; what failed
// attempts leave ends no pause.
func TestPausesEndWithTheirLot(t *testing.T) {
	for _, came := range []came{cameNot, cameFailed} {
		w := newWorld(t)
		s := planned(t, w)
		todo, _ := s.starts(w.now)
		first := todo[0]
		key := survey.At{Series: "orders/raw@1", Lot: first.key.lot}
		s.done(done{work: first, came: came, why: "boom"}, w.now)
		begins := func() (attempt int) {
			todo, _ := s.starts(w.now.Add(time.Second))
			for _, one := range todo {
				if one.key == first.key {
					attempt = one.attempt.number
				}
			}
			return attempt
		}
		there := survey.Lot{Mark: plan.Mark{State: plan.Complete, Written: noon}, ETag: "a"}
		removed := survey.Lot{Mark: plan.Mark{State: plan.Removed, Written: noon.Add(time.Minute)}}
		failed := survey.Lot{Mark: plan.Mark{State: plan.Partial, Written: noon}, Partial: map[string]time.Time{first.attempt.String(): noon}}
		s.saw(key, failed)
		if n := begins(); n != 0 {
			t.Errorf("%s: what is left of the attempt ends its pause: it is tried again as attempt %d", came, n)
		}
		s.saw(key, there)
		s.saw(key, removed)
		if n := begins(); n != 1 {
			t.Errorf("%s: it was made and removed by others, and is tried as attempt %d, want 1", came, n)
		}
	}
}

// TestAFailureThatCountsAgain: a lot that was made after an attempt had failed is as it was before once what was made is known to be damaged. The attempt
// that has failed counts again, so that the next one has another name.
func TestAFailureThatCountsAgain(t *testing.T) {
	w := newWorld(t)
	s := planned(t, w)
	key, at := arcLot{"orders/land", w.at(2)}, survey.At{Series: "orders/raw@1", Lot: w.at(2)}
	arc, _ := s.graph.Arc(key.arc)
	failed := attempt{3, epoch(arc, w.at(2), in(nil)), arc.Digest}
	there := survey.Lot{
		Mark: plan.Mark{State: plan.Complete, Written: noon}, ETag: "damaged",
		Partial: map[string]time.Time{failed.String(): noon, attempt{9, short("another", epochLength), arc.Digest}.String(): noon},
	}
	s.saw(at, there)
	s.doubt(map[survey.At]string{at: "damaged"})
	next := func(now time.Time) (work, bool) {
		todo, _ := s.starts(now)
		i := slices.IndexFunc(todo, func(k work) bool { return k.key == key })
		if i < 0 {
			return work{}, false
		}
		return todo[i], true
	}
	for tries := range 3 {
		one, ok := next(w.now)
		if !ok {
			t.Fatal("a lot of which nothing counts is not made")
		}
		if tries > 0 {
			if one.attempt.number != 4 {
				t.Fatalf("after 3 attempts comes %d", one.attempt.number)
			}
			return
		}
		if one.attempt.String() == failed.String() {
			t.Fatal("the attempt that has failed is made again")
		}
		s.done(done{work: one, came: cameNot, why: "there was an attempt", lots: map[survey.At]survey.Lot{at: there}}, w.now)
		w.now = w.now.Add(2 * time.Hour)
		s.plan(w.now)
	}
}
