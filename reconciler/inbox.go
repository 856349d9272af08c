// SPDX-License-Identifier: Apache-2.0

package reconciler

import (
	"context"
	"errors"
	"maps"
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
	// sources are the newest heads of the repositories that platforms include, and moved what of them is being judged.
	sources map[SourceLine]sourceHead
	moved   map[SourceLine]string
}

// sourceHead is what is known of a repository that a platform includes.
type sourceHead struct {
	git.Head

	// fetched is set once it was fetched since the daemon was started, and tried once that was tried.
	fetched, tried bool
	// err is why the last fetch failed.
	err error
	// notice is what was unusual about it.
	notice string
}

// source changes what is known of a repository that platforms include. A newer head than the one that is being judged ends that.
func (i *inbox) source(line SourceLine, change func(*sourceHead)) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.sources == nil {
		i.sources = map[SourceLine]sourceHead{}
	}
	head := i.sources[line]
	change(&head)
	i.sources[line] = head
	if commit, judged := i.moved[line]; judged && commit != head.Commit && i.stop != nil {
		i.stop(errNewerHead)
	}
	i.waits = true
	i.wake()
}

// keep forgets what is known of all repositories but some, and returns what is known of those.
func (i *inbox) keep(lines map[SourceLine]bool) map[SourceLine]sourceHead {
	i.mu.Lock()
	defer i.mu.Unlock()
	maps.DeleteFunc(i.sources, func(line SourceLine, _ sourceHead) bool { return !lines[line] })
	kept := make(map[SourceLine]sourceHead, len(i.sources))
	maps.Copy(kept, i.sources)
	return kept
}

// judges records which heads of sources are being judged.
func (i *inbox) judges(moved map[SourceLine]string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.moved = moved
	for line, commit := range moved {
		if head, known := i.sources[line]; known && head.Commit != commit && i.stop != nil {
			i.stop(errNewerHead) // it has come meanwhile
		}
	}
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
	i.waits = i.newest.Commit != "" || len(i.sources) > 0
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
	i.judging, i.stop, i.moved = "", nil, nil
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
