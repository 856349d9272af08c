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
	Outside(ctx context.Context, tip string, commits []string) ([]string, error)
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
	// Admission says which heads may count at all.
	Admission Admission
	// Sources has the repositories followed that platforms include; nil: none is.
	Sources *Sources
	// Grace is how long a platform waits at most for the first fetch of a repository that it includes; default: half a minute.
	Grace time.Duration
	// Refetch asks for a fetch now, which repairs a damaged copy of the repository; nil: the next one will.
	Refetch func()

	inbox  inbox
	source sourceErrors

	// The following are Run's own. accepted is the tree that all releases have, and seen the head that was last accepted or
	// refused. unfinished is a commit that was accepted and that not all releases have. resumed is the commit that the daemon
	// has resumed at; it is empty once the repository has said what is right.
	accepted      *git.Tree
	seen, resumed string
	unfinished    *status.Commit
	// barred is the head that was refused last for what it is, and not for what it declares; nil if the last one was not.
	barred     *barred
	unrendered unrendered
	// joint is what is known of the repositories that the platform includes.
	joint joint
}

// unrendered is the accepted commit of which releases are rendered once more, since why they were not may pass, and that why.
type unrendered struct{ commit, why string }

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
	waits := retries()
	var retry <-chan time.Time
	f.followAccepted(ctx)
	for resumed := false; ; {
		if !resumed {
			resumed = f.resume(ctx)
		}
		if head, judging, ok := f.inbox.begin(ctx); ok {
			err := f.judge(ctx, judging, head)
			f.inbox.end()
			if retry = nil; err == nil {
				waits.Reset()
			} else {
				retry = time.After(waits.NextBackOff())
			}
		}
		if resumed = resumed || f.accepted != nil; !resumed && ctx.Err() == nil {
			continue // a newer head has ended it, and was not accepted
		}
		select {
		case <-ctx.Done():
			return
		case <-f.inbox.news():
		case <-retry:
			retry = nil
			f.inbox.again()
		}
	}
}

// judge takes a head to the reconciler, and returns an error if it is to be tried again. If the head is not accepted, and an
// older one was and not all releases have that, they get it now: half of a commit is a state that nobody declared.
func (f *Follower) judge(daemon, ctx context.Context, head git.Head) error {
	var problems v1alpha1.Problems
	var err error
	if head.Commit != "" { // otherwise there is news of other repositories alone
		problems, err = f.admit(daemon, ctx, head)
	}
	if err == nil {
		if several, err := f.judgeSeveral(daemon, ctx, head, problems); several || err != nil || head.Commit == "" {
			return err
		}
	}
	err = f.judgeHead(daemon, ctx, head, problems, err)
	if f.unfinished == nil || f.unfinished.Hash == head.Commit || ctx.Err() != nil {
		return err
	}
	older := *f.unfinished
	f.Log.Info("handing out the rest of the accepted commit", "commit", older.Hash)
	finishing := f.take(ctx, Revision{
		Commit: older, Behind: true, Persist: func(context.Context) error { return f.Store.SetAccepted(older.Hash) },
	})
	if finishing != nil && ctx.Err() == nil {
		f.fail(finishing)
	}
	return errors.Join(err, finishing)
}

// judgeHead judges a head of which is known whether it may count, or why that is not known.
func (f *Follower) judgeHead(daemon, ctx context.Context, head git.Head, problems v1alpha1.Problems, err error) error {
	switch {
	case err != nil && ctx.Err() == nil:
		f.fail(err)
		return err
	case err != nil:
		return err
	case problems != nil:
		f.bar(head, problems)
		return nil
	}
	if head.Commit == f.seen {
		if head.Commit == f.resumed {
			f.resumed = ""
			f.Reconciler.Confirm()
		}
		f.source.judged(f.Board, nil)
		return nil
	}
	commit := status.Commit{Hash: head.Commit, Subject: head.Subject, Author: head.Author, Time: head.When}
	waits := f.unrendered.commit == commit.Hash
	again := f.unfinished != nil && f.unfinished.Hash == commit.Hash || waits
	rev := Revision{Commit: commit, Base: f.base, Persist: func(context.Context) error { return f.Store.SetAccepted(commit.Hash) }, Again: waits}
	f.unseen(daemon, &rev)
	err = f.take(ctx, rev)
	if rewritten, ok := errors.AsType[*rewrittenError](err); ok {
		f.bar(head, rewrite(head.Commit, rewritten))
		return nil
	}
	f.barred = nil
	if unfinished, ok := errors.AsType[*UnfinishedError](err); (err == nil || ok || isUnrendered(err)) && !again && f.Observe != nil {
		judged := Judged{Commit: commit, Problems: f.Board.Snapshot().Source.Problems}
		if ok {
			judged.Problems = unfinished.Problems
		}
		f.Observe(judged)
	}
	f.noteRendered(commit.Hash, err)
	switch {
	case err == nil, isUnrendered(err): // each release that is not rendered says so itself
		f.source.judged(f.Board, nil)
		return err
	case errors.Is(context.Cause(ctx), errNewerHead):
		f.Log.Info("a newer head ends the judging of a commit", "commit", commit.Hash)
		return nil
	case ctx.Err() == nil: // otherwise the daemon ends
		f.fail(err)
	}
	return err
}

// noteRendered notes by what came of a commit whether all of its releases were rendered, and logs that once.
func (f *Follower) noteRendered(commit string, err error) {
	before := f.unrendered
	f.unrendered = unrendered{}
	switch {
	case isUnrendered(err):
		if f.unrendered = (unrendered{commit, err.Error()}); f.unrendered != before {
			f.Log.Warn("not all releases could be rendered; it is tried again", "commit", commit, "err", err.Error())
		}
	case err == nil && before.commit == commit:
		f.Log.Info("all releases of the accepted commit are rendered", "commit", commit)
	}
}

// take has a commit judged, and acted on if it is acceptable and Persist returns no error. What of the revision is in the store
// is filled in.
func (f *Follower) take(ctx context.Context, rev Revision) (err error) {
	commit, persist := rev.Commit, rev.Persist
	defer func() {
		if p := recover(); p != nil {
			f.Log.Error("judging a commit panicked", "commit", commit.Hash, "panic", p, "stack", string(debug.Stack()))
			err = errInternal
		}
	}()
	tree, err := f.tree(ctx, commit.Hash)
	if err != nil {
		return err
	}
	rev.Tree, rev.Changed = tree, f.changes(tree)
	rev.Persist = func(ctx context.Context) error {
		if err := tree.Err(); err != nil {
			return err // whatever was made of it is not what the commit says
		}
		return persist(ctx)
	}
	rev.Intact = tree.Err
	err = f.Reconciler.Accept(ctx, rev)
	if _, ok := errors.AsType[*UnfinishedError](err); ok {
		// A branch that goes back to what was accepted before is judged again.
		f.unfinished, f.seen = &commit, ""
	}
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
	f.accepted, f.unfinished, f.resumed = tree, nil, ""
	if !rev.Behind {
		f.seen = commit.Hash
		if passing := f.Reconciler.passing(); passing != nil {
			f.seen = "" // the same commit is judged again, which renders these releases again, and nothing else
			return &UnrenderedError{passing}
		}
	}
	return nil
}

// tree returns what a commit has in the platform's folder.
func (f *Follower) tree(ctx context.Context, commit string) (*git.Tree, error) {
	tree, err := f.Store.Tree(ctx, commit)
	if err != nil || f.Dir == "" {
		return tree, err
	}
	if tree, err = tree.At(path.Clean(f.Dir)); err != nil {
		return nil, fmt.Errorf("judging commit %s: looking for the platform's folder: %w", status.Short(commit), err)
	}
	return tree, nil
}

// changes lists the paths that differ from the accepted tree.
func (f *Follower) changes(tree *git.Tree) func() ([]string, error) {
	accepted := f.accepted
	if accepted == nil {
		return nil
	}
	return func() ([]string, error) { return git.Changed(accepted, tree) }
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
