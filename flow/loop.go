// SPDX-License-Identifier: Apache-2.0

package flow

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"

	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/flow/jobs"
)

const (
	// lookInterval is how often it is asked which catalog is accepted, which costs no request.
	lookInterval = time.Second
	// atWork bounds what is done at a time for an environment beside the loop.
	atWork = 32
)

// loop is one run of the keeper. All of it is the loop's own, but for the events that come in.
type loop struct {
	*Keeper

	ctx    context.Context //nolint:containedctx // the life of the loop, which is that of all that it starts
	events chan any
	beside sync.WaitGroup

	catalog *catalog.Catalog
	fleets  map[string]*fleet
	states  map[string]*state
	upkeep  map[*state]*upkeep
	workers workers
	// there are the clusters that there are, as of reached.
	there      map[string]Cluster
	reached    *[]Cluster
	boundaries map[*state]map[string]*boundary
	claims     map[*state]*claiming
	// reading has room for the logs that are read at a time.
	reading *semaphore.Weighted
	// published is of how many environments it was told last what there is.
	published int
}

// Run keeps the lots until ctx ends. It begins with nothing but what is in the stores and the clusters.
func (k *Keeper) Run(ctx context.Context) {
	ctx, cancel := context.WithCancel(ctx)
	l := &loop{
		Keeper: k, ctx: ctx, events: make(chan any),
		fleets: map[string]*fleet{}, states: map[string]*state{}, upkeep: map[*state]*upkeep{}, boundaries: map[*state]map[string]*boundary{}, claims: map[*state]*claiming{},
		reading: semaphore.NewWeighted(logsAtOnce),
	}
	defer l.beside.Wait()
	defer cancel()
	defer k.ended()
	k.running.Store(l)
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case e := <-l.events:
			l.take(e)
			l.drain()
		case <-k.hints.told:
			l.hinted()
		case <-timer.C:
		}
		l.tellOthers()
		timer.Reset(l.advance(k.opts.Now()))
	}
}

// ended takes back what was told.
func (k *Keeper) ended() {
	k.running.Store(nil)
	k.counts.Store(nil)
	k.listed.Store(nil)
	k.told.Store(nil)
	if k.opts.Told != nil {
		k.opts.Told(nil)
	}
}

// drain takes the events that are waiting: of many, all are looked at before anything is planned.
func (l *loop) drain() {
	for {
		select {
		case e := <-l.events:
			l.take(e)
		default:
			return
		}
	}
}

// tell hands an event to the loop.
func (l *loop) tell(e any) {
	select {
	case l.events <- e:
	case <-l.ctx.Done():
	}
}

// aside does something for an environment beside the loop, as far as that has its stores looked after.
func (l *loop) aside(s *state, do func()) {
	at, ok := l.upkeep[s]
	if !ok {
		return
	}
	l.beside.Go(func() {
		if at.room.Acquire(l.ctx, 1) != nil {
			return
		}
		defer at.room.Release(1)
		do()
	})
}

// take takes an event.
func (l *loop) take(e any) {
	switch e := e.(type) {
	case jobs.Event:
		l.happened(e)
	case fromFleet:
		if l.fleets[e.fleet.name] == e.fleet {
			l.happened(e.event)
		}
	case listed:
		l.tookStock(e)
	case supposed:
		l.supposed(e)
	case saved:
		l.saved(e)
	case replanned:
		if l.states[e.declared.name] == e.state {
			l.do(e.state.planned(e, l.opts.Now()))
		}
	case began:
		l.replayed(e)
	case question:
		e.answer()
	case looked:
		l.looked(e)
	case claimed:
		l.claimed(e)
	case peeked:
		l.peeked(e)
	case expired:
		l.expired(e)
	case recalled:
		l.recalled(e)
	case logged:
		l.logged(e)
	case swept:
		l.swept(e)
	case cleaned:
		l.cleaned(e)
	case verified:
		l.verified(e)
	case done:
		l.report(e)
		e.state.ended(e, l.opts.Now())
		if l.states[e.declared.name] == e.state {
			l.do(e.state.done(e, l.opts.Now()))
		}
	}
}

// advance does what is to be done now, and returns in how long it is to be looked again.
func (l *loop) advance(now time.Time) time.Duration {
	l.reach()
	if c := l.opts.Accepted(); c != nil && c != l.catalog {
		l.catalog = c
		l.declare(c)
	}
	var counts []Count
	listed := map[string]time.Time{}
	wait := min(lookInterval, l.opts.Interval)
	for _, name := range slices.Sorted(maps.Keys(l.states)) {
		s := l.states[name]
		if s.took() {
			wait = 0 // the rest of what was listed comes once others had their turn
		}
		if at := l.upkeep[s]; !at.listing && s.news == nil && !at.next.After(now) {
			l.list(s, now)
			l.clean(s, now)
		} else if !at.listing {
			wait = max(0, min(wait, at.next.Sub(now)))
		}
		l.stand(s, now)
		l.do(s.turn(now))
		if p := s.toPlan(now); p != nil {
			l.beside.Go(func() { l.tell(p.do()) })
		}
		l.do(s.given(now))
		s.hold(now)
		l.replay(s, now)
		l.expire(s, now)
		l.sweep(s, now)
		todo, next := s.starts(now)
		l.do(todo)
		if !next.IsZero() {
			wait = max(0, min(wait, next.Sub(now)))
		}
		wait = min(wait, l.look(s, now), l.peek(s, now), l.claim(s, now))
		l.verify(s)
		counts = append(counts, s.counts()...)
		if at := l.upkeep[s].listedAt(s); !at.IsZero() {
			listed[name] = at
		}
	}
	l.counts.Store(&counts)
	l.listed.Store(&listed)
	l.publish(now)
	return wait
}
