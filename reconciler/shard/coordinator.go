// SPDX-License-Identifier: Apache-2.0

package shard

import (
	"context"
	"sync"
	"time"

	"trunkline.dev/trunkline/catalog"
)

// Coordinator says which releases are this replica's.
type Coordinator struct {
	opts Options
	// wake has the others looked at before the interval is over.
	wake chan struct{}

	// The following belong to the goroutine of Run.

	memory memory
	// name is that of the Lease; joined is set once it was made.
	name   string
	joined bool
	seen   seen
	// looked is set once the others were looked at, and untouched while nothing was ever done for any release.
	looked, untouched bool
	// logged is the last problem that was logged.
	logged string
	// heard is the number of the last text that was heard of each Lease, by its UID.
	heard map[string]int64

	mu sync.Mutex
	// said are the texts that others are to hear, and number that of the last.
	said   []said
	number int64
	// allowed are the buckets that this replica has, for as long as its Lease holds.
	allowed set
	// renewed is when the last renewal of the Lease that succeeded was sent; zero if there is none.
	renewed time.Time
	// announced is what Changed was last called for.
	announced set
	// term is that of the replica that leads, and before the Lease of the one that led last, if that was another Lease than ours.
	term   Term
	before string
	runs   runs
	lapse  *time.Timer
	status Status
	owners owners
}

// New makes a coordinator. It owns nothing until [Coordinator.Run] is called.
func New(opts Options) (*Coordinator, error) {
	if err := opts.complete(); err != nil {
		return nil, err
	}
	return &Coordinator{opts: opts, wake: make(chan struct{}, 1)}, nil
}

// Owned reports whether a release is this replica's at this moment. To be asked before each write: it costs no request.
func (c *Coordinator) Owned(id catalog.ReleaseID) bool { return c.has(bucketOf(id)) }

// Leads reports whether this replica is the one that does what has to be done once for all releases.
func (c *Coordinator) Leads() bool { return c.has(leading) }

func (c *Coordinator) has(b bucket) bool {
	now := c.opts.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.owned(now).has(b)
}

// owned are the buckets that are this replica's now. The caller holds the lock.
func (c *Coordinator) owned(now time.Time) set {
	if c.renewed.IsZero() || elapsed(c.renewed, now) >= c.opts.RenewDeadline {
		return 0
	}
	return c.allowed
}

// elapsed returns the time between two readings of the clock. A machine that was put to sleep may count the time by its
// wall clock only, and one whose wall clock was set back by the other only: the longer one counts.
func elapsed(from, to time.Time) time.Duration {
	return max(to.Sub(from), to.Round(0).Sub(from.Round(0)))
}

// Begin reports whether a run of a release begins. If ok is false the release is not this replica's, and nothing may be
// done for it. Otherwise the run's context ends, with [ErrLost] as its cause, when the release is to be given up; and
// done must be called when nothing of the run is under way any more. No other replica gets the release before that,
// unless this one loses its Lease; then a write that was on its way has WriteTimeout to end.
func (c *Coordinator) Begin(ctx context.Context, id catalog.ReleaseID) (running context.Context, done func(), ok bool) {
	now := c.opts.Now()
	x := &run{bucket: bucketOf(id), began: now}
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.owned(now).has(x.bucket) {
		return ctx, func() {}, false
	}
	running, x.cancel = context.WithCancelCause(ctx)
	c.runs.begin(x)
	return running, func() { x.ended.Do(func() { c.end(x) }) }, true
}

func (c *Coordinator) end(x *run) {
	now := c.opts.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	x.cancel(nil)
	c.runs.end(x, now)
	if !c.allowed.has(x.bucket) {
		c.signal() // someone may be waiting for it
	}
}

func (c *Coordinator) signal() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// take makes the buckets this replica's that a decision says, gives up the others, and says which it holds: those and
// what is still under way.
func (c *Coordinator) take(d decision, s *snapshot) set {
	now := c.opts.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	before := c.allowed
	c.allowed = before&d.keep | d.begin
	c.runs.cancel(before &^ c.allowed)
	if s.assignment != nil {
		c.term = Term{Of: s.version().uid, Epoch: s.assignment.since[leading]}
		if leader := s.assignment.owners[leading]; leader != c.name && leader != "" {
			c.before = leader
		}
		for b := range (c.allowed &^ before).all() {
			c.runs.measured[b].reset(now, s.assignment.work[b])
		}
		c.owners = s.assignment.owners
	}
	return c.allowed | c.runs.busy()
}

// drop returns up everything.
func (c *Coordinator) drop() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.allowed, c.renewed = 0, time.Time{}
	c.runs.cancel(every)
	if c.lapse != nil {
		c.lapse.Stop()
	}
}

// renewedAt records that the Lease was renewed by a request that was sent at a time.
func (c *Coordinator) renewedAt(sent time.Time) {
	now := c.opts.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.renewed = sent
	c.arm(now)
}

// arm has the runs cancelled once the Lease does not hold any more. The caller holds the lock.
func (c *Coordinator) arm(now time.Time) {
	left := max(c.opts.RenewDeadline-elapsed(c.renewed, now), time.Millisecond)
	if c.lapse != nil {
		c.lapse.Stop()
	}
	c.lapse = time.AfterFunc(left, c.lapsed)
}

func (c *Coordinator) lapsed() {
	now := c.opts.Now()
	c.mu.Lock()
	if c.renewed.IsZero() || elapsed(c.renewed, now) >= c.opts.RenewDeadline {
		c.runs.cancel(every)
	} else {
		c.arm(now) // it was renewed at the last moment
	}
	c.mu.Unlock()
	c.announce()
}

// announce calls Changed if other buckets are owned than it was last called for.
func (c *Coordinator) announce() {
	now := c.opts.Now()
	c.mu.Lock()
	owned := c.owned(now)
	changed := owned != c.announced
	c.announced = owned
	c.mu.Unlock()
	if changed {
		c.opts.Changed()
	}
}

// busy reports whether runs are under way.
func (c *Coordinator) busy() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.runs.busy() != 0
}
