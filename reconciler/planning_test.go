// SPDX-License-Identifier: Apache-2.0

package reconciler

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestPlanningOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &planning{places: 1}
		if err := p.Begin(t.Context(), false); err != nil {
			t.Fatal(err)
		}
		var mu sync.Mutex
		var got []string
		enter := func(name string, urgent bool) {
			go func() {
				if err := p.Begin(t.Context(), urgent); err != nil {
					t.Error(err)
				}
				mu.Lock()
				got = append(got, name)
				mu.Unlock()
				p.End()
			}()
			synctest.Wait() // so that they come one after the other
		}
		enter("first", false)
		enter("second", false)
		enter("urgent", true)
		enter("urgent too", true)
		p.End()
		synctest.Wait()
		want := []string{"urgent", "urgent too", "first", "second"}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("who has something to write comes first, and then who came first (-want +got):\n%s", diff)
		}
		if p.taken != 0 {
			t.Errorf("%d places are taken by nobody", p.taken)
		}
	})
}

// TestPlanningBounded: whatever comes and gives up, no more are under way than there are places, and no place is lost.
func TestPlanningBounded(t *testing.T) {
	const places = 3
	p := &planning{places: places}
	var under, most atomic.Int64
	var all sync.WaitGroup
	for i := range 200 {
		all.Go(func() {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			if i%3 == 0 {
				go cancel()
			}
			if err := p.Begin(ctx, i%2 == 0); err != nil {
				if !errors.Is(err, context.Canceled) {
					t.Error(err)
				}
				return
			}
			if now := under.Add(1); now > places {
				most.Store(now)
			}
			under.Add(-1)
			p.End()
		})
	}
	all.Wait()
	if n := most.Load(); n > 0 {
		t.Errorf("%d were under way, of at most %d", n, places)
	}
	if p.taken != 0 || len(slices.Concat(p.urgent, p.others)) != 0 {
		t.Errorf("%d places are still taken, and %d wait", p.taken, len(p.urgent)+len(p.others))
	}
}

func TestPlanningEnds(t *testing.T) {
	p := &planning{places: 1}
	if err := p.Begin(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := p.Begin(ended, true); !errors.Is(err, context.Canceled) {
		t.Errorf("who has given up got %v", err)
	}
	p.End()
	if err := p.Begin(ended, true); !errors.Is(err, context.Canceled) || p.taken != 0 {
		t.Errorf("who has given up takes no place that is free: %v, %d taken", err, p.taken)
	}
}

// TestWriting: as many runs write at once as there are places, a slow one does not keep its place, and returning it twice makes no two
// of it.
func TestWriting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWriting()
		var ends []func()
		enter := func() (entered bool) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
			defer cancel()
			done, err := w.Begin(ctx)
			if err == nil {
				ends = append(ends, done)
			}
			return err == nil
		}
		for i := range maxWriting {
			if !enter() {
				t.Fatalf("only %d runs write at once", i)
			}
		}
		if enter() {
			t.Error("more runs write at once than there are places")
		}
		ends[0]()
		ends[0]()
		if !enter() || enter() {
			t.Error("a run that has ended does not make room for one")
		}
		time.Sleep(slowRun)
		for i := range maxWriting {
			if !enter() {
				t.Fatalf("slow runs keep their places: %d could begin", i)
			}
		}
		for _, end := range ends {
			end()
		}
		for i := range maxWriting {
			if !enter() {
				t.Fatalf("a place is lost: %d could begin", i)
			}
		}
		if enter() {
			t.Error("a slow run has returned its place twice")
		}
		for _, end := range ends {
			end()
		}
	})
}
