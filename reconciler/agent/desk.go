// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/plan/release"
	"trunkline.dev/trunkline/reconciler/cluster"
	"trunkline.dev/trunkline/reconciler/history"
)

// Office is who a desk works for: the daemon. Its methods must not block, but for Ready and Restore, and are called by one
// goroutine of a connection at a time.
type Office interface { //nolint:interfacebloat // it is all that a desk tells the daemon, which is one
	// Ready returns why nothing may be changed in the cluster yet; nil if all may.
	Ready(ctx context.Context) error
	// Keeps reports whether a release is declared, or may be: an agent that has one that is not is told to leave it.
	Keeps(id catalog.ReleaseID) bool
	// Stands is called when a release stands in another way, and Retired when one that was to be removed is gone.
	Stands(id catalog.ReleaseID)
	Retired(id catalog.ReleaseID)
	// Recorded is called when inventories have changed; all is set if all of them were listed.
	Recorded(all bool)
	// Changed is called when the cluster answers or not, since it or the connection of the agent does or does not.
	Changed()
	Happened(e history.Event)
	Ran(r Run)
	// Missed says that the agent had no room for some events.
	Missed(events int)
	Reply(ticket int64, err error)
	Restore(ctx context.Context, id catalog.ReleaseID, commit string) (release.Target, error)
}

// maxReleases bounds what is kept of what one agent says: it may say what it likes.
const maxReleases = 20000

// ErrAway is what a request fails with that the agent cannot be told of.
var ErrAway = fmt.Errorf("%w: the agent of the cluster is not connected", release.ErrRefused)

// errBroken answers a request whose connection ended.
var errBroken = errors.New("the connection to the agent ended before it answered: look at the status")

// Desk is the daemon's side of one cluster that an agent keeps. It outlives connections.
type Desk struct {
	name   string
	office Office
	now    func() time.Time

	mu       sync.Mutex
	briefs   map[catalog.ReleaseID]*filed
	filed    uint64
	platform Platform
	settled  bool
	session  *session

	standings   map[catalog.ReleaseID]Standing
	inventories map[catalog.ReleaseID]cluster.Inventory
	listed      bool
	state       cluster.State
	seen        time.Time
	// since is when the agent connected.
	since    time.Time
	version  string
	rtt      time.Duration
	instance string
	taken    uint64
	asked    map[int64]bool
	runs     runsOf
}

// filed is a brief with its place in the order in which they are sent.
type filed struct {
	Brief

	rev   string
	place uint64
}

// NewDesk returns the desk of a cluster.
func NewDesk(name string, office Office, now func() time.Time) *Desk {
	return &Desk{
		name: name, office: office, now: now, briefs: map[catalog.ReleaseID]*filed{}, standings: map[catalog.ReleaseID]Standing{},
		inventories: map[catalog.ReleaseID]cluster.Inventory{}, asked: map[int64]bool{}, runs: runsOf{asks: map[int64]*waiting{}},
	}
}

// Name is that of the cluster.
func (d *Desk) Name() string { return d.name }

// File has the agent know what a release is to be, unless it does.
func (d *Desk) File(b Brief) {
	rev := b.Rev()
	d.mu.Lock()
	defer d.mu.Unlock()
	if before := d.briefs[b.ID]; before != nil && before.rev == rev {
		return
	}
	d.filed++
	d.briefs[b.ID] = &filed{b, rev, d.filed}
	if d.session != nil {
		d.session.pending = append(d.session.pending, b.ID)
		d.session.wakeUp()
	}
}

// Discard has the desk know nothing of a release any more. With told set, so has the agent, which leaves it as it is.
func (d *Desk) Discard(id catalog.ReleaseID, told bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.briefs, id)
	delete(d.standings, id)
	if d.session == nil {
		return
	}
	if delete(d.session.holds, id); told {
		d.session.post(frame{Drop: &id})
	}
}

// Set says what is so of the whole platform.
func (d *Desk) Set(p Platform) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.platform = p
	d.kick()
}

// Settle reports whether all releases have what the newest accepted commit says of them.
func (d *Desk) Settle(settled bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.settled = settled
	d.kick()
}

// Kick has it looked at again whether the agent may be told more.
func (d *Desk) Kick() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.kick()
}

func (d *Desk) kick() {
	if d.session != nil {
		d.session.wakeUp()
	}
}

// Act asks the agent to do what a person asks for. It is told once or not at all; [Office.Reply] has the answer.
func (d *Desk) Act(a Act) {
	d.mu.Lock()
	connected := d.session != nil
	if connected {
		d.asked[a.Asked.ID] = true
		d.session.post(frame{Act: &a})
	}
	d.mu.Unlock()
	if !connected {
		d.office.Reply(a.Asked.ID, ErrAway)
	}
}

// Standing returns how a release is by the last word of the agent, and whether it is as the last brief asks; ok is false if nothing
// is known.
func (d *Desk) Standing(id catalog.ReleaseID) (s Standing, current, ok bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	s, ok = d.standings[id]
	b := d.briefs[id]
	return s, ok && b != nil && b.Key() == s.Key, ok
}

// Inventories returns those that the cluster holds. It fails before the agent has listed them once.
func (d *Desk) Inventories() ([]cluster.Inventory, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.listed {
		return nil, fmt.Errorf("cluster %q is kept by an agent, which has not said yet what the cluster holds: %s", d.name, d.presence())
	}
	return slices.Collect(maps.Values(d.inventories)), nil
}

// Presence is what is known of the agent itself.
type Presence struct {
	Connected bool
	// Behind counts the releases that have not dealt with the last brief.
	Behind int
	// Since is when it connected; zero if it is not connected. Runs reports whether it can be asked for runs of lots.
	Since time.Time
	Runs  bool
	// Seen is when it was heard of last; zero if it never was since the daemon was started.
	Seen time.Time
	// Version is the release of the agent, and RTT how long a message takes there and back.
	Version string
	RTT     time.Duration
}

// Presence returns what is known of the agent.
func (d *Desk) Presence() Presence {
	d.mu.Lock()
	defer d.mu.Unlock()
	p := Presence{Connected: d.session != nil, Seen: d.seen, Version: d.version, RTT: d.rtt}
	if d.session != nil {
		p.Since, p.Runs = d.since, d.session.runs
	}
	for id, b := range d.briefs {
		if s, ok := d.standings[id]; !ok || s.Key != b.Key() {
			p.Behind++
		}
	}
	return p
}

// State reports whether the cluster answers the agent, and the agent the daemon.
func (d *Desk) State() cluster.State {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.session == nil {
		return cluster.State{Message: d.presence()}
	}
	return d.state
}

// presence says why nothing is heard of the agent. The caller holds the lock.
func (d *Desk) presence() string {
	switch {
	case d.session != nil:
		return "the agent is connected"
	case d.seen.IsZero():
		return "the agent has not been seen since the daemon was started"
	}
	return "the agent has not been seen since " + d.seen.UTC().Format(time.RFC3339) + "; it keeps what it was told last"
}

// begin makes a connection the one of the desk, and ends the one before. It fails while another agent is connected that is not
// known to have handed the cluster over: two that take it for theirs would end each other's connections for ever.
func (d *Desk) begin(s *session, h hello, version string) (welcome, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	s.book, s.term = h.Book, h.Term
	if old := d.session; old != nil {
		switch {
		case old.book == s.book:
			old.end(errReplaced)
		case old.term.Of == s.term.Of && old.term.Epoch < s.term.Epoch:
			old.end(errOvertaken)
		default:
			return welcome{}, errTaken
		}
	}
	if d.instance != h.Instance {
		d.instance, d.taken = h.Instance, 0
	}
	d.session, d.version, d.seen, d.state = s, version, d.now(), cluster.State{Message: "the agent has just connected"}
	d.since = d.seen
	s.open(h)
	s.reach.protocol, s.reach.shut = h.Reach, h.Shut
	d.beginRuns(s, h)
	return welcome{Taken: d.taken, Reach: ReachProtocol}, nil
}

var (
	// errReplaced ends a connection whose agent has come again.
	errReplaced = errors.New("the agent has connected again")
	// errOvertaken ends one whose cluster another agent keeps now.
	errOvertaken = errors.New("another agent keeps the cluster now, by the Lease there")
	// errTaken refuses one. What is said has to fit into the end of a WebSocket.
	errTaken = errors.New("another agent of this cluster is connected, which knows nothing of this one's Lease: uninstall one")
)

// finish ends a connection, unless another has taken its place.
func (d *Desk) finish(s *session) {
	d.mu.Lock()
	mine := d.session == s
	var unanswered []int64
	if mine {
		d.session = nil
		d.endRuns(s)
		unanswered = slices.Collect(maps.Keys(d.asked))
		clear(d.asked)
	}
	d.mu.Unlock()
	for _, ticket := range unanswered {
		d.office.Reply(ticket, errBroken)
	}
	if mine {
		d.office.Changed()
	}
}

// Hang ends the connection; the agent comes again.
func (d *Desk) Hang(why error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.session != nil {
		d.session.end(why)
	}
}

// hear accepts what the agent says.
func (d *Desk) hear(s *session, f frame) {
	d.mu.Lock()
	if d.session != s {
		d.mu.Unlock()
		return
	}
	d.seen = d.now()
	then := d.note(s, f)
	d.mu.Unlock()
	for _, do := range then {
		do()
	}
}

// note puts down what a message says, and returns what is to be done about it without the lock. The caller holds it.
func (d *Desk) note(s *session, f frame) (then []func()) {
	switch {
	case f.Ping != 0:
		s.post(frame{Pong: f.Ping})
		s.ticks(f.Clock, d.seen)
	case f.Pong != 0:
		d.rtt = d.now().Sub(time.Unix(0, f.Pong))
	case f.Standing != nil && f.Standing.ID.Cluster == d.name:
		if _, known := d.standings[f.Standing.ID]; !known && len(d.standings) >= maxReleases {
			return nil
		}
		d.standings[f.Standing.ID] = *f.Standing
		then = append(then, func() { d.office.Stands(f.Standing.ID) })
	case f.Retired != nil && f.Retired.ID.Cluster == d.name:
		if b := d.briefs[f.Retired.ID]; b != nil && b.Key() == Removing {
			then = append(then, func() { d.office.Retired(f.Retired.ID) })
		}
	case f.Inventory != nil && f.Inventory.Release.Cluster == d.name:
		if !d.listed && s.listing == nil {
			return nil
		}
		into := d.inventories
		if s.listing != nil {
			into = s.listing
		}
		if delete(into, f.Inventory.Release); !f.Inventory.Gone && len(into) < maxReleases {
			into[f.Inventory.Release] = f.Inventory.Inventory
		}
		if s.listing == nil {
			then = append(then, func() { d.office.Recorded(false) })
		}
	case f.Listed:
		if s.listing != nil {
			d.inventories, s.listing, d.listed = s.listing, nil, true
		}
		then = append(then, func() { d.office.Recorded(true) })
		s.wakeUp()
	case f.State != nil:
		if d.state != *f.State {
			d.state = *f.State
			then = append(then, d.office.Changed)
		}
	case f.Reply != nil:
		if d.asked[f.Reply.Ticket] {
			delete(d.asked, f.Reply.Ticket)
			then = append(then, func() { d.office.Reply(f.Reply.Ticket, f.Reply.Err()) })
		}
	case f.Restore != nil && f.Restore.ID.Cluster == d.name:
		then = append(then, func() { s.restore(*f.Restore) })
	case len(f.Runs) > 0:
		d.told(s, f.Runs)
	case f.Answer != nil:
		d.answered(s, *f.Answer)
	case f.Unreached != nil:
		d.notBrought(s, *f.Unreached)
	default:
		then = d.events(s, f.Events)
	}
	return then
}

// events accepts those that were not, and says so.
func (d *Desk) events(s *session, events []Event) (then []func()) {
	for _, e := range events {
		if e.Seq <= d.taken {
			continue
		}
		d.taken = e.Seq
		if e.Lost > 0 {
			then = append(then, func() { d.office.Missed(e.Lost) })
		}
		if e.History != nil && e.History.Release.Cluster == d.name {
			then = append(then, func() { d.office.Happened(*e.History) })
		}
		if e.Run != nil && e.Run.Release.Cluster == d.name {
			then = append(then, func() { d.office.Ran(*e.Run) })
		}
	}
	if len(events) > 0 {
		s.post(frame{Taken: d.taken})
	}
	return then
}
