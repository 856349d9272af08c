// SPDX-License-Identifier: Apache-2.0

package bucket

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"trunkline.dev/trunkline/flow/bucket/buckettest"
)

// sharing is an S3 that notes who asks it, with what shares its clients.
type sharing struct {
	t      *testing.T
	s3     *buckettest.S3
	shared *Shared
	now    time.Time

	mu sync.Mutex
	// connections are those that were used, and keys how often each access key was; refused is the one that the store does not take.
	connections map[string]bool
	keys        map[string]int
	refused     string
}

func newSharing(t *testing.T) *sharing {
	t.Helper()
	w := &sharing{t: t, s3: buckettest.New(t, "lake"), shared: NewShared(time.Now), now: time.Now(), connections: map[string]bool{}, keys: map[string]int{}}
	w.shared.now = func() time.Time { return w.now }
	t.Cleanup(func() { _ = w.shared.Close() })
	w.s3.Fail(func(answer http.ResponseWriter, r *http.Request, _ http.Handler) bool {
		_, rest, _ := strings.Cut(r.Header.Get("Authorization"), "Credential=")
		key, _, _ := strings.Cut(rest, "/")
		w.mu.Lock()
		defer w.mu.Unlock()
		w.connections[r.RemoteAddr] = true
		w.keys[key]++
		if key == w.refused {
			answer.WriteHeader(http.StatusForbidden)
			return true
		}
		return false
	})
	return w
}

// write writes an object, in a folder that is opened for it.
func (w *sharing) write(key string) error {
	return With(w.t.Context(), "s3://lake/a/", Options{Endpoint: w.s3.URL, Shared: w.shared}, func(f Folder) error {
		return f.Replace(w.t.Context(), key, []byte("x"))
	})
}

// TestSharedClients: whoever opens a store uses the connections that there are, and one that is closed takes them from nobody.
func TestSharedClients(t *testing.T) {
	w := newSharing(t)
	for n := range 30 {
		if err := w.write(fmt.Sprint(n)); err != nil {
			t.Fatal(err)
		}
	}
	if len(w.connections) != 1 {
		t.Errorf("30 objects were written one after the other by %d connections, want 1", len(w.connections))
	}
	var group sync.WaitGroup
	errs := make([]error, 8)
	for n := range errs {
		group.Go(func() {
			for range 5 {
				errs[n] = errors.Join(errs[n], w.write(fmt.Sprint("at once ", n)))
			}
		})
	}
	group.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Error(err)
	}
	f, err := Open(t.Context(), "s3://lake/a/", Options{Endpoint: w.s3.URL, Shared: w.shared})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(w.shared.Close(), w.shared.Close()); err != nil {
		t.Error(err)
	}
	if err := f.Replace(t.Context(), "open still", nil); err != nil {
		t.Errorf("others closed it: %v", err)
	}
	if err := errors.Join(f.Close(), f.Close()); err != nil {
		t.Error(err)
	}
	if err := f.Replace(t.Context(), "closed", nil); err == nil {
		t.Error("it was closed by the last who used it, and is open")
	}
	if err := w.write("on its own"); err != nil {
		t.Errorf("nothing is shared any more: %v", err)
	}
}

// TestSharedCredentials: credentials that others have put in place are found once the old ones are refused, and after a while also if they
// are not.
func TestSharedCredentials(t *testing.T) {
	w := newSharing(t)
	uses := func(reason, want string) {
		t.Helper()
		before := w.keys[want]
		if err := w.write("x"); err != nil || w.keys[want] == before {
			t.Errorf("%s: %v, and the keys used are %v; want %s", reason, err, w.keys, want)
		}
	}
	t.Setenv("AWS_ACCESS_KEY_ID", "one")
	uses("at first", "one")
	t.Setenv("AWS_ACCESS_KEY_ID", "two")
	uses("the old ones are taken", "one")
	w.refused = "one"
	if err := w.write("x"); ClassOf(err) != Denied {
		t.Errorf("the old ones are refused, and the error is %v", err)
	}
	uses("the old ones were refused", "two")
	t.Setenv("AWS_ACCESS_KEY_ID", "three")
	w.now = w.now.Add(sharedAge - 1)
	uses("a client is not old", "two")
	w.now = w.now.Add(2)
	uses("a client is old", "three")
}

// TestSharedIsNotWaitedFor: who gives up while a client is made waits no longer, and others have it.
func TestSharedIsNotWaitedFor(t *testing.T) {
	w := newSharing(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	opts := Options{Endpoint: w.s3.URL, Shared: w.shared}
	if f, err := Open(ctx, "s3://lake/a/", opts); err == nil { // it was made before anyone looked
		_ = f.Close()
	}
	if err := w.write("x"); err != nil {
		t.Error(err)
	}
}

// BenchmarkSmallObject reads a small object in a folder that is opened for it, as a keeper of lots does with manifests: with a client of its
// own, and with one that is shared.
func BenchmarkSmallObject(b *testing.B) {
	s3 := buckettest.New(b, "lake")
	shared := NewShared(time.Now)
	defer func() { _ = shared.Close() }()
	for name, opts := range map[string]Options{"own": {Endpoint: s3.URL}, "shared": {Endpoint: s3.URL, Shared: shared}} {
		err := With(b.Context(), "s3://lake/", opts, func(f Folder) error { return f.Replace(b.Context(), "x", []byte("x")) })
		if err != nil {
			b.Fatal(err)
		}
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				err := With(b.Context(), "s3://lake/", opts, func(f Folder) error {
					_, err := f.Read(b.Context(), "x", 10)
					return err
				})
				if err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
