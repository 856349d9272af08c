// SPDX-License-Identifier: Apache-2.0

package plan

import "math/bits"

// column is what is known of the lots of a series, by their numbers. It is kept in blocks of 64, so that it takes about
// nine bytes a lot where lots lie close together, and is bounded by how many there are wherever they lie.
type column struct {
	blocks map[int64]*block
	// last is the block that was asked for last: lots are asked for in a row.
	last   *block
	lastAt int64
}

// block is 64 lots in a row.
type block struct {
	// there has a bit for each lot that counts.
	there   uint64
	states  [64]State
	written [64]int64
	// newest is the time that the newest of those was written that count.
	newest int64
}

func (c *column) at(n int64) *block {
	key := n >> 6
	if c.last != nil && c.lastAt == key {
		return c.last
	}
	b := c.blocks[key]
	if b != nil {
		c.last, c.lastAt = b, key
	}
	return b
}

func (c *column) set(n int64, m Mark) {
	b := c.at(n)
	if b == nil {
		if m.State == None {
			return
		}
		if c.blocks == nil {
			c.blocks = map[int64]*block{}
		}
		b = &block{}
		c.blocks[n>>6] = b
	}
	i, written := n&63, instant(m.Written)
	wasNewest := b.there>>i&1 == 1 && b.written[i] == b.newest
	b.states[i], b.written[i] = m.State, written
	b.there &^= 1 << i
	if m.State.There() {
		b.there |= 1 << i
		if written >= b.newest {
			b.newest = written
			return
		}
	}
	if !wasNewest {
		return
	}
	b.newest = 0
	for rest := b.there; rest != 0; rest &= rest - 1 {
		b.newest = max(b.newest, b.written[bits.TrailingZeros64(rest)])
	}
}

func (c *column) mark(n int64) Mark {
	b := c.at(n)
	if b == nil || b.states[n&63] == None {
		return Mark{}
	}
	return Mark{State: b.states[n&63], Written: timeOf(b.written[n&63])}
}

func (c *column) state(n int64) State {
	if b := c.at(n); b != nil {
		return b.states[n&63]
	}
	return None
}

func (c *column) there(n int64) bool {
	b := c.at(n)
	return b != nil && b.there>>(n&63)&1 == 1
}

func (c *column) written(n int64) int64 {
	if b := c.at(n); b != nil {
		return b.written[n&63]
	}
	return 0
}

// mask has the bits of those lots of a block that lie between two, both of which belong to it.
func mask(key, from, to int64) uint64 {
	m := ^uint64(0)
	if from > key<<6 {
		m <<= from & 63
	}
	if to < key<<6+63 {
		m &= ^uint64(0) >> (63 - to&63)
	}
	return m
}

// all reports whether all lots from one to another count. It looks at the newest first, which is there last.
func (c *column) all(from, to int64) bool {
	for key := to >> 6; key >= from>>6; key-- {
		m := mask(key, from, to)
		if b := c.at(key << 6); b == nil || b.there&m != m {
			return false
		}
	}
	return true
}

// found reports whether any lot from one to another counts, and when the newest of those was written. It costs no more than there are
// blocks, however many lots are asked for.
func (c *column) found(from, to int64) (newest int64, some bool) {
	take := func(key int64, b *block) {
		m := b.there & mask(key, from, to)
		if some = some || m != 0; m == b.there {
			newest = max(newest, b.newest)
			return
		}
		for rest := m; rest != 0; rest &= rest - 1 {
			newest = max(newest, b.written[bits.TrailingZeros64(rest)])
		}
	}
	first, last := from>>6, to>>6
	if last-first > int64(len(c.blocks)) {
		for key, b := range c.blocks {
			if key >= first && key <= last {
				take(key, b)
			}
		}
		return newest, some
	}
	for key := first; key <= last; key++ {
		if b := c.at(key << 6); b != nil {
			take(key, b)
		}
	}
	return newest, some
}
