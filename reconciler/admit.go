// SPDX-License-Identifier: Apache-2.0

package reconciler

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/reconciler/git"
	"trunkline.dev/trunkline/reconciler/signers"
	"trunkline.dev/trunkline/reconciler/status"
)

// Admission says which heads may count at all, whatever they declare. Its zero value lets any.
type Admission struct {
	// Verify returns a [signers.RefusedError] if a commit is signed by nobody who may sign; nil: nobody need. Accepted is set for the
	// commit that is accepted already: what has only expired since then is no reason.
	Verify func(ctx context.Context, commit string, accepted bool) error
	// NoRewrite refuses a head that does not come after the accepted commit.
	NoRewrite bool
	// Rewrites are those that are allowed although NoRewrite is set.
	Rewrites []Rewrite
}

// Rewrite lets a branch leave one commit for another one that does not come after it, or for one that comes after that. It
// counts once, since nothing leads back to From.
type Rewrite struct{ From, To string }

// barred is a head that may not count, and why.
type barred struct {
	commit   string
	problems v1alpha1.Problems
}

// rewrittenError says that a head does not come after what is in place.
type rewrittenError struct {
	// from is a commit that it does not come after, and of what.
	from, what string
}

func (e *rewrittenError) Error() string {
	return fmt.Sprintf("it does not come after commit %s, %s", e.from, e.what)
}

// admit returns why a head may not count, by a problem; nil if it may.
func (f *Follower) admit(daemon, ctx context.Context, head git.Head) (v1alpha1.Problems, error) {
	accepted, known, err := f.Store.Accepted()
	if err != nil {
		return nil, err
	}
	if known {
		if accepted, err = f.partOf(accepted, ""); err != nil {
			return nil, err
		}
	}
	if !known && f.Admission.NoRewrite && (f.barred == nil || f.barred.commit != head.Commit) {
		// What clusters hold is known once a commit has said which platform it is.
		unknown := f.Admission
		unknown.NoRewrite = false
		return f.admitPart(daemon, ctx, "", head, unknown, "")
	}
	return f.admitPart(daemon, ctx, "", head, f.Admission, accepted)
}

// admitPart returns why a head of one of the platform's repositories may not count. What is accepted of it is empty if that is not known.
func (f *Follower) admitPart(daemon, ctx context.Context, name string, head git.Head, by Admission, accepted string) (v1alpha1.Problems, error) {
	if by.Verify != nil {
		err := by.Verify(ctx, head.Commit, accepted == head.Commit)
		if refusal, ok := errors.AsType[*signers.RefusedError](err); ok {
			return unsigned(head.Commit, refusal, accepted == head.Commit), nil
		}
		if err != nil {
			return nil, err
		}
	}
	if !by.NoRewrite {
		return nil, nil
	}
	before, what := []string{accepted}, byStore
	if accepted == "" {
		var err error
		if before, err = f.partsOf(f.held(daemon, head.Commit), name); err != nil {
			return nil, err
		}
		what = byCluster
	}
	err := f.comesAfter(ctx, head.Commit, before, by.Rewrites, what)
	if rewritten, ok := errors.AsType[*rewrittenError](err); ok {
		return rewriteOf(name, head.Commit, rewritten), nil
	}
	return nil, err
}

// partOf returns the commit of a repository that a commit joins; the commit itself for one that joins none, of the platform's own.
func (f *Follower) partOf(commit, name string) (string, error) {
	if f.Sources != nil {
		if c, several, err := f.Sources.Store.Composition(commit); err != nil || several {
			return c.Of(name), err
		}
	}
	if name == "" {
		return commit, nil
	}
	return "", nil
}

// partsOf is partOf for several, each of them once.
func (f *Follower) partsOf(commits []string, name string) (out []string, err error) {
	for _, commit := range commits {
		part, err := f.partOf(commit, name)
		if err != nil {
			return nil, err
		}
		if part != "" {
			out = append(out, part)
		}
	}
	slices.Sort(out)
	return slices.Compact(out), nil
}

// The two that know of a commit that was in place.
const (
	byStore   = "which is accepted"
	byCluster = "which a cluster holds"
)

// held returns the commits that clusters hold, of those that answer.
func (f *Follower) held(daemon context.Context, head string) []string {
	recorded := f.Recorded
	if recorded == nil {
		recorded = f.Reconciler.Recorded
	}
	commits, err := recorded(daemon)
	if err != nil {
		f.Log.Warn("cannot compare the head with what every cluster holds", "commit", head, "err", err.Error())
	}
	return commits
}

// comesAfter returns a [rewrittenError] if a head comes after one of the commits neither by its history nor because someone
// says that it may leave it.
func (f *Follower) comesAfter(ctx context.Context, head string, commits []string, rewrites []Rewrite, what string) error {
	outside, err := f.Store.Outside(ctx, head, commits)
	if err != nil {
		return err
	}
	for _, commit := range outside {
		allowed, err := f.mayLeave(ctx, commit, head, rewrites)
		if err != nil {
			return err
		}
		if !allowed {
			return &rewrittenError{commit, what}
		}
		f.Log.Warn("the branch may leave a commit, since the daemon was told so", "commit", commit, "head", head)
	}
	return nil
}

func (f *Follower) mayLeave(ctx context.Context, from, head string, rewrites []Rewrite) (bool, error) {
	for _, r := range rewrites {
		if r.From != from {
			continue
		}
		outside, err := f.Store.Outside(ctx, head, []string{r.To})
		if err != nil || len(outside) == 0 {
			return err == nil, err
		}
	}
	return false, nil
}

// unseen makes a revision that is not known to come after any other, since this daemon has accepted none yet, come after
// what the clusters say was in place; those that do not answer now are compared when they do.
func (f *Follower) unseen(daemon context.Context, rev *Revision) {
	_, known, err := f.Store.Accepted()
	if !f.Admission.NoRewrite || err == nil && known {
		return
	}
	head := rev.Commit.Hash
	rev.Compare = func(ctx context.Context, recorded []string) error {
		recorded, err := f.partsOf(recorded, "")
		if err != nil {
			return err
		}
		return f.comesAfter(ctx, head, recorded, f.Admission.Rewrites, byCluster)
	}
	persist := rev.Persist
	rev.Persist = func(ctx context.Context) error {
		if err := rev.Compare(ctx, f.held(daemon, head)); err != nil {
			return err
		}
		return persist(ctx)
	}
}

// bar refuses a head that may not count. It is looked at again after every fetch: who may sign can change.
func (f *Follower) bar(head git.Head, problems v1alpha1.Problems) {
	commit := status.Commit{Hash: head.Commit, Subject: head.Subject, Author: head.Author, Time: head.When}
	f.Board.SetSource(func(s *status.Source) { s.Head, s.Problems = &commit, problems })
	f.source.judged(f.Board, nil)
	f.seen = "" // whatever the branch is at next is judged, so that the board tells of that
	if f.barred != nil && f.barred.commit == commit.Hash && reflect.DeepEqual(f.barred.problems, problems) {
		return
	}
	f.barred = &barred{commit.Hash, problems}
	f.Log.Warn("commit refused", "commit", commit.Hash, "problems", len(problems), "first", problems[0].String())
	if f.Observe != nil {
		f.Observe(Judged{Commit: commit, Problems: problems})
	}
}

func unsigned(commit string, refusal *signers.RefusedError, accepted bool) v1alpha1.Problems {
	message := "the commit is refused: " + refusal.Because
	if accepted {
		message = "the commit was accepted before, and what runs is kept, but it does not count any more: " + refusal.Because
	}
	hint := "nobody may sign by the daemon's configuration"
	if who := refusal.Who(); who != "" {
		hint = "push a commit that is signed by one of those who may: " + who
	}
	return denial(commit, message, hint)
}

func rewrite(head string, e *rewrittenError) v1alpha1.Problems {
	return denial(head, fmt.Sprintf("the branch was rewritten: commit %s does not come after %s, %s", head, e.from, e.what),
		fmt.Sprintf("push a commit that comes after %s; or, if the branch was rewritten on purpose, start the daemon with --accept-rewrite %s..%s", status.Short(e.from), e.from, head))
}

// rewriteOf is rewrite for a repository that the platform includes.
func rewriteOf(name, head string, e *rewrittenError) v1alpha1.Problems {
	problems := rewrite(head, e)
	if name != "" {
		problems[0].Hint = fmt.Sprintf("push a commit that comes after %s; or, if the branch was rewritten on purpose, say so in the daemon's configuration, in the source %q: acceptRewrites: [%s..%s]",
			status.Short(e.from), name, e.from, head)
	}
	return problems
}

func denial(commit, message, hint string) v1alpha1.Problems {
	return v1alpha1.Problems{{
		Position: v1alpha1.Position{File: "commit " + status.Short(commit)}, Severity: v1alpha1.Deny, Message: message, Hint: hint,
	}}
}

// ParseRewrite reads "FROM..TO", two full hashes.
func ParseRewrite(s string) (Rewrite, error) {
	from, to, ok := strings.Cut(s, "..")
	if !ok || !git.IsHash(from) || !git.IsHash(to) {
		return Rewrite{}, fmt.Errorf("%q is not of the form FROM..TO, with two full hashes of commits", s)
	}
	return Rewrite{From: from, To: to}, nil
}
