// SPDX-License-Identifier: Apache-2.0

package flow

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cenkalti/backoff/v5"
	"golang.org/x/sync/semaphore"

	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/flow/acts"
	"trunkline.dev/trunkline/flow/bucket"
	"trunkline.dev/trunkline/flow/jobs"
	"trunkline.dev/trunkline/flow/plan"
	"trunkline.dev/trunkline/flow/survey"
)

const (
	// lookInterval is how often it is asked which catalog is accepted, which costs no request.
	lookInterval = time.Second
	// atWork bounds what is done at a time for an environment beside the loop.
	atWork = 32
	// keepMade and keepFailed are how long Jobs stay that have ended, for people to look at.
	keepMade, keepFailed = 15 * time.Minute, 24 * time.Hour
)

// DefaultLimits are how much runs at a time in an environment that does not say it.
func DefaultLimits() plan.Limits { return plan.DefaultLimits() }

// Options are what a keeper is made of. All are required but Account, Handover, Told, Late and Teller.
type Options struct {
	// Accepted returns the catalog that counts; nil before there is one.
	Accepted func() *catalog.Catalog
	Clusters []Cluster
	// Account is the one, in a release's namespace, as which Jobs are made where the environment names none; empty: the daemon's own.
	Account string
	Stores  bucket.Options
	// Interval is how often the stores are listed.
	Interval time.Duration
	// Handover is how long a cluster may not answer before its lots are made in the next of their environment; 0 for [DefaultHandover].
	Handover time.Duration
	// Limits are those of environments that declare none.
	Limits plan.Limits
	Log    *slog.Logger
	Now    func() time.Time
	// Ended is called with each run that has ended.
	Ended func(Ended)
	// Told is called with what there is of all datasets whenever that has changed; nil once no lots are kept any more.
	Told func([]Dataset)
	// Late is called when a dataset becomes late or is not late any more, and once more for each that is late after a start. Neither may
	// wait.
	Late func(Lateness)
	// Teller is told what happens to lots, for others.
	Teller Teller
}

// Keeper keeps the lots of all environments that keep any.
type Keeper struct {
	opts    Options
	counts  atomic.Pointer[[]Count]
	listed  atomic.Pointer[map[string]time.Time]
	told    atomic.Pointer[[]Dataset]
	running atomic.Pointer[loop]
	hints   *hints
}

// New makes a keeper, which does nothing before it runs.
func New(opts Options) *Keeper {
	opts.Handover = cmp.Or(opts.Handover, DefaultHandover)
	return &Keeper{opts: opts, hints: newHints()}
}

// Counts returns how many lots are in which state. Any goroutine may ask.
func (k *Keeper) Counts() []Count {
	if counts := k.counts.Load(); counts != nil {
		return *counts
	}
	return nil
}

// Listed returns when all stores of each environment were last listed; of one that was not yet there is nothing. Any goroutine may ask.
func (k *Keeper) Listed() map[string]time.Time {
	if listed := k.listed.Load(); listed != nil {
		return *listed
	}
	return nil
}

// loop is one run of the keeper. All of it is the loop's own, but for the events that come in.
type loop struct {
	*Keeper

	ctx    context.Context //nolint:containedctx // the life of the loop, which is that of all that it starts
	events chan any
	beside sync.WaitGroup

	catalog    *catalog.Catalog
	fleets     map[string]*fleet
	states     map[string]*state
	upkeep     map[*state]*upkeep
	workers    map[string]worker
	boundaries map[*state]map[string]*boundary
	// published is of how many environments it was told last what there is.
	published int
}

// upkeep is what is done for an environment from time to time: when its stores are listed next, and whether they are being just now. An
// environment whose store hangs takes no room from the others.
type upkeep struct {
	listing bool
	// trouble is why the last listing failed; empty if it did not. Listed is when the last one ended that did not.
	trouble string
	listed  time.Time
	pace
	// written are lots that a notification says were written, and peeks says when they are looked at.
	written map[written]bool
	peeks   pace
	room    *semaphore.Weighted
}

// listed is the event that an environment's stores were listed.
type listed struct {
	state    *state
	declared *declared
	have     map[survey.At]survey.Lot
	begun    map[string]time.Time
	written  acts.Written
	err      error
}

// Run keeps the lots until ctx ends. It begins with nothing but what is in the stores and the clusters.
func (k *Keeper) Run(ctx context.Context) {
	ctx, cancel := context.WithCancel(ctx)
	l := &loop{
		Keeper: k, ctx: ctx, events: make(chan any),
		fleets: map[string]*fleet{}, states: map[string]*state{}, upkeep: map[*state]*upkeep{}, workers: map[string]worker{}, boundaries: map[*state]map[string]*boundary{},
	}
	for _, c := range k.opts.Clusters {
		l.workers[c.Name()] = newWorker(k.opts.Stores, c, k.opts.Now)
	}
	defer l.beside.Wait()
	defer cancel()
	defer k.ended()
	k.running.Store(l)
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case e := <-l.events:
			l.take(e)
			l.drain()
		case <-k.hints.told:
			l.hinted()
		case <-timer.C:
		}
		l.tellOthers()
		timer.Reset(l.advance(k.opts.Now()))
	}
}

// ended takes back what was told.
func (k *Keeper) ended() {
	k.running.Store(nil)
	k.counts.Store(nil)
	k.listed.Store(nil)
	k.told.Store(nil)
	if k.opts.Told != nil {
		k.opts.Told(nil)
	}
}

// drain takes the events that are waiting: of many, all are looked at before anything is planned.
func (l *loop) drain() {
	for {
		select {
		case e := <-l.events:
			l.take(e)
		default:
			return
		}
	}
}

// tell hands an event to the loop.
func (l *loop) tell(e any) {
	select {
	case l.events <- e:
	case <-l.ctx.Done():
	}
}

// aside does something for an environment beside the loop, as far as that has its stores looked after.
func (l *loop) aside(s *state, do func()) {
	at, ok := l.upkeep[s]
	if !ok {
		return
	}
	l.beside.Go(func() {
		if at.room.Acquire(l.ctx, 1) != nil {
			return
		}
		defer at.room.Release(1)
		do()
	})
}

// take takes an event.
func (l *loop) take(e any) {
	switch e := e.(type) {
	case jobs.Event:
		l.happened(e)
	case listed:
		l.tookStock(e)
	case began:
		l.replayed(e)
	case question:
		e.answer()
	case looked:
		l.looked(e)
	case peeked:
		l.peeked(e)
	case expired:
		l.expired(e)
	case recalled:
		l.recalled(e)
	case done:
		l.report(e)
		e.state.ended(e, l.opts.Now())
		if l.states[e.declared.name] == e.state {
			l.do(e.state.done(e, l.opts.Now()))
		}
	}
}

// happened takes an event of a cluster.
func (l *loop) happened(e jobs.Event) {
	f := l.fleets[e.Cluster]
	if e.Job != nil { // it is that of who tells it
		j := *e.Job
		j.Cluster = f.name
		e.Job = &j
	}
	switch e.Kind {
	case jobs.Begins:
		f.quiet(l.opts.Now())
		f.complete = false
		clear(f.told)
	case jobs.Away:
		f.quiet(l.opts.Now())
		f.away = true
	case jobs.Back:
		f.away = false
		l.back(f)
	case jobs.Complete:
		for _, left := range f.left() {
			left.Cluster = e.Cluster
			l.happened(left)
		}
		f.complete, f.away = true, false
	case jobs.Has:
		f.has(e)
		if s := l.stateOf(f, e.Job); s != nil {
			l.do(s.has(*e.Job))
		}
	case jobs.Gone:
		f.gone(e)
		if s := l.stateOf(f, e.Job); s != nil {
			if key := (arcLot{e.Job.Workload, e.Job.Lot}); s.busy[key] {
				s.missed[key] = *e.Job
			}
			l.do(s.gone(*e.Job))
		}
	}
}

// stateOf is that of the environment of a Job whose runs are in a cluster; nil if there is none.
func (l *loop) stateOf(f *fleet, j *jobs.Job) *state {
	if j == nil {
		return nil
	}
	if s := l.states[j.Environment]; s != nil && slices.Contains(s.fleets, f) {
		return s
	}
	return nil
}

// tookStock takes what the stores of an environment have.
func (l *loop) tookStock(e listed) {
	at, ok := l.upkeep[e.state]
	if !ok {
		return
	}
	now := l.opts.Now()
	at.listing, at.trouble, e.state.expiring.listed = false, text(e.err), false
	at.ended(now, now.Add(l.opts.Interval))
	switch {
	case e.err != nil:
		l.opts.Log.Warn("cannot list the manifests of lots; it is tried again", "environment", e.declared.name, "err", at.trouble)
	case !maps.EqualFunc(e.state.stores, e.declared.stores, maps.Equal):
		at.next = now // other datasets are declared by now
	default:
		e.state.expiring.listed, at.listed = true, now
		e.state.fresh, e.state.surveyed = e.state.fresh || !e.state.listed, true
		e.state.list(e.have)
		e.state.noteBegun(e.begun)
		if !e.state.acted { // what is asked for while it is read is newer
			l.heed(e.state, e.written, now)
		}
	}
}

// advance does what is to be done now, and returns in how long it is to be looked again.
func (l *loop) advance(now time.Time) time.Duration {
	if c := l.opts.Accepted(); c != nil && c != l.catalog {
		l.catalog = c
		l.declare(c)
	}
	var counts []Count
	listed := map[string]time.Time{}
	wait := min(lookInterval, l.opts.Interval)
	for _, name := range slices.Sorted(maps.Keys(l.states)) {
		s := l.states[name]
		if at := l.upkeep[s]; !at.listing && !at.next.After(now) {
			at.listing = true
			at.begins(now)
			l.list(s)
			l.clean(s, now)
		} else if !at.listing {
			wait = max(0, min(wait, at.next.Sub(now)))
		}
		l.stand(s, now)
		l.do(s.plan(now))
		l.do(s.given(now))
		s.hold(now)
		l.replay(s, now)
		l.expire(s, now)
		todo, next := s.starts(now)
		l.do(todo)
		if !next.IsZero() {
			wait = max(0, min(wait, next.Sub(now)))
		}
		wait = min(wait, l.look(s, now), l.peek(s, now))
		counts = append(counts, s.counts()...)
		if at := l.upkeep[s].listed; !at.IsZero() {
			listed[name] = at
		}
	}
	l.counts.Store(&counts)
	l.listed.Store(&listed)
	l.publish(now)
	return wait
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
		case s != nil && slices.Equal(s.declared.clusters, d.clusters):
			s.redeclare(d)
			if !s.listed {
				l.upkeep[s].next = time.Time{}
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
	l.states[d.name], l.upkeep[s] = s, &upkeep{written: map[written]bool{}, room: semaphore.NewWeighted(atWork)}
}

// drop keeps the lots of an environment no longer.
func (l *loop) drop(name string) {
	if s := l.states[name]; s != nil {
		delete(l.upkeep, s)
		delete(l.boundaries, s)
		delete(l.states, name)
	}
}

// list has the stores of an environment listed.
func (l *loop) list(s *state) {
	clear(s.touched)
	s.acted = false
	d, w := s.declared, l.workers[s.fleets[0].name]
	l.aside(s, func() {
		have, err := w.stores.all(l.ctx, d)
		begun, written, failed := w.stores.remembered(l.ctx, d.records)
		l.tell(listed{s, d, have, begun, written, errors.Join(err, failed)})
	})
}

// heed takes what people asked for about the lots of an environment.
func (l *loop) heed(s *state, written acts.Written, now time.Time) {
	for _, at := range written.Damaged {
		l.opts.Log.Warn("a request to try lots again is damaged and passed over; delete it", "environment", s.name, "record", s.records+at)
	}
	records := s.records
	for _, name := range s.heed(written, now) {
		l.aside(s, func() {
			err := bucket.With(l.ctx, records, l.opts.Stores, func(f bucket.Folder) error { return acts.Done(l.ctx, f, name) })
			if err != nil && l.ctx.Err() == nil {
				l.opts.Log.Warn("cannot remove what was asked for and done", "environment", s.name, "err", err.Error())
			}
		})
	}
}

// clean has Jobs removed that ended a while ago.
func (l *loop) clean(s *state, now time.Time) {
	for _, j := range s.jobs() {
		keep := keepMade
		if j.Failed {
			keep = keepFailed
		}
		if j.Outcome == "" || j.Ended.IsZero() || now.Sub(j.Ended) < keep || !s.mine(j) || l.fleets[j.Cluster].away {
			continue
		}
		as, w := s.targets[j.Cluster][j.Workload].as, l.workers[j.Cluster]
		l.aside(s, func() {
			if err := w.cluster.Delete(l.ctx, as, j); err != nil && l.ctx.Err() == nil {
				l.opts.Log.Warn("cannot remove a run that has ended", "cluster", j.Cluster, "job", j.Namespace+"/"+j.Name, "err", err.Error())
			}
		})
	}
}

// do has work done beside the loop. What came of a run is tried to be written down until it is, which takes no room from others between two
// tries: what is in the way may be in that of one project only.
func (l *loop) do(todo []work) {
	for _, one := range todo {
		at, kept := l.upkeep[one.state]
		if !kept {
			continue
		}
		w := l.workers[one.cluster]
		if one.start != nil {
			l.aside(one.state, func() { l.tell(w.start(l.ctx, one)) })
			continue
		}
		l.beside.Go(func() {
			try := func() (done, error) {
				if err := at.room.Acquire(l.ctx, 1); err != nil {
					return done{}, backoff.Permanent(err) // the daemon ends
				}
				defer at.room.Release(1)
				return w.finish(l.ctx, one)
			}
			d, err := backoff.Retry(l.ctx, try, backoff.WithMaxElapsedTime(0), backoff.WithNotify(func(err error, again time.Duration) {
				l.opts.Log.Warn("cannot write down what came of a run; it is tried again", append(one.words(), "err", err.Error(), "in", again.String())...)
			}))
			if err == nil {
				l.tell(d)
			}
		})
	}
}

// words say which run some work is about.
func (w work) words() []any {
	return []any{"environment", w.declared.name, "workload", w.key.arc, "lot", w.key.lot.ID(), "attempt", w.attempt.String(), "cluster", w.cluster}
}

// report logs what came of some work: one line for each run that begins, and one for each that ends.
func (l *loop) report(d done) {
	words := d.words()
	for key := range d.damaged {
		l.opts.Log.Warn("a manifest does not count: it is damaged", "environment", d.declared.name, "dataset", key.Series, "lot", key.Lot.ID())
	}
	switch d.came {
	case cameStarted:
		if d.start != nil {
			l.opts.Log.Info("a run for a lot started", append(words, "cause", string(d.start.Cause))...)
		}
		return
	case cameNot:
		l.opts.Log.Warn("a run for a lot could not be started", append(words, "why", d.why)...)
		return
	case cameNeedless:
		if d.job == nil {
			return
		}
	case cameMade, cameFailed, cameLost:
	}
	words = append(words, "outcome", string(d.came))
	if d.why != "" {
		words = append(words, "why", d.why)
	}
	l.opts.Log.Info("a run for a lot ended", words...)
	l.opts.Ended(d.ended())
}
