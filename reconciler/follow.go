// SPDX-License-Identifier: Apache-2.0

package reconciler

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v5"

	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/reconciler/git"
	"trunkline.dev/trunkline/reconciler/status"
)

// Store is where the commits of a track are kept; it is [git.Store] or [git.Track] outside of tests.
type Store interface {
	Tree(ctx context.Context, commit string) (*git.Tree, error)
	Accepted() (string, bool, error)
	SetAccepted(commit string) error
	Newer(ctx context.Context, tip string, commits []string) ([]string, error)
}

// Follower takes the heads of a track to a [Reconciler]. One goroutine, [Follower.Run], judges them one after the other;
// a newer head ends the judging of an older one, so that a commit that is slow to judge does not keep its own fix from
// being judged. All other methods return at once and may be called by any goroutine.
type Follower struct {
	Store      Store
	Reconciler *Reconciler
	Board      *status.Board
	// Dir is the folder of the repository that holds the platform; empty for the repository itself.
	Dir string
	Log *slog.Logger
	// Observe is called with every head that was accepted or refused; nil: nothing is. A commit that the daemon resumes at
	// is none: it was accepted before.
	Observe func(Judged)
	// Recorded returns the commits that the clusters hold; default: [Reconciler.Recorded].
	Recorded func(ctx context.Context) ([]string, error)
	// Refetch asks for a fetch now, which repairs a damaged copy of the repository; nil: the next one will.
	Refetch func()

	inbox  inbox
	source sourceErrors

	// accepted and seen are Run's own. seen is the head that was last accepted or refused.
	accepted *git.Tree
	seen     string
}

// Judged is a commit that was accepted, or refused if its problems deny it.
type Judged struct {
	Commit   status.Commit
	Problems v1alpha1.Problems
}

// Head is called with the head of the branch after every fetch.
func (f *Follower) Head(head git.Head) {
	f.source.fetched(f.Board, nil)
	f.Board.SetSource(func(s *status.Source) {
		if head.Rewritten {
			s.Notice = fmt.Sprintf("the branch was rewritten: %s does not come after %s", status.Short(head.Commit), status.Short(head.Previous))
		} else if head.Previous != head.Commit {
			s.Notice = ""
		}
	})
	if head.Rewritten {
		f.Log.Warn("the branch was rewritten", "head", head.Commit, "before", head.Previous)
	}
	f.inbox.put(head)
}

// Failed is called with the error of a fetch. What runs stays as it is.
func (f *Follower) Failed(err error) {
	if _, cache := errors.AsType[*git.CacheError](err); cache {
		f.Log.Warn("the local copy of the repository is damaged; what runs is left as it is", "err", err.Error())
	} else {
		f.Log.Warn("cannot read the repository; what runs is left as it is", "err", err.Error())
	}
	f.source.fetched(f.Board, err)
}

// retries are the waits before a head is judged again after an error, other than a newer head.
func retries() *backoff.ExponentialBackOff {
	b := &backoff.ExponentialBackOff{InitialInterval: time.Second, MaxInterval: time.Minute, Multiplier: 2}
	b.Reset()
	return b
}

// Run resumes where the daemon was before it ended, and then judges heads until ctx ends.
func (f *Follower) Run(ctx context.Context) {
	f.resume(ctx)
	waits := retries()
	for {
		var retry <-chan time.Time
		if head, judging, ok := f.inbox.begin(ctx); ok {
			err := f.judge(judging, head)
			f.inbox.end()
			if err == nil {
				waits.Reset()
			} else {
				retry = time.After(waits.NextBackOff())
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-f.inbox.news():
		case <-retry:
			f.inbox.again()
		}
	}
}

// judge takes a head to the reconciler, and returns an error if it is to be tried again.
func (f *Follower) judge(ctx context.Context, head git.Head) error {
	if head.Commit == f.seen {
		f.source.judged(f.Board, nil)
		return nil
	}
	commit := status.Commit{Hash: head.Commit, Subject: head.Subject, Author: head.Author, Time: head.When}
	err := f.take(ctx, commit, func(context.Context) error { return f.Store.SetAccepted(commit.Hash) })
	switch {
	case err == nil:
		f.source.judged(f.Board, nil)
		if f.Observe != nil {
			f.Observe(Judged{Commit: commit, Problems: f.Board.Snapshot().Source.Problems})
		}
		return nil
	case errors.Is(context.Cause(ctx), errNewerHead):
		f.Log.Info("a newer head ends the judging of a commit", "commit", commit.Hash)
		return nil
	case ctx.Err() == nil: // otherwise the daemon ends
		f.fail(err)
	}
	return err
}

// resume continues where the daemon was before it ended: at the commit that it had accepted, without asking the
// repository's server, which may be down just now. Without such a commit it does nothing. Nor does it when a cluster holds
// a commit that came later, or one that is not known here: to act on the older one would roll it back. The branch says
// what is right, as soon as it was fetched.
func (f *Follower) resume(ctx context.Context) {
	commit, ok, err := f.Store.Accepted()
	if err == nil && ok {
		err = f.take(ctx, status.Commit{Hash: commit}, func(judging context.Context) error { return f.current(ctx, judging, commit) })
	}
	if err == nil || ctx.Err() != nil {
		return
	}
	f.Log.Warn("cannot resume at the accepted commit; waiting for the repository", "commit", commit, "err", err.Error())
	f.source.judged(f.Board, fmt.Errorf("cannot resume at commit %s; waiting for the repository: %w", status.Short(commit), sourceError(err)))
}

// current returns an error if a cluster holds what came after a commit. A cluster that cannot be asked holds nothing that
// could be rolled back now.
func (f *Follower) current(daemon, ctx context.Context, commit string) error {
	recorded := f.Recorded
	if recorded == nil {
		recorded = f.Reconciler.Recorded
	}
	commits, err := recorded(daemon)
	if err != nil {
		f.Log.Warn("cannot compare the accepted commit with what every cluster holds", "commit", commit, "err", err.Error())
	}
	newer, err := f.Store.Newer(ctx, commit, commits)
	if err != nil {
		return err
	}
	if len(newer) > 0 {
		return fmt.Errorf("a cluster holds commit %s, which is newer or not known here", status.Short(newer[0]))
	}
	return nil
}

// take has a commit judged, and acted on if it is acceptable and persist returns no error.
func (f *Follower) take(ctx context.Context, commit status.Commit, persist func(context.Context) error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			f.Log.Error("judging a commit panicked", "commit", commit.Hash, "panic", p, "stack", string(debug.Stack()))
			err = errInternal
		}
	}()
	tree, err := f.Store.Tree(ctx, commit.Hash)
	if err != nil {
		return err
	}
	if f.Dir != "" {
		if tree, err = tree.At(path.Clean(f.Dir)); err != nil {
			return fmt.Errorf("judging commit %s: looking for the platform's folder: %w", commit.Short(), err)
		}
	}
	err = f.Reconciler.Accept(ctx, Revision{
		Commit: commit, Tree: tree, Changed: f.changes(tree),
		Persist: func(ctx context.Context) error {
			if err := tree.Err(); err != nil {
				return err // whatever was made of it is not what the commit says
			}
			return persist(ctx)
		},
	})
	if damage := tree.Err(); damage != nil && errors.Is(err, ErrRefused) {
		return damage
	}
	if errors.Is(err, ErrRefused) {
		f.seen = commit.Hash
		return nil
	}
	if err != nil {
		return err
	}
	f.seen, f.accepted = commit.Hash, tree
	return nil
}

// changes lists the paths that differ from the accepted tree.
func (f *Follower) changes(tree *git.Tree) func() ([]string, error) {
	accepted := f.accepted
	if accepted == nil {
		return nil
	}
	return func() ([]string, error) {
		changes, err := git.Diff(accepted, tree)
		if err != nil {
			return nil, err
		}
		paths := make([]string, len(changes))
		for i, c := range changes {
			paths[i] = c.Path
		}
		return paths, nil
	}
}

var errInternal = errors.New("internal error; see the daemon's log")

// fail reports why a head is neither accepted nor refused, each kind of reason as what it is.
func (f *Follower) fail(err error) {
	message := "cannot judge the newest commit; what runs is left as it is"
	if _, cache := errors.AsType[*git.ObjectError](err); cache {
		message = "the local copy of the repository is damaged; what runs is left as it is"
		if f.Refetch != nil {
			f.Refetch()
		}
	} else if _, unsaved := errors.AsType[*PersistError](err); unsaved {
		message = "cannot record the newest commit as accepted; what runs is left as it is"
	}
	f.Log.Warn(message, "err", err.Error())
	f.source.judged(f.Board, sourceError(err))
}

// sourceError names the local copy where an object of it cannot be read.
func sourceError(err error) error {
	_, named := errors.AsType[*git.CacheError](err)
	if _, cache := errors.AsType[*git.ObjectError](err); cache && !named {
		return fmt.Errorf("the local copy of the repository is damaged and is repaired by the next fetch: %w", err)
	}
	return err
}

// sourceErrors are what is wrong with fetching and with judging, which come and go independently.
type sourceErrors struct {
	mu             sync.Mutex
	fetch, judging error
}

func (e *sourceErrors) fetched(b *status.Board, err error) { e.set(b, &e.fetch, err) }
func (e *sourceErrors) judged(b *status.Board, err error)  { e.set(b, &e.judging, err) }

func (e *sourceErrors) set(b *status.Board, which *error, err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	*which = err
	var texts []string
	for _, err := range []error{e.judging, e.fetch} {
		if err != nil {
			texts = append(texts, err.Error())
		}
	}
	b.SetSource(func(s *status.Source) { s.Error = strings.Join(texts, "; ") })
}
