// SPDX-License-Identifier: Apache-2.0

package webhooks

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/evaluate"
	"trunkline.dev/trunkline/plan/compose"
	"trunkline.dev/trunkline/plan/gate"
	"trunkline.dev/trunkline/reconciler/status"
	"trunkline.dev/trunkline/webhooks/report"
)

const (
	// maxMerges is how many steps of the branch are looked at, back from the newest, to what a release has in place.
	maxMerges = 100
	// maxRebased is how many commits a pull request may have whose rebased commits are followed.
	maxRebased = 250
)

// before returns the commit that a merged pull request found its base branch at: what it did is everything since. A merge and a
// squash are one commit on the branch; rebased commits are as many as the pull request had, or fewer.
func (e *Engine) before(ctx context.Context, p Pull, merge Commit) (string, error) {
	if merge.Merge {
		return merge.Parent, nil
	}
	before := merge.Parent
	for range min(p.Commits, maxRebased) - 1 {
		if before == "" {
			break
		}
		brought, found, err := e.opts.Forge.PullOf(ctx, before)
		if err != nil {
			return "", fmt.Errorf("looking for the first commit of #%d: %w", p.Number, err)
		}
		if !found || brought.Number != p.Number {
			break
		}
		commit, err := e.opts.Repository.Commit(ctx, before, p.Base.Ref, nil)
		if err != nil {
			return "", err
		}
		before = commit.Parent
	}
	return before, nil
}

// shown returns what a pull request showed last before it was merged, and whether it did. That is in its check, which nobody else
// can write; only a commit status has no room for it, and then it is in the comment.
func (e *Engine) shown(ctx context.Context, p Pull) (report.State, bool, error) {
	check, found, err := e.opts.Forge.FindCheck(ctx, p.Head.SHA, e.opts.CheckName)
	if err != nil {
		return report.State{}, false, fmt.Errorf("reading what the check of #%d showed: %w", p.Number, err)
	}
	if !found {
		return report.State{}, false, nil
	}
	if !check.Brief {
		shown, ok := report.ParseRecord(check.Text)
		return shown, ok, nil
	}
	if e.opts.Source != "" {
		return report.State{}, false, nil // who may write to a source could write that there
	}
	comment, err := e.findComment(ctx, p.Number, isReview)
	if err != nil {
		return report.State{}, false, fmt.Errorf("reading what the comment of #%d showed: %w", p.Number, err)
	}
	shown, ok := report.ParseComment(comment.Body)
	return shown, ok, nil
}

// merge is what one step of the branch did: a merged pull request, or a commit that none brought.
type merge struct {
	commit, before string
	// pull is the number of the pull request; zero if there is none.
	pull int
	// changed are the releases that it changes, each with whether it was shown before; shown reports whether anything was.
	changed map[catalog.ReleaseID]bool
	shown   bool
	// opaque is set if what it does cannot be found out, since one of its sides is refused.
	opaque bool
	// was and is are the digests of what the releases that it changes rendered to, and render to.
	was, is map[catalog.ReleaseID]string
}

// mergeAt finds out what the step of the branch did that ends with the commit of a state, with the other repositories as they are in that.
func (e *Engine) mergeAt(ctx context.Context, at compose.State) (merge, error) {
	branch, sha := e.opts.Trunk.Branch(), at[e.opts.Source]
	beside := e.beside(at)
	commit, err := e.opts.Repository.Commit(ctx, sha, branch, beside)
	if isRefusal(err) {
		return merge{commit: sha, opaque: true}, nil
	}
	if err != nil {
		return merge{}, err
	}
	p, found, err := e.opts.Forge.PullOf(ctx, sha)
	if err != nil {
		return merge{}, fmt.Errorf("looking for the pull request that brought %s: %w", short(sha), err)
	}
	m := merge{commit: sha, before: commit.Parent, changed: map[catalog.ReleaseID]bool{}, was: map[catalog.ReleaseID]string{}, is: map[catalog.ReleaseID]string{}}
	var shown report.State
	if found && p.Base.Ref == branch && p.MergeCommit == sha {
		m.pull = p.Number
		if m.before, err = e.before(ctx, p, commit); err != nil {
			return merge{}, err
		}
		if shown, m.shown, err = e.shown(ctx, p); err != nil {
			return merge{}, err
		}
	}
	if m.before == "" {
		return m, nil
	}
	c, err := e.evaluateOwn(ctx, m.before, commit.Tree, beside)
	if isRefusal(err) {
		m.opaque = true
		return m, nil
	}
	if err != nil {
		return merge{}, err
	}
	m.opaque = c.behind != "" || c.head.Denied()
	r, err := reviewOf(c, e.opts.Now())
	if err != nil {
		return merge{}, err
	}
	for _, rel := range r.Plan.Releases {
		m.changed[rel.ID] = true
		m.was[rel.ID], m.is[rel.ID] = digestIn(c.base, rel.ID), digestIn(c.head, rel.ID)
	}
	for _, id := range shown.Unreviewed(r.Plan.Releases) {
		m.changed[id] = false
	}
	return m, nil
}

// isRefusal reports whether commits cannot be joined, so that there is nothing to compare.
func isRefusal(err error) bool {
	_, refused := errors.AsType[*RefusalError](err)
	return refused
}

// beside is what a commit of a state is joined with; nil if the platform has one repository.
func (e *Engine) beside(at compose.State) compose.State {
	if len(at) == 1 && e.joint() == "" {
		return nil
	}
	return at
}

// unknownDigest is no digest of anything.
const unknownDigest = "unknown"

// digestIn returns the digest of what a release renders to; empty if it is not declared.
func digestIn(e *evaluate.Evaluation, id catalog.ReleaseID) string {
	out, declared := e.Rendered(id)
	switch {
	case !declared:
		return ""
	case out.Err != nil:
		return unknownDigest
	}
	return out.Objects.Digest()
}

// unreviewed says why a step of the branch was not reviewed in what it does to a release; empty if it was, or does nothing.
func (m merge) unreviewed(id catalog.ReleaseID) string {
	reviewed, changes := m.changed[id]
	switch {
	case m.opaque:
		return fmt.Sprintf("commit %s, or the one before it, is refused: what it changes cannot be compared with what was shown", short(m.commit))
	case !changes || reviewed:
		return ""
	case m.pull == 0:
		return fmt.Sprintf("commit %s was not brought by a pull request", short(m.commit))
	case !m.shown:
		return fmt.Sprintf("no check of #%d showed what merging it does", m.pull)
	}
	return fmt.Sprintf("#%d showed something else, since the branch moved before it was merged", m.pull)
}

// reviews finds out what was reviewed, for the releases that wait for that.
type reviews struct {
	engine *Engine
	held   map[catalog.ReleaseID]status.Release
	// told are those of which it was found out since something about them changed.
	told map[catalog.ReleaseID]bool
	// merges are those that were looked at, by the state and the source that moved; what was merged does not change.
	merges map[string]merge
}

// maxKnownMerges bounds how many are remembered.
const maxKnownMerges = 256

// KeepReviews finds out, of the releases that wait for it, whether what they are to become was reviewed, until ctx ends. Each
// replica does so for the releases that it keeps; none of them needs to work on pull requests for it.
func (e *Engine) KeepReviews(ctx context.Context) {
	r := &reviews{engine: e, held: map[catalog.ReleaseID]status.Release{}, told: map[catalog.ReleaseID]bool{}, merges: map[string]merge{}}
	for _, each := range e.all {
		defer each.queue.work.ShutDown() // nothing works on it
	}
	var after int64
	var pause time.Time
	retry := firstRetry
	again := time.NewTimer(0)
	defer again.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-again.C:
		case <-e.opts.Board.Changed(after):
			after = r.read(after)
		}
		if e.opts.Now().Before(pause) {
			continue // the timer ends it
		}
		if err := r.find(ctx); err != nil {
			if ctx.Err() == nil {
				e.opts.Log.Warn("cannot find out whether a change was reviewed; it is tried again", "err", err.Error())
			}
			wait := max(retry, retryAt(err).Sub(e.opts.Now()))
			pause, retry = e.opts.Now().Add(wait), min(2*retry, lastRetry)
			again.Reset(wait)
			continue
		}
		retry = firstRetry
	}
}

// read reads what changed on the board since a revision, and returns the one that was read.
func (r *reviews) read(after int64) int64 {
	changes := r.engine.opts.Board.Changes(after, maxChanges)
	if changes.Lost {
		clear(r.held)
		return 0
	}
	for _, c := range changes.Changes {
		switch {
		case c.Removed != nil:
			delete(r.held, *c.Removed)
			delete(r.told, *c.Removed)
		case c.Release == nil:
		case c.Release.Held != nil && c.Release.Held.Rule == string(gate.Unreviewed):
			r.held[c.Release.ReleaseID] = *c.Release
			delete(r.told, c.Release.ReleaseID) // it may have forgotten
		default:
			delete(r.held, c.Release.ReleaseID)
			delete(r.told, c.Release.ReleaseID)
		}
	}
	return changes.Revision
}

// find finds out what is not known yet.
func (r *reviews) find(ctx context.Context) error {
	_, runs := r.engine.opts.Trunk.Accepted()
	if len(r.held) == 0 {
		return nil
	}
	if runs == nil {
		return errNotReady
	}
	var failed error
	for _, id := range slices.SortedFunc(maps.Keys(r.held), catalog.ReleaseID.Compare) {
		rel := r.held[id]
		if r.told[id] {
			continue
		}
		next := state{status.PartsOf(rel.Held.Commit, rel.Held.Parts), rel.Held.Digest}
		if next.digest == "" {
			next.commits = r.engine.accepted() // of a removal, the hold may have the last commit that declared the release
		}
		inPlace, err := r.inPlace(ctx, rel)
		if err == nil {
			var why string
			w := wayBack{id: id, own: rel.Source, to: inPlace, mergeAt: r.mergeAt, digestAt: func(ctx context.Context, at compose.State) (string, error) {
				return r.digestAt(ctx, id, at)
			}}
			if why, err = w.why(ctx, next); err == nil {
				r.told[id] = true
				r.engine.opts.Hand.Reviewed(id, next.digest, why)
				continue
			}
		}
		failed = fmt.Errorf("%s: %w", id, err)
	}
	return failed
}

// inPlace returns the state that the cluster holds of a release.
func (r *reviews) inPlace(ctx context.Context, rel status.Release) (state, error) {
	if rel.Commit == "" {
		return state{}, nil
	}
	s := state{status.PartsOf(rel.Commit, rel.Parts), unknownDigest}
	for source, commit := range s.commits {
		engine := r.engine.Of(source)
		if engine == nil {
			continue
		}
		known, err := engine.opts.Repository.Contains(ctx, engine.opts.Trunk.Tip(), commit)
		if err != nil {
			return state{}, fmt.Errorf("looking for what is in place: %w", err)
		}
		if !known {
			return s, nil // a commit of another history, or of another repository: nothing leads back to it
		}
	}
	var err error
	s.digest, err = r.digestAt(ctx, rel.ReleaseID, s.commits)
	return s, err
}

// digestAt returns the digest of what a release renders to in a state.
func (r *reviews) digestAt(ctx context.Context, id catalog.ReleaseID, at compose.State) (string, error) {
	commit := at[""]
	c, err := r.engine.comparedWith(ctx, commit, r.engine.beside(at))
	if isRefusal(err) {
		return unknownDigest, nil
	}
	if err != nil {
		return "", fmt.Errorf("reading a state of before: %w", err)
	}
	if c.from != commit || c.behind != "" {
		return unknownDigest, nil
	}
	return digestIn(c.base, id), nil
}

// mergeAt is that of the engine of a source, asked once for each state; false if nobody works on the pull requests of that.
func (r *reviews) mergeAt(ctx context.Context, source string, at compose.State) (merge, bool, error) {
	engine := r.engine.Of(source)
	if engine == nil {
		return merge{}, false, nil
	}
	key := source + "\x00" + at.Key()
	if m, known := r.merges[key]; known {
		return m, true, nil
	}
	m, err := engine.mergeAt(ctx, at)
	if err != nil {
		return merge{}, true, err
	}
	if len(r.merges) >= maxKnownMerges {
		clear(r.merges)
	}
	r.merges[key] = m
	return m, true, nil
}
