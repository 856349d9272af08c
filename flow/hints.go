// SPDX-License-Identifier: Apache-2.0

package flow

import (
	"maps"
	"strings"
	"sync"
	"time"
)

// spot is what a notification can be about: a boundary of an environment, or, without one, the environment's manifests.
type spot struct{ environment, boundary string }

// place is where a spot is.
type place struct {
	prefix string
	spot
}

// hints are notifications that something is somewhere. They say where to look and nothing else: many about one spot are one, and those about
// none are nothing. So they take no more room than there are spots, whoever sends them.
type hints struct {
	// told has something once there are any.
	told chan struct{}

	mu      sync.Mutex
	places  []place
	pending map[spot]bool
}

func newHints() *hints { return &hints{told: make(chan struct{}, 1), pending: map[spot]bool{}} }

// about says what they can be about from now on.
func (h *hints) about(places []place) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.places = places
	clear(h.pending)
}

// take returns what they are about, once.
func (h *hints) take() map[spot]bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	taken := maps.Clone(h.pending)
	clear(h.pending)
	return taken
}

// add notes some objects, and returns of how many anything is looked at.
func (h *hints) add(uris []string) (known int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, uri := range uris {
		is := false
		for _, p := range h.places {
			if strings.HasPrefix(uri, p.prefix) {
				h.pending[p.spot], is = true, true
			}
		}
		if is {
			known++
		}
	}
	if known > 0 {
		select {
		case h.told <- struct{}{}:
		default: // it is told already
		}
	}
	return known
}

// Hint says that something may have happened to some objects, by their addresses such as "s3://lake/orders/a.csv": where they are, it is
// looked soon. It returns how many are where anything is looked at. It does not wait, costs nothing but a look, and whether it is so does not
// matter; looks at one place keep a distance, however many hints there are. Any goroutine may call it.
func (k *Keeper) Hint(uris []string) (known int) { return k.hints.add(uris) }

// hinted has it looked at what notifications are about, as soon as its pace allows.
func (l *loop) hinted() {
	for about := range l.hints.take() {
		s := l.states[about.environment]
		if s == nil {
			continue
		}
		if about.boundary == "" {
			l.upkeep[s].hurry()
		} else if g := l.gates[s][about.boundary]; g != nil {
			g.hurry()
		}
	}
}

const (
	// pauseAtLeast is how long after a look the next one may begin, if someone asks for it.
	pauseAtLeast = time.Second
	// share is how much of the time is spent on looking if someone asks for it all the time, and ownShare if nobody does: one part of so many.
	share, ownShare = 5, 20
)

// pace says when it is looked next at something: by itself from time to time, and sooner when asked.
type pace struct {
	next time.Time
	// began is when the last look did, and earliest when the next one may begin.
	began, earliest time.Time
	// asked says that someone asked while it was looked: what happened may have been after that was seen.
	asked bool
	busy  bool
}

// begins notes that a look does.
func (p *pace) begins(now time.Time) { p.began, p.asked, p.busy = now, false, true }

// ended notes that the look did, and when the next is to begin; one that takes long keeps a longer distance.
func (p *pace) ended(now, next time.Time) {
	took := max(0, now.Sub(p.began))
	p.earliest = now.Add(max(pauseAtLeast, (share-1)*took))
	p.next, p.busy = next, false
	if rest := now.Add((ownShare - 1) * took); p.next.Before(rest) && p.next.After(now) {
		p.next = rest
	}
	if p.asked {
		p.hurry()
	}
}

// hurry has the next look begin as soon as it may.
func (p *pace) hurry() {
	p.asked = true
	if !p.busy && p.earliest.Before(p.next) {
		p.next = p.earliest
	}
}
