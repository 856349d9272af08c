// SPDX-License-Identifier: Apache-2.0

package store_test

import (
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/flow/bucket"
	"trunkline.dev/trunkline/flow/manifest"
	"trunkline.dev/trunkline/flow/store"
)

// entry is what a listing says of a manifest.
func (w world) entry(t testing.TB, k manifest.Key) store.Entry {
	t.Helper()
	for e, err := range w.List(t.Context(), store.Of{Dataset: k.Dataset, Lot: k.Lot}) {
		if err != nil {
			t.Fatal(err)
		}
		if e.Key == k {
			return e
		}
	}
	t.Fatalf("%s is not there", k.Path())
	return store.Entry{}
}

// states lists what a lot has, without the names of attempts.
func (w world) states(t testing.TB, k manifest.Key) (out []string) {
	t.Helper()
	for _, path := range w.paths(t.Context(), t, store.Of{Dataset: k.Dataset, Lot: k.Lot}) {
		_, state, _ := strings.Cut(path, "state=")
		state, _, _ = strings.Cut(state, "/")
		out = append(out, state)
	}
	return out
}

// tick has time pass for the store.
func (w world) tick() {
	if w.s3 != nil {
		w.s3.Advance(time.Minute)
	}
}

func TestRetire(t *testing.T) {
	for name, w := range kinds(t) {
		t.Run(name, func(t *testing.T) {
			ctx := t.Context()
			k := key(t, "20260101PT5M000", manifest.Complete, "")
			w.write(ctx, t, k, "f", "g")
			w.tick()
			old := w.entry(t, k)
			for range 2 { // the second time it has been retired
				if err := w.Retire(ctx, old, data, "replay r1"); err != nil {
					t.Fatal(err)
				}
			}
			if diff := cmp.Diff([]string{"removed"}, w.states(t, k)); diff != "" {
				t.Fatalf("left is (-want +got):\n%s", diff)
			}
			var removed manifest.Key
			for e := range w.List(ctx, store.Of{Dataset: raw}) {
				removed = e.Key
			}
			want := says(removed, "f", "g")
			want.Comment = new("replay r1")
			got, err := w.Read(ctx, removed, data)
			if diff := cmp.Diff(want, got); diff != "" || err != nil {
				t.Errorf("the record is (-want +got):\n%s%v", diff, err)
			}

			// What is made of the lot then is another one, even if it says the same, and is not meant by who retires the old one again.
			w.tick()
			w.write(ctx, t, k, "f", "g")
			if err := w.Retire(ctx, old, data, "replay r1"); err != nil {
				t.Error(err)
			}
			if diff := cmp.Diff([]string{"complete", "removed"}, w.states(t, k)); diff != "" {
				t.Errorf("after the old one was retired again, there is (-want +got):\n%s", diff)
			}
			// It is retired by itself.
			if err := w.Retire(ctx, w.entry(t, k), data, "replay r2"); err != nil {
				t.Error(err)
			}
			if diff := cmp.Diff([]string{"removed", "removed"}, w.states(t, k)); diff != "" {
				t.Errorf("after the new one was retired, there is (-want +got):\n%s", diff)
			}
		})
	}
}

// TestRetireDamaged: what does not count takes the place of what will, and its record lists nothing of what it claimed.
func TestRetireDamaged(t *testing.T) {
	for name, w := range kinds(t) {
		t.Run(name, func(t *testing.T) {
			k := key(t, "20260101PT5M000", manifest.Complete, "")
			lie := strings.Replace(string(says(k, "f").Encode()), "lake", "evil", 1)
			if err := w.folder.Create(t.Context(), k.Path(), []byte(lie)); err != nil {
				t.Fatal(err)
			}
			if err := w.Retire(t.Context(), w.entry(t, k), data, "healed"); err != nil {
				t.Fatal(err)
			}
			for e := range w.List(t.Context(), store.Of{}) {
				m, err := w.Read(t.Context(), e.Key, data)
				if err != nil || m.State != manifest.Removed || len(m.URIs) > 0 || m.Comment == nil || !strings.Contains(*m.Comment, "is not in "+data) {
					t.Errorf("the record is %+v, %v", m, err)
				}
			}
		})
	}
}

// TestRetireWhatChanged: what is not what was listed is not retired.
func TestRetireWhatChanged(t *testing.T) {
	for name, w := range kinds(t) {
		t.Run(name, func(t *testing.T) {
			ctx := t.Context()
			k := key(t, "20260101PT5M000", manifest.Complete, "")
			w.write(ctx, t, k, "f")
			old := w.entry(t, k)
			if err := w.folder.Delete(ctx, k.Path()); err != nil {
				t.Fatal(err)
			}
			if err := w.Retire(ctx, old, data, "x"); err == nil || !strings.Contains(err.Error(), "list it again") {
				t.Errorf("it went without a record, and the error is %v", err)
			}
			w.tick()
			w.write(ctx, t, k, "other")
			if err := w.Retire(ctx, old, data, "x"); err == nil || !strings.Contains(err.Error(), "list it again") {
				t.Errorf("it is another one, and the error is %v", err)
			}
			if diff := cmp.Diff([]string{"complete"}, w.states(t, k)); diff != "" {
				t.Errorf("there is (-want +got):\n%s", diff)
			}
			partial := key(t, "20260101PT5M001", manifest.Partial, "1")
			w.write(ctx, t, partial, "f")
			if err := w.Retire(ctx, w.entry(t, partial), data, "x"); err == nil {
				t.Error("what does not count was retired")
			}
			if err := w.Retire(ctx, store.Entry{Path: "x", Stray: http.ErrAbortHandler}, data, "x"); err == nil {
				t.Error("what is stray was retired")
			}
		})
	}
}

// TestRetireCrashes: whichever request is the last before a crash, and whether it was done or not, the old manifest counts or its removal
// is recorded; doing it again finishes it; and the lot can then be made again, once.
func TestRetireCrashes(t *testing.T) {
	for _, done := range []bool{false, true} {
		for at := 1; ; at++ {
			w := kinds(t)["S3"]
			k := key(t, "20260101PT5M000", manifest.Complete, "")
			w.write(t.Context(), t, k, "f")
			w.s3.Advance(time.Minute)
			old := w.entry(t, k)
			var requests atomic.Int64
			w.s3.Fail(func(_ http.ResponseWriter, r *http.Request, next http.Handler) bool {
				n := int(requests.Add(1))
				if n < at {
					return false
				}
				if n == at && done {
					next.ServeHTTP(discarded{}, r)
				}
				panic(http.ErrAbortHandler)
			})
			err := w.Retire(t.Context(), old, data, "replay r1")
			w.s3.Fail(nil)
			if int(requests.Load()) < at {
				if err != nil || at != 4 {
					t.Errorf("it was done after %d requests, want 3; %v", at-1, err)
				}
				break
			}
			if bucket.ClassOf(err) != bucket.Transient {
				t.Errorf("crash at request %d: %v", at, err)
			}
			after := w.states(t, k)
			if !slices.Contains([]string{"complete", "complete removed", "removed"}, strings.Join(after, " ")) {
				t.Errorf("crash at request %d, done %v: left is %v", at, done, after)
			}
			if slices.Contains(after, "complete") { // nobody can write the new one before the old one is gone
				if err := w.Write(t.Context(), k, says(k, "new")); err == nil {
					t.Errorf("crash at request %d: two count", at)
				}
			}
			w.s3.Advance(time.Minute)
			if err := w.Retire(t.Context(), old, data, "replay r1, again"); err != nil {
				t.Errorf("crash at request %d: again: %v", at, err)
			}
			w.write(t.Context(), t, k, "f")
			if err := w.Retire(t.Context(), old, data, "replay r1, once more"); err != nil {
				t.Errorf("crash at request %d: when the new one is there: %v", at, err)
			}
			if diff := cmp.Diff([]string{"complete", "removed"}, w.states(t, k)); diff != "" {
				t.Errorf("crash at request %d, done %v: in the end there is (-want +got):\n%s", at, done, diff)
			}
		}
	}
}
