// SPDX-License-Identifier: Apache-2.0

package ledger_test

import (
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/api/lot"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/flow/arcstate"
	"trunkline.dev/trunkline/flow/bucket"
	"trunkline.dev/trunkline/flow/manifest"
	"trunkline.dev/trunkline/flow/run"
)

const placement = "s3://lake/states/"

// withStates has the run be that of an arc.
func withStates(t *testing.T) *bench {
	b := newBench(t)
	b.run.States, b.run.Arc = placement, catalog.Arc{Project: "S3Chain", Version: "20230101-00", Name: "copyA"}
	return b
}

// held are the states that the store has, with what they say.
func (b *bench) held() map[string]string {
	b.Helper()
	f, err := bucket.Open(b.Context(), placement, b.opts)
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	out := map[string]string{}
	for o, err := range f.List(b.Context(), "") {
		if err != nil {
			b.Fatal(err)
		}
		body, err := f.Read(b.Context(), o.Key, 1<<20)
		if err != nil {
			b.Fatal(err)
		}
		out[strings.TrimPrefix(o.Key, "arcs/project=S3Chain/version=20230101-00/arc=copyA/")] = string(body)
	}
	return out
}

func (b *bench) begin(again bool) string {
	b.Helper()
	why, err := b.ledger.Begin(b.Context(), b.run, again)
	if err != nil {
		b.Fatal(err)
	}
	return why
}

func (b *bench) end(failed string, sinks ...manifest.State) {
	b.Helper()
	if err := b.ledger.End(b.Context(), b.run, sinks, failed); err != nil {
		b.Fatal(err)
	}
}

// TestStates: a lot goes through its states as Clusterless has them, in one object, which remembers what happened.
func TestStates(t *testing.T) {
	b := withStates(t)
	is := func(want map[string]string) {
		t.Helper()
		if diff := cmp.Diff(want, b.held()); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
	const began = `{"trunklineAttempt":"1"}`
	const failed = began + "\n" + `{"trunklineAttempt":"1","outcome":"MissingWithError","error":"it ended with exit code 3"}`
	if why := b.begin(false); why != "" {
		t.Error(why)
	}
	is(map[string]string{"lot=20260101P1D000/running.arc": began})
	b.begin(false) // after a crash, once more
	is(map[string]string{"lot=20260101P1D000/running.arc": began})
	b.end("it ended with exit code 3", "none", "none")
	is(map[string]string{"lot=20260101P1D000/missing.arc": failed})
	b.end("it ended with exit code 3", "none", "none")
	is(map[string]string{"lot=20260101P1D000/missing.arc": failed})
	b.begin(false)
	b.end("it was interrupted", manifest.Partial, "none")
	if held := b.held(); len(held) != 1 || !strings.HasSuffix(held["lot=20260101P1D000/partial.arc"], `"outcome":"PartialWithError","error":"it was interrupted"}`) {
		t.Errorf("held are %v", held)
	}
	b.begin(false)
	b.end("", manifest.Complete, manifest.Empty)
	b.end("", manifest.Complete, manifest.Empty)
	if held := b.held(); len(held) != 1 || strings.Count(held["lot=20260101P1D000/complete.arc"], "\n") != 5 {
		t.Errorf("held are %v", held)
	}
	all, err := b.ledger.ArcStates(t.Context(), placement, arcstate.Arc(b.run.Arc))
	if diff := cmp.Diff(map[lot.Lot]run.State{b.run.Lot: run.Complete}, all); diff != "" || err != nil {
		t.Errorf("(-want +got):\n%s\n%v", diff, err)
	}
	// A workload without states asks nobody.
	var requests atomic.Int32
	b.s3.Fail(func(http.ResponseWriter, *http.Request, http.Handler) bool { requests.Add(1); return false })
	b.run.States = ""
	b.begin(false)
	b.end("")
	if n := requests.Load(); n != 0 {
		t.Errorf("%d requests without states", n)
	}
}

// TestBesideClusterless: what Clusterless makes or has made is not started, and what it says is not changed.
func TestBesideClusterless(t *testing.T) {
	for state, want := range map[run.State]string{
		run.Running: "Clusterless is making it: the state of its arc is running", run.Complete: "Clusterless has made it", run.Partial: "", run.Missing: "",
	} {
		t.Run(string(state), func(t *testing.T) {
			b := withStates(t)
			key := "lot=20260101P1D000/" + string(state) + ".arc"
			b.put(placement+"arcs/project=S3Chain/version=20230101-00/arc=copyA/", key, "")
			why := b.begin(false)
			if want == "" != (why == "") || !strings.HasPrefix(why, want) {
				t.Errorf("it says %q, want %q", why, want)
			}
			b.end("it failed", manifest.Partial)
			_, there := b.held()[key]
			if there != (want != "" || state == run.Partial) {
				t.Errorf("held are %v", b.held())
			}
		})
	}
	t.Run("Race", func(t *testing.T) {
		// Clusterless writes without asking, just after Trunkline has.
		b := withStates(t)
		b.s3.Fail(func(w http.ResponseWriter, r *http.Request, next http.Handler) bool {
			if r.Method != http.MethodPut {
				return false
			}
			next.ServeHTTP(w, r)
			b.s3.Fail(nil)
			f, err := bucket.Open(r.Context(), placement, b.opts)
			if err != nil {
				t.Error(err)
				return true
			}
			key := arcstate.Arc(b.run.Arc).Key(b.run.Lot, run.Running)
			if err := f.Delete(r.Context(), key); err != nil {
				t.Error(err)
			}
			if err := f.Create(r.Context(), key, nil); err != nil {
				t.Error(err)
			}
			return true
		})
		if why := b.begin(false); !strings.HasPrefix(why, "Clusterless is making it") {
			t.Errorf("it says %q", why)
		}
	})
}

// TestStateCrash: whichever request is the last before a crash, the next look has one object, and it is that of the newer state.
func TestStateCrash(t *testing.T) {
	crashed := 0
	for at := range int32(6) {
		b := withStates(t)
		b.begin(false)
		b.s3.Advance(time.Second)
		var n atomic.Int32
		b.s3.Fail(func(w http.ResponseWriter, _ *http.Request, _ http.Handler) bool {
			if n.Add(1) <= at {
				return false
			}
			w.WriteHeader(http.StatusServiceUnavailable)
			return true
		})
		err := b.ledger.End(t.Context(), b.run, []manifest.State{manifest.Partial}, "it failed")
		b.s3.Fail(nil)
		if err != nil {
			b.end("it failed", manifest.Partial)
		}
		held := b.held()
		if body := held["lot=20260101P1D000/partial.arc"]; len(held) != 1 || strings.Count(body, "\n") != 1 {
			t.Errorf("after %d requests, held are %v", at, held)
		}
		if err != nil {
			crashed++
		}
		b.begin(false)
		if held := b.held(); len(held) != 1 || held["lot=20260101P1D000/running.arc"] == "" {
			t.Errorf("after %d requests and a start, held are %v", at, held)
		}
	}
	if crashed < 3 || crashed > 5 {
		t.Errorf("%d of 6 crashed: a move lists, reads, writes and deletes", crashed)
	}
}
