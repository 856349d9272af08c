// SPDX-License-Identifier: Apache-2.0

package git

import (
	"context"
	"sync"

	"golang.org/x/sync/semaphore"
)

// gate is a lock that any number share and one can have alone, and whose waits end with a context.
type gate struct{ places *semaphore.Weighted }

// gatePlaces is more than will ever share a gate at once.
const gatePlaces = 1 << 30

func newGate() gate { return gate{semaphore.NewWeighted(gatePlaces)} }

func (g gate) share(ctx context.Context) (release func(), err error) { return g.acquire(ctx, 1) }

// alone waits until nobody shares the gate. Those who come meanwhile wait behind.
func (g gate) alone(ctx context.Context) (release func(), err error) {
	return g.acquire(ctx, gatePlaces)
}

func (g gate) acquire(ctx context.Context, n int64) (release func(), err error) {
	if err := g.places.Acquire(ctx, n); err != nil {
		return nil, err
	}
	return func() { g.places.Release(n) }, nil
}

// turns has those who name the same thing take turns.
type turns struct {
	mu    sync.Mutex
	taken map[string]chan struct{} // closed when the turn is over
}

func (t *turns) wait(ctx context.Context, name string) (done func(), err error) {
	for {
		t.mu.Lock()
		other := t.taken[name]
		if other == nil {
			if t.taken == nil {
				t.taken = map[string]chan struct{}{}
			}
			mine := make(chan struct{})
			t.taken[name] = mine
			t.mu.Unlock()
			return func() {
				t.mu.Lock()
				defer t.mu.Unlock()
				delete(t.taken, name)
				close(mine)
			}, nil
		}
		t.mu.Unlock()
		select {
		case <-other:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}
