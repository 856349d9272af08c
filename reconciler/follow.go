package reconciler

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path"

	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/reconciler/git"
	"trunkline.dev/trunkline/reconciler/status"
)

// Store is where commits are kept; it is [git.Store] outside of tests.
type Store interface {
	Tree(ctx context.Context, commit string) (*git.Tree, error)
	Accepted() (string, bool, error)
	SetAccepted(commit string) error
}

// Follower takes the heads of a branch to a [Reconciler], one after the other.
type Follower struct {
	Store      Store
	Reconciler *Reconciler
	Board      *status.Board
	// Dir is the folder of the repository that holds the platform; empty for the repository itself.
	Dir string
	Log *slog.Logger
	// Observe is told of every head that was accepted or refused; nil: nobody is. A commit that the daemon resumes at
	// is none: it was accepted before.
	Observe func(Judged)

	accepted *git.Tree
	// seen is the head that was last accepted or refused.
	seen string
}

// Resume takes up where the daemon was before it ended: at the commit that it had accepted, without asking the
// repository's server, which may be down just now. Without such a commit it does nothing.
func (f *Follower) Resume(ctx context.Context) {
	commit, ok, err := f.Store.Accepted()
	if err == nil && ok {
		err = f.take(ctx, status.Commit{Hash: commit})
	}
	if err != nil && ctx.Err() == nil {
		f.Log.Warn("cannot resume at the accepted commit; waiting for the repository", "commit", commit, "err", err.Error())
	}
}

// Head takes in the head of the branch, if it is a new one.
func (f *Follower) Head(ctx context.Context, head git.Head) {
	f.Board.SetSource(func(s *status.Source) {
		s.Error = ""
		if head.Rewritten {
			s.Notice = fmt.Sprintf("the branch was rewritten: %s does not come after %s", status.Short(head.Commit), status.Short(head.Previous))
		} else if head.Previous != head.Commit {
			s.Notice = ""
		}
	})
	if head.Rewritten {
		f.Log.Warn("the branch was rewritten", "head", head.Commit, "before", head.Previous)
	}
	if head.Commit == f.seen {
		return
	}
	commit := status.Commit{Hash: head.Commit, Subject: head.Subject, Author: head.Author, Time: head.When}
	if err := f.take(ctx, commit); err != nil {
		if ctx.Err() == nil {
			f.Failed(err) // it is tried again with the next fetch
		}
		return
	}
	if f.Observe != nil {
		f.Observe(Judged{Commit: commit, Problems: f.Board.Snapshot().Source.Problems})
	}
}

// Judged is a commit that was accepted, or refused if its problems deny it.
type Judged struct {
	Commit   status.Commit
	Problems v1alpha1.Problems
}

// Failed takes in that the repository cannot be read. What runs stays as it is.
func (f *Follower) Failed(err error) {
	f.Log.Warn("cannot read the repository; what runs is left as it is", "err", err.Error())
	f.Board.SetSource(func(s *status.Source) { s.Error = err.Error() })
}

func (f *Follower) take(ctx context.Context, commit status.Commit) error {
	tree, err := f.Store.Tree(ctx, commit.Hash)
	if err != nil {
		return err
	}
	if f.Dir != "" {
		if tree, err = tree.At(path.Clean(f.Dir)); err != nil {
			return err
		}
	}
	err = f.Reconciler.Accept(ctx, Revision{Commit: commit, Tree: tree, Changed: f.changes(tree)})
	if errors.Is(err, ErrRefused) {
		f.seen = commit.Hash
		return nil
	}
	if err != nil {
		return err
	}
	f.seen, f.accepted = commit.Hash, tree
	if err := f.Store.SetAccepted(commit.Hash); err != nil {
		f.Log.Warn("cannot remember the accepted commit", "commit", commit.Hash, "err", err.Error())
	}
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
