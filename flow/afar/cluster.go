// SPDX-License-Identifier: Apache-2.0

package afar

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"trunkline.dev/trunkline/flow/jobs"
)

const (
	// doing is how long an agent has for what is done at once, reading for a log, and awaiting for the end of pods: it answers before, and is
	// asked again.
	doing    = 30 * time.Second
	reading  = 90 * time.Second
	awaiting = 40 * time.Second
	// atOnce bounds what is told of in one go.
	atOnce = 200
)

// Line leads to an agent. With an error of Ask it is not known what came of what was asked for, but that nothing comes of it later.
type Line interface {
	Follow(told func(said []json.RawMessage), away func(why string)) (leave func())
	Ask(ctx context.Context, what json.RawMessage, within time.Duration) ([]byte, error)
}

// Cluster is a cluster that an agent keeps, as the keeper of lots sees it. Its methods may be called by any goroutine.
type Cluster struct {
	name string
	line Line
	log  *slog.Logger

	mu     sync.Mutex
	mirror *mirror
	woken  chan struct{}
}

// New makes a cluster of whose agent nothing is known yet.
func New(name string, line Line, log *slog.Logger) *Cluster {
	return &Cluster{name: name, line: line, log: log, mirror: newMirror(), woken: make(chan struct{}, 1)}
}

// Name returns the cluster's name.
func (c *Cluster) Name() string { return c.name }

// Watch tells of templates and Jobs until ctx ends, as the agent does. It begins with nothing: what was so when someone watched before may
// not be so by now.
func (c *Cluster) Watch(ctx context.Context, tell func(jobs.Event)) {
	c.mu.Lock()
	c.mirror = newMirror()
	c.mu.Unlock()
	leave := c.line.Follow(c.told, c.away)
	defer leave()
	for {
		c.mu.Lock()
		events, more := c.mirror.next(atOnce)
		c.mu.Unlock()
		for _, e := range events {
			e.Cluster = c.name
			tell(e)
		}
		if more && ctx.Err() == nil {
			continue
		}
		select {
		case <-ctx.Done():
			return
		case <-c.woken:
		}
	}
}

// told notes what the agent says.
func (c *Cluster) told(said []json.RawMessage) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, one := range said {
		e, err := decode(one)
		if err != nil {
			c.log.Warn("what an agent says of runs of lots is left out", "cluster", c.name, "err", err.Error())
			continue
		}
		c.mirror.take(e)
	}
	c.wake()
}

// away notes that the agent says nothing.
func (c *Cluster) away(why string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.mirror.take(jobs.Event{Kind: jobs.Away, Why: why})
	c.wake()
}

func (c *Cluster) wake() {
	select {
	case c.woken <- struct{}{}:
	default:
	}
}

// ask asks the agent. Whatever is in the way of an answer is the same: it is not known if it was done.
func (c *Cluster) ask(ctx context.Context, q question, within time.Duration) (answer, error) {
	what, err := json.Marshal(q)
	if err != nil {
		return answer{}, fmt.Errorf("asking the agent of the cluster %q: %w", c.name, err)
	}
	data, err := c.line.Ask(ctx, what, within)
	if err != nil {
		return answer{}, &failure{fmt.Sprintf("the agent of the cluster %q: %v", c.name, err), jobs.ErrUnanswered}
	}
	var a answer
	if err := json.Unmarshal(data, &a); err != nil {
		return answer{}, &failure{fmt.Sprintf("reading the answer of the agent of the cluster %q: %v", c.name, err), jobs.ErrUnanswered}
	}
	return a, a.err()
}

// Create makes a Job. One of its name that is there already is the same: names are deterministic.
func (c *Cluster) Create(ctx context.Context, as jobs.As, o jobs.Order) error {
	_, err := c.ask(ctx, question{Do: doCreate, As: as, Order: orderOf(o)}, doing)
	return err
}

// Settle notes at a Job what came of it.
func (c *Cluster) Settle(ctx context.Context, as jobs.As, j jobs.Job, outcome string) error {
	_, err := c.ask(ctx, question{Do: doSettle, As: as, Job: jobOf(&j), Outcome: outcome}, doing)
	return err
}

// Delete removes a Job with its pods.
func (c *Cluster) Delete(ctx context.Context, as jobs.As, j jobs.Job) error {
	_, err := c.ask(ctx, question{Do: doDelete, As: as, Job: jobOf(&j)}, doing)
	return err
}

// Why says in a sentence why a Job has failed.
func (c *Cluster) Why(ctx context.Context, as jobs.As, j jobs.Job) (string, error) {
	a, err := c.ask(ctx, question{Do: doWhy, As: as, Job: jobOf(&j)}, doing)
	if err != nil {
		return "", err
	}
	return expand(a.Text)
}

// Await waits until no pod of a Job that is gone can be at work any more. If the Job is there after all, it returns true at once.
func (c *Cluster) Await(ctx context.Context, as jobs.As, name string) (there bool, err error) {
	for {
		a, err := c.ask(ctx, question{Do: doAwait, As: as, Name: name}, awaiting)
		if err != nil || !a.AtWork {
			return a.There, err
		}
	}
}

// Look returns a Job as it is now; [jobs.ErrNoJob] if there is none.
func (c *Cluster) Look(ctx context.Context, as jobs.As, name string) (jobs.Looked, error) {
	a, err := c.ask(ctx, question{Do: doLook, As: as, Name: name}, doing)
	if err != nil {
		return jobs.Looked{}, err
	}
	found, err := a.Looked.looked()
	found.Job.Cluster = c.name
	return found, err
}

// Lingering are the names of the Jobs in a namespace of which a pod has not ended, whether they are there or not.
func (c *Cluster) Lingering(ctx context.Context, as jobs.As) (map[string]bool, error) {
	a, err := c.ask(ctx, question{Do: doLinger, As: as}, doing)
	return a.Names, err
}

// Log returns what the containers of a Job have written until now, as [jobs.Cluster.Log] does.
func (c *Cluster) Log(ctx context.Context, as jobs.As, j jobs.Job) (string, error) {
	a, err := c.ask(ctx, question{Do: doLog, As: as, Job: jobOf(&j)}, reading)
	switch {
	case errors.Is(err, jobs.ErrNoLog):
		return "", jobs.ErrNoLog
	case err != nil:
		return "", err
	}
	return expand(a.Text)
}
