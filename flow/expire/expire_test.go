// SPDX-License-Identifier: Apache-2.0

package expire_test

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
	"trunkline.dev/trunkline/flow/expire"
	"trunkline.dev/trunkline/flow/manifest"
	"trunkline.dev/trunkline/flow/store"
)

// world is a dataset in a store of some kind.
type world struct {
	t    *testing.T
	d    expire.Dataset
	opts bucket.Options
}

func newWorld(t *testing.T, root, endpoint string) world {
	t.Helper()
	return world{t, expire.Dataset{
		ID: "orders/raw@1", Dataset: manifest.Dataset{Name: "raw", Version: "1"}, Manifests: root + "manifests/", Data: root + "data/raw/",
		Records: root + "records/", Why: "older than the retention of 90 days",
	}, bucket.Options{Endpoint: endpoint}}
}

// kinds are datasets in stores of each kind.
func kinds(t *testing.T) map[string]world {
	t.Helper()
	return map[string]world{"S3": newWorld(t, "s3://lake/prod/", buckettest.New(t, "lake").URL), "Folder": newWorld(t, "file://"+t.TempDir()+"/", "")}
}

func (w world) in(address string, do func(bucket.Folder) error) {
	w.t.Helper()
	if err := bucket.With(w.t.Context(), address, w.opts, do); err != nil {
		w.t.Fatal(err)
	}
}

// has are the objects in a folder, by their paths from it on.
func (w world) has(address string) (out []string) {
	w.t.Helper()
	w.in(address, func(f bucket.Folder) error {
		for o, err := range f.List(w.t.Context(), "") {
			if err != nil {
				return err
			}
			out = append(out, o.Key)
		}
		return nil
	})
	return out
}

// write has objects be there.
func (w world) write(address string, keys ...string) {
	w.t.Helper()
	w.in(address, func(f bucket.Folder) error {
		var errs []error
		for _, key := range keys {
			errs = append(errs, f.Create(w.t.Context(), key, []byte("a")))
		}
		return errors.Join(errs...)
	})
}

// at is a lot by its number.
func at(n int) lot.Lot {
	l, _ := lot.ParseID("20260101PT1H000")
	for range n {
		l = l.Next()
	}
	return l
}

// list has the manifest of a lot list something, and returns the lot.
func (w world) list(n int, kind manifest.URIType, uris ...string) expire.Lot {
	w.t.Helper()
	key := manifest.Key{Dataset: w.d.Dataset, Lot: at(n), State: manifest.Complete}
	if len(uris) == 0 {
		key.State = manifest.Empty
	}
	out := expire.Lot{Lot: at(n)}
	err := store.With(w.t.Context(), w.d.Manifests, w.opts, func(s *store.Store) error {
		m := manifest.Manifest{State: key.State, LotID: at(n).ID(), URIType: kind, URIs: uris}
		if err := s.Write(w.t.Context(), key, m); err != nil {
			return err
		}
		for e, err := range s.List(w.t.Context(), store.Of{Dataset: w.d.Dataset, Lot: at(n)}) {
			if err != nil {
				return err
			}
			if e.Key == key {
				out.ETag = e.ETag
			}
		}
		return nil
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return out
}

// states are the states of the manifests, by the numbers of the lots.
func (w world) states() (out []string) {
	for _, key := range w.has(w.d.Manifests) {
		_, id, _ := strings.Cut(key, "lot=20260101PT1H00")
		n, rest, _ := strings.Cut(id, "/state=")
		state, _, _ := strings.Cut(rest, "/")
		out = append(out, n+" "+state)
	}
	return out
}

func (w world) remove(lots ...expire.Lot) ([]lot.Lot, error) {
	return expire.Remove(w.t.Context(), w.d, lots, w.opts)
}

// TestRemove removes what the manifests of lots list that nothing else lists, and nothing else.
func TestRemove(t *testing.T) {
	cases := map[string]struct {
		reason string
		kind   manifest.URIType
		uris   []string
		// kept is what the manifest of another lot lists.
		kept     []string
		keptKind manifest.URIType
		want     []string
	}{
		"Objects":  {"what it lists", manifest.Identifier, []string{"a/1", "a/2"}, nil, manifest.Identifier, []string{"a/10", "b/1", "c d", "e%20f", "e f"}},
		"Dupe":     {"another lot lists it too", manifest.Identifier, []string{"a/1", "a/2"}, []string{"a/1"}, manifest.Identifier, []string{"a/1", "a/10", "b/1", "c d", "e%20f", "e f"}},
		"InFolder": {"it lies in a folder that another lot lists", manifest.Identifier, []string{"a/1", "b/1"}, []string{"a/"}, manifest.Path, []string{"a/1", "a/10", "a/2", "c d", "e%20f", "e f"}},
		"Folder":   {"a folder with all that is in it", manifest.Path, []string{"a/"}, []string{"b/1"}, manifest.Identifier, []string{"b/1", "c d", "e%20f", "e f"}},
		"Part":     {"but for what another lot lists", manifest.Path, []string{"a/"}, []string{"a/2"}, manifest.Identifier, []string{"a/2", "b/1", "c d", "e%20f", "e f"}},
		"Prefix":   {"all that begins so", manifest.Prefix, []string{"a/1"}, nil, manifest.Identifier, []string{"a/2", "b/1", "c d", "e%20f", "e f"}},
		"Prefixes": {"but for what begins as another lot says", manifest.Prefix, []string{"a/"}, []string{"a/1"}, manifest.Prefix, []string{"a/1", "a/10", "b/1", "c d", "e%20f", "e f"}},
		"Escaped":  {"what is written with %", manifest.Identifier, []string{"c%20d"}, nil, manifest.Identifier, []string{"a/1", "a/10", "a/2", "b/1", "e%20f", "e f"}},
		"Unclear":  {"nothing says which of two is meant", manifest.Identifier, []string{"e%20f"}, nil, manifest.Identifier, []string{"a/1", "a/10", "a/2", "b/1", "c d", "e%20f", "e f"}},
		"Whole":    {"the whole location is that of others, too", manifest.Path, []string{""}, nil, manifest.Identifier, []string{"a/1", "a/10", "a/2", "b/1", "c d", "e%20f", "e f"}},
		"Gone":     {"what is not there is removed", manifest.Identifier, []string{"z"}, nil, manifest.Identifier, []string{"a/1", "a/10", "a/2", "b/1", "c d", "e%20f", "e f"}},
	}
	for name, c := range cases {
		for _, store := range []string{"S3", "Folder"} {
			t.Run(name+store, func(t *testing.T) {
				w := kinds(t)[store]
				w.write(w.d.Data, "a/1", "a/2", "a/10", "b/1", "c d", "e f", "e%20f")
				w.write(strings.TrimSuffix(w.d.Data, "raw/")+"raw2/", "a/1")
				in := func(paths []string) (uris []string) {
					for _, p := range paths {
						uris = append(uris, w.d.Data+p)
					}
					return uris
				}
				old := w.list(0, c.kind, in(c.uris)...)
				w.list(1, c.keptKind, in(c.kept)...)
				removed, err := w.remove(old)
				if err != nil || !slices.Equal(removed, []lot.Lot{at(0)}) {
					t.Fatalf("removed are %v: %v", removed, err)
				}
				want := slices.Sorted(slices.Values(c.want))
				if diff := cmp.Diff(want, slices.Sorted(slices.Values(w.has(w.d.Data)))); diff != "" {
					t.Errorf("%s (-want +got):\n%s", c.reason, diff)
				}
				other := "1 complete"
				if len(c.kept) == 0 {
					other = "1 empty"
				}
				if diff := cmp.Diff([]string{"0 removed", other}, w.states()); diff != "" {
					t.Errorf("the manifests (-want +got):\n%s", diff)
				}
				if len(w.has(w.d.Records)) > 0 || len(w.has(strings.TrimSuffix(w.d.Data, "raw/")+"raw2/")) != 1 {
					t.Errorf("records are %v, or another dataset lost something", w.has(w.d.Records))
				}
			})
		}
	}
}

// TestAnotherManifest: a lot that was made again since it was listed stays, and so does one that is there twice.
func TestAnotherManifest(t *testing.T) {
	w := kinds(t)["Folder"]
	w.write(w.d.Data, "a")
	old := w.list(0, manifest.Identifier, w.d.Data+"a")
	old.ETag += "-before"
	if removed, err := w.remove(old); err != nil || len(removed) > 0 {
		t.Errorf("removed are %v: %v", removed, err)
	}
	if got := append(w.states(), w.has(w.d.Data)...); !slices.Equal(got, []string{"0 complete", "a"}) {
		t.Errorf("there are %v", got)
	}
}

// TestDamaged: while nobody knows what a manifest lists, no data go; once it is away, they do.
func TestDamaged(t *testing.T) {
	w := kinds(t)["Folder"]
	w.write(w.d.Data, "a")
	old := w.list(0, manifest.Identifier, w.d.Data+"a")
	damaged := manifest.Key{Dataset: w.d.Dataset, Lot: at(1), State: manifest.Complete}.Path()
	w.write(w.d.Manifests, damaged)
	if _, err := w.remove(old); err == nil || !strings.Contains(err.Error(), "the data stay, since not all manifests can be read that may list them") {
		t.Errorf("the error is %v", err)
	}
	if got := append(w.states(), w.has(w.d.Data)...); !slices.Equal(got, []string{"0 removed", "1 complete", "a"}) {
		t.Errorf("there are %v", got)
	}
	w.in(w.d.Manifests, func(f bucket.Folder) error { return f.Delete(t.Context(), damaged) })
	left, err := expire.Unfinished(t.Context(), w.d.Records, w.opts)
	if err != nil || !slices.Equal(left, []string{"orders/raw@1"}) {
		t.Errorf("unfinished are %v: %v", left, err)
	}
	if _, err := w.remove(); err != nil || len(w.has(w.d.Data)) > 0 || len(w.has(w.d.Records)) > 0 {
		t.Errorf("there are %v and %v: %v", w.has(w.d.Data), w.has(w.d.Records), err)
	}
}

// TestFaults has each request in turn fail, before or after the store has done it. A lot counts, or is recorded as removed; data are there
// for as long as it counts; and what is left is finished by the next call.
func TestFaults(t *testing.T) {
	s3 := buckettest.New(t, "lake")
	for _, after := range []bool{false, true} {
		for fail := int32(1); ; fail++ {
			w := newWorld(t, fmt.Sprintf("s3://lake/%t-%d/", after, fail), s3.URL)
			w.write(w.d.Data, "a", "b", "c")
			lots := []expire.Lot{w.list(0, manifest.Identifier, w.d.Data+"a"), w.list(1, manifest.Identifier, w.d.Data+"b")}
			w.list(2, manifest.Identifier, w.d.Data+"c")
			var n atomic.Int32
			s3.Fail(func(rw http.ResponseWriter, r *http.Request, next http.Handler) bool {
				if after && r.Method == http.MethodGet || n.Add(1) != fail {
					return false
				}
				if after {
					next.ServeHTTP(discard{}, r)
				}
				http.Error(rw, "no", http.StatusServiceUnavailable)
				return true
			})
			removed, err := w.remove(lots...)
			s3.Fail(nil)
			if n.Load() < fail {
				if err != nil || fail < 5 {
					t.Fatalf("after %d requests: %v", n.Load(), err)
				}
				break
			}
			if err == nil {
				t.Fatalf("request %d failed, and nobody says so", fail)
			}
			states, data := w.states(), w.has(w.d.Data)
			for i, key := range []string{"a", "b"} {
				number := string(rune('0' + i))
				counts, gone := slices.Contains(states, number+" complete"), slices.Contains(states, number+" removed")
				if counts && !slices.Contains(data, key) || !counts && !gone || !counts && !slices.Contains(removed, at(i)) {
					t.Errorf("request %d: lot %d has %v and %v; told was %v", fail, i, states, data, removed)
				}
			}
			if _, err := w.remove(lots...); err != nil {
				t.Fatalf("request %d, once more: %v", fail, err)
			}
			got := slices.Concat(w.states(), w.has(w.d.Data), w.has(w.d.Records))
			if diff := cmp.Diff([]string{"0 removed", "1 removed", "2 complete", "c"}, got); diff != "" {
				t.Errorf("after a fault of request %d (-want +got):\n%s", fail, diff)
			}
		}
	}
}

// discard takes an answer that nobody gets.
type discard struct{}

func (discard) Header() http.Header         { return http.Header{} }
func (discard) Write(p []byte) (int, error) { return len(p), nil }
func (discard) WriteHeader(int)             {}
