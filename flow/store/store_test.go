// SPDX-License-Identifier: Apache-2.0

package store_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/api/lot"
	"trunkline.dev/trunkline/flow/bucket"
	"trunkline.dev/trunkline/flow/bucket/buckettest"
	"trunkline.dev/trunkline/flow/manifest"
	"trunkline.dev/trunkline/flow/store"
)

const data = "s3://lake/orders/raw/"

var raw = manifest.Dataset{Name: "raw", Version: "1"}

// world is a store of manifests of some kind, and the folder that it is in.
type world struct {
	*store.Store
	folder bucket.Folder
	// s3 is nil for a folder of this machine.
	s3 *buckettest.S3
}

// kinds opens a store of each kind.
func kinds(t *testing.T) map[string]world {
	t.Helper()
	s3 := buckettest.New(t, "manifests", "lake")
	out := map[string]world{}
	for name, address := range map[string]string{"S3": "s3://manifests/prod/", "Folder": "file://" + t.TempDir() + "/prod"} {
		opts := bucket.Options{Endpoint: s3.URL}
		s, err := store.Open(t.Context(), address, opts)
		if err != nil {
			t.Fatal(err)
		}
		f, err := bucket.Open(t.Context(), address, opts)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = errors.Join(s.Close(), f.Close()) })
		out[name] = world{s, f, s3}
	}
	out["Folder"] = world{out["Folder"].Store, out["Folder"].folder, nil}
	return out
}

func aLot(t testing.TB, id string) lot.Lot {
	t.Helper()
	l, err := lot.ParseID(id)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// key is that of a manifest of raw@1.
func key(t testing.TB, id string, state manifest.State, attempt string) manifest.Key {
	return manifest.Key{Dataset: raw, Lot: aLot(t, id), State: state, Attempt: attempt}
}

// says returns a manifest that is what a key says, with some files.
func says(k manifest.Key, files ...string) manifest.Manifest {
	m := manifest.Manifest{State: k.State, LotID: k.Lot.ID(), URIType: manifest.Identifier}
	for _, f := range files {
		m.URIs = append(m.URIs, data+f)
	}
	return m
}

func (w world) write(ctx context.Context, t testing.TB, k manifest.Key, files ...string) {
	t.Helper()
	if err := w.Write(ctx, k, says(k, files...)); err != nil {
		t.Fatal(err)
	}
}

// paths lists what a store holds; what is stray begins with "stray".
func (w world) paths(ctx context.Context, t testing.TB, of store.Of) (out []string) {
	t.Helper()
	for e, err := range w.List(ctx, of) {
		if err != nil {
			t.Fatal(err)
		}
		path := strings.TrimSuffix(e.Path, "/manifest.json")
		if e.Stray != nil {
			path = "stray " + e.Path
		} else if e.Key.Path() != e.Path {
			t.Errorf("%s is listed as that of %+v", e.Path, e.Key)
		}
		out = append(out, path)
	}
	return out
}

// TestList: what there is, is listed by dataset and lot, and what is no manifest is named and counts for nothing.
func TestList(t *testing.T) {
	for name, w := range kinds(t) {
		t.Run(name, func(t *testing.T) {
			ctx := t.Context()
			w.write(ctx, t, key(t, "20260101PT5M001", manifest.Complete, ""), "f")
			w.write(ctx, t, key(t, "20260101PT5M000", manifest.Empty, ""))
			w.write(ctx, t, key(t, "20260101PT5M000", manifest.Removed, "1"), "f")
			w.write(ctx, t, key(t, "20260101PT5M000", manifest.Partial, "2"), "f")
			other := key(t, "20260101P1D000", manifest.Complete, "")
			other.Version = "10"
			w.write(ctx, t, other, "f")
			for _, path := range []string{
				"datasets/name=raw/version=1/_SUCCESS", "datasets/README", "datasets/name=raw/version=1/lot=x/state=complete/manifest.json",
				"elsewhere/name=raw/version=1/lot=20260101PT5M000/state=complete/manifest.json",
			} {
				if err := w.folder.Create(ctx, path, []byte("{}")); err != nil {
					t.Fatal(err)
				}
			}
			lot0 := "datasets/name=raw/version=1/lot=20260101PT5M000/"
			wholeLot := []string{lot0 + "state=empty", lot0 + "state=partial/attempt=2", lot0 + "state=removed/attempt=1"}
			mine := append(append([]string{"stray datasets/name=raw/version=1/_SUCCESS"}, wholeLot...),
				"datasets/name=raw/version=1/lot=20260101PT5M001/state=complete", "stray datasets/name=raw/version=1/lot=x/state=complete/manifest.json")
			all := append([]string{"stray datasets/README"}, append(mine, "datasets/name=raw/version=10/lot=20260101P1D000/state=complete")...)
			for _, tc := range []struct {
				reason string
				of     store.Of
				want   []string
			}{
				{"all that are below datasets/", store.Of{}, all},
				{"those of one version: 1 is not 10", store.Of{Dataset: raw}, mine},
				{"those of one lot", store.Of{Dataset: raw, Lot: aLot(t, "20260101PT5M000")}, wholeLot},
				{"a lot that is not there", store.Of{Dataset: raw, Lot: aLot(t, "20260102PT5M000")}, nil},
				{"a dataset that is not there", store.Of{Dataset: manifest.Dataset{Name: "none", Version: "1"}}, nil},
			} {
				if diff := cmp.Diff(tc.want, w.paths(ctx, t, tc.of)); diff != "" {
					t.Errorf("%s (-want +got):\n%s", tc.reason, diff)
				}
			}
		})
	}
}

// TestListReadsNothing: a listing of many manifests costs a request for each thousand.
func TestListReadsNothing(t *testing.T) {
	w := kinds(t)["S3"]
	for l := range lot.Range(lot.Twelfths, aLot(t, "20260101P1D000").Start, aLot(t, "20260104PT1H012").Start) {
		w.write(t.Context(), t, manifest.Key{Dataset: raw, Lot: l, State: manifest.Empty})
	}
	var requests atomic.Int64
	w.s3.Fail(func(_ http.ResponseWriter, r *http.Request, _ http.Handler) bool {
		requests.Add(1)
		if r.Method != http.MethodGet || !r.URL.Query().Has("list-type") {
			t.Errorf("asked is %s %s", r.Method, r.URL)
		}
		return false
	})
	if n := len(w.paths(t.Context(), t, store.Of{Dataset: raw})); n != 1008 || requests.Load() != 2 {
		t.Errorf("%d are listed by %d requests, want 1008 by 2", n, requests.Load())
	}
}

// TestRead: what is read is what its key says, of what is in the dataset's location; else it is damaged, and says where and why.
func TestRead(t *testing.T) {
	k := key(t, "20260101PT5M000", manifest.Complete, "")
	good := string(says(k, "f").Encode())
	for name, w := range kinds(t) {
		for what, tc := range map[string]struct{ reason, content, want string }{
			"Good":        {"as it should be", good, ""},
			"Half":        {"half of it", good[:50], "not the JSON of a manifest"},
			"Nothing":     {"an object without content", "", "not the JSON of a manifest"},
			"OtherLot":    {"a copy of another lot's", strings.Replace(good, "M000", "M001", 1), "it is of the lot 20260101PT5M001"},
			"OtherState":  {"a copy of another state's", strings.Replace(good, "complete", "partial", 1), "its state is partial"},
			"Elsewhere":   {"data of others", strings.Replace(good, "orders/raw/", "orders/raw-evil/", 1), "is not in s3://lake/orders/raw/"},
			"Up":          {"data of others", strings.Replace(good, "raw/f", "raw/%2e%2e/clean/f", 1), "is not in s3://lake/orders/raw/"},
			"OtherBucket": {"data of others", strings.Replace(good, "lake", "evil", 1), "is not in s3://lake/orders/raw/"},
		} {
			t.Run(name+"/"+what, func(t *testing.T) {
				ctx := t.Context()
				if err := errors.Join(w.folder.Delete(ctx, k.Path()), w.folder.Create(ctx, k.Path(), []byte(tc.content))); err != nil {
					t.Fatal(err)
				}
				m, err := w.Read(ctx, k, data)
				damaged, ok := errors.AsType[*store.DamagedError](err)
				switch {
				case tc.want == "" && (err != nil || !m.Same(says(k, "f"))):
					t.Errorf("%s: read as %+v, %v", tc.reason, m, err)
				case tc.want != "" && (!ok || !strings.Contains(err.Error(), tc.want) || damaged.Path != w.Location()+k.Path() || !strings.Contains(err.Error(), damaged.Path)):
					t.Errorf("%s: the error is %v, want %q", tc.reason, err, tc.want)
				}
			})
		}
		if _, err := w.Read(t.Context(), key(t, "20260101PT5M007", manifest.Complete, ""), data); bucket.ClassOf(err) != bucket.NotFound {
			t.Errorf("%s: it is not there, and the error is %v", name, err)
		}
	}
}

// TestTooLarge: a manifest that takes the memory of those who read it is stray when it is listed, and damaged when it is read.
func TestTooLarge(t *testing.T) {
	for name, w := range kinds(t) {
		k := key(t, "20260101PT5M000", manifest.Complete, "")
		if err := w.folder.Create(t.Context(), k.Path(), bytes.Repeat([]byte(" "), manifest.MaxSize+1)); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{"stray " + k.Path()}, w.paths(t.Context(), t, store.Of{})); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		if _, err := w.Read(t.Context(), k, data); bucket.ClassOf(err) != bucket.Invalid {
			t.Errorf("%s: the error is %v", name, err)
		}
	}
}

// TestWrite: a manifest is written once; the same again has been written, and another one is a conflict that shows both.
func TestWrite(t *testing.T) {
	for name, w := range kinds(t) {
		t.Run(name, func(t *testing.T) {
			ctx := t.Context()
			k := key(t, "20260101PT5M000", manifest.Complete, "")
			commented := says(k, "f")
			commented.Comment = new("tried again")
			for range 2 {
				w.write(ctx, t, k, "f")
			}
			if err := w.Write(ctx, k, commented); err != nil {
				t.Errorf("the same with a comment: %v", err)
			}
			err := w.Write(ctx, k, says(k, "g"))
			conflict, ok := errors.AsType[*store.ConflictError](err)
			if !ok || !bytes.Equal(conflict.Have, says(k, "f").Encode()) || !bytes.Equal(conflict.Want, says(k, "g").Encode()) || !strings.Contains(err.Error(), w.Location()+k.Path()) {
				t.Errorf("another one: %v", err)
			}
			if m, err := w.Read(ctx, k, data); err != nil || !m.Same(says(k, "f")) || m.Comment != nil {
				t.Errorf("what is there is %+v, %v", m, err)
			}
			for reason, bad := range map[string]struct {
				k manifest.Key
				m manifest.Manifest
			}{
				"a name that leads elsewhere": {manifest.Key{Dataset: manifest.Dataset{Name: "../x", Version: "1"}, Lot: k.Lot, State: k.State}, says(k, "f")},
				"an attempt without a name":   {manifest.Key{Dataset: raw, Lot: k.Lot, State: manifest.Partial}, says(k, "f")},
				"what contradicts itself":     {k, says(k)},
				"another state":               {key(t, "20260101PT5M009", manifest.Complete, ""), says(key(t, "20260101PT5M009", manifest.Empty, ""))},
				"another lot":                 {key(t, "20260101PT5M009", manifest.Complete, ""), says(k, "f")},
			} {
				before := len(w.paths(ctx, t, store.Of{}))
				if err := w.Write(ctx, bad.k, bad.m); err == nil || len(w.paths(ctx, t, store.Of{})) != before {
					t.Errorf("%s was written: %v", reason, err)
				}
			}
		})
	}
}

// TestWriters: of those who write different manifests of one lot at once, one does, and the others learn which.
func TestWriters(t *testing.T) {
	for name, w := range kinds(t) {
		t.Run(name, func(t *testing.T) {
			k := key(t, "20260101PT5M000", manifest.Complete, "")
			errs := make([]error, 12)
			var group sync.WaitGroup
			for i := range errs {
				group.Go(func() { errs[i] = w.Write(t.Context(), k, says(k, fmt.Sprint(i/2))) })
			}
			group.Wait()
			m, err := w.Read(t.Context(), k, data)
			if err != nil {
				t.Fatal(err)
			}
			for i, err := range errs {
				_, conflict := errors.AsType[*store.ConflictError](err)
				if mine := m.URIs[0] == data+fmt.Sprint(i/2); mine != (err == nil) || mine == conflict {
					t.Errorf("%d wrote what is there: %v, and its error is %v", i, mine, err)
				}
			}
		})
	}
}

// TestLostAnswer: a write whose answer is lost has happened, or not; writing again says so.
func TestLostAnswer(t *testing.T) {
	w := kinds(t)["S3"]
	k := key(t, "20260101PT5M000", manifest.Complete, "")
	w.s3.Fail(func(_ http.ResponseWriter, r *http.Request, next http.Handler) bool {
		if r.Method == http.MethodPut {
			next.ServeHTTP(discarded{}, r)
			panic(http.ErrAbortHandler)
		}
		return false
	})
	if err := w.Write(t.Context(), k, says(k, "f")); bucket.ClassOf(err) != bucket.Transient {
		t.Errorf("the answer is lost, and the error is %v", err)
	}
	w.s3.Fail(nil)
	w.write(t.Context(), t, k, "f")
	if err := w.Write(t.Context(), k, says(k, "g")); err == nil {
		t.Error("another one was written over it")
	}
}

// discarded is an answer that nobody gets.
type discarded struct{}

func (discarded) Header() http.Header         { return http.Header{} }
func (discarded) Write(b []byte) (int, error) { return len(b), nil }
func (discarded) WriteHeader(int)             {}

// TestObjects: data are listed as manifests name them, up to a limit.
func TestObjects(t *testing.T) {
	s3 := buckettest.New(t, "lake")
	for name, address := range map[string]string{"S3": "s3://lake/orders/raw/attempt=1/", "Folder": "file://" + t.TempDir() + "/attempt=1/"} {
		t.Run(name, func(t *testing.T) {
			opts := bucket.Options{Endpoint: s3.URL}
			if found, err := store.Objects(t.Context(), address, opts, 10); len(found) > 0 || err != nil {
				t.Errorf("nothing is there yet, and found is %v, %v", found, err)
			}
			f, err := bucket.Open(t.Context(), address, opts)
			if err != nil {
				t.Fatal(err)
			}
			for _, key := range []string{"day=1/a b%.csv", "f.parquet"} {
				if err := f.Create(t.Context(), key, []byte("x")); err != nil {
					t.Fatal(err)
				}
			}
			found, err := store.Objects(t.Context(), address, opts, 2)
			if err != nil {
				t.Fatal(err)
			}
			var uris []string
			for _, o := range found {
				if uris = append(uris, o.URI); o.Size != 1 || time.Since(o.Written) < 0 {
					t.Errorf("found is %+v", o)
				}
			}
			if diff := cmp.Diff([]string{address + "day=1/a%20b%25.csv", address + "f.parquet"}, uris); diff != "" {
				t.Errorf("found are (-want +got):\n%s", diff)
			}
			if _, err := store.Objects(t.Context(), address, opts, 1); err == nil || !strings.Contains(err.Error(), "more than 1 objects") {
				t.Errorf("two where one is the limit: %v", err)
			}
		})
	}
	s3.Fail(func(w http.ResponseWriter, _ *http.Request, _ http.Handler) bool {
		w.WriteHeader(http.StatusServiceUnavailable)
		return true
	})
	if _, err := store.Objects(t.Context(), "s3://lake/x/", bucket.Options{Endpoint: s3.URL}, 1); bucket.ClassOf(err) != bucket.Transient {
		t.Errorf("the store does not answer, and the error is %v", err)
	}
}
