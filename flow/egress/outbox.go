// SPDX-License-Identifier: Apache-2.0

package egress

import (
	"maps"
	"slices"
	"time"
)

// Limits bound what an outbox holds and does.
type Limits struct {
	// Queue is how many facts wait at most. What does not fit is not lost: it is asked for again once half of them have gone.
	Queue int
	// AtOnce is how many are sent at a time.
	AtOnce int
	// Pause is the first one after a failure; it doubles up to Longest.
	Pause, Longest time.Duration
	// GiveUp is after how long without success a fact is put with the dead letters.
	GiveUp time.Duration
	// Overlap is by how much the times of facts may be out of order.
	Overlap time.Duration
}

// DefaultLimits are those of the daemon.
func DefaultLimits() Limits {
	return Limits{
		Queue: 10_000, AtOnce: 8, Pause: time.Second, Longest: 5 * time.Minute, GiveUp: 72 * time.Hour, Overlap: 15 * time.Minute,
	}
}

// Outbox is what is to be told to one target: a state machine, of which nothing but its methods' arguments decides. The facts of a dataset
// are told one after the other, in the order in which they were learned; a dataset whose facts the target does not accept delays no other.
// Each is told at least once.
type Outbox struct {
	limits Limits

	// base is the time up to which everything is settled, but for what waits. While something is missing, that is not so for what
	// happened after floor.
	base, floor time.Time
	missing     bool
	// asked is since when all is asked for; the zero time if it is not.
	asked time.Time
	// told are those that are settled and happened lately. settled counts them, and saved how many there were when that was saved.
	told           map[string]time.Time
	settled, saved int

	lanes map[string]*lane
	// order is that in which lanes are looked at: the one that was served last is the last.
	order []string
	// of is the lane of each fact that waits.
	of     map[string]string
	flying int
	// paused is until when the target asked not to be sent anything.
	paused time.Time
}

// lane has facts that are told one after the other; the first may be under way.
type lane struct {
	entries []entry
	flying  bool
	// next is when the first may be sent; tries how often it was, and since when.
	next  time.Time
	tries int
	since time.Time
}

// entry is a fact that waits. One that was refused is to be put with the dead letters; a letter is one that was there, and is sent once more.
type entry struct {
	fact    Fact
	refused string
	letter  bool
}

// New makes the outbox of a target from where it was. What has happened since is missing until all of it is told.
func New(c Cursor, limits Limits) *Outbox {
	o := &Outbox{
		limits: limits, base: c.Until, floor: c.Until, missing: true,
		told: map[string]time.Time{}, lanes: map[string]*lane{}, of: map[string]string{},
	}
	maps.Copy(o.told, c.Told)
	return o
}

// Ask returns since when all that has happened is to be told by [Outbox.All]; false if nothing is missing, or there is no room, unless it
// is to be told anyway.
func (o *Outbox) Ask(anyway bool) (since time.Time, ok bool) {
	if !anyway && (!o.missing || len(o.of) > o.limits.Queue/2) {
		return time.Time{}, false
	}
	o.asked = o.until()
	return o.asked, true
}

// Tell takes facts as they are learned. While something is missing, those of lots come with all the others, in order; those of runs, each
// of which has an order of its own, do not have to wait for that, and a cluster may not say yet that there is such a run.
func (o *Outbox) Tell(facts []Fact) {
	for _, f := range facts {
		if o.missing && !f.Fleeting && !f.OfRun() {
			o.miss(f) // it comes with all the others, in order
			continue
		}
		o.add(entry{fact: f})
	}
}

// All takes all facts that have happened since what [Outbox.Ask] returned last and are not fleeting; older ones are passed over, and all if
// nobody asked.
func (o *Outbox) All(facts []Fact) {
	if o.asked.IsZero() {
		return
	}
	since := o.asked
	o.asked, o.missing = time.Time{}, false
	for _, f := range slices.SortedStableFunc(slices.Values(facts), func(a, b Fact) int { return a.At.Compare(b.At) }) {
		if f.At.After(since) {
			o.add(entry{fact: f})
		}
	}
}

// Again takes a dead letter that is to be sent once more.
func (o *Outbox) Again(f Fact) { o.add(entry{fact: f, letter: true}) }

// Waiting is how many facts wait.
func (o *Outbox) Waiting() int { return len(o.of) }

// add has a fact wait, unless it does or is settled.
func (o *Outbox) add(e entry) {
	id := e.fact.ID()
	if _, waits := o.of[id]; waits {
		return
	}
	if _, told := o.told[id]; told && !e.letter {
		return
	}
	if len(o.of) >= o.limits.Queue && !e.letter {
		o.miss(e.fact)
		return
	}
	name := e.fact.Lane()
	l := o.lanes[name]
	if l == nil {
		l = &lane{}
		o.lanes[name], o.order = l, append(o.order, name)
	}
	l.entries = append(l.entries, e)
	o.of[id] = name
}

// miss notes that a fact has to be told later.
func (o *Outbox) miss(f Fact) {
	if before := f.At.Add(-1); !o.missing || before.Before(o.floor) {
		o.floor = before
	}
	o.missing = true
}

// Sending is something to do: a fact is to be sent, or, if Refused says why, put with the dead letters.
type Sending struct {
	ID      string
	Fact    Fact
	Refused string
	// Letter is set for a dead letter that is sent once more: it is among them until it is delivered.
	Letter bool
}

// Next returns what is to be done now, each of which is to be answered, and when to ask again; the zero time if only an answer or a
// fact changes anything.
func (o *Outbox) Next(now time.Time) (out []Sending, again time.Time) {
	if now.Before(o.paused) {
		return nil, o.paused
	}
	var rest, served []string
	for i, name := range o.order {
		if o.flying == o.limits.AtOnce {
			rest = append(rest, o.order[i:]...)
			break
		}
		l := o.lanes[name]
		switch {
		case l.flying:
		case l.next.After(now):
			if again.IsZero() || l.next.Before(again) {
				again = l.next
			}
		default:
			e := l.entries[0]
			if l.tries == 0 {
				l.since = now
			}
			l.flying = true
			o.flying++
			out, served = append(out, Sending{e.fact.ID(), e.fact, e.refused, e.letter}), append(served, name)
			continue
		}
		rest = append(rest, name)
	}
	o.order = slices.Concat(rest, served)
	return out, again
}

// Answer is what came of a sending.
type Answer struct {
	// Done is set for a fact that was delivered, or that is with the dead letters.
	Done bool
	// Refused says why sending it again is of no use; empty: it is tried again.
	Refused string
	// Failed says why it is to be tried again, for the dead letter if it never succeeds.
	Failed string
	// After is how long the target asked not to be sent anything; 0: it did not.
	After time.Duration
}

// longestAsk is how long a target is left alone at most because it asks for it.
const longestAsk = time.Hour

// Answered takes what came of something that [Outbox.Next] returned.
func (o *Outbox) Answered(id string, a Answer, now time.Time) {
	name, waits := o.of[id]
	if !waits || !o.lanes[name].flying {
		return
	}
	l := o.lanes[name]
	e := &l.entries[0]
	l.flying = false
	o.flying--
	switch {
	case a.Done:
		o.settle(name, id, now)
	case a.Refused != "" && e.refused == "":
		e.refused, l.tries, l.next = a.Refused, 0, now
	default:
		if a.After > 0 {
			o.paused = now.Add(min(a.After, longestAsk))
		}
		l.next = now.Add(pause(o.limits, l.tries))
		l.tries++
		if e.refused == "" && now.Sub(l.since) >= o.limits.GiveUp {
			e.refused, l.tries, l.next = "it was tried for "+o.limits.GiveUp.String()+": "+a.Failed, 0, now
		}
	}
}

// pause is how long to wait after a number of failures.
func pause(limits Limits, failures int) time.Duration {
	p := limits.Pause
	for range failures {
		if p *= 2; p >= limits.Longest {
			return limits.Longest
		}
	}
	return p
}

// settle takes the first fact out of its lane.
func (o *Outbox) settle(name, id string, now time.Time) {
	l := o.lanes[name]
	e := l.entries[0]
	delete(o.of, id)
	*l = lane{entries: slices.Delete(l.entries, 0, 1)}
	if len(l.entries) == 0 {
		delete(o.lanes, name)
		o.order = slices.DeleteFunc(o.order, func(other string) bool { return other == name })
	}
	if e.letter {
		return
	}
	o.told[id] = e.fact.At
	o.settled++
	// A time that lies ahead says nothing of what is settled.
	latest := e.fact.At
	if latest.After(now) {
		latest = now
	}
	if base := latest.Add(-o.limits.Overlap); base.After(o.base) && !o.missing {
		o.base = base
	}
}
