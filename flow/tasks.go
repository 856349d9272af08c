// SPDX-License-Identifier: Apache-2.0

package flow

import (
	"errors"
	"time"

	"github.com/cenkalti/backoff/v5"
	"golang.org/x/sync/semaphore"
)

// do has work done beside the loop. What came of a run is tried to be written down until it is, which takes no room from others between two
// tries: what is in the way may be in that of one project only.
func (l *loop) do(todo []work) {
	for _, one := range todo {
		at, kept := l.upkeep[one.state]
		if !kept {
			continue
		}
		w := l.workers.get(one.cluster)
		if one.start != nil {
			l.beside.Go(func() { l.startRun(w, one, at.room) })
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
				l.keepLog(d)
			}
		})
	}
}

// startWithin is how long it is tried to start a run while a store or an API server does not answer. After that, it is a run that could not be
// started, which pauses as one that has failed does.
const startWithin = 10 * time.Second

// startRun starts a run. A store or an API server that does not answer for a moment is asked again soon, which takes no room from others between
// two tries.
func (l *loop) startRun(w worker, one work, room *semaphore.Weighted) {
	try := func() (done, error) {
		if err := room.Acquire(l.ctx, 1); err != nil {
			return done{}, backoff.Permanent(err) // the daemon ends
		}
		defer room.Release(1)
		d := w.start(l.ctx, one)
		if d.passing {
			return d, errors.New(d.why)
		}
		return d, nil
	}
	d, err := backoff.Retry(l.ctx, try, backoff.WithMaxElapsedTime(startWithin), backoff.WithNotify(func(err error, again time.Duration) {
		l.opts.Log.Debug("a store or an API server does not answer, and a run cannot be started; it is tried again", append(one.words(), "err", err.Error(), "in", again.String())...)
	}))
	if err == nil || d.passing {
		l.tell(d)
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
