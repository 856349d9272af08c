// SPDX-License-Identifier: Apache-2.0

package webhooks

import (
	"context"
	"errors"
	"sync"
	"time"

	"k8s.io/client-go/util/workqueue"
)

// key is one thing that is brought to its desired state: a pull request by its number, or a merge group by its commit; or a
// commit of which it is not known yet whose head it is.
type key struct {
	pull          int
	group, commit string
}

// ErrBusy says that a hint was not taken since too much waits already. What it was about is found by the next poll.
var ErrBusy = errors.New("too many pull requests wait to be looked at")

// errNewerPush is the cause for which work for a head ends when a newer one has come.
var errNewerPush = errors.New("a newer push has come")

// queue holds what is to be looked at: each thing once, however often it is asked for, and worked on by one worker at a
// time. It is not written to disk: what there is to do is what the forge says of the open pull requests, and that is asked
// for after a start.
type queue struct {
	work workqueue.TypedRateLimitingInterface[key]
	// limit bounds how many things wait.
	limit int

	mu sync.Mutex
	// running are those that are worked on.
	running map[key]*running
}

// running is the work on one thing.
type running struct {
	// head is the commit that is worked on; empty while it is not known.
	head string
	stop context.CancelCauseFunc
}

// The waits before work that failed is tried again.
const (
	firstRetry = time.Second
	lastRetry  = 5 * time.Minute
)

func newQueue(limit int) *queue {
	return &queue{
		work:  workqueue.NewTypedRateLimitingQueue(workqueue.NewTypedItemExponentialFailureRateLimiter[key](firstRetry, lastRetry)),
		limit: limit, running: map[key]*running{},
	}
}

// add has a thing looked at. Work for another head than the given one ends; an empty head ends none.
func (q *queue) add(k key, head string) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	r := q.running[k]
	if r == nil && q.work.Len() >= q.limit {
		return ErrBusy
	}
	if r != nil && head != "" && r.head != "" && r.head != head {
		r.stop(errNewerPush)
	}
	q.work.Add(k)
	return nil
}

// at says which head is worked on.
func (q *queue) at(k key, head string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if r := q.running[k]; r != nil {
		r.head = head
	}
}

// run works until ctx ends, in so many workers. Work that returns an error is tried again later, and so is work that
// returns a wait.
func (q *queue) run(ctx context.Context, workers int, do func(context.Context, key) (again time.Duration, err error)) {
	var group sync.WaitGroup
	for range workers {
		group.Go(func() {
			for q.one(ctx, do) {
			}
		})
	}
	<-ctx.Done()
	q.work.ShutDown()
	group.Wait()
}

// retryAt is when a forge wants to be asked again that limits how often it is; zero if it did not say.
func retryAt(err error) time.Time {
	limited, ok := errors.AsType[interface {
		error
		RetryAt() time.Time
	}](err)
	if !ok {
		return time.Time{}
	}
	return limited.RetryAt()
}

// one works on the next thing, and reports whether there may be others.
func (q *queue) one(ctx context.Context, do func(context.Context, key) (time.Duration, error)) bool {
	k, down := q.work.Get()
	if down {
		return false
	}
	defer q.work.Done(k)
	working, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	q.mu.Lock()
	q.running[k] = &running{stop: stop}
	q.mu.Unlock()
	again, err := do(working, k)
	q.mu.Lock()
	delete(q.running, k)
	q.mu.Unlock()
	switch {
	case ctx.Err() != nil:
		return false
	case errors.Is(context.Cause(working), errNewerPush):
		q.work.Forget(k) // it is in the queue already
	case err != nil && !retryAt(err).IsZero():
		q.work.AddAfter(k, max(time.Until(retryAt(err)), firstRetry))
	case err != nil:
		q.work.AddRateLimited(k)
	default:
		q.work.Forget(k)
		if again > 0 {
			q.work.AddAfter(k, again)
		}
	}
	return true
}
