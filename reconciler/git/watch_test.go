// SPDX-License-Identifier: Apache-2.0

package git_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/reconciler/git"
)

// watching runs a watcher in a bubble of fake time and returns when its fetches began, in seconds.
type watching struct {
	started time.Time
	at      []float64
	heads   int
	errs    int
	fail    atomic.Bool
	busy    time.Duration
	trigger chan struct{}
}

func (w *watching) run(ctx context.Context, jitter func(time.Duration) time.Duration) {
	w.started, w.trigger = time.Now(), git.NewTrigger()
	go git.Watcher{
		Interval: time.Minute, Trigger: w.trigger, Jitter: jitter,
		Fetch: func(ctx context.Context) (git.Head, error) {
			w.at = append(w.at, time.Since(w.started).Seconds())
			select {
			case <-time.After(w.busy):
			case <-ctx.Done():
				return git.Head{}, ctx.Err()
			}
			if w.fail.Load() {
				return git.Head{}, errors.New("boom")
			}
			return git.Head{}, nil
		},
		OnHead:  func(git.Head) { w.heads++ },
		OnError: func(error) { w.errs++ },
	}.Run(ctx)
}

func TestWatchPolls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var w watching
		w.run(t.Context(), func(d time.Duration) time.Duration { return d + time.Second })
		time.Sleep(3*time.Minute + 30*time.Second)
		synctest.Wait()
		if diff := cmp.Diff([]float64{0, 61, 122, 183}, w.at); diff != "" || w.heads != 4 {
			t.Errorf("%d heads (-want +got):\n%s", w.heads, diff)
		}
	})
}

func TestWatchIsTriggered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := watching{busy: 10 * time.Second}
		w.run(t.Context(), nil)
		time.Sleep(5 * time.Second)
		for range 5 { // while it fetches: one more fetch, at once when this one is over
			git.Trigger(w.trigger)
		}
		time.Sleep(25 * time.Second) // it is idle now, at 30 s
		git.Trigger(w.trigger)
		time.Sleep(75 * time.Second) // done at 40 s, next at 100 s
		synctest.Wait()
		if diff := cmp.Diff([]float64{0, 10, 30, 100}, w.at); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

func TestWatchBacksOffAndRecovers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var w watching
		w.fail.Store(true)
		w.run(t.Context(), nil)
		time.Sleep(250 * time.Second)
		synctest.Wait()
		if diff := cmp.Diff([]float64{0, 1, 3, 7, 15, 31, 63, 123, 183, 243}, w.at); diff != "" || w.errs != 10 {
			t.Errorf("%d errors (-want +got):\n%s", w.errs, diff)
		}
		w.at = nil
		w.fail.Store(false)
		git.Trigger(w.trigger) // ends the waiting
		time.Sleep(70 * time.Second)
		synctest.Wait()
		w.fail.Store(true)
		time.Sleep(55 * time.Second)
		synctest.Wait()
		if diff := cmp.Diff([]float64{250, 310, 370, 371, 373}, w.at); diff != "" || w.heads != 2 {
			t.Errorf("after it succeeded, %d heads (-want +got):\n%s", w.heads, diff)
		}
	})
}

func TestWatchEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := watching{busy: time.Hour}
		ctx, cancel := context.WithCancel(t.Context())
		w.run(ctx, nil)
		time.Sleep(time.Second)
		cancel() // synctest fails when a goroutine is left
		synctest.Wait()
		if w.errs != 0 || w.heads != 0 {
			t.Errorf("being told to stop was reported: %d errors, %d heads", w.errs, w.heads)
		}
	})
}

func TestWatchBoundsAFetch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := watching{busy: time.Hour}
		w.run(t.Context(), nil)
		time.Sleep(5*time.Minute + 500*time.Millisecond)
		synctest.Wait()
		if w.errs != 1 {
			t.Errorf("%d errors, want the one of a fetch that took too long", w.errs)
		}
	})
}
