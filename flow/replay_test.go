// SPDX-License-Identifier: Apache-2.0

package flow

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/flow/jobs"
	"trunkline.dev/trunkline/flow/manifest"
	"trunkline.dev/trunkline/flow/plan"
	"trunkline.dev/trunkline/flow/survey"
)

const replayName = "mend of orders/raw@1"

// replay declares one of the lots of raw from one number to before another.
func (w *world) replay(id string, from, until int, more string) {
	w.t.Helper()
	w.declare(`path: "lake://raw/",`, fmt.Sprintf(`path: "lake://raw/", replay: [{id: %s, from: %q, until: %q, reason: test%s}],`, id,
		w.at(from).Start.Format(time.RFC3339), w.at(until).Start.Format(time.RFC3339), more))
}

// deployed is the template of the first workload, with the replays that came with it.
func deployed(digest string, replays ...string) jobs.Template {
	t := *template("orders", "land")
	t.Digest, t.Replays = digest, replays
	return t
}

// settled waits until nothing is left to do, as a lot shows that is taken away and made once more.
func (w *world) settled(n int) {
	w.t.Helper()
	key := "sales/clean " + w.at(n).ID()
	before := w.cluster.starts()[key]
	if err := os.Remove(w.path("clean", w.at(n))); err != nil {
		w.t.Fatal(err)
	}
	w.await("the lot that was taken away", func() bool { return w.cluster.starts()[key] > before && w.made() })
}

// TestReplay: each lot of a replay is made once more, and with cascade what is made of it, once the template is in the cluster that came
// with it; what counted before stays as removed. It is done once for an id, whatever is declared, deleted and declared again, and whoever
// looks.
func TestReplay(t *testing.T) {
	for name, cascade := range map[string]bool{"one dataset": false, "cascade": true} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			stop := w.keep()
			w.await("all lots", w.made)
			w.replay("mend", 2, 5, fmt.Sprintf(", cascade: %t", cascade))
			w.settled(7)
			want := w.once(map[string]int{"sales/clean " + w.at(7).ID(): 2})
			if diff := cmp.Diff(want, w.cluster.starts()); diff != "" {
				t.Fatalf("the release is not in the cluster yet: -want +got:\n%s", diff)
			}
			w.cluster.deploy(deployed("2", replayName))
			again := []string{w.at(2).ID(), w.at(3).ID(), w.at(4).ID()}
			for _, id := range again {
				want["orders/land "+id] = 2
				if cascade {
					want["sales/clean "+id] = 2
				}
			}
			w.await("the replay", func() bool {
				return cmp.Equal(want, w.cluster.starts()) && len(w.lots("raw", manifest.Removed)) >= len(again) && w.made()
			})
			if diff := cmp.Diff(again, w.lots("raw", manifest.Removed)); diff != "" {
				t.Errorf("what counted before: -want +got:\n%s", diff)
			}
			record, err := os.ReadFile(filepath.Join(w.dir, "manifests/trunkline-lots/acme/dev/replays/orders/raw@1/mend.json"))
			if err != nil || !strings.Contains(string(record), `"reason":"test"`) {
				t.Errorf("what is written down of it is %q, %v", record, err)
			}

			for i, next := range []func(){
				func() { stop(); stop = w.keep() },
				func() { w.declare(); w.cluster.deploy(deployed("3")) },
				func() {
					w.replay("mend", 2, 5, fmt.Sprintf(", cascade: %t", cascade))
					w.cluster.deploy(deployed("4", replayName))
				},
			} {
				next()
				w.settled(7)
				if want["sales/clean "+w.at(7).ID()]++; !cmp.Equal(want, w.cluster.starts()) {
					t.Errorf("after step %d: -want +got:\n%s", i, cmp.Diff(want, w.cluster.starts()))
				}
			}
			w.replay("again", 2, 3, "")
			w.cluster.deploy(deployed("5", "again of orders/raw@1"))
			want["orders/land "+w.at(2).ID()] = 3
			w.await("a replay of another id", func() bool { return cmp.Equal(want, w.cluster.starts()) && w.made() })
		})
	}
}

// TestFailedReplayPauses: a run that fails at making a lot again pauses as any other, also for who looks next, and the lot counts
// as it was.
func TestFailedReplayPauses(t *testing.T) {
	w := newWorld(t)
	stop := w.keep()
	w.await("all lots", w.made)
	w.cluster.mu.Lock()
	w.cluster.program = func(o jobs.Order, _ string) (bool, bool) { return o.Template.Workload == "orders/land", false }
	w.cluster.mu.Unlock()
	w.replay("mend", 2, 3, "")
	w.cluster.deploy(deployed("2", replayName))
	w.await("the failure", func() bool { return len(w.lots("raw", manifest.Partial)) == 1 })
	for range 2 {
		w.settled(7)
		if got := w.cluster.starts()["orders/land "+w.at(2).ID()]; got != 2 {
			t.Errorf("it was run %d times, want once at first and once more", got)
		}
		stop()
		w.cluster.remove(func(jobs.Job) bool { return true }) // the manifest says it, too
		stop = w.keep()
	}
	if !w.made() {
		t.Error("the lot does not count any more")
	}
}

// TestOvertaken: what an older program made of a lot, while a replay began that came with a newer one, does not count.
func TestOvertaken(t *testing.T) {
	w := newWorld(t)
	w.cluster.program = func(o jobs.Order, _ string) (bool, bool) {
		return false, o.Lot == w.at(2) && o.Template.Digest == "1" && o.Template.Workload == "orders/land"
	}
	w.keep()
	w.await("the other lots", func() bool { return len(w.lots("clean", manifest.Complete)) == hours-1 })
	w.replay("mend", 0, hours, "")
	w.cluster.deploy(deployed("2", replayName))
	w.await("the replay", func() bool { return len(w.lots("raw", manifest.Removed)) == hours-1 })
	w.cluster.end(func(jobs.Job) bool { return true })
	w.await("the lot", w.made)
	if diff := cmp.Diff([]string{w.at(2).ID()}, w.lots("raw", manifest.Partial)); diff != "" {
		t.Errorf("what the older program made: -want +got:\n%s", diff)
	}
}

// TestReplaysThatBegan: an older listing does not have a replay begin again, and one that is not declared has nothing made.
func TestReplaysThatBegan(t *testing.T) {
	w := newWorld(t)
	w.replay("mend", 2, 5, "")
	s := planned(t, w)
	w.cluster.templates[0].Replays = []string{replayName}
	s.fleets[0].has(jobs.Event{Kind: jobs.Has, Template: w.cluster.templates[0]})
	if got := s.due(noon); len(got) > 0 {
		t.Errorf("before the store has said which have begun, these begin: %v", got)
	}
	s.noteBegun(nil)
	s.fleets[0].has(jobs.Event{Kind: jobs.Has, Template: template("orders", "land")})
	if got := s.due(noon); len(got) > 0 {
		t.Errorf("its release is not in the cluster, and these begin: %v", got)
	}
	s.fleets[0].has(jobs.Event{Kind: jobs.Has, Template: w.cluster.templates[0]})
	if got := s.due(noon); len(got) != 1 || got[0].ID != replayName {
		t.Errorf("none has begun, and these are due: %v", got)
	}
	s.noteBegun(map[string]time.Time{replayName: noon})
	s.noteBegun(map[string]time.Time{"other of orders/raw@1": noon})
	s.plan(noon)
	if got := s.due(noon); len(got) > 0 {
		t.Errorf("it has begun, and is due: %v", got)
	}
	if got := s.replays(); len(got) != 1 || got[0].ID != replayName || !got[0].Marked.Equal(noon) {
		t.Errorf("these have begun: %v", got)
	}
}

// TestReplaysInTheNextCluster: a replay waits while its lots are made in a cluster whose release is older than it, and goes on once the release
// that it came with is there, or the first cluster answers again.
func TestReplaysInTheNextCluster(t *testing.T) {
	w := newWorld(t)
	w.declare("clusters: [one]", "clusters: [one, two]", "kind: Cluster\nmetadata: {name: one}",
		"kind: Cluster\nmetadata: {name: one}\n---\napiVersion: trunkline.dev/v1alpha1\nkind: Cluster\nmetadata: {name: two}",
		`path: "lake://raw/",`, fmt.Sprintf(`path: "lake://raw/", replay: [{id: mend, from: %q, until: %q, reason: test}],`, w.at(2).Start.Format(time.RFC3339), w.at(5).Start.Format(time.RFC3339)))
	newer, older := deployed("2", replayName), deployed("1")
	one, two := newFleet("one"), newFleet("two")
	one.has(jobs.Event{Template: &newer})
	two.has(jobs.Event{Template: &older})
	one.complete, two.complete = true, true
	s := newState(declare(w.catalog.Load(), "dev", ""), DefaultLimits(), one, two)
	s.replaying.begun = map[string]time.Time{replayName: noon}
	look := func(why string, want int) {
		t.Helper()
		s.stand(w.now, time.Minute)
		if got := s.replays(); len(got) != want {
			t.Errorf("%s, and these replays count: %v", why, got)
		}
	}
	look("both answer", 1)
	one.away, one.since = true, w.now
	look("the first is silent", 1)
	one.since = w.now.Add(-time.Minute)
	look("the first is lost, and the release of the second is older", 0)
	two.has(jobs.Event{Template: &newer})
	look("the second has the release by now", 1)
	two.has(jobs.Event{Template: &older})
	look("it was taken back", 0)
	one.away = false
	look("the first answers again", 1)
}

// TestReplaces: a lot is replaced that is there, and the oldest of its manifests says when that was made.
func TestReplaces(t *testing.T) {
	w := newWorld(t)
	g := plan.Of(w.catalog.Load(), "dev")
	arc, _ := g.Arc("orders/land")
	have := map[survey.At]survey.Lot{}
	if got := replaces(g, arc, w.at(0), in(have)); !got.IsZero() {
		t.Errorf("nothing is there, and was made at %s", got)
	}
	have[survey.At{Series: "orders/raw@1", Lot: w.at(0)}] = survey.Lot{Mark: plan.Mark{State: plan.Complete, Written: noon}}
	if got := replaces(g, arc, w.at(0), in(have)); !got.Equal(noon) {
		t.Errorf("it was made at %s, want %s", got, noon)
	}
}

// TestTheNextAttemptAtAReplay: after its pause a lot is tried again by an attempt that is called otherwise, also by a keeper that
// knows of the first by its manifest or its Job alone.
func TestTheNextAttemptAtAReplay(t *testing.T) {
	w := newWorld(t)
	w.replay("mend", 2, 3, "")
	l := w.at(2)
	key := survey.At{Series: "orders/raw@1", Lot: l}
	begin := func(more func(*state)) *state {
		s := planned(t, w)
		s.own[key] = survey.Lot{Mark: plan.Mark{State: plan.Complete, Written: noon.AddDate(-1, 0, 0)}, ETag: "a"}
		s.noteBegun(map[string]time.Time{replayName: noon})
		s.planner, s.runs = nil, map[arcLot]plan.Run{}
		more(s)
		s.plan(w.now)
		return s
	}
	at := func(s *state, now time.Time) (found *work) {
		todo, _ := s.starts(now)
		for i := range todo {
			if todo[i].key == (arcLot{"orders/land", l}) {
				found = &todo[i]
			}
		}
		return found
	}
	s := begin(func(*state) {})
	first := at(s, w.now)
	if first == nil {
		t.Fatal("the lot is not made again")
	}
	name := first.attempt.String()
	s.done(done{work: *first, came: cameFailed, why: "boom"}, w.now)
	for how, s := range map[string]*state{
		"as it ended": s,
		"by its manifest": begin(func(s *state) {
			f := s.lot(key)
			f.Partial = map[string]time.Time{name: w.now}
			s.own[key] = f
		}),
		"by its Job": begin(func(s *state) {
			s.fleets[0].has(jobs.Event{Kind: jobs.Has, Job: &jobs.Job{
				Name: "a", Environment: "dev", Workload: "orders/land", Lot: l, Attempt: name, Ended: w.now, Failed: true, Outcome: "failed: boom",
			}})
		}),
	} {
		if early := at(s, w.now.Add(30*time.Second)); early != nil {
			t.Errorf("%s: it is tried again before its pause ends", how)
		}
		if next := at(s, w.now.Add(2*time.Minute)); next == nil || next.attempt.number != 2 {
			t.Errorf("%s: after its pause it is %+v", how, next)
		}
	}
}

// TestALimitOfAJoin: what is missing is waited for no longer than the workload says, and the lot is made of what is there. Once the rest
// comes it is made again, if the read says so.
func TestALimitOfAJoin(t *testing.T) {
	w := newWorld(t)
	w.declare("reads: {raw: orders/raw@1}", "lots: {within: 1s}, reads: {raw: {dataset: orders/raw@1, window: {lots: 2}, late: recompute}}")
	var fails atomic.Bool
	fails.Store(true)
	var mu sync.Mutex
	read := map[string]string{}
	w.cluster.program = func(o jobs.Order, _ string) (bool, bool) {
		for _, v := range o.Variables {
			if v.Name == "TRUNKLINE_READ_RAW_MANIFESTS" {
				mu.Lock()
				read[o.Lot.ID()] = v.Value.With(nil)
				mu.Unlock()
			}
		}
		return fails.Load() && o.Lot == w.at(5) && o.Template.Workload == "orders/land", false
	}
	lots := func(n int) int {
		mu.Lock()
		defer mu.Unlock()
		return strings.Count(read[w.at(n).ID()], "manifest.json")
	}
	w.keep()
	w.await("the lots that are short", func() bool { return len(w.lots("clean", manifest.Complete)) == hours })
	if lots(4) != 2 || lots(5) != 1 || lots(6) != 1 {
		t.Errorf("lots are made of %d, %d and %d lots, want 2 and, where one is missing, 1", lots(4), lots(5), lots(6))
	}
	fails.Store(false)
	w.cluster.deploy(deployed("2")) // by which what failed is tried again at once
	w.await("all that is late", func() bool { return w.made() && lots(5) == 2 && lots(6) == 2 })
}
