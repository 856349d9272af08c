// SPDX-License-Identifier: Apache-2.0

package builders

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"time"

	"trunkline.dev/trunkline/reconciler/builders/frame"
	"trunkline.dev/trunkline/render/code"
	"trunkline.dev/trunkline/render/kustomize"
)

const (
	// defaultMemory is what one process may take, in bytes. A worker itself takes some 100 MiB, much of it for the
	// schema of Kubernetes, and a build of 16 MiB of objects takes ten times that.
	defaultMemory = 768 << 20
	// defaultTimeout is how long a build may take. A thousand objects take a second.
	defaultTimeout = time.Minute
	// defaultIdle is how long a process is kept that has nothing to do: to start one takes as long as fifty builds, so that one
	// roll-out starts it once; it takes as much memory as all else.
	defaultIdle = 5 * time.Second
)

// Options are what a pool is made of. All but Command are optional.
type Options struct {
	// Command is the program to start, with its arguments; it calls [Work].
	Command []string
	// Workers is how many processes there are at most; default: one for each core.
	Workers int
	// Memory bounds what one process may take, in bytes; default: 768 MiB.
	Memory int64
	// Timeout bounds one build; default: 1m.
	Timeout time.Duration
	// Idle is how long a process is kept that has nothing to do; default: 5s.
	Idle time.Duration
}

// Pool builds kustomizations, and evaluates code, in processes. There is none until the first build.
type Pool struct {
	opts  Options
	slots chan struct{}

	mu     sync.Mutex
	idle   []*process
	all    map[*process]bool
	closed bool
}

var (
	_ kustomize.Builder = (*Pool)(nil)
	_ code.Evaluator    = (*Pool)(nil)
)

// New makes a pool; it is to be closed.
func New(opts Options) *Pool {
	if opts.Workers <= 0 {
		opts.Workers = runtime.GOMAXPROCS(0)
	}
	if opts.Memory <= 0 {
		opts.Memory = defaultMemory
	}
	if opts.Timeout <= 0 {
		opts.Timeout = defaultTimeout
	}
	if opts.Idle <= 0 {
		opts.Idle = defaultIdle
	}
	return &Pool{opts: opts, slots: make(chan struct{}, opts.Workers), all: map[*process]bool{}}
}

// Build implements [kustomize.Builder]. A build that ctx stops, that takes too long or too much, ends its process, and
// the next one gets a new one.
func (p *Pool) Build(ctx context.Context, job kustomize.Job) ([]kustomize.Built, error) {
	stat := func(name string) (byte, []byte) {
		if job.Stat == nil {
			return byte(kustomize.Missing), nil
		}
		e := job.Stat(name)
		return byte(e.Kind), e.Data
	}
	var objects []kustomize.Built
	err := p.do(ctx, "Kustomize", encodeBuild(job, p.opts.Memory), stat, func(result [][]byte) (err error) {
		objects, err = decodeBuilt(result)
		return err
	})
	return objects, err
}

// Evaluate implements [code.Evaluator], as Build does for Kustomize.
func (p *Pool) Evaluate(ctx context.Context, job code.Job) ([]byte, error) {
	stat := func(name string) (byte, []byte) {
		e := job.Ask(name)
		return byte(e.Kind), e.Data
	}
	var value []byte
	err := p.do(ctx, code.Title(job.Language), frame.EncodeEvaluate(job, p.opts.Memory), stat, func(result [][]byte) error {
		if len(result) != 1 {
			return frame.ErrFrame
		}
		value = result[0]
		return nil
	})
	return value, err
}

// do has a process answer a request, for the engine that people know it by.
func (p *Pool) do(ctx context.Context, engine string, request [][]byte, stat frame.Asker, take func(result [][]byte) error) error {
	select {
	case p.slots <- struct{}{}:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	defer func() { <-p.slots }()
	bounded, cancel := context.WithTimeoutCause(ctx, p.opts.Timeout, &Error{engine, fmt.Sprintf("it took more than %s", p.opts.Timeout)})
	defer cancel()
	for {
		w, used, err := p.take()
		if err != nil {
			if failed, ok := errors.AsType[*Error](err); ok {
				failed.engine = engine
			}
			return err
		}
		err = w.do(bounded, engine, request, stat, take, p.opts.Memory)
		if _, died := errors.AsType[*Error](err); !died && bounded.Err() == nil {
			p.put(w)
			return err
		}
		p.end(w)
		if bounded.Err() != nil {
			return context.Cause(bounded)
		}
		if !used {
			return err
		}
		// It may have died before, of something else: a fresh one shows which.
	}
}

// Error is a process that did not finish a build.
type Error struct{ engine, why string }

func (e *Error) Error() string {
	return fmt.Sprintf("the process that runs %s was ended: %s", e.engine, e.why)
}

// Transient reports that a retry can succeed.
func (e *Error) Transient() bool { return true }

var errClosed = errors.New("the daemon is ending")

// take returns an idle process or starts one, and reports whether it was used before.
func (p *Pool) take() (*process, bool, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil, false, errClosed
	}
	if last := len(p.idle) - 1; last >= 0 {
		w := p.idle[last]
		p.idle = p.idle[:last]
		w.expiry.Stop()
		return w, true, nil
	}
	w, err := start(p.opts.Command)
	if err != nil {
		return nil, false, &Error{why: err.Error()}
	}
	p.all[w] = true
	return w, false, nil
}

// put returns a process to the pool.
func (p *Pool) put(w *process) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return // Close has ended it
	}
	w.expiry = time.AfterFunc(p.opts.Idle, func() { p.expire(w) })
	p.idle = append(p.idle, w)
}

// expire ends a process that had nothing to do, unless it has again.
func (p *Pool) expire(w *process) {
	p.mu.Lock()
	was := len(p.idle)
	p.idle = slices.DeleteFunc(p.idle, func(other *process) bool { return other == w })
	gone := len(p.idle) < was
	p.mu.Unlock()
	if gone {
		p.end(w)
	}
}

func (p *Pool) end(w *process) {
	w.end()
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.all, w)
}

// Close ends all processes, those that build included, and waits until they are gone.
func (p *Pool) Close() {
	p.mu.Lock()
	p.closed, p.idle = true, nil
	all := p.all
	p.all = map[*process]bool{}
	p.mu.Unlock()
	for w := range all {
		if w.expiry != nil {
			w.expiry.Stop()
		}
		w.end()
	}
}
