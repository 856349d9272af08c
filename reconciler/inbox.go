// SPDX-License-Identifier: Apache-2.0

package reconciler

import (
	"context"
	"errors"
	"sync"
	"time"

	"trunkline.dev/trunkline/reconciler/git"
)

// errNewerHead is the cause for which the judging of a head ends when a newer one has come.
var errNewerHead = errors.New("a newer head has come")

// inbox holds the newest head of a track, and the one that is being judged. Its zero value is ready for use.
type inbox struct {
	mu     sync.Mutex
	newest git.Head
	waits  bool // newest is to be judged
	wakeup chan struct{}

	judging string // the commit, while one is judged
	stop    context.CancelCauseFunc
}

// put makes a head the newest one, and ends the judging of any other.
func (i *inbox) put(head git.Head) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.newest = head
	if i.stop != nil && i.judging == head.Commit {
		i.waits = false
		return
	}
	if i.stop != nil {
		i.stop(errNewerHead)
		i.judging = "" // should it become the newest again, it is judged again
	}
	i.waits = true
	i.wake()
}

// again has the newest head judged once more.
func (i *inbox) again() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.waits = i.newest.Commit != ""
}

// begin returns the head that waits to be judged, if one does, with a context that ends when a newer one comes; end is to
// be called afterwards.
func (i *inbox) begin(ctx context.Context) (git.Head, context.Context, bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if !i.waits {
		return git.Head{}, nil, false
	}
	judging, stop := context.WithCancelCause(ctx)
	i.waits, i.judging, i.stop = false, i.newest.Commit, stop
	return i.newest, judging, true
}

// resume returns the context of resuming at a commit, which ends that long after a newer head has come; end is to be called
// afterwards.
func (i *inbox) resume(ctx context.Context, commit string, timeout time.Duration) context.Context {
	i.mu.Lock()
	defer i.mu.Unlock()
	resuming, stop := context.WithCancelCause(ctx)
	var late *time.Timer
	i.judging, i.stop = commit, func(cause error) {
		switch {
		case cause == nil: // it has ended
			if stop(nil); late != nil {
				late.Stop()
			}
		case late == nil:
			late = time.AfterFunc(timeout, func() { stop(cause) })
		}
	}
	if i.waits && i.newest.Commit != commit {
		i.stop(errNewerHead)
	}
	return resuming
}

func (i *inbox) end() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.stop(nil)
	i.judging, i.stop = "", nil
}

// news is sent to when a head has come.
func (i *inbox) news() <-chan struct{} {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.make()
	return i.wakeup
}

func (i *inbox) wake() {
	i.make()
	select {
	case i.wakeup <- struct{}{}:
	default:
	}
}

func (i *inbox) make() {
	if i.wakeup == nil {
		i.wakeup = make(chan struct{}, 1)
	}
}
