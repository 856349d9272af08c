// SPDX-License-Identifier: Apache-2.0

package history

import (
	"context"
	"errors"
	"time"

	"github.com/cenkalti/backoff/v5"
)

// writer is the one part of a recorder that opens, writes, clears and replaces the database.
type writer struct {
	r     *Recorder
	retry *backoff.ExponentialBackOff
	// pending is what was taken out of the queue and is not written yet.
	pending Batch
	// failing is set from the first failure to the next success, and dropped is the count that was logged last.
	failing bool
	dropped int64
	// cleared is when what is old was last deleted.
	cleared time.Time
}

// writeAll opens the database, if it is not open, and writes all that waits.
func (w *writer) writeAll(ctx context.Context) error {
	for {
		if err := w.open(ctx); err != nil {
			return err
		}
		if len(w.pending.Events) == 0 {
			first, events := w.r.queue.take(batchEvents)
			w.pending = Batch{Origin: w.r.origin, First: first, Events: events}
		}
		if len(w.pending.Events) == 0 {
			return nil
		}
		out, err := w.write(ctx, w.pending)
		if err != nil {
			if w.replace(err) {
				continue
			}
			return err
		}
		w.r.rejected.Add(out)
		w.r.written.Add(int64(len(w.pending.Events)) - out)
		w.pending = Batch{}
	}
}

// open opens the database if it is not open, is gone, or was found to be damaged.
func (w *writer) open(ctx context.Context) error {
	store, _ := w.r.current()
	switch {
	case store != nil && w.r.suspect.Swap(nil) == store:
		w.moveAside(errors.New("it was found damaged when it was read"))
	case store != nil && store.gone():
		w.r.opts.Log.Warn("the file of the history is gone; it is begun again", "history", w.r.opts.Database.String())
		w.close(errors.New("its file is gone"))
	case store != nil:
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, operationTimeout)
	defer cancel()
	store, err := Open(ctx, w.r.opts.Database, w.r.opts.Tables...)
	if err != nil && faultOf(err) == damaged && w.moveAside(err) {
		store, err = Open(ctx, w.r.opts.Database, w.r.opts.Tables...)
	}
	w.r.set(store, err)
	return err
}

// write writes a batch. What the database does not take is left out, first with the half that holds it, and in the end alone;
// left counts these.
func (w *writer) write(ctx context.Context, b Batch) (left int64, err error) {
	store, _ := w.r.current()
	attempt, cancel := context.WithTimeout(ctx, operationTimeout)
	err = store.Write(attempt, b)
	cancel()
	if err == nil || faultOf(err) != rejected {
		return 0, err
	}
	if len(b.Events) == 1 {
		w.r.opts.Log.Error("the database does not take an event; it is left out", "kind", string(b.Events[0].Kind), "err", err.Error())
		return 1, nil
	}
	half := len(b.Events) / 2
	first, err := w.write(ctx, Batch{Origin: b.Origin, First: b.First, Events: b.Events[:half]})
	if err != nil {
		return 0, err
	}
	second, err := w.write(ctx, Batch{Origin: b.Origin, First: b.First + int64(half), Events: b.Events[half:]})
	return first + second, err
}

// replace begins the history again if an error says that it is damaged.
func (w *writer) replace(err error) bool { return faultOf(err) == damaged && w.moveAside(err) }

// moveAside closes a damaged file and takes it out of the way, and reports whether that was possible.
func (w *writer) moveAside(why error) bool {
	w.close(why)
	aside, err := moveAside(w.r.opts.Database.file, w.r.opts.Now())
	if err != nil {
		w.r.opts.Log.Error("the history is damaged and cannot be moved aside", "history", w.r.opts.Database.String(), "err", err.Error())
		return false
	}
	w.r.opts.Log.Error("the history was damaged; it is moved aside and begun again, and nothing else is lost",
		"history", w.r.opts.Database.String(), "aside", aside, "err", why.Error())
	return true
}

// close lets go of the database; readers are told why.
func (w *writer) close(why error) {
	store, _ := w.r.current()
	if store == nil {
		return
	}
	w.r.set(nil, why)
	if err := store.Close(); err != nil {
		w.r.opts.Log.Debug("cannot close the history", "err", err.Error())
	}
}

// clear deletes expired events when that is due, and returns how long until it is due again.
func (w *writer) clear(ctx context.Context) time.Duration {
	now := w.r.opts.Now()
	if left := clearInterval - now.Sub(w.cleared); !w.cleared.IsZero() && left > 0 && left <= clearInterval {
		return left
	}
	w.cleared = now
	store, _ := w.r.current()
	ctx, cancel := context.WithTimeout(ctx, clearTimeout)
	defer cancel()
	n, err := store.Prune(ctx, w.r.opts.Retention, now)
	switch {
	case err == nil && n > 0:
		w.r.opts.Log.Debug("old events were deleted", "events", n)
	case w.replace(err):
		return 0 // the new one is to be opened
	case err != nil:
		w.r.opts.Log.Warn("cannot delete old events; it is tried again", "in", clearInterval, "err", err.Error())
	}
	return clearInterval
}

// failed records that the database cannot be written to, and returns how long to wait. It is logged when it begins, and when
// events begin to be lost by it.
func (w *writer) failed(err error) time.Duration {
	if !w.failing {
		w.failing = true
		w.r.opts.Log.Warn("the history cannot be written; events are kept in memory until it can, the newest ones", "err", err.Error())
	}
	w.logDropped()
	return w.retry.NextBackOff()
}

// fine records that all is written.
func (w *writer) fine() {
	w.logDropped()
	w.retry.Reset()
	if w.failing {
		w.failing = false
		w.r.opts.Log.Info("the history is written again", "history", w.r.opts.Database.String())
	}
}

func (w *writer) logDropped() {
	if _, dropped := w.r.queue.state(); dropped > w.dropped {
		w.r.opts.Log.Warn("events are not in the history: there were more than it could take", "events", dropped-w.dropped)
		w.dropped = dropped
	}
}

// end lets go of the database, and says what was not written.
func (w *writer) end() {
	waiting, _ := w.r.queue.state()
	if lost := waiting + len(w.pending.Events); lost > 0 {
		w.r.opts.Log.Warn("the last events are not in the history", "events", lost)
	}
	w.close(errors.New("the daemon is ending"))
}
