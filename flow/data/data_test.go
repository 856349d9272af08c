// SPDX-License-Identifier: Apache-2.0

package data_test

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/api/lot"
	"trunkline.dev/trunkline/flow/bucket"
	"trunkline.dev/trunkline/flow/bucket/buckettest"
	"trunkline.dev/trunkline/flow/data"
	"trunkline.dev/trunkline/flow/filter"
	"trunkline.dev/trunkline/flow/given"
	"trunkline.dev/trunkline/flow/manifest"
)

// lake is an S3 with objects, and what a run reads and writes there.
type lake struct {
	*buckettest.S3

	*data.Stores
	in given.Input
	to given.Sink

	mu       sync.Mutex
	requests []string
}

func newLake(t *testing.T, keys ...string) *lake {
	t.Helper()
	l := &lake{
		S3: buckettest.New(t, "lake", "other"), in: given.Input{Role: "in", Location: "s3://lake/in/", Whole: true},
		to: given.Sink{Role: "out", Folder: "s3://lake/out/"},
	}
	l.Stores = data.New(bucket.Options{Endpoint: l.URL})
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	for _, key := range keys {
		if err := l.Write(t.Context(), l.in.Location, key, strings.NewReader(key)); err != nil {
			t.Fatal(err)
		}
	}
	return l
}

// record notes the requests that write, with a "copied" for those that say from where the store is to copy, and answers some itself.
func (l *lake) record(answer func(r *http.Request) int) {
	l.Fail(func(w http.ResponseWriter, r *http.Request, next http.Handler) bool {
		if r.Method == http.MethodPut {
			what := "put "
			if r.Header.Get("X-Amz-Copy-Source") != "" {
				what = "copied "
			}
			l.mu.Lock()
			l.requests = append(l.requests, what+r.URL.Path)
			l.mu.Unlock()
		}
		if answer != nil {
			if code := answer(r); code != 0 {
				w.WriteHeader(code)
				return true
			}
		}
		next.ServeHTTP(w, r)
		return true
	})
}

// TestCopyWithinAStore: the data of one bucket do not go through this program.
func TestCopyWithinAStore(t *testing.T) {
	l := newLake(t, "a")
	l.record(nil)
	for folder, want := range map[string][]string{"s3://lake/out/": {"copied /lake/out/a"}, "s3://other/": {"put /other/a"}} {
		l.requests = nil
		if copied, err := l.Copy(t.Context(), l.in, folder, data.CopyParams{Parallel: 1}); err != nil || copied.Objects != 1 {
			t.Errorf("%s: %+v, %v", folder, copied, err)
		}
		if diff := cmp.Diff(want, l.requests); diff != "" {
			t.Errorf("%s (-want +got):\n%s", folder, diff)
		}
		var b bytes.Buffer
		objects, err := l.Objects(t.Context(), given.Input{Location: folder, Whole: true})
		if err == nil && len(objects) == 1 {
			err = l.Read(t.Context(), objects[0], &b)
		}
		if err != nil || b.String() != "a" {
			t.Errorf("%s: %q is there, %v", folder, b.String(), err)
		}
	}
}

// TestCopyFails holds how much may fail to the rule of Clusterless: of n objects, n times the percentage, rounded up.
func TestCopyFails(t *testing.T) {
	keys := []string{"a", "b", "c", "d", "e"}
	for name, c := range map[string]struct {
		reason  string
		code    int
		broken  string
		percent float64
		want    data.Copied
		tried   int
	}{
		"None":        {"nothing fails", 0, "", 0, data.Copied{Chosen: 5, Objects: 5}, 5},
		"First":       {"the first failure ends it", http.StatusInternalServerError, "b", 0, data.Copied{Chosen: 5, Objects: 1, Aborted: true}, 2},
		"RoundedUp":   {"a hundredth of five is one", http.StatusInternalServerError, "b", 0.01, data.Copied{Chosen: 5, Objects: 4}, 5},
		"TooMany":     {"two are more than one", http.StatusInternalServerError, "bd", 0.2, data.Copied{Chosen: 5, Objects: 2, Aborted: true}, 4},
		"AllMay":      {"all may fail, and nothing was copied", http.StatusInternalServerError, "abcde", 1, data.Copied{Chosen: 5}, 5},
		"AccessEnded": {"what is forbidden ends it, however much may fail", http.StatusForbidden, "b", 1, data.Copied{Chosen: 5, Objects: 1, Aborted: true}, 2},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLake(t, keys...)
			l.record(func(r *http.Request) int {
				if key, ok := strings.CutPrefix(r.URL.Path, "/lake/out/"); ok && strings.Contains(c.broken, key) {
					return c.code
				}
				return 0
			})
			got, err := l.Copy(t.Context(), l.in, l.to.Folder, data.CopyParams{Parallel: 1, FailOnPartialPercent: c.percent})
			if err != nil {
				t.Fatal(err)
			}
			failures := len(got.Failures)
			got.Failures = nil
			if diff := cmp.Diff(c.want, got); diff != "" || failures != c.tried-got.Objects || len(l.requests) != c.tried {
				t.Errorf("%s (-want +got):\n%s\n%d failed; %d requests, want %d", c.reason, diff, failures, len(l.requests), c.tried)
			}
		})
	}
}

// TestCopyRefuses what two objects would be written to, of which one would be lost.
func TestCopyRefuses(t *testing.T) {
	l := newLake(t, "x")
	in := l.in
	in.Whole = false
	day, err := lot.ParseID("20260101P1D000")
	if err != nil {
		t.Fatal(err)
	}
	key := manifest.Key{Dataset: manifest.Dataset{Name: "in", Version: "1"}, Lot: day, State: manifest.Complete}
	m := manifest.Manifest{
		State: manifest.Complete, LotID: day.ID(), URIType: manifest.Identifier,
		URIs: []string{"s3://lake/in/lot=20260101P1D000/attempt=1/x", "s3://lake/in/lot=20260101P1D000/attempt=2/x"},
	}
	if err := l.Write(t.Context(), "s3://other/", key.Path(), bytes.NewReader(m.Encode())); err != nil {
		t.Fatal(err)
	}
	in.Manifests = []given.Manifest{{Key: key, Store: "s3://other/"}}
	if _, err := l.Copy(t.Context(), in, l.to.Folder, data.CopyParams{Parallel: 1}); err == nil || err.Error() != "in: two objects would be copied to x" {
		t.Errorf("the error is %v", err)
	}
	if _, err := l.Copy(t.Context(), in, l.to.Folder, data.CopyParams{Parallel: 1, Filter: filter.Spec{Includes: []string{""}}}); err == nil {
		t.Error("a filter that is none is taken")
	}
}

// TestWriteIsWhole: what ends half-way is not there, in no store.
func TestWriteIsWhole(t *testing.T) {
	l := newLake(t)
	broken := errors.New("the pipe broke")
	for _, folder := range []string{"s3://lake/w/", "file://" + t.TempDir() + "/w/"} {
		// It is more than a part, so that some of it was sent.
		content := io.MultiReader(bytes.NewReader(make([]byte, 6<<20)), iotest.ErrReader(broken))
		if err := l.Write(t.Context(), folder, "a/b", content); err == nil || !strings.Contains(err.Error(), "the pipe broke") {
			t.Errorf("%s: the error is %v", folder, err)
		}
		objects, err := l.Objects(t.Context(), given.Input{Location: folder, Whole: true})
		if err != nil || len(objects) > 0 {
			t.Errorf("%s: there is %+v, %v", folder, objects, err)
		}
		if err := l.Write(t.Context(), folder, "../x", strings.NewReader("x")); err == nil {
			t.Errorf("%s: it is left", folder)
		}
	}
}
