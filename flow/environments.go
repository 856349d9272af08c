// SPDX-License-Identifier: Apache-2.0

package flow

import (
	"maps"
	"slices"
	"time"

	"golang.org/x/sync/semaphore"

	"trunkline.dev/trunkline/catalog"
)

// upkeep is what is done for an environment from time to time: when its stores are listed next, and whether they are being just now. An
// environment whose store hangs takes no room from the others.
type upkeep struct {
	listing bool
	// only are the datasets that are listed next, if not all are.
	only []string
	// trouble is why the last listing failed, if it did, and unread what of that is about what is written down. Listed is when the last
	// one ended of each store that did not.
	trouble, unread string
	listed          map[string]time.Time
	pace
	snap saving
	// written are lots that a notification says were written, and peeks says when they are looked at.
	written map[written]bool
	peeks   pace
	room    *semaphore.Weighted
}

// declare has a catalog count.
func (l *loop) declare(c *catalog.Catalog) {
	for name := range l.states {
		if c.Environments[name] == nil {
			l.drop(name)
			l.subscribe(name, nil)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(c.Environments)) {
		d := declare(c, name, l.opts.Account)
		s := l.states[name]
		switch {
		case d == nil:
			l.drop(name)
		case s != nil && slices.Equal(s.clusters, d.clusters):
			s.redeclare(d)
			if at := l.upkeep[s]; len(s.unlisted()) > 0 && s.stock != nil {
				at.only = s.unlisted()
				at.next = time.Time{}
			}
		default:
			l.drop(name)
			l.begin(d)
		}
		l.subscribe(name, d)
	}
	l.watch()
}

// begin keeps the lots of an environment from now on.
func (l *loop) begin(d *declared) {
	fleets := l.fleetsOf(d)
	if len(fleets) == 0 {
		return
	}
	s := newState(d, l.opts.Limits, fleets...)
	l.states[d.name], l.upkeep[s] = s, &upkeep{written: map[written]bool{}, listed: map[string]time.Time{}, room: semaphore.NewWeighted(atWork)}
	l.load(s)
}

// drop keeps the lots of an environment no longer.
func (l *loop) drop(name string) {
	if s := l.states[name]; s != nil {
		delete(l.upkeep, s)
		delete(l.boundaries, s)
		delete(l.claims, s)
		delete(l.states, name)
	}
}
