// SPDX-License-Identifier: Apache-2.0

package git

import (
	"context"
	"time"

	"github.com/cenkalti/backoff/v5"
)

// Watcher follows a branch: it fetches at an interval and when it is triggered, and never gives up.
// Its zero value is not usable; fill in Fetch, Interval and OnHead at least.
type Watcher struct {
	// Fetch brings the newest head; usually (*Store).Fetch with a remote.
	Fetch func(ctx context.Context) (Head, error)
	// Interval is the time between two fetches while nothing goes wrong.
	Interval time.Duration
	// Timeout bounds one fetch. Default: 5 minutes.
	Timeout time.Duration
	// Jitter changes a waiting time, so that many daemons do not ask one server in step. Default: none.
	Jitter func(time.Duration) time.Duration
	// OnHead is called after every fetch that succeeded, whether or not the head moved: that the server
	// answers again is news too. OnError is called after every one that failed. Both are called in Run's goroutine.
	OnHead  func(Head)
	OnError func(error)
	// Trigger asks for a fetch now. Give it a buffer of one and send with [Trigger]: a trigger that arrives
	// while a fetch runs waits there for one more fetch, and any number of them need only that one.
	Trigger <-chan struct{}
}

// NewTrigger makes the channel of a [Watcher].
func NewTrigger() chan struct{} { return make(chan struct{}, 1) }

// Trigger asks a watcher for a fetch and never blocks. If one was asked for that has not begun, that one will do.
func Trigger(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// Run fetches until ctx ends, beginning at once. After a failure it waits a second, then longer each
// time, up to the interval; a trigger ends any waiting.
func (w Watcher) Run(ctx context.Context) {
	if w.Timeout <= 0 {
		w.Timeout = 5 * time.Minute
	}
	retry := &backoff.ExponentialBackOff{
		InitialInterval: min(time.Second, w.Interval), MaxInterval: w.Interval, Multiplier: 2,
	}
	retry.Reset()
	for {
		wait := w.Interval
		if err := w.once(ctx); ctx.Err() != nil {
			return
		} else if err != nil {
			wait = retry.NextBackOff()
		} else {
			retry.Reset()
		}
		if w.Jitter != nil {
			wait = w.Jitter(wait)
		}
		if !w.pause(ctx, wait) {
			return
		}
	}
}

// once fetches and reports.
func (w Watcher) once(ctx context.Context) error {
	fetching, cancel := context.WithTimeout(ctx, w.Timeout)
	defer cancel()
	head, err := w.Fetch(fetching)
	switch {
	case ctx.Err() != nil:
	case err == nil:
		w.OnHead(head)
	case w.OnError != nil:
		w.OnError(err)
	}
	return err
}

// pause waits for time to pass or a trigger; false when ctx ended.
func (w Watcher) pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-w.Trigger:
	case <-timer.C:
	}
	return true
}
