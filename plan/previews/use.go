// SPDX-License-Identifier: Apache-2.0

package previews

import (
	"cmp"
	"math/big"
	"slices"
	"time"
)

// Asked returns which of [Up] and [Down] was asked for last; empty: neither.
func Asked(commands []Command) (act Act) {
	for _, c := range inOrder(commands) {
		if c.Do == Up || c.Do == Down {
			act = c.Do
		}
	}
	return act
}

func inOrder(commands []Command) []Command {
	return slices.SortedFunc(slices.Values(commands), func(a, b Command) int {
		return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.ID, b.ID))
	})
}

// use is how a preview was used.
type use struct {
	// last is when it was used, and awake when it was used in a way that wakes it; zero: it never was.
	last, awake time.Time
	// up reports whether it was not asked to be gone, and asleep whether it was asked to sleep since it was awake.
	up, asleep bool
	// ran is for how long it was awake.
	ran time.Duration
}

// replay finds out how a preview was used: by the heads that were pushed, and by what people asked for. A head that has none
// yet is used from now on.
func replay(now time.Time, r Rules, p Pull) use {
	events := make([]Command, 0, len(p.Began)+len(p.Commands)+1)
	begun := false
	for _, b := range p.Began {
		events = append(events, Command{At: b.At, Do: push})
		begun = begun || b.Head == p.Head
	}
	if p.Verdict == Passed && !begun {
		events = append(events, Command{At: now, Do: push})
	}
	events = inOrder(append(events, p.Commands...))
	var u use
	for i, c := range events {
		u.take(c)
		until := now
		if i+1 < len(events) {
			until = events[i+1].At
		}
		u.ran += u.runs(c.At, until, r)
	}
	return u
}

// push is what a head that gets a preview does.
const push Act = "push"

func (u *use) take(c Command) {
	switch c.Do {
	case Sleep:
		u.asleep = true
		return
	case Down:
		u.up = false
		return
	case Up, push:
		u.up = true
	case Extend, Wake:
	default:
		return
	}
	u.last = c.At
	if c.Do != Extend {
		u.awake, u.asleep = c.At, false
	}
}

// runs is for how long it is awake between two times in which nobody asks for anything.
func (u *use) runs(from, until time.Time, r Rules) time.Duration {
	if !u.up || u.asleep {
		return 0
	}
	ends := u.last.Add(r.TTL)
	if r.SleepAfter > 0 {
		ends = earlier(ends, u.awake.Add(r.SleepAfter))
	}
	return max(0, earlier(ends, until).Sub(from))
}

func (u use) expired(now time.Time, r Rules) bool {
	return !u.last.IsZero() && !now.Before(u.last.Add(r.TTL))
}

// left is for how long it may still be awake until it has cost what it may, by what it costs now.
func (u use) left(r Rules, p Pull) time.Duration {
	if p.Monthly.Sign() <= 0 {
		return forever
	}
	hours := new(big.Rat).Quo(r.SpendCap, p.Monthly)
	allowed, _ := hours.Mul(hours, big.NewRat(int64(month), 1)).Float64()
	if allowed > float64(forever) {
		return forever
	}
	return time.Duration(allowed) - u.ran
}

const (
	// month is the length of a month in which a preview would cost what is estimated.
	month = 730 * time.Hour
	// forever is longer than any preview lives.
	forever = 100 * 12 * month
)

// preview is what there should be.
func (u use) preview(now time.Time, r Rules, p Pull) *Preview {
	out := &Preview{Source: p.Source, Number: p.Number, Head: p.Head, Environment: r.Environment, Expires: u.last.Add(r.TTL), Asleep: u.asleep}
	if r.SleepAfter > 0 {
		out.Sleeps = u.awake.Add(r.SleepAfter)
		out.Asleep = out.Asleep || !now.Before(out.Sleeps)
	}
	if out.Asleep {
		out.Sleeps = time.Time{}
		return out
	}
	if r.SpendCap != nil {
		if left := u.left(r, p); left < forever {
			out.Spends = now.Add(left)
		}
	}
	return out
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}
