// SPDX-License-Identifier: Apache-2.0

package ledger_test

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/api/lot"
	"trunkline.dev/trunkline/flow/bucket"
	"trunkline.dev/trunkline/flow/bucket/buckettest"
	"trunkline.dev/trunkline/flow/ledger"
	"trunkline.dev/trunkline/flow/manifest"
	"trunkline.dev/trunkline/flow/run"
	"trunkline.dev/trunkline/flow/store"
)

// bench is a run with two sinks and an input, and its stores.
type bench struct {
	*testing.T
	s3     *buckettest.S3
	opts   bucket.Options
	ledger *ledger.Ledger
	run    run.Run
}

func newBench(t *testing.T) *bench {
	t.Helper()
	b := &bench{T: t, s3: buckettest.New(t, "lake", "manifests")}
	b.opts = bucket.Options{Endpoint: b.s3.URL}
	b.ledger = ledger.New(b.opts)
	day, err := lot.ParseID("20260101P1D000")
	if err != nil {
		t.Fatal(err)
	}
	place := func(name string) run.Place {
		return run.Place{ID: "orders/" + name + "@1", Name: manifest.Dataset{Name: name, Version: "1"}, Store: "s3://manifests/prod/", Location: "s3://lake/" + name + "/"}
	}
	sink := func(role, name string) run.Sink {
		p := place(name)
		return run.Sink{Role: role, Place: p, Attempt: run.AttemptLocation(p.Location, day, "1")}
	}
	b.run = run.Run{
		Lot: day, Attempt: "1", Need: 1,
		Inputs: []run.Input{{Role: "raw", Place: place("raw"), Triggers: true, Lots: lot.Hourly.Within(day)}, {Role: "whole", Place: run.Place{ID: "x", Location: "s3://lake/x/"}}},
		Sinks:  []run.Sink{sink("bad", "bad"), {Role: "log", Place: run.Place{ID: "y", Location: "s3://lake/y/"}}, sink("main", "clean")},
	}
	return b
}

// put writes an object, as a program would.
func (b *bench) put(location, key, text string) {
	b.Helper()
	folder, err := bucket.Open(b.Context(), location, b.opts)
	if err == nil {
		err = errors.Join(folder.Create(b.Context(), key, []byte(text)), folder.Close())
	}
	if err != nil {
		b.Fatal(err)
	}
}

// manifest writes a manifest, whatever it says.
func (b *bench) manifest(key manifest.Key, text string) {
	b.put("s3://manifests/prod/", key.Path(), text)
}

func (b *bench) look() ledger.Standing {
	b.Helper()
	standing, err := b.ledger.Look(b.Context(), b.run)
	if err != nil {
		b.Fatal(err)
	}
	return standing
}

// conclude settles a run that has ended.
func (b *bench) conclude(ended run.Ended, there map[string][]store.Entry) (run.Outcome, error) {
	b.Helper()
	left, err := b.ledger.Left(b.Context(), b.run)
	if err != nil {
		b.Fatal(err)
	}
	out := b.run.Conclude(ended, left)
	_, err = b.ledger.Publish(b.Context(), out, there, "a test")
	return out, err
}

// kept lists the manifests of a dataset.
func (b *bench) kept(name string) (states []string) {
	b.Helper()
	s, err := store.Open(b.Context(), "s3://manifests/prod/", b.opts)
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	for e, err := range s.List(b.Context(), store.Of{Dataset: manifest.Dataset{Name: name, Version: "1"}}) {
		if err != nil {
			b.Fatal(err)
		}
		states = append(states, string(e.Key.State))
	}
	return states
}

func complete(l lot.Lot, uris ...string) string {
	return string(manifest.Manifest{State: manifest.Complete, LotID: l.ID(), URIType: manifest.Identifier, URIs: uris}.Encode())
}

func TestLook(t *testing.T) {
	b := newBench(t)
	hours := lot.Hourly.Within(b.run.Lot)
	key := func(i int, state manifest.State) manifest.Key {
		k := manifest.Key{Dataset: manifest.Dataset{Name: "raw", Version: "1"}, Lot: hours[i], State: state}
		if state.Attempted() {
			k.Attempt = "x"
		}
		return k
	}
	b.manifest(key(3, "complete"), complete(hours[3], "s3://lake/raw/3"))
	b.manifest(key(1, "complete"), complete(hours[1], "s3://lake/raw/1"))
	b.manifest(key(2, "partial"), "half")
	b.manifest(key(4, "complete"), complete(hours[4], "s3://lake/other/4"))
	b.manifest(key(5, "complete"), "{")
	b.manifest(key(6, "complete"), complete(hours[7], "s3://lake/raw/7"))
	b.manifest(key(8, "complete"), complete(hours[8], "s3://lake/raw/8"))
	b.manifest(key(8, "empty"), "{}")
	main := manifest.Key{Dataset: manifest.Dataset{Name: "clean", Version: "1"}, Lot: b.run.Lot, State: "partial", Attempt: "0"}
	b.manifest(main, "half")
	got := b.look()

	var found []string
	for _, f := range got.Inputs["raw"] {
		found = append(found, f.Lot.ID())
	}
	if diff := cmp.Diff([]string{"20260101PT1H001", "20260101PT1H003"}, found); diff != "" {
		t.Errorf("what counts, in the order of the lots: %s", diff)
	}
	if len(got.Damaged) != 4 || !strings.Contains(got.Damaged[3], "says something else") {
		t.Errorf("what does not, although it says so: %s", strings.Join(got.Damaged, "\n"))
	}
	if diff := cmp.Diff(map[string][]string{"main": {"s3://manifests/prod/" + main.Path()}}, got.Partial); diff != "" || got.State(b.run) != run.Partial {
		t.Errorf("%s: %s", got.State(b.run), diff)
	}
	if waits := b.run.Waits(got.Seen, false); len(waits) != 1 || !strings.Contains(waits[0], "and 12 more") {
		t.Errorf("it waits for %s", waits)
	}
	b.run.Attempt = "0"
	if _, err := b.ledger.Look(t.Context(), b.run); err == nil || !strings.Contains(err.Error(), "there was an attempt 0") {
		t.Errorf("an attempt is made once: %v", err)
	}
}

func TestPublish(t *testing.T) {
	b := newBench(t)
	if state := b.look().State(b.run); state != run.Missing {
		t.Errorf("nothing is there, and it is %s", state)
	}
	if err := b.ledger.Fresh(t.Context(), b.run); err != nil {
		t.Error(err)
	}
	b.put(b.run.Sinks[2].Attempt, "a.csv", "1")
	if err := b.ledger.Fresh(t.Context(), b.run); err == nil {
		t.Error("what another run writes to is not written to")
	}
	out, err := b.conclude(run.Ended{}, nil)
	if err != nil || out.State != run.Complete {
		t.Fatalf("%v %v", out, err)
	}
	if _, err := b.conclude(run.Ended{}, nil); err != nil {
		t.Errorf("after a crash it is done again: %v", err)
	}
	standing := b.look()
	if state := standing.State(b.run); state != run.Complete || !cmp.Equal(b.kept("clean"), []string{"complete"}) || !cmp.Equal(b.kept("bad"), []string{"empty"}) {
		t.Errorf("%s: %s, %s", state, b.kept("clean"), b.kept("bad"))
	}

	// Another run of the same lot does not replace what counts unless it is to.
	for i := range b.run.Sinks {
		if b.run.Sinks[i].Store != "" {
			b.run.Sinks[i].Attempt = run.AttemptLocation(b.run.Sinks[i].Location, b.run.Lot, "2")
		}
	}
	b.run.Attempt = "2"
	b.put(b.run.Sinks[0].Attempt, "a.csv", "2")
	if _, err := b.conclude(run.Ended{}, nil); err == nil || !strings.Contains(err.Error(), "someone else has made 20260101P1D000 of orders/") {
		t.Errorf("two runs at once: %v", err)
	}
	if diff := cmp.Diff([]string{"empty", "removed"}, b.kept("bad")); diff != "" {
		t.Errorf("it was empty, and complete by another run, which takes that back: %s", diff)
	}
	if out, err := b.conclude(run.Ended{Failed: "it failed"}, standing.There); err != nil || out.State != run.Partial || !cmp.Equal(b.kept("bad"), []string{"empty", "partial", "removed"}) {
		t.Errorf("what counted before counts until there is more than what a failed run left: %v %v %s", out.State, err, b.kept("bad"))
	}
}

// TestPublishSurvives: whichever request fails, each lot has a manifest that counts or none, what it had is never lost without a record,
// and doing it again ends with the new one.
func TestPublishSurvives(t *testing.T) {
	for n := int64(1); ; n++ {
		b := newBench(t)
		b.put(b.run.Sinks[2].Attempt, "a.csv", "1")
		if _, err := b.conclude(run.Ended{}, nil); err != nil {
			t.Fatal(err)
		}
		there := b.look().There
		b.s3.Advance(1e9)
		for i := range b.run.Sinks {
			if b.run.Sinks[i].Store != "" {
				b.run.Sinks[i].Attempt = run.AttemptLocation(b.run.Sinks[i].Location, b.run.Lot, "2")
				b.put(b.run.Sinks[i].Attempt, "b.csv", "2")
			}
		}
		b.run.Attempt = "2"
		left, err := b.ledger.Left(t.Context(), b.run)
		if err != nil {
			t.Fatal(err)
		}
		out := b.run.Conclude(run.Ended{}, left)
		var requests atomic.Int64
		b.s3.Fail(func(w http.ResponseWriter, _ *http.Request, _ http.Handler) bool {
			if requests.Add(1) < n {
				return false
			}
			http.Error(w, "no", http.StatusForbidden) // which no client tries again by itself
			return true
		})
		_, err = b.ledger.Publish(t.Context(), out, there, "a test")
		b.s3.Fail(nil)
		if err == nil {
			if n < 5 {
				t.Errorf("it took %d requests, which cannot be", requests.Load())
			}
			return
		}
		for _, name := range []string{"clean", "bad"} {
			kept := b.kept(name)
			counts := 0
			for _, state := range kept {
				if manifest.State(state).Counts() {
					counts++
				}
			}
			if counts > 1 || counts == 0 && !slices.Contains(kept, "removed") {
				t.Fatalf("after request %d failed (%v), %s has %s", n, err, name, kept)
			}
		}
		// The next run of the lot finds what there is now.
		if _, err := b.ledger.Publish(t.Context(), out, b.look().There, "a test"); err != nil {
			t.Fatalf("again after request %d: %v", n, err)
		}
		for _, name := range []string{"clean", "bad"} {
			if !slices.Contains(b.kept(name), "complete") || slices.Contains(b.kept(name), "empty") {
				t.Fatalf("again after request %d, %s has %s", n, name, b.kept(name))
			}
		}
	}
}

func TestReturned(t *testing.T) {
	b := newBench(t)
	sink := b.run.Sinks[2]
	key := manifest.Key{Dataset: sink.Name, Lot: b.run.Lot, State: manifest.Complete}
	cases := map[string]struct {
		reason, path, text, want string
	}{
		"True":    {"what it says is so", key.Path(), complete(b.run.Lot, sink.Attempt+"a.csv"), ""},
		"Outside": {"of another attempt", key.Path(), complete(b.run.Lot, strings.Replace(sink.Attempt, "attempt=", "attempt=1", 1)+"a.csv"), "is not in " + sink.Attempt},
		"NoJSON":  {"it cannot be read", key.Path(), "{", "is not the JSON of a manifest"},
		"Stray":   {"its place is none", "datasets/name=clean/manifest.json", complete(b.run.Lot, sink.Attempt+"a.csv"), "is not the place of a manifest"},
	}
	n := 0
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			n++
			b := *b
			b.run.Attempt = fmt.Sprint(1000 + n)
			b.run.Sinks = []run.Sink{sink}
			b.run.Sinks[0].Attempt = run.AttemptLocation(sink.Location, b.run.Lot, b.run.Attempt)
			was, is := sink.Attempt, b.run.Sinks[0].Attempt
			b.put(is, "a.csv", "1")
			b.put(b.run.Sinks[0].Returns(), tc.path, strings.ReplaceAll(tc.text, was, is))
			left, err := b.ledger.Left(t.Context(), b.run)
			if err != nil {
				t.Fatal(err)
			}
			out := b.run.Conclude(run.Ended{}, left)
			if want := strings.ReplaceAll(tc.want, was, is); !strings.Contains(out.Failed, want) || (want == "") != (out.State == run.Complete) {
				t.Errorf("%s\nwant %s\ngot  %s: %s", tc.reason, want, out.State, out.Failed)
			}
		})
	}
}

// TestTable: of a table nothing is listed. What its program returned lies apart, and is held to the table.
func TestTable(t *testing.T) {
	for uri, want := range map[string]string{"glue:///sales/orders/1": "", "glue:///sales/orders2/1": "is not in glue:///sales/orders"} {
		b := newBench(t)
		sink := run.Sink{
			Role: "main", Attempt: "glue:///sales/orders", Apart: "s3://manifests/prod/trunkline-returned/name=table/version=1/lot=" + b.run.Lot.ID() + "/attempt=" + b.run.Attempt + "/",
			Place: run.Place{ID: "orders/table@1", Name: manifest.Dataset{Name: "table", Version: "1"}, Store: "s3://manifests/prod/", Location: "glue:///sales/orders"},
		}
		b.run.Sinks = []run.Sink{sink}
		if err := b.ledger.Fresh(t.Context(), b.run); err != nil {
			t.Error(err)
		}
		key := manifest.Key{Dataset: sink.Name, Lot: b.run.Lot, State: manifest.Complete}.Path()
		b.put(b.run.Tagged("other").Sinks[0].Returns(), key, complete(b.run.Lot, "glue:///sales/orders/2"))
		if err := b.ledger.Fresh(t.Context(), b.run); err != nil {
			t.Errorf("another Job of the attempt leaves its own: %v", err)
		}
		b.put(sink.Returns(), key, complete(b.run.Lot, uri))
		if err := b.ledger.Fresh(t.Context(), b.run); err == nil || !strings.Contains(err.Error(), "has been made") {
			t.Errorf("an attempt is made once: %v", err)
		}
		out, err := b.conclude(run.Ended{}, nil)
		if err != nil || !strings.Contains(out.Failed, want) || (want == "") != (out.State == run.Complete) {
			t.Errorf("%s: %s, %v", uri, out.Failed, err)
		}
		if state := "partial"; want != "" && !cmp.Equal(b.kept("table"), []string{state}) || want == "" && !cmp.Equal(b.kept("table"), []string{"complete"}) {
			t.Errorf("%s: there is %s", uri, b.kept("table"))
		}
	}
}

func TestCannotLook(t *testing.T) {
	b := newBench(t)
	b.s3.Fail(func(w http.ResponseWriter, _ *http.Request, _ http.Handler) bool {
		http.Error(w, "no", http.StatusForbidden) // which no client tries again by itself
		return true
	})
	_, look := b.ledger.Look(t.Context(), b.run)
	_, left := b.ledger.Left(t.Context(), b.run)
	fresh := b.ledger.Fresh(t.Context(), b.run)
	for name, err := range map[string]error{"Look": look, "Left": left, "Fresh": fresh} {
		if bucket.ClassOf(err) != bucket.Denied {
			t.Errorf("%s: what cannot be read is not known to be absent: %v", name, err)
		}
	}
}
