// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"slices"
	"sync"
	"time"
)

const (
	// maxRequests is how many places there are: as many requests keep an API server busy, and more only wait there
	// instead of here, where turns are fair.
	maxRequests = 32
	// slowAfter is how long a request may have its place. An answer takes some ten milliseconds, a few hundred behind a slow
	// admission webhook; one that takes longer waits for something else than its turn, and keeps nobody busy meanwhile.
	slowAfter = time.Second
	// maxShare is how many requests of one release may be under way while others need places: enough that the round trips
	// of a usual release overlap, and few enough that several releases have to hang before the places are all theirs,
	// which they are for slowAfter and no longer.
	maxShare = 4
	// maxAlone is how many there may be of one release as long as others leave more than half of the places free.
	maxAlone = maxRequests / 2
	// crowd is how many slow requests there may be before each release is down to one request: what hangs beyond
	// that costs one request for each release.
	crowd = 32
	// maxSlow bounds the slow requests, which cost the API server and this process some memory each, up to callTimeout.
	// A tenth of 300 releases can hang with whole shares. Of a thousand it is 64 requests at first, then one for each
	// release, and if all of them come at once, a few keep their places until they end, and the others have the rest.
	maxSlow = 128
)

// places bound the requests to an API server that are under way at once. A release that hangs cannot take them from
// others: who waits is served in turns, a release after the other; a request that is slow gives its place back and goes on
// without; and a release whose requests were slow has one at a time until one is answered soon.
type places struct {
	// slowed is called for each request that is slow; it must not block.
	slowed func()

	mu sync.Mutex
	// taken counts the places that are taken, and slow the requests that go on without.
	taken, slow int
	shares      map[string]*share
	// turns are the shares that wait for a place, the next one first.
	turns []*share
	// late are slow requests that have to keep their places.
	late []*place
}

// share is what one release has of the places.
type share struct {
	of       string
	underWay int
	// suspect is set if the last that is known of its requests is that one was slow.
	suspect bool
	// waiting are closed when their turn has come.
	waiting []chan struct{}
}

// place is that of one request.
type place struct {
	share *share
	timer *time.Timer
	// slow is set if the request goes on without the place, and ended once it is over.
	slow, ended bool
}

func newPlaces(slowed func()) *places { return &places{slowed: slowed, shares: map[string]*share{}} }

// take waits for a place for as long as ctx lasts. It has to be given back by [places.leave].
func (p *places) take(ctx context.Context, release string) (*place, error) {
	p.mu.Lock()
	s := p.shares[release]
	if s == nil {
		s = &share{of: release}
		p.shares[release] = s
	}
	turn := make(chan struct{})
	if s.waiting = append(s.waiting, turn); len(s.waiting) == 1 {
		p.turns = append(p.turns, s)
	}
	p.serve()
	p.mu.Unlock()
	select {
	case <-turn:
	case <-ctx.Done():
		p.mu.Lock()
		defer p.mu.Unlock()
		if i := slices.Index(s.waiting, turn); i >= 0 {
			s.waiting = slices.Delete(s.waiting, i, i+1)
			p.tidy(s)
			return nil, ctx.Err()
		}
		// Its turn came at the same moment.
	}
	pl := &place{share: s}
	pl.timer = time.AfterFunc(slowAfter, func() { p.linger(pl) })
	return pl, nil
}

// leave returns a place back.
func (p *places) leave(pl *place) {
	p.mu.Lock()
	defer p.mu.Unlock()
	soon := pl.timer.Stop()
	pl.ended = true
	s := pl.share
	s.underWay--
	if soon {
		s.suspect = false
	}
	if pl.slow {
		p.slow--
		p.relieve()
	} else {
		p.taken--
		if i := slices.Index(p.late, pl); i >= 0 {
			p.late = slices.Delete(p.late, i, i+1)
		}
	}
	p.tidy(s)
	p.serve()
}

// lingering reports whether a request is slow now.
func (p *places) lingering() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.slow > 0 || len(p.late) > 0
}

// linger records that a request is slow.
func (p *places) linger(pl *place) {
	p.mu.Lock()
	slow := !pl.ended
	if slow {
		pl.share.suspect = true
		p.late = append(p.late, pl)
		p.relieve()
		p.serve()
	}
	p.mu.Unlock()
	if slow {
		p.slowed()
	}
}

// relieve has slow requests give their places back, as long as there may be more of them. The caller holds the lock.
func (p *places) relieve() {
	for len(p.late) > 0 && p.slow < maxSlow {
		p.late[0].slow = true
		p.late = slices.Delete(p.late, 0, 1)
		p.taken--
		p.slow++
	}
}

// serve returns free places to those who wait, in turns. The caller holds the lock.
func (p *places) serve() {
	for i := 0; i < len(p.turns) && p.taken < maxRequests; {
		s := p.turns[i]
		if s.underWay >= p.bound(s) {
			i++
			continue
		}
		close(s.waiting[0])
		s.waiting = slices.Delete(s.waiting, 0, 1)
		s.underWay++
		p.taken++
		p.turns = slices.Delete(p.turns, i, i+1)
		if len(s.waiting) > 0 {
			p.turns = append(p.turns, s)
		}
	}
}

// bound is how many requests of a release may be under way now. The caller holds the lock.
func (p *places) bound(s *share) int {
	switch {
	case s.suspect || p.slow >= crowd:
		return 1
	case p.taken < maxRequests-maxAlone:
		return maxAlone
	default:
		return maxShare
	}
}

// tidy forgets a share of which nothing has to be known. The caller holds the lock.
func (p *places) tidy(s *share) {
	if len(s.waiting) == 0 {
		p.turns = slices.DeleteFunc(p.turns, func(o *share) bool { return o == s })
		if s.underWay == 0 && !s.suspect {
			delete(p.shares, s.of)
		}
	}
}
