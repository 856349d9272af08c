package reconciler

import (
	"context"
	"errors"
	"time"

	"github.com/cenkalti/backoff/v5"
)

const (
	// Between these, the wait before another attempt doubles.
	firstRetry = 500 * time.Millisecond
	lastRetry  = 30 * time.Second
	// lastResort is when something is tried again that no retry can mend: somebody may have changed what was in the
	// way, in a place that is not watched.
	lastResort = 10 * time.Minute
	// longestWait is when the clock is looked at again at the latest, if a time is waited for: it may have been set, or have
	// gone on while the machine was asleep, and a timer knows of neither.
	longestWait = time.Minute
)

// run works until ctx ends or the release is gone.
func (w *worker) run(ctx context.Context) {
	t := turns{retry: &backoff.ExponentialBackOff{
		InitialInterval: firstRetry, MaxInterval: lastRetry, Multiplier: 2, RandomizationFactor: 0.2,
	}}
	for {
		mine, done, ok := w.r.opts.Sharing.Begin(ctx, w.id)
		if !ok {
			if w.standBy() || !w.wait(ctx, time.Time{}) {
				return
			}
			continue
		}
		w.takeOver()
		next, gone := w.turn(ctx, mine, &t)
		lost := mine.Err() != nil
		done()
		switch {
		case ctx.Err() != nil, gone:
			return
		case lost || t.again:
			continue
		case !w.wait(ctx, next):
			return
		}
		t.retryAt = w.again(t.retryAt, t.pause)
	}
}

// turns is what is carried from one turn of a worker to the next.
type turns struct {
	retry *backoff.ExponentialBackOff
	// retryAt is when to try again; zero if nothing failed. It was pause away when it was set.
	retryAt time.Time
	pause   time.Duration
	// again asks for the next turn at once.
	again bool
}

// turn does what there is to do, and gives when to look again at the latest; gone tells that the release is.
func (w *worker) turn(daemon, ctx context.Context, t *turns) (next time.Time, gone bool) {
	worked, err := w.once(daemon, ctx, t.retry)
	if t.again = errors.Is(err, errSuperseded); t.again || ctx.Err() != nil {
		return time.Time{}, false
	}
	if errors.Is(err, errFinished) {
		if w.r.finished(w) {
			return time.Time{}, true
		}
		w.nudge() // it was declared again in the meantime
		err = nil
	}
	switch {
	case err != nil && terminal(err):
		t.pause = lastResort
		t.retryAt = w.r.opts.Now().Add(t.pause)
	case err != nil:
		t.pause = t.retry.NextBackOff()
		t.retryAt = w.r.opts.Now().Add(t.pause)
	case worked:
		t.retryAt = time.Time{}
	}
	return w.assess(daemon, ctx, t.retryAt), false
}

// wait until somebody says something, or the time has come; false if ctx has ended.
func (w *worker) wait(ctx context.Context, until time.Time) bool {
	var alarm <-chan time.Time
	if !until.IsZero() {
		timer := time.NewTimer(min(until.Sub(w.r.opts.Now()), longestWait))
		defer timer.Stop()
		alarm = timer.C
	}
	select {
	case <-ctx.Done():
		return false
	case <-w.wake:
	case <-alarm:
	}
	return true
}

// errSuperseded says that a run ended since a newer state came.
var errSuperseded = errors.New("superseded")

// once does what is in the mailbox, and says whether there was anything to run for.
func (w *worker) once(daemon, ctx context.Context, retry *backoff.ExponentialBackOff) (bool, error) {
	if err := w.look(daemon, ctx); err != nil {
		w.cannotLook(err)
		return true, err
	}
	w.askOthers(daemon, ctx)
	run, cancel := context.WithCancel(ctx)
	defer cancel()
	work, ok := w.take(cancel)
	if !ok {
		w.report()
		return false, nil
	}
	if work.digest != w.attempted {
		retry.Reset() // what failed before says nothing of what is new
	}
	err := w.step(daemon, run, work)
	if run.Err() != nil {
		return true, errSuperseded
	}
	return true, err
}

// again takes in that time may have passed: a hold may be over, a fight, or the wait before another attempt. It gives when
// that attempt is due.
func (w *worker) again(retryAt time.Time, pause time.Duration) time.Time {
	now := w.r.opts.Now()
	if latest := now.Add(pause); !retryAt.IsZero() && retryAt.After(latest) {
		retryAt = latest // the clock was set back
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.admit()
	if !retryAt.IsZero() && !now.Before(retryAt) {
		w.due = true
	}
	if !w.dampedUntil.IsZero() && !now.Before(w.dampedUntil) {
		// Until the next plan says when the next one is over: should the run fail before, its retry must not be at once.
		w.due, w.dampedUntil = true, time.Time{}
	}
	return retryAt
}

// earliest gives the first of the times that is one.
func earliest(times ...time.Time) (first time.Time) {
	for _, t := range times {
		if !t.IsZero() && (first.IsZero() || t.Before(first)) {
			first = t
		}
	}
	return first
}
