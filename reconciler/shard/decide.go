// SPDX-License-Identifier: Apache-2.0

package shard

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
)

// self is what a replica knows of itself.
type self struct {
	// name is that of its Lease.
	name string
	// sole is its identity, if no other process can have it.
	sole string
	// seen is the newest version of the assignment that it has accepted.
	seen seen
	// holds are the buckets that it may have runs of.
	holds set
}

// decision is what follows from a snapshot.
type decision struct {
	// lost says why the replica's Lease is no longer its own; nil if it is. Nothing else is decided then.
	lost error
	// seen is the version of the assignment to publish.
	seen seen
	// keep are the buckets that the replica may go on with if it has them already, and begin those that nobody else
	// can have any more, so that it may begin.
	keep, begin set
	// wait says, of the buckets that the replica has and may not begin yet, whom it waits for.
	wait []string
	// missing is set if there is no assignment, and nobody makes one yet.
	missing bool
	// problems are what people have to hear of.
	problems []error
	// The following are for the API server, and only the first replica that is alive does them. An earlier Lease of our own each replica
	// ends by itself.

	// end are Leases that were not renewed, to be marked as ended; remove are those that are not needed any more, and
	// a damaged assignment.
	end, remove []*coordinationv1.Lease
	// write is a new assignment; nil if it stays as it is.
	write *assignment
}

// standing is what a replica counts as.
type standing int

const (
	// alive replicas are given buckets.
	alive standing = iota
	// unknown replicas may be at work, but nobody can tell: their Lease cannot be read, or was deleted by someone
	// else a moment ago.
	unknown
	// expired replicas have not renewed their Lease for as long as it lasts. They are no danger any more once that is
	// marked on the Lease, since a renewal that is on its way then fails.
	expired
	// over are those that cannot be at work any more.
	over
)

// standings says what everybody counts as that was ever heard of.
func standings(s *snapshot, m *memory, asked time.Time) map[string]standing {
	out := make(map[string]standing, len(m.replicas))
	for name := range m.replicas {
		x, there := s.members[name]
		switch {
		case there && x.ended:
			out[name] = over
		case there && m.quiet(name, asked):
			out[name] = expired
		case m.quiet(name, asked):
			out[name] = over
		case !there || x.err != nil:
			out[name] = unknown
		default:
			out[name] = alive
		}
	}
	return out
}

// timing is how long things take.
type timing struct {
	// duration is for how long a Lease lasts.
	duration time.Duration
	// rebalance is how long an assignment stays before buckets are taken from a replica that is alive.
	rebalance time.Duration
	// untouched says that nothing was ever done: nobody can be at work whose Lease is gone.
	untouched bool
}

// decide says what a replica does after it has seen a snapshot, which it asked for at a time, and which its memory
// has recorded.
func decide(me self, s *snapshot, m *memory, asked time.Time, t timing) decision {
	mine, there := s.members[me.name]
	switch {
	case !there:
		return decision{lost: errors.New("the Lease of this replica was deleted")}
	case mine.ended:
		return decision{lost: errors.New("the Lease of this replica was not renewed in time, and others took over")}
	}
	d := decision{seen: me.seen, keep: every}
	stand := standings(s, m, asked)
	stand[me.name] = alive // whatever our memory of it: our Lease is there
	for _, name := range slices.Sorted(maps.Keys(s.members)) {
		if err := s.members[name].err; err != nil && stand[name] == unknown {
			d.problems = append(d.problems, err)
		}
	}
	if s.err != nil {
		d.problems = append(d.problems, s.err)
	}
	if s.assignment != nil {
		d.seen = s.version()
		d.keep = s.assignment.owners.of(me.name)
		for b := range d.keep.all() {
			if whom := blocker(me, mine, s, stand, b); whom == "" {
				d.begin = d.begin.with(b)
			} else if whom != me.name && !me.holds.has(b) && !slices.Contains(d.wait, whom) {
				d.wait = append(d.wait, whom)
			}
		}
	}
	d.end = forerunners(me, s)
	if first(stand) == me.name {
		d.lead(s, m, stand, asked, t)
	}
	return d
}

// forerunners are the Leases of earlier processes with our identity, which have ended: it is ours alone.
func forerunners(me self, s *snapshot) (out []*coordinationv1.Lease) {
	for _, name := range slices.Sorted(maps.Keys(s.members)) {
		x := s.members[name]
		if me.sole != "" && name != me.name && !x.ended && *x.lease.Spec.HolderIdentity == me.sole {
			out = append(out, x.lease)
		}
	}
	return out
}

// blocker names a replica that may hold a bucket, or may begin to without seeing that it is ours; empty if there is
// none.
func blocker(me self, mine member, s *snapshot, stand map[string]standing, b bucket) string {
	current := seen{uid: s.version().uid, epoch: s.assignment.since[b]}
	reached := func(x member) bool { return x.seen.uid == current.uid && x.seen.epoch >= current.epoch }
	// What we accept is published before we act on it: others rely on that.
	if mine.err != nil || !reached(mine) {
		return me.name
	}
	for _, name := range slices.Sorted(maps.Keys(stand)) {
		x, there := s.members[name]
		switch {
		case name == me.name || stand[name] == over:
		case !there || x.err != nil:
			return name
		case x.seen == seen{}: // it has published nothing yet, and will see this assignment or a newer one first
		case !reached(x) || x.holds.has(b):
			return name
		}
	}
	return ""
}

// first returns the replica that writes the assignment: the first by name that is alive. If two take themselves for it,
// only one of their writes gets through, and both follow from what the API server holds.
func first(stand map[string]standing) string {
	best := ""
	for name, st := range stand {
		if st == alive && (best == "" || name < best) {
			best = name
		}
	}
	return best
}

// lead decides what the first replica does for all.
func (d *decision) lead(s *snapshot, m *memory, stand map[string]standing, asked time.Time, t timing) {
	named := func(name string) bool { return s.assignment != nil && slices.Contains(s.assignment.members, name) }
	for _, name := range slices.Sorted(maps.Keys(s.members)) {
		switch {
		case stand[name] == expired && !slices.Contains(d.end, s.members[name].lease):
			d.end = append(d.end, s.members[name].lease)
		case s.members[name].ended && !named(name) && m.quiet(name, asked):
			d.remove = append(d.remove, s.members[name].lease)
		}
	}
	if s.holder != nil && s.assignment == nil {
		d.remove = append(d.remove, s.holder)
		return // a new one can be made when this one is gone
	}
	before := s.assignment
	next := &assignment{epoch: 1}
	if before == nil {
		// With the assignment, the names of those are lost who may be at work and whose Lease is gone too. By then
		// all of them have stopped. Those that have their Lease go on meanwhile.
		if d.missing = asked.Sub(m.missing) < t.duration && !t.untouched; d.missing {
			return
		}
		before = recovered(s)
	} else {
		next.id, next.epoch, next.since = before.id, before.epoch+1, before.since
	}
	p := placement{spread: true, before: before.owners, work: before.work, rebalance: settled(s, stand) && asked.Sub(m.assignment.since) >= t.rebalance}
	for _, name := range slices.Sorted(maps.Keys(stand)) {
		if stand[name] == over {
			continue
		}
		next.members = append(next.members, name)
		if stand[name] == alive {
			p.replicas = append(p.replicas, name)
			// One that does not know of sharing would take all of it for its own.
			p.spread = p.spread && s.members[name].shards
			for b := range before.owners.of(name).all() {
				if s.members[name].holds.has(b) {
					p.work[b] = s.members[name].work[b]
				}
			}
		}
	}
	if len(next.members) > maxReplicas {
		d.problems = append(d.problems, fmt.Errorf("there are %d replicas, where %d are the most: nothing is handed over until there are fewer", len(next.members), maxReplicas))
		return
	}
	p.pinned = func(name string) bool { st, known := stand[name]; return known && st != over }
	next.owners, next.work = assign(p), p.work
	for b := range bucket(buckets) {
		if next.owners[b] != before.owners[b] || next.since[b] == 0 {
			next.since[b] = next.epoch
		}
	}
	if s.assignment == nil || next.owners != before.owners || !slices.Equal(next.members, before.members) {
		d.write = next
	}
}

// recovered makes up for an assignment that was lost: who holds a bucket has it.
func recovered(s *snapshot) *assignment {
	a := &assignment{}
	for _, name := range slices.Sorted(maps.Keys(s.members)) {
		if x := s.members[name]; !x.ended && x.err == nil {
			for b := range x.holds.all() {
				a.owners[b], a.work[b] = name, x.work[b]
			}
		}
	}
	return a
}

// settled reports whether everybody has accepted the assignment, and nobody holds what is another's: until then no further
// bucket is taken from anybody.
func settled(s *snapshot, stand map[string]standing) bool {
	if s.assignment == nil {
		return false
	}
	for name, st := range stand {
		if st == over {
			continue
		}
		x := s.members[name]
		if st != alive || x.seen != s.version() || x.holds&^s.assignment.owners.of(name) != 0 {
			return false
		}
	}
	return true
}
