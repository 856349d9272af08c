// SPDX-License-Identifier: Apache-2.0

package reconciler

import (
	"context"
	"slices"
	"sync"
)

// planning bounds the plans that are made at once. Each is work for the processor alone and takes many times the memory of
// what is kept of a release: after a start, when all releases are planned, more of them at once would make none of them
// faster. Those that have something to write do not wait for those that only make sure that all is as it should be.
type planning struct {
	// places is how many are made at once.
	places int

	mu     sync.Mutex
	taken  int
	urgent []chan struct{}
	others []chan struct{}
}

// Begin waits for a place, which is to be given back with End; it fails only if ctx ends before.
func (p *planning) Begin(ctx context.Context, urgent bool) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	p.mu.Lock()
	if p.taken < p.places {
		p.taken++
		p.mu.Unlock()
		return nil
	}
	queue, turn := &p.others, make(chan struct{})
	if urgent {
		queue = &p.urgent
	}
	*queue = append(*queue, turn)
	p.mu.Unlock()
	select {
	case <-turn:
		return nil
	case <-ctx.Done():
	}
	p.mu.Lock()
	i := slices.Index(*queue, turn)
	if i >= 0 {
		*queue = slices.Delete(*queue, i, i+1)
	}
	p.mu.Unlock()
	if i < 0 {
		p.End() // it was given the place meanwhile
	}
	return ctx.Err()
}

// End returns a place to who has waited longest.
func (p *planning) End() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, queue := range []*[]chan struct{}{&p.urgent, &p.others} {
		if len(*queue) > 0 {
			close((*queue)[0])
			*queue = slices.Delete(*queue, 0, 1)
			return
		}
	}
	p.taken--
}
