// SPDX-License-Identifier: Apache-2.0

package flow

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/flow/jobs"
	"trunkline.dev/trunkline/flow/manifest"
	"trunkline.dev/trunkline/flow/report"
	"trunkline.dev/trunkline/flow/survey"
)

// TestTheOnlyClusterIsAway: while the only cluster of an environment cannot be followed nothing is started there, and it is said why; what is
// due is once it is back.
func TestTheOnlyClusterIsAway(t *testing.T) {
	w := newWorld(t)
	s := planned(t, w)
	s.fleets[0].away, s.fleets[0].why = true, "its agent sleeps"
	s.hold(w.now)
	if todo, _ := s.starts(w.now); len(todo) > 0 {
		t.Errorf("%d runs are started in a cluster that does not answer", len(todo))
	}
	if len(s.held) != 1 || s.held[0].By != `the cluster "one", which does not answer (its agent sleeps)` {
		t.Errorf("it is held by %v", s.held)
	}
	s.fleets[0].away = false
	s.hold(w.now)
	if todo, _ := s.starts(w.now); len(todo) == 0 || len(s.held) > 0 {
		t.Errorf("it is back: %d runs are started, held by %v", len(todo), s.held)
	}
}

// TestNotSeenYet: of a cluster that does not answer before all that it has was seen it is said that it is waited for.
func TestNotSeenYet(t *testing.T) {
	w := newWorld(t)
	w.cluster.cut()
	w.keep()
	k := w.keeper
	says := func() string {
		if err := k.View(t.Context(), "dev", func(report.View) error { return nil }); err != nil {
			return err.Error()
		}
		return ""
	}
	w.await("it to be said", func() bool {
		return strings.Contains(says(), `it is waited for the cluster "one", which does not answer`)
	})
	if n := len(w.cluster.starts()); n > 0 {
		t.Errorf("%d runs were started", n)
	}
	w.cluster.restore()
	w.await("all lots", w.made)
	if diff := cmp.Diff(w.once(nil), w.cluster.starts()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// TestWhyIsAskedUntilItIsAnswered: why a run failed is not given up since its cluster does not answer for a moment.
func TestWhyIsAskedUntilItIsAnswered(t *testing.T) {
	w := newWorld(t)
	var asked atomic.Int64
	w.cluster.why = func() (string, error) {
		if asked.Add(1) < 3 {
			return "", fmt.Errorf("%w: cut off", jobs.ErrUnanswered)
		}
		return "there is no such table", nil
	}
	w.cluster.program = func(o jobs.Order, _ string) (bool, bool) {
		return o.Template.Workload == "orders/land" && o.Lot == w.at(1), false
	}
	w.keep()
	w.await("the run to have failed", func() bool { return len(w.lots("raw", manifest.Partial)) == 1 })
	data, err := os.ReadFile(w.files("raw", manifest.Partial)[0])
	if err != nil || !strings.Contains(string(data), "there is no such table") {
		t.Errorf("the manifest does not say why: %s, %v", data, errors.Join(err))
	}
	if asked.Load() != 3 {
		t.Errorf("it was asked %d times, want until it was answered", asked.Load())
	}
}

// TestWhatWasNotedIsNotDoneAgain: what came of a run is written down once, however late the note is seen in its cluster.
func TestWhatWasNotedIsNotDoneAgain(t *testing.T) {
	for _, lost := range []bool{false, true} {
		w := newWorld(t)
		s := planned(t, w)
		todo, _ := s.starts(w.now)
		s.done(done{work: todo[0], came: cameStarted}, w.now)
		j := jobs.Job{
			Cluster: "one", Namespace: "orders-dev", Name: "land-1", UID: "1", Environment: "dev", Workload: todo[0].key.arc, Lot: todo[0].key.lot,
			Attempt: todo[0].attempt.String(), Created: w.now, Ended: w.now,
		}
		s.fleets[0].has(jobs.Event{Kind: jobs.Has, Job: &j})
		ended := s.has(j)
		if len(ended) != 1 {
			t.Fatalf("a run that has ended is written down %d times", len(ended))
		}
		s.fleets[0].lost.Store(lost)
		s.done(done{work: ended[0], came: cameMade, lots: map[survey.At]survey.Lot{}}, w.now)
		again := 0
		for _, j := range s.jobs() {
			again += len(s.has(j))
		}
		if (again > 0) != lost {
			t.Errorf("in a cluster that is lost, %t, it is done again %d times", lost, again)
		}
	}
}
