// SPDX-License-Identifier: Apache-2.0

package arrivals

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/api/boundary"
	"trunkline.dev/trunkline/api/lot"
	"trunkline.dev/trunkline/flow/bucket"
	"trunkline.dev/trunkline/flow/bucket/buckettest"
	"trunkline.dev/trunkline/flow/ingress"
	"trunkline.dev/trunkline/flow/manifest"
	"trunkline.dev/trunkline/flow/store"
	"trunkline.dev/trunkline/flow/survey"
)

// world is a boundary of hourly lots since 2026 began, where the clock of the stores stands, too.
type world struct {
	t        *testing.T
	s3       *buckettest.S3
	opts     bucket.Options
	boundary Boundary
	looker   *Looker
	now      time.Time
}

func newWorld(t *testing.T, params map[string]any) *world {
	t.Helper()
	fake := buckettest.New(t, "lake", "manifests")
	spec, err := boundary.Parse(params, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, s3: fake, opts: bucket.Options{Endpoint: fake.URL}, now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}
	w.boundary = Boundary{ingress.Boundary{
		ID: "orders/land", Spec: spec, Dataset: manifest.Dataset{Name: "raw", Version: "1"}, Unit: lot.Hourly, Since: w.now, Location: "s3://lake/raw/",
	}, "orders/raw@1", "s3://manifests/dev/"}
	w.looker = New(w.opts)
	return w
}

// pass has time pass.
func (w *world) pass(by time.Duration) {
	w.s3.Advance(by)
	w.now = w.now.Add(by)
}

// arrive writes an object.
func (w *world) arrive(keys ...string) {
	w.t.Helper()
	folder, err := bucket.Open(w.t.Context(), w.boundary.Location, w.opts)
	if err != nil {
		w.t.Fatal(err)
	}
	defer func() { _ = folder.Close() }()
	for _, key := range keys {
		if err := folder.Create(w.t.Context(), key, []byte(key)); err != nil {
			w.t.Fatal(err)
		}
	}
}

// have is what a listing of the manifests says.
func (w *world) have() map[lot.Lot]survey.Lot {
	w.t.Helper()
	of := map[lot.Lot][]store.Entry{}
	err := store.With(w.t.Context(), w.boundary.Store, w.opts, func(s *store.Store) error {
		for e, err := range s.List(w.t.Context(), store.Of{Dataset: w.boundary.Dataset}) {
			if err != nil {
				return err
			}
			of[e.Key.Lot] = append(of[e.Key.Lot], e)
		}
		return nil
	})
	if err != nil {
		w.t.Fatal(err)
	}
	out := map[lot.Lot]survey.Lot{}
	for l, entries := range of {
		out[l] = survey.Fold(entries)
	}
	return out
}

func (w *world) look() (Look, error) {
	return w.looker.Look(w.t.Context(), w.boundary, w.have(), w.now)
}

// mustLook looks, and wants some lots to be written.
func (w *world) mustLook(reason string, want ...string) {
	w.t.Helper()
	got, err := w.look()
	if err != nil {
		w.t.Fatalf("%s: %v", reason, err)
	}
	var words []string
	for _, l := range slices.SortedFunc(maps.Keys(got.Written), lot.Lot.Compare) {
		words = append(words, l.Start.Format("15h ")+string(got.Written[l].State))
	}
	if diff := cmp.Diff(want, words); diff != "" {
		w.t.Errorf("%s: -want +got:\n%s", reason, diff)
	}
	have := w.have()
	for l, f := range got.Lots {
		if !cmp.Equal(f, have[l]) {
			w.t.Errorf("%s: %s is said to be %+v, and is %+v", reason, l, f, have[l])
		}
	}
}

// keys are those of the manifests, without what says how they were called.
func (w *world) keys() (keys []string) {
	w.t.Helper()
	folder, err := bucket.Open(w.t.Context(), w.boundary.Store, w.opts)
	if err != nil {
		w.t.Fatal(err)
	}
	defer func() { _ = folder.Close() }()
	for o, err := range folder.List(w.t.Context(), "") {
		if err != nil {
			w.t.Fatal(err)
		}
		key := strings.TrimPrefix(o.Key, "datasets/name=raw/version=1/lot=20260101PT1H")
		parts := strings.Split(key, "/")
		keys = append(keys, parts[0]+" "+parts[1])
	}
	return keys
}

// TestLots: what arrives becomes lots, once, and late data make theirs once more: what counted before is kept as removed.
func TestLots(t *testing.T) {
	w := newWorld(t, nil)
	w.mustLook("nothing has ended")
	w.arrive("a.csv", "_SUCCESS", "in/b.csv")
	w.pass(time.Hour)
	w.mustLook("a lot has ended", "00h complete")
	w.mustLook("it is written once")
	w.looker = New(w.opts)
	w.mustLook("also by one that has just started")
	w.pass(time.Hour)
	w.mustLook("nothing arrived", "01h empty")

	w.boundary.Source, w.boundary.Time = boundary.Key, nil
	var err error
	if w.boundary.Time, err = boundary.NewKeyTime(`(?<year>\d{4})(?<month>\d\d)(?<day>\d\d)(?<hour>\d\d)`, time.Hour); err != nil {
		t.Fatal(err)
	}
	w.arrive("2026010101.csv")
	w.mustLook("late data, by the time of the key; what has none is of no lot any more", "00h empty", "01h complete")
	want := []string{"000 state=empty", "000 state=removed", "001 state=complete", "001 state=removed"}
	if diff := cmp.Diff(want, w.keys()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// TestStopped: whichever request to the stores fails, the next look goes on, and no two manifests ever count.
func TestStopped(t *testing.T) {
	for at := 1; ; at++ {
		w := newWorld(t, map[string]any{"arrival": "immediate"})
		w.arrive("a.csv")
		w.mustLook("the first object", "00h complete")
		w.arrive("b.csv")
		w.pass(time.Minute)
		have := w.have()
		n := 0
		w.s3.Fail(func(rw http.ResponseWriter, _ *http.Request, _ http.Handler) bool {
			if n++; n == at {
				rw.WriteHeader(http.StatusInternalServerError)
				return true
			}
			return false
		})
		_, err := w.looker.Look(t.Context(), w.boundary, have, w.now)
		w.s3.Fail(nil)
		counting := 0
		for _, key := range w.keys() {
			if strings.HasSuffix(key, "=complete") || strings.HasSuffix(key, "=empty") {
				counting++
			}
		}
		if counting > 1 {
			t.Fatalf("after request %d failed, %d manifests count", at, counting)
		}
		if _, again := w.look(); again != nil {
			t.Fatal(again)
		}
		if diff := cmp.Diff([]string{"000 state=complete", "000 state=removed"}, w.keys()); diff != "" {
			t.Errorf("after request %d failed: -want +got:\n%s", at, diff)
		}
		w.mustLook("it is done")
		if err == nil {
			if at < 6 {
				t.Errorf("only %d requests were tried", at)
			}
			break
		}
	}
}

// TestDamaged: a manifest that is damaged is written again, and kept as removed.
func TestDamaged(t *testing.T) {
	w := newWorld(t, nil)
	w.arrive("a.csv")
	w.pass(time.Hour)
	folder, err := bucket.Open(t.Context(), w.boundary.Store, w.opts)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = folder.Close() }()
	key := manifest.Key{Dataset: w.boundary.Dataset, Lot: lot.Hourly.At(w.boundary.Since), State: manifest.Complete}
	if err := folder.Create(t.Context(), key.Path(), []byte(`{"state":"complete","lotId":"20260101PT1H000","uris":["s3://other/x"]}`)); err != nil {
		t.Fatal(err)
	}
	w.mustLook("it lists what is not in the path of the dataset", "00h complete")
	w.mustLook("it is written once")
	if diff := cmp.Diff([]string{"000 state=complete", "000 state=removed"}, w.keys()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// TestSomeoneElse: a manifest that someone else wrote meanwhile stays until it was seen.
func TestSomeoneElse(t *testing.T) {
	w := newWorld(t, map[string]any{"arrival": "immediate"})
	w.arrive("a.csv")
	before := w.have()
	if _, err := New(w.opts).Look(t.Context(), w.boundary, before, w.now); err != nil {
		t.Fatal(err)
	}
	w.arrive("b.csv")
	got, err := w.looker.Look(t.Context(), w.boundary, before, w.now)
	if err != nil || len(got.Written) > 0 {
		t.Errorf("%+v is written in place of what nobody has seen, %v", got.Written, err)
	}
	w.mustLook("it is seen by now", "00h complete")

	before = w.have()
	w.pass(time.Second)
	w.arrive("c.csv")
	if _, err := New(w.opts).Look(t.Context(), w.boundary, before, w.now); err != nil {
		t.Fatal(err)
	}
	w.arrive("d.csv")
	if got, err = w.looker.Look(t.Context(), w.boundary, before, w.now); err != nil || len(got.Written) > 0 {
		t.Errorf("%+v is written in place of another one than was seen, %v", got.Written, err)
	}
	w.mustLook("it is seen by now", "00h complete")
}

// TestRequests: looking at what is known costs one request for each thousand objects, and a new lot few.
func TestRequests(t *testing.T) {
	w := newWorld(t, nil)
	w.arrive("a.csv")
	w.pass(time.Hour)
	var asked []string
	count := func(have map[lot.Lot]survey.Lot) []string {
		asked = nil
		w.s3.Fail(func(_ http.ResponseWriter, r *http.Request, _ http.Handler) bool {
			asked = append(asked, r.Method+" "+r.URL.Path)
			return false
		})
		defer w.s3.Fail(nil)
		if _, err := w.looker.Look(context.WithoutCancel(t.Context()), w.boundary, have, w.now); err != nil {
			t.Fatal(err)
		}
		return asked
	}
	if got := count(nil); len(got) > 4 {
		t.Errorf("a new lot costs %q", got)
	}
	if got := count(w.have()); len(got) != 1 {
		t.Errorf("nothing new costs %q", got)
	}
}
