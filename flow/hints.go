// SPDX-License-Identifier: Apache-2.0

package flow

import (
	"maps"
	"strings"
	"sync"
	"time"

	"trunkline.dev/trunkline/flow/manifest"
	"trunkline.dev/trunkline/flow/survey"
)

// spot is what a notification can be about: a boundary of an environment, or, without one, the environment's manifests.
type spot struct{ environment, boundary string }

// place is where a spot is. One of manifests has the datasets, by what manifests call them.
type place struct {
	prefix string
	spot
	of map[manifest.Dataset]string
}

// written is a lot of which a notification says that a manifest was written: where its manifests are.
type written struct {
	environment, store string
	dataset            manifest.Dataset
	at                 survey.At
}

// maxWritten is how many lots are looked at one by one; of more, everything is listed.
const maxWritten = 256

// hints are notifications that something is somewhere. They say where to look and nothing else: many about one spot are one, and those about
// none are nothing. So they take a bounded room, whoever sends them.
type hints struct {
	// told has something once there are any.
	told chan struct{}

	mu      sync.Mutex
	places  []place
	pending map[spot]bool
	lots    map[written]bool
}

func newHints() *hints {
	return &hints{told: make(chan struct{}, 1), pending: map[spot]bool{}, lots: map[written]bool{}}
}

// about says what they can be about from now on.
func (h *hints) about(places []place) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.places = places
	clear(h.pending)
	clear(h.lots)
}

// take returns what they are about, once.
func (h *hints) take() (spots map[spot]bool, lots map[written]bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	spots, lots = maps.Clone(h.pending), maps.Clone(h.lots)
	clear(h.pending)
	clear(h.lots)
	return spots, lots
}

// add notes some objects, and returns of how many anything is looked at.
func (h *hints) add(uris []string) (known int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, uri := range uris {
		is := false
		for _, p := range h.places {
			if key, in := strings.CutPrefix(uri, p.prefix); in && h.note(p, key) {
				is = true
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

// note notes an object in a place, by its key there, and reports whether it can be of use.
func (h *hints) note(p place, key string) bool {
	if p.boundary != "" {
		h.pending[p.spot] = true
		return true
	}
	k, err := manifest.ParsePath(manifest.Folder + key)
	id, declared := p.of[k.Dataset]
	switch {
	case err != nil || !declared:
		return false
	case len(h.lots) == maxWritten:
		h.pending[p.spot] = true
	default:
		h.lots[written{p.environment, strings.TrimSuffix(p.prefix, manifest.Folder), k.Dataset, survey.At{Series: id, Lot: k.Lot}}] = true
	}
	return true
}

// Hint says that something may have happened to some objects, by their addresses such as "s3://lake/orders/a.csv": where they are, it is
// looked soon. It returns how many are where anything is looked at. It does not wait, costs nothing but a look, and whether it is so does not
// matter; looks at one place keep a distance, however many hints there are. Any goroutine may call it.
func (k *Keeper) Hint(uris []string) (known int) { return k.hints.add(uris) }

// hinted has it looked at what notifications are about, as soon as its pace allows.
func (l *loop) hinted() {
	spots, lots := l.hints.take()
	for about := range spots {
		s := l.states[about.environment]
		if s == nil {
			continue
		}
		if about.boundary == "" {
			l.upkeep[s].hurry()
		} else if g := l.boundaries[s][about.boundary]; g != nil {
			g.hurry()
		}
	}
	for w := range lots {
		s := l.states[w.environment]
		if s == nil {
			continue
		}
		if series, ok := s.declared.graph.Series(w.at.Series); !ok || series.Unit != w.at.Lot.Unit {
			continue
		}
		if at := l.upkeep[s]; len(at.written) < maxWritten {
			at.written[w] = true
		} else {
			at.hurry()
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
	// busy says that it is being looked, and asked that someone asked meanwhile: what happened may have been after that was seen.
	busy, asked bool
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
