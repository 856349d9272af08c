// SPDX-License-Identifier: Apache-2.0

package reconciler

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"trunkline.dev/trunkline/reconciler/status"
)

// resumeTimeout is how long resuming may go on once a newer head has come: longer than a commit takes that was accepted once,
// since what runs is not kept meanwhile, and no longer, since the head may be what makes it faster.
const resumeTimeout = time.Minute

// resume continues where the daemon was before it ended: at the commit that it had accepted, without asking the
// repository's server, which may be down just now. Without such a commit it does nothing. Nor does it when a cluster holds
// a commit that came later, or one that is not known here: to act on the older one would roll it back. The branch says
// what is right, as soon as it was fetched. It returns false if a newer head has ended it.
func (f *Follower) resume(ctx context.Context) bool {
	commit, ok, err := f.Store.Accepted()
	if err == nil && !ok {
		return true
	}
	if err == nil {
		resuming := f.inbox.resume(ctx, commit, resumeTimeout)
		err = f.take(resuming, Revision{
			Commit:  status.Commit{Hash: commit},
			Persist: func(judging context.Context) error { return f.current(ctx, judging, commit) },
			Compare: func(judging context.Context, recorded []string) error { return f.compare(judging, commit, recorded) },
		})
		newer := errors.Is(context.Cause(resuming), errNewerHead)
		f.inbox.end()
		switch {
		case err == nil || isUnrendered(err): // what is not rendered is, once the branch was fetched
			f.resumed = commit
			return true
		case newer && ctx.Err() == nil:
			f.Log.Info("a newer head ends resuming at the accepted commit", "commit", commit)
			return false
		}
		f.inbox.again() // the branch may be at this very commit
	}
	if ctx.Err() != nil {
		return true
	}
	f.Log.Warn("cannot resume at the accepted commit; waiting for the repository", "commit", commit, "err", err.Error())
	f.source.judged(f.Board, fmt.Errorf("cannot resume at commit %s; waiting for the repository: %w", status.Short(commit), sourceError(err)))
	return true
}

// current returns an error if a cluster holds what came after a commit. A cluster that cannot be asked holds nothing that
// could be rolled back now; it is compared when it answers.
func (f *Follower) current(daemon, ctx context.Context, commit string) error {
	recorded := f.Recorded
	if recorded == nil {
		recorded = f.Reconciler.Recorded
	}
	commits, err := recorded(daemon)
	if err != nil {
		f.Log.Warn("cannot compare the accepted commit with what every cluster holds", "commit", commit, "err", err.Error())
	}
	return f.compare(ctx, commit, commits)
}

// compare returns an error if one of the commits that clusters hold came after another.
func (f *Follower) compare(ctx context.Context, commit string, recorded []string) error {
	newer, err := f.Store.Newer(ctx, commit, recorded)
	if err != nil {
		return err
	}
	if len(newer) > 0 {
		return fmt.Errorf("a cluster holds commit %s, which is newer or not known here", status.Short(newer[0]))
	}
	return nil
}

// base returns the tree of the commit that was accepted before the daemon was started; nil if there is none.
func (f *Follower) base(ctx context.Context) (fs.FS, error) {
	commit, ok, err := f.Store.Accepted()
	if err != nil || !ok {
		return nil, err
	}
	tree, err := f.tree(ctx, commit)
	if err != nil {
		return nil, err
	}
	return tree, nil
}
