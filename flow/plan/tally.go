// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"math/bits"
	"time"

	"trunkline.dev/trunkline/api/lot"
)

// Tally is what there is of a series: of its lots that have ended and are kept.
type Tally struct {
	// Due counts the lots, and There those that are there.
	Due, There int64
	// Oldest and Newest are the first and the last that are there; zero if none is.
	Oldest, Newest lot.Lot
	// Late is the lot that the series is late with, and LateSince is since when; zero if it is not late, or nobody says how fresh it is
	// to be. It is late while no lot is there that is as new as its freshness asks for: a gap before the newest lot is not late.
	Late      lot.Lot
	LateSince time.Time
	// Next is when a tally says something else at the latest, if nothing is written: when a lot ends, or the series becomes late.
	Next time.Time
}

// Tally counts the lots of a series; false if nobody declares it. It costs a step for each 64 lots.
func (p *Planner) Tally(id string) (Tally, bool) {
	i, ok := p.g.seriesAt[id]
	if !ok || p.g.series[i].unknown {
		return Tally{}, false
	}
	s := &p.g.series[i]
	due := p.ended[s.Unit]
	from := max(s.first, due-maxLots)
	if s.Retention > 0 {
		from = max(from, ended(s.Unit, p.now.Add(-s.Retention)))
	}
	t := Tally{Due: max(0, due-from), Next: p.ends(s.Unit)}
	there, oldest, newest := p.columns[i].count(from, due-1)
	if t.There = there; there > 0 {
		t.Oldest, t.Newest = lotOf(s.Unit, oldest), lotOf(s.Unit, newest)
	} else {
		newest = from - 1
	}
	p.late(s, newest, &t)
	return t, true
}

// late says of a series whether it is late, by the number of the newest lot that is there.
func (p *Planner) late(s *series, newest int64, t *Tally) {
	if s.Freshness <= 0 || len(s.producers) > 0 && p.g.arcs[s.producers[0]].Stop == Excluded {
		return
	}
	missing := max(newest+1, s.first)
	since := time.Unix(startOf(s.Unit, missing+1), 0).UTC().Add(s.Freshness)
	switch {
	case !since.After(p.now):
		t.Late, t.LateSince = lotOf(s.Unit, missing), since
	case since.Before(t.Next):
		t.Next = since
	}
}

// There counts the lots of a series that start in a range and are there; until does not belong to it. It costs a step for each 64 lots.
func (p *Planner) There(id string, from, until time.Time) int64 {
	i, ok := p.g.seriesAt[id]
	if !ok || p.g.series[i].unknown {
		return 0
	}
	s := &p.g.series[i]
	n, _, _ := p.columns[i].count(max(s.first, firstOf(s.Unit, from)), min(p.ended[s.Unit], firstOf(s.Unit, until))-1)
	return n
}

// count counts the lots from one to another that count, both of which belong to it, and finds the first and the last of them.
func (c *column) count(from, to int64) (n, first, last int64) {
	if len(c.blocks) == 0 {
		return 0, 0, 0
	}
	for key := from >> 6; key <= to>>6; key++ {
		b := c.blocks[key]
		if b == nil {
			continue
		}
		there := b.there & mask(key, from, to)
		if there == 0 {
			continue
		}
		if n == 0 {
			first = key<<6 + int64(bits.TrailingZeros64(there))
		}
		last = key<<6 + 63 - int64(bits.LeadingZeros64(there))
		n += int64(bits.OnesCount64(there))
	}
	return n, first, last
}

// NextMissing returns the first lot of a series, from one on, that is not there, whether it is due or not. It costs a step for each 64
// lots that are there.
func (p *Planner) NextMissing(id string, from lot.Lot) lot.Lot {
	i, ok := p.g.seriesAt[id]
	if !ok || p.g.series[i].Unit != from.Unit {
		return from
	}
	return lotOf(from.Unit, p.columns[i].nextMissing(numberOf(from)))
}

// nextMissing is the first lot from one on that does not count.
func (c *column) nextMissing(n int64) int64 {
	for {
		b := c.blocks[n>>6]
		if b == nil {
			return n
		}
		if missing := ^b.there & mask(n>>6, n, n|63); missing != 0 {
			return n&^63 + int64(bits.TrailingZeros64(missing))
		}
		n = n&^63 + 64
	}
}
