// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
)

// listen opens a stream on a watch that a test talks into.
func listen(t *testing.T, initial bool) (talk *watch.FakeWatcher, heard watch.Interface, told *error) {
	t.Helper()
	talk, told = watch.NewFake(), new(error)
	heard, err := openStream(t.Context(), metav1.ListOptions{SendInitialEvents: &initial},
		func(context.Context, metav1.ListOptions) (watch.Interface, error) { return talk, nil },
		func(err error) { *told = err })
	if err != nil {
		t.Fatal(err)
	}
	return talk, heard, told
}

func TestAStreamThatIsSilentEnds(t *testing.T) {
	cases := map[string]struct {
		reason  string
		initial bool
		events  []watch.EventType
		want    time.Duration
		told    bool
	}{
		"Silent":     {"A watch that brings nothing has lost its server.", false, nil, silence, false},
		"Talked":     {"The time counts from the last event.", false, []watch.EventType{watch.Added, watch.Bookmark}, silence, false},
		"CatchingUp": {"What is there already comes soon, or something is wrong.", true, nil, callTimeout, true},
		"Between":    {"Nor does it pause.", true, []watch.EventType{watch.Added}, callTimeout, true},
		"CaughtUp":   {"When all has come, it may be silent for longer.", true, []watch.EventType{watch.Added, watch.Bookmark}, silence, false},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				talk, heard, told := listen(t, tc.initial)
				var last time.Time
				go func() {
					for _, e := range tc.events {
						time.Sleep(20 * time.Second)
						talk.Action(e, nil)
					}
				}()
				last = time.Now()
				n := 0
				for range heard.ResultChan() {
					n++
					last = time.Now()
				}
				if got := time.Since(last); got != tc.want || n != len(tc.events) {
					t.Errorf("%s\nIt ended %s after the last of %d events, want %s after %d", tc.reason, got, n, tc.want, len(tc.events))
				}
				if (*told != nil) != tc.told || tc.told && !Unreachable(*told) {
					t.Errorf("%s\nWhat was told: %v", tc.reason, *told)
				}
				if !talk.IsStopped() {
					t.Error("the watch below goes on")
				}
			})
		})
	}
}

// TestAStreamIsStopped leaves nothing behind, also when there is an event that nobody has taken.
func TestAStreamIsStopped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		talk, heard, _ := listen(t, false)
		talk.Add(nil)
		synctest.Wait()
		heard.Stop()
		heard.Stop()
		synctest.Wait()
		if !talk.IsStopped() {
			t.Error("the watch below goes on")
		}
	})
}

func TestAStreamThatDoesNotOpen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		initial, began := true, time.Now()
		_, err := openStream(t.Context(), metav1.ListOptions{SendInitialEvents: &initial},
			func(ctx context.Context, _ metav1.ListOptions) (watch.Interface, error) {
				<-ctx.Done()
				return nil, ctx.Err()
			}, func(error) {})
		if !errors.Is(err, context.DeadlineExceeded) || !Unreachable(err) || time.Since(began) != callTimeout {
			t.Errorf("after %s: %v", time.Since(began), err)
		}
		boom := errors.New("boom")
		if _, err := openStream(t.Context(), metav1.ListOptions{},
			func(context.Context, metav1.ListOptions) (watch.Interface, error) { return nil, boom }, func(error) {}); !errors.Is(err, boom) {
			t.Errorf("got %v, want what the API server said", err)
		}
	})
}
