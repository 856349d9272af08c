// SPDX-License-Identifier: Apache-2.0

package flow

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/flow/deliver"
	"trunkline.dev/trunkline/flow/egress"
	"trunkline.dev/trunkline/flow/jobs"
	"trunkline.dev/trunkline/flow/manifest"
	"trunkline.dev/trunkline/flow/plan"
	"trunkline.dev/trunkline/flow/survey"
)

// heard is what targets were told, each with how often.
type heard struct {
	mu   sync.Mutex
	told map[string]int
}

func (h *heard) ServeHTTP(_ http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	var e struct {
		Type, Subject string
		Data          struct{ Reason, Attempt string }
		EventType     string
		Job           struct{ Name string }
		Run           struct {
			Facets struct {
				Lot struct{ Lot string } `json:"trunkline_lot"`
			}
		}
	}
	_ = json.Unmarshal(body, &e)
	what := strings.TrimPrefix(e.Type, "dev.trunkline.lot.") + " " + e.Subject
	if e.EventType != "" {
		what = e.EventType + " " + e.Job.Name + " " + e.Run.Facets.Lot.Lot
	}
	if e.Data.Reason != "" {
		what += ": " + e.Data.Reason
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.told[what]++
}

func (h *heard) has(what string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.told[what] > 0
}

// late is how many lots of a dataset were told to be late.
func (h *heard) late(dataset string) (n int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for what := range h.told {
		if strings.HasPrefix(what, "late.v1 "+dataset+"/") {
			n++
		}
	}
	return n
}

// tell keeps the lots and tells targets of them, until the function that it returns is called.
func (w *world) tell(h *heard) (stop func()) {
	w.t.Helper()
	server := httptest.NewServer(h)
	env := w.catalog.Load().Environments["dev"]
	env.Spec.Lots.Events = []v1alpha1.LotEvents{{To: "hooks"}, {To: "lineage"}}
	limits := egress.DefaultLimits()
	limits.Pause = time.Millisecond
	d := deliver.New(deliver.Options{
		Targets: map[string]deliver.Target{"hooks": {URL: server.URL, Format: deliver.CloudEvents}, "lineage": {URL: server.URL, Format: deliver.OpenLineage}},
		Client:  deliver.NewClient(), Limits: limits, Upkeep: 10 * time.Millisecond, Log: slog.New(slog.DiscardHandler), Now: time.Now, Ended: func(string, string, string) {},
	})
	k := New(Options{
		Accepted: w.catalog.Load, Clusters: []Cluster{w.cluster}, Interval: 20 * time.Millisecond, Limits: DefaultLimits(),
		Log: slog.New(slog.DiscardHandler), Now: time.Now, Ended: w.end, Teller: d,
	})
	ctx, cancel := context.WithCancel(w.t.Context())
	var running sync.WaitGroup
	running.Go(func() { d.Run(ctx) })
	running.Go(func() { k.Run(ctx) })
	stop = sync.OnceFunc(func() { cancel(); running.Wait(); server.Close() })
	w.t.Cleanup(stop)
	return stop
}

// TestEachLotIsTold: each lot is told of, and each run, also those that come to be while a daemon ends and another one begins.
func TestEachLotIsTold(t *testing.T) {
	for at := range 3 {
		t.Run(fmt.Sprint(at), func(t *testing.T) {
			w, h := newWorld(t), &heard{told: map[string]int{}}
			stop := w.tell(h)
			w.await("lots", func() bool {
				cursors, _ := filepath.Glob(filepath.Join(w.dir, "manifests", catalog.RecordsFolder, "acme/dev/outbox/*/cursor/*"))
				return len(cursors) >= 2 && len(w.lots("clean", manifest.Complete)) >= 3*at
			})
			stop()
			w.tell(h)
			w.await("all lots", w.made)
			for n := range hours {
				l := w.at(n).ID()
				for _, what := range []string{
					"available.v1 orders/raw@1/" + l, "available.v1 sales/clean@1/" + l,
					"START orders/land " + l, "COMPLETE orders/land " + l, "START sales/clean " + l, "COMPLETE sales/clean " + l,
				} {
					w.await(what+" to be told", func() bool { return h.has(what) })
				}
			}
			h.mu.Lock()
			defer h.mu.Unlock()
			maps.DeleteFunc(h.told, func(what string, _ int) bool { return strings.HasPrefix(what, "late.v1 ") })
			if len(h.told) != 6*hours {
				t.Errorf("told is %v, and more than what happened", slices.Sorted(maps.Keys(h.told)))
			}
		})
	}
}

// TestLatenessIsTold: datasets whose newest lot does not come are told to be late, once each.
func TestLatenessIsTold(t *testing.T) {
	w, h := newWorld(t), &heard{told: map[string]int{}}
	w.cluster.program = func(jobs.Order, string) (bool, bool) { return false, true } // no run ends
	w.tell(h)
	w.await("what is late to be told", func() bool { return h.late("orders/raw@1") == 1 && h.late("sales/clean@1") == 1 })
}

// TestFailuresAreTold: why an attempt failed is told, and that a manifest is gone that someone deletes.
func TestFailuresAreTold(t *testing.T) {
	w, h := newWorld(t), &heard{told: map[string]int{}}
	var mu sync.Mutex
	failing := true
	w.cluster.program = func(o jobs.Order, _ string) (bool, bool) {
		mu.Lock()
		defer mu.Unlock()
		return failing && o.Lot == w.at(5) && o.Template.Workload == "orders/land", false
	}
	w.tell(h)
	bad := w.at(5).ID()
	w.await("the failure", func() bool {
		return h.has("failed.v1 orders/raw@1/"+bad+": it ended with exit code 3") && h.has("FAIL orders/land "+bad)
	})
	gone := "available.v1 orders/raw@1/" + w.at(0).ID()
	w.await("a lot", func() bool { return h.has(gone) })
	if err := os.Remove(w.path("raw", w.at(0))); err != nil {
		t.Fatal(err)
	}
	w.await("its removal", func() bool {
		return h.has("removed.v1 orders/raw@1/" + w.at(0).ID() + ": its manifest is not there any more")
	})
}

// TestChanges: what is told of a lot that was one thing and is another.
func TestChanges(t *testing.T) {
	w := newWorld(t)
	s := newState(declare(w.catalog.Load(), "dev", ""), DefaultLimits(), newFleet("one"))
	key := survey.At{Series: "orders/raw@1", Lot: w.at(0)}
	one, two := w.now.Add(-time.Hour), w.now
	is := func(state plan.State, written time.Time, etag string, partial ...string) survey.Lot {
		l := survey.Lot{Mark: plan.Mark{State: state, Written: written}, ETag: etag}
		for _, p := range partial {
			if l.Partial == nil {
				l.Partial = map[string]time.Time{}
			}
			l.Partial[p] = written
		}
		return l
	}
	none := survey.Lot{}
	for name, tc := range map[string]struct {
		was, is survey.Lot
		want    []string
	}{
		"nothing":                       {none, none, nil},
		"it is made":                    {none, is(plan.Complete, one, "a"), []string{"available complete"}},
		"it is empty":                   {none, is(plan.Empty, one, "a"), []string{"available empty"}},
		"nothing new":                   {is(plan.Complete, one, "a"), is(plan.Complete, one, "a"), nil},
		"it is made again":              {is(plan.Complete, one, "a"), is(plan.Complete, two, "a"), []string{"available complete"}},
		"it says something else":        {is(plan.Complete, one, "a"), is(plan.Complete, one, "b"), []string{"available complete"}},
		"it is removed":                 {is(plan.Complete, one, "a"), is(plan.Removed, two, ""), []string{"removed removed"}},
		"it is made after that":         {is(plan.Removed, one, ""), is(plan.Complete, two, "a"), []string{"available complete"}},
		"it is gone":                    {is(plan.Complete, one, "a"), none, []string{"removed  fleeting"}},
		"it is damaged":                 {is(plan.Complete, one, "a"), is(plan.Partial, one, "a"), []string{"removed  fleeting"}},
		"a record of its removal is":    {is(plan.Removed, one, ""), none, nil},
		"an attempt fails":              {none, is(plan.Partial, one, "", "r1"), []string{"failed partial r1"}},
		"another one fails":             {is(plan.Partial, one, "", "r1"), is(plan.Partial, two, "", "r1", "r2"), []string{"failed partial r2"}},
		"one failed, and then it is":    {is(plan.Partial, one, "", "r1"), is(plan.Complete, two, "a", "r1"), []string{"available complete"}},
		"all of it is found afterwards": {none, is(plan.Complete, two, "a", "r1", "r2"), []string{"available complete", "failed partial r1", "failed partial r2"}},
	} {
		var got []string
		for _, f := range s.changes(key, tc.was, tc.is, time.Time{}) {
			text := strings.TrimSpace(string(f.Type) + " " + f.State + " " + f.Attempt)
			if f.Fleeting {
				text = string(f.Type) + " " + f.State + " fleeting"
			}
			got = append(got, text)
		}
		if diff := cmp.Diff(tc.want, got); diff != "" {
			t.Errorf("%s: -want +got:\n%s", name, diff)
		}
	}
	if got := s.changes(key, none, is(plan.Complete, one, "a"), one); len(got) > 0 {
		t.Errorf("what was known is told: %v", got)
	}
	got := s.changes(key, none, is(plan.Complete, one, "a"), time.Time{})[0]
	want := egress.Fact{
		Type: egress.Available, Platform: "acme", Environment: "dev", Dataset: "orders/raw@1", Workload: "orders/land", Lot: w.at(0), At: one,
		State: "complete", Manifest: "file://" + w.path("raw", w.at(0)), Location: "file://" + w.dir + "/lake/raw/", Mark: one.Format(time.RFC3339Nano) + " a",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
