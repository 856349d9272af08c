// SPDX-License-Identifier: Apache-2.0

package afar

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"trunkline.dev/trunkline/flow/jobs"
)

// untilAsked is how much of its time it is waited for the end of pods, before it is answered that they are at work still.
const untilAsked = 20 * time.Second

// errKept is why nothing is done at an agent that does not keep the cluster.
var errKept = fmt.Errorf("%w: the agent that is asked does not keep the cluster at the moment", jobs.ErrUnanswered)

// cluster is one that is reached: [jobs.Cluster] outside of tests.
type cluster interface { //nolint:interfacebloat // it is all that is done to Jobs
	Watch(ctx context.Context, tell func(jobs.Event))
	Create(ctx context.Context, as jobs.As, o jobs.Order) error
	Settle(ctx context.Context, as jobs.As, j jobs.Job, outcome string) error
	Delete(ctx context.Context, as jobs.As, j jobs.Job) error
	Why(ctx context.Context, as jobs.As, j jobs.Job) (string, error)
	Await(ctx context.Context, as jobs.As, name string) (there bool, err error)
	Lingering(ctx context.Context, as jobs.As) (names map[string]bool, err error)
	Log(ctx context.Context, as jobs.As, j jobs.Job) (string, error)
}

// Hands do in a cluster what the daemon asks for, and tell it what happens there.
type Hands struct {
	cluster cluster
	begin   func(context.Context) (running context.Context, done func(), ok bool)
	asked   chan struct{}

	mu      sync.Mutex
	mirror  *mirror
	follow  bool
	watched bool
}

// NewHands makes hands that do nothing before they are asked. Whatever they do begins with a function that reports whether the agent keeps the cluster,
// and ends when it does not any more.
func NewHands(c cluster, begin func(context.Context) (context.Context, func(), bool)) *Hands {
	return &Hands{cluster: c, begin: begin, asked: make(chan struct{}), mirror: newMirror()}
}

// Run watches the cluster until ctx ends, from when a daemon wants to know what happens there for the first time. It is looked at again what
// there is to tell whenever changed is called.
func (h *Hands) Run(ctx context.Context, changed func()) {
	select {
	case <-ctx.Done():
		return
	case <-h.asked:
	}
	h.cluster.Watch(ctx, func(e jobs.Event) {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.mirror.take(e)
		if h.follow {
			changed()
		}
	})
}

// Follow has all that there is be told from now on, and then what changes; or nothing any more.
func (h *Hands) Follow(follow bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.follow = follow
	if !follow {
		return
	}
	h.mirror.again()
	if !h.watched {
		h.watched = true
		close(h.asked)
	}
}

// Next returns what is to be told next, and reports whether there is more.
func (h *Hands) Next(most int) (said []json.RawMessage, more bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.follow {
		return nil, false
	}
	events, more := h.mirror.next(most)
	for _, e := range events {
		if data, err := encode(e); err == nil { // of what was read from JSON it always can
			said = append(said, data)
		}
	}
	return said, more
}

// Answer does what the daemon asks for.
func (h *Hands) Answer(ctx context.Context, what json.RawMessage) []byte {
	out, err := json.Marshal(h.answer(ctx, what))
	if err != nil {
		return nil // the daemon says that it cannot read that
	}
	return out
}

func (h *Hands) answer(ctx context.Context, what json.RawMessage) answer {
	var q question
	if err := json.Unmarshal(what, &q); err != nil {
		return failed(fmt.Errorf("reading what the daemon asks for: %w", err))
	}
	j, err := q.Job.job()
	if err != nil {
		return failed(fmt.Errorf("reading what the daemon asks for: %w", err))
	}
	running, done, ok := h.begin(ctx)
	if !ok {
		return failed(errKept)
	}
	defer done()
	out, err := h.do(running, q, j)
	switch {
	case err != nil && running.Err() != nil:
		return failed(fmt.Errorf("%w: %w", jobs.ErrUnanswered, err)) // it may be done
	case err != nil:
		return failed(err)
	}
	return out
}

// do does one deed.
func (h *Hands) do(ctx context.Context, q question, j *jobs.Job) (out answer, err error) {
	if j == nil {
		j = &jobs.Job{}
	}
	switch q.Do {
	case doCreate:
		var o jobs.Order
		if o, err = h.order(q.Order); err == nil {
			err = h.cluster.Create(ctx, q.As, o)
		}
	case doSettle:
		err = h.cluster.Settle(ctx, q.As, *j, q.Outcome)
	case doDelete:
		err = h.cluster.Delete(ctx, q.As, *j)
	case doWhy:
		var text string
		text, err = h.cluster.Why(ctx, q.As, h.known(*j))
		out.Text = squeeze(text)
	case doAwait:
		waiting, cancel := context.WithTimeout(ctx, untilAsked)
		defer cancel()
		out.There, err = h.cluster.Await(waiting, q.As, q.Name)
		if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
			return answer{AtWork: true}, nil
		}
	case doLinger:
		out.Names, err = h.cluster.Lingering(ctx, q.As)
	case doLog:
		var text string
		text, err = h.cluster.Log(ctx, q.As, *j)
		out.Text = squeeze(text)
	default:
		err = fmt.Errorf("this agent does not know what %q is", q.Do)
	}
	return out, err
}

// order is what the daemon orders, with the template that it was planned by. If that is another one by now, the daemon hears of it.
func (h *Hands) order(o *order) (jobs.Order, error) {
	if o == nil {
		return jobs.Order{}, errors.New("the daemon does not say which Job it wants")
	}
	l, err := (&job{Lot: o.Lot}).job()
	if err != nil {
		return jobs.Order{}, fmt.Errorf("reading what the daemon asks for: %w", err)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	e, there := h.mirror.items[templateKey(o.Template.Namespace, o.Template.Name)]
	if !there || e.Template.UID != o.Template.UID || e.Template.Digest != o.Template.Digest {
		return jobs.Order{}, fmt.Errorf("%w: the template %s/%s is not what the run was planned by any more", jobs.ErrUnanswered, o.Template.Namespace, o.Template.Name)
	}
	out := o.Order
	out.Template, out.Lot = *e.Template, l.Lot
	return out, nil
}

// known is a Job as it was seen here, which has more to say of it.
func (h *Hands) known(j jobs.Job) jobs.Job {
	h.mu.Lock()
	defer h.mu.Unlock()
	key, _ := keyOf(jobs.Event{Job: &j})
	if e, there := h.mirror.items[key]; there && e.Job.UID == j.UID {
		return *e.Job
	}
	return j
}
