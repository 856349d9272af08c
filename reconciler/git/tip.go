// SPDX-License-Identifier: Apache-2.0

package git

import (
	"context"
	"fmt"
	"time"
)

// tipTimeout bounds a question whose context has no deadline.
const tipTimeout = time.Minute

// Tip asks a server for the newest commit of a branch, and brings nothing. The errors are those of [Track.Fetch].
func Tip(ctx context.Context, r Remote, opts ...Option) (commit string, err error) {
	loc, full, err := r.parse()
	if err != nil {
		return "", err
	}
	ctx, cancel := withTimeout(ctx, tipTimeout)
	defer cancel()
	talk, err := dial(ctx, r, loc, limitsOf(opts), branch(r, full))
	if err == nil {
		commit = talk.tips[0].String()
		err = talk.end(ctx)
	}
	if err != nil {
		return "", classify(ctx, r, err)
	}
	return commit, nil
}

// After reports whether a revision is a commit or comes after it, in the repository that a path is in, and whether that repository has
// the commit at all. Nothing is asked of a server.
func After(ctx context.Context, path, rev, commit string, opts ...Option) (after, known bool, err error) {
	o, tip, err := openRevision(path, rev, opts)
	if err != nil {
		return false, false, err
	}
	h, err := parseHash(commit)
	if err != nil {
		return false, false, err
	}
	if _, err := o.commit(h); isMissing(err) {
		return false, false, nil
	} else if err != nil {
		return false, false, err
	}
	after, err = (&Store{objects: o}).descends(ctx, tip, h)
	if err != nil {
		return false, true, fmt.Errorf("looking for commit %s in the history of %s: %w", printable(commit, 80), printable(rev, 80), err)
	}
	return after, true, nil
}
