// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"context"
	"sync"
	"time"
)

// Kept is what was found out last, for those who ask soon after. Those who ask while it is looked at wait for the same answer.
type Kept[T any] struct {
	// Look finds out. It ends by itself, whoever has gone meanwhile.
	Look func(ctx context.Context) T
	// Now is the time of day, and For how long an answer is kept.
	Now func() time.Time
	For time.Duration

	mu    sync.Mutex
	value T
	at    time.Time
	// running is closed once the look that is under way has ended; nil: none is.
	running chan struct{}
}

// Get returns what is so, and as of when. It fails only if ctx ends before that is known.
func (k *Kept[T]) Get(ctx context.Context) (value T, at time.Time, err error) {
	for {
		k.mu.Lock()
		if age := k.Now().Sub(k.at); !k.at.IsZero() && k.running == nil && age >= 0 && age < k.For {
			defer k.mu.Unlock()
			return k.value, k.at, nil
		}
		running := k.running
		if running == nil {
			running = make(chan struct{})
			k.running = running
			go k.look(context.WithoutCancel(ctx), running)
		}
		k.mu.Unlock()
		select {
		case <-running:
			// It may be old already if nothing is to be kept: whoever waited for it has it all the same.
			k.mu.Lock()
			value, at = k.value, k.at
			k.mu.Unlock()
			return value, at, nil
		case <-ctx.Done():
			return value, at, ctx.Err()
		}
	}
}

func (k *Kept[T]) look(ctx context.Context, done chan struct{}) {
	value := k.Look(ctx)
	k.mu.Lock()
	defer k.mu.Unlock()
	k.value, k.at, k.running = value, k.Now(), nil
	close(done)
}
