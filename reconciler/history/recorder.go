// SPDX-License-Identifier: Apache-2.0

package history

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cenkalti/backoff/v5"
)

const (
	// batchEvents bounds a transaction; while it is written, the events of the next one come together.
	batchEvents = 250
	// bufferBytes is room for about 15,000 events of the usual size, which is an hour of a large platform without its
	// database, and small beside what the daemon takes for everything else.
	bufferBytes = 8 << 20
	// operationTimeout bounds one attempt to write or to open; clearTimeout one to delete what is old.
	operationTimeout = 10 * time.Second
	clearTimeout     = time.Minute
	// clearInterval is how often what is old is deleted.
	clearInterval = time.Hour
	// flushTimeout bounds what the end of the daemon waits for its last events.
	flushTimeout = 3 * time.Second
	// retryMin and retryMax are the shortest and the longest wait after a failure.
	retryMin, retryMax = 500 * time.Millisecond, 30 * time.Second
)

// Options are what a recorder is made of. All but Database are optional.
type Options struct {
	Database  Database
	Retention Retention
	// Tables are those of other owners in the same database.
	Tables []Tables
	// BufferBytes bounds the events that wait to be written; default: 8 MiB. When there are more, the oldest are
	// dropped.
	BufferBytes int
	// RetryMin and RetryMax bound the wait after the database failed; default: 0.5s and 30s.
	RetryMin, RetryMax time.Duration
	// FlushTimeout bounds the writing of the last events; default: 3s.
	FlushTimeout time.Duration
	Log          *slog.Logger
	Now          func() time.Time
}

// Stats counts what became of events.
type Stats struct {
	// Written are in the database; Dropped were recorded faster than they could be written; Rejected were not taken by
	// the database; Waiting will be written.
	Written, Dropped, Rejected, Waiting int64
}

// Recorder writes events behind the back of whoever records them. Its methods may be called at once, but for
// [Recorder.Run], which is called once.
type Recorder struct {
	opts  Options
	queue *queue
	// origin is this recorder's own name in the database.
	origin string

	written, rejected atomic.Int64

	mu sync.Mutex
	// store is nil while the database is not open, and why says what is in the way.
	store *Store
	why   error
	// suspect is the store that a reader found damaged; whoever writes replaces it. A reader may say so late, of one that
	// is replaced already.
	suspect atomic.Pointer[Store]
}

// NewRecorder returns a recorder. Events can be recorded at once; they are written once [Recorder.Run] is called.
func NewRecorder(opts Options) *Recorder {
	if opts.BufferBytes <= 0 {
		opts.BufferBytes = bufferBytes
	}
	if opts.RetryMin <= 0 {
		opts.RetryMin = retryMin
	}
	if opts.RetryMax <= 0 {
		opts.RetryMax = retryMax
	}
	if opts.FlushTimeout <= 0 {
		opts.FlushTimeout = flushTimeout
	}
	if opts.Log == nil {
		opts.Log = slog.New(slog.DiscardHandler)
	}
	if opts.Now == nil {
		opts.Now = time.Now //nolint:forbidigo // the clock of a recorder that was given none
	}
	return &Recorder{
		opts: opts, queue: newQueue(opts.BufferBytes), origin: rand.Text(),
		why: errors.New("it is not open yet"),
	}
}

// Record accepts an event. It neither waits nor fails: an event that cannot be written in time is dropped, and
// counted. The fields of the event may be changed afterwards.
func (r *Recorder) Record(e Event) { r.queue.push(clean(e, r.opts.Now())) }

// Stats counts what became of the events so far.
func (r *Recorder) Stats() Stats {
	waiting, dropped := r.queue.state()
	return Stats{Written: r.written.Load(), Dropped: dropped, Rejected: r.rejected.Load(), Waiting: int64(waiting)}
}

// UnavailableError means that history cannot be read just now, and why. Its text holds no credentials.
type UnavailableError struct{ Why error }

// Error implements error.
func (e *UnavailableError) Error() string {
	return fmt.Sprintf("the history cannot be read just now: %v", e.Why)
}

// Unwrap returns the cause.
func (e *UnavailableError) Unwrap() error { return e.Why }

// Query returns the events that a filter asks for, the newest first. What was recorded a moment ago may not be among
// them yet. A failure of the database is an [UnavailableError].
func (r *Recorder) Query(ctx context.Context, f Filter) (Page, error) {
	if _, err := f.limit(); err != nil {
		return Page{}, err
	}
	store, why := r.current()
	if store == nil {
		return Page{}, &UnavailableError{why}
	}
	page, err := store.Query(ctx, f)
	if err != nil {
		return Page{}, r.unavailable(store, err)
	}
	return page, nil
}

// unavailable is what a reader is told of a failure, which has a damaged database replaced.
func (r *Recorder) unavailable(store *Store, err error) error {
	if faultOf(err) == damaged {
		r.suspect.Store(store)
		r.queue.poke()
	}
	return &UnavailableError{err}
}

func (r *Recorder) current() (*Store, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.store, r.why
}

func (r *Recorder) set(s *Store, why error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.store, r.why = s, why
}

// Run writes what is recorded, until ctx ends. Then it writes what is left, for a moment at most. End ctx when nothing
// records any more.
func (r *Recorder) Run(ctx context.Context) {
	work, stop := r.lifetime(ctx)
	defer stop()
	w := writer{r: r, retry: &backoff.ExponentialBackOff{
		InitialInterval: r.opts.RetryMin, MaxInterval: r.opts.RetryMax, Multiplier: 2, RandomizationFactor: 0.2,
	}}
	defer w.end()
	for {
		ending := ctx.Err() != nil
		err := w.writeAll(work)
		var again <-chan time.Time
		switch {
		case ending:
			return
		case err != nil:
			again = time.After(w.failed(err))
		default:
			w.fine()
			again = time.After(w.clear(work))
		}
		wake := r.queue.wake
		if err != nil {
			wake = nil // not before it may be over
		}
		select {
		case <-again:
		case <-wake:
		case <-ctx.Done():
		}
	}
}

// lifetime returns the context of the work, which outlives that of the daemon for a moment.
func (r *Recorder) lifetime(ctx context.Context) (context.Context, context.CancelFunc) {
	work, cancel := context.WithCancel(context.WithoutCancel(ctx))
	var last sync.WaitGroup
	last.Go(func() {
		select {
		case <-ctx.Done():
		case <-work.Done():
			return
		}
		select {
		case <-time.After(r.opts.FlushTimeout):
			cancel()
		case <-work.Done():
		}
	})
	return work, func() {
		cancel()
		last.Wait()
	}
}
