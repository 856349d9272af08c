// SPDX-License-Identifier: Apache-2.0

package archive

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// most remembers the highest value of a counter.
type most struct{ now, most atomic.Int64 }

func (m *most) enter() {
	n := m.now.Add(1)
	for seen := m.most.Load(); n > seen && !m.most.CompareAndSwap(seen, n); seen = m.most.Load() {
	}
}

func (m *most) leave() { m.now.Add(-1) }

func nothing(string) error { return nil }

// TestManyKeysAtOnce: after a start in a freeze every release asks for the commit that it is held at.
func TestManyKeysAtOnce(t *testing.T) {
	for _, tc := range []struct {
		reason                string
		callers, keys, places int
		fails                 error
		loads                 int64
	}{
		{"each at a commit of its own", 300, 300, 2, nil, 300},
		{"at a few commits, each of which is loaded once", 300, 3, 2, nil, 3},
		{"all at one", 300, 1, 2, nil, 1},
		{"of which none can be read", 300, 300, 2, errors.New("gone"), 300},
		{"with one place", 20, 20, 1, nil, 20},
		{"with fewer places than one, which counts as one", 20, 20, 0, nil, 20},
	} {
		synctest.Test(t, func(t *testing.T) {
			var loading, inUse most
			var loads atomic.Int64
			a := New(tc.places, func(_ context.Context, key string) (string, error) {
				loading.enter()
				defer loading.leave()
				loads.Add(1)
				time.Sleep(time.Second)
				return key, tc.fails
			})
			var all sync.WaitGroup
			var mu sync.Mutex
			distinct := map[string]int{}
			for i := range tc.callers {
				key := fmt.Sprint(i % tc.keys)
				all.Go(func() {
					err := a.Use(t.Context(), key, func(value string) error {
						if value != key {
							t.Errorf("%s: asked for %s, got %s", tc.reason, key, value)
						}
						mu.Lock()
						if distinct[key]++; distinct[key] == 1 {
							inUse.enter()
						}
						mu.Unlock()
						time.Sleep(time.Second)
						mu.Lock()
						if distinct[key]--; distinct[key] == 0 {
							inUse.leave()
						}
						mu.Unlock()
						return nil
					})
					if !errors.Is(err, tc.fails) {
						t.Errorf("%s: got %v", tc.reason, err)
					}
				})
			}
			all.Wait()
			places := int64(max(tc.places, 1))
			if n := loading.most.Load(); n > places {
				t.Errorf("%s: %d were loaded at once, of at most %d", tc.reason, n, places)
			}
			if n := inUse.most.Load(); n > places {
				t.Errorf("%s: %d were in use at once, of at most %d", tc.reason, n, places)
			}
			if n := loads.Load(); n != tc.loads {
				t.Errorf("%s: loaded %d times, want %d", tc.reason, n, tc.loads)
			}
		})
	}
}

// TestGivingUp: whoever gives up fails nobody else, wherever the value is.
func TestGivingUp(t *testing.T) {
	for _, tc := range []struct {
		reason string
		// givesUp lists those of three callers that give up while the value is loaded.
		givesUp []int
		want    []string
		loads   int64
	}{
		{"the first, for whose sake it is loaded", []int{0}, []string{"canceled", "value", "value"}, 1},
		{"one that came later", []int{1}, []string{"value", "canceled", "value"}, 1},
		{"all but the last", []int{0, 1}, []string{"canceled", "canceled", "value"}, 1},
		{"all, so that the next one loads it again", []int{0, 1, 2}, []string{"canceled", "canceled", "canceled"}, 2},
	} {
		synctest.Test(t, func(t *testing.T) {
			var loads, ended atomic.Int64
			a := New(1, func(ctx context.Context, _ string) (string, error) {
				loads.Add(1)
				select {
				case <-time.After(time.Hour):
					return "value", nil
				case <-ctx.Done():
					ended.Add(1)
					time.Sleep(time.Second) // what it holds is not free at once
					return "", ctx.Err()
				}
			})
			got := make([]string, 3)
			var cancels []context.CancelFunc
			var all sync.WaitGroup
			for i := range got {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				cancels = append(cancels, cancel)
				all.Go(func() {
					err := a.Use(ctx, "key", func(value string) error {
						got[i] = value
						return nil
					})
					if errors.Is(err, context.Canceled) {
						got[i] = "canceled"
					} else if err != nil {
						got[i] = err.Error()
					}
				})
				synctest.Wait() // so that they come one after the other
			}
			for _, i := range tc.givesUp {
				cancels[i]()
			}
			synctest.Wait()
			if stopped := ended.Load() > 0; stopped != (len(tc.givesUp) == 3) {
				t.Errorf("%s: the load was stopped: %t", tc.reason, stopped)
			}
			all.Wait()
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.reason, diff)
			}
			if err := a.Use(t.Context(), "key", nothing); err != nil {
				t.Errorf("%s: the next caller got %v", tc.reason, err)
			}
			if n := loads.Load(); n != tc.loads {
				t.Errorf("%s: loaded %d times, want %d", tc.reason, n, tc.loads)
			}
		})
	}
}

// TestWaitingForAPlace: who waits for a place waits under its own context, and leaves nothing behind.
func TestWaitingForAPlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var loaded []string
		a := New(1, func(_ context.Context, key string) (string, error) {
			loaded = append(loaded, key)
			return key, nil
		})
		release := make(chan struct{})
		go func() {
			_ = a.Use(t.Context(), "first", func(string) error { <-release; return nil })
		}()
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := a.Use(ctx, "second", nothing); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("whose time is up while it waits got %v", err)
		}
		a.mu.Lock()
		if len(a.queue) > 0 || a.entries["second"] != nil {
			t.Error("what nobody waits for is still queued")
		}
		a.mu.Unlock()
		close(release)
		synctest.Wait()
		ended, end := context.WithCancel(t.Context())
		end()
		if err := a.Use(ended, "third", nothing); !errors.Is(err, context.Canceled) {
			t.Errorf("who gave up before asking got %v", err)
		}
		if diff := cmp.Diff([]string{"first"}, loaded); diff != "" {
			t.Errorf("nothing is loaded for nobody (-want +got):\n%s", diff)
		}
	})
}

func TestEviction(t *testing.T) {
	var loaded []string
	a := New(2, func(_ context.Context, key string) (string, error) {
		loaded = append(loaded, key)
		if key == "bad" {
			return "", errors.New("bad")
		}
		return key, nil
	})
	for _, key := range []string{"a", "b", "a", "c", "a", "b", "bad", "b", "bad"} {
		if err := a.Use(t.Context(), key, nothing); (err != nil) != (key == "bad") {
			t.Fatal(err)
		}
	}
	// The second "bad" is loaded again, and neither of them costs more than one of the places.
	want := []string{"a", "b", "c", "b", "bad", "bad"}
	if diff := cmp.Diff(want, loaded); diff != "" {
		t.Errorf("what was used longest ago makes room, and errors are not kept (-want +got):\n%s", diff)
	}
}

// TestErrorOfUse: what goes wrong with the value is the caller's, and the value stays.
func TestErrorOfUse(t *testing.T) {
	loads := 0
	a := New(1, func(context.Context, string) (string, error) { loads++; return "", nil })
	want := errors.New("does not render")
	for range 2 {
		if err := a.Use(t.Context(), "key", func(string) error { return want }); !errors.Is(err, want) {
			t.Errorf("got %v", err)
		}
	}
	if loads != 1 {
		t.Errorf("loaded %d times, want once", loads)
	}
}

// TestNothingIsLost: whoever comes, fails and gives up, in the end all places are free or hold what can be evicted, and nobody waits.
func TestNothingIsLost(t *testing.T) {
	type call struct {
		Key           int
		Wait, Patient time.Duration // when it comes, and how long it waits
		Use           time.Duration
	}
	duration := rapid.Custom(func(t *rapid.T) time.Duration {
		return time.Duration(rapid.IntRange(0, 20).Draw(t, "ms")) * time.Millisecond
	})
	calls := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) call {
		return call{
			rapid.IntRange(0, 5).Draw(t, "key"), duration.Draw(t, "wait"), duration.Draw(t, "patient"), duration.Draw(t, "use"),
		}
	}), 1, 30)
	rapid.Check(t, func(rt *rapid.T) {
		places := rapid.IntRange(1, 3).Draw(rt, "places")
		drawn := calls.Draw(rt, "calls")
		synctest.Test(t, func(t *testing.T) {
			var loading most
			a := New(places, func(ctx context.Context, key string) (string, error) {
				loading.enter()
				defer loading.leave()
				select {
				case <-time.After(5 * time.Millisecond):
				case <-ctx.Done():
					time.Sleep(3 * time.Millisecond)
					return "", ctx.Err()
				}
				if key == "0" {
					return "", errors.New("unreadable")
				}
				return key, nil
			})
			var all sync.WaitGroup
			for _, c := range drawn {
				all.Go(func() {
					time.Sleep(c.Wait)
					ctx, cancel := context.WithTimeout(t.Context(), c.Patient)
					defer cancel()
					err := a.Use(ctx, fmt.Sprint(c.Key), func(string) error { time.Sleep(c.Use); return nil })
					if errors.Is(err, context.Canceled) {
						t.Error("someone got the cancellation of another")
					}
				})
			}
			all.Wait()
			synctest.Wait()
			time.Sleep(time.Second)
			a.mu.Lock()
			defer a.mu.Unlock()
			if n := loading.most.Load(); n > int64(places) {
				t.Errorf("%d were loaded at once, of at most %d", n, places)
			}
			if len(a.queue) > 0 || a.taken != len(a.idle) || len(a.entries) != len(a.idle) || a.taken > places {
				t.Errorf("%d wait, %d places are taken, %d entries, %d are idle", len(a.queue), a.taken, len(a.entries), len(a.idle))
			}
		})
		if t.Failed() {
			rt.FailNow()
		}
	})
}
