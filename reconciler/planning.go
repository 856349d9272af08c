// SPDX-License-Identifier: Apache-2.0

package reconciler

import (
	"context"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"
)

const (
	// maxWriting is how many runs on a cluster write at once: half as many again as there may be requests under way there, so
	// that all of these are used. What more of them hold while they wait, objects as values and stacks, was most of the
	// memory of a roll-out.
	maxWriting = 48
	// slowRun is when a run does not count any more: it waits for something else than its turn, such as an admission webhook,
	// and does not keep others from theirs.
	slowRun = 5 * time.Second
)

// writing bounds the runs on a cluster that write at once.
type writing struct {
	places *semaphore.Weighted
	// slow is [slowRun] outside of tests.
	slow time.Duration
}

func newWriting() *writing { return &writing{semaphore.NewWeighted(maxWriting), slowRun} }

// Begin waits for a place, in turns; done returns it, unless the run was slow and has returned it before.
func (w *writing) Begin(ctx context.Context) (done func(), err error) {
	if err := w.places.Acquire(ctx, 1); err != nil {
		return nil, err
	}
	free := sync.OnceFunc(func() { w.places.Release(1) })
	timer := time.AfterFunc(w.slow, free)
	return func() { timer.Stop(); free() }, nil
}

// slots is what one release is bounded by.
type slots struct {
	*planning

	r       *Reconciler
	cluster string
}

// Write implements [apply.Slots].
func (s slots) Write(ctx context.Context) (done func(), err error) {
	c := s.r.clusters.get(s.cluster)
	if c == nil {
		return func() {}, nil
	}
	return c.writing.Begin(ctx)
}

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
