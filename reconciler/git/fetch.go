// SPDX-License-Identifier: Apache-2.0

package git

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/capability"
)

// Head is the newest commit of a branch.
type Head struct {
	// Commit is its full hash.
	Commit string
	// Subject is the first line of its message, Author the author's name; both are for people, so they are
	// one printable line of bounded length.
	Subject, Author string
	// When is the committer's time.
	When time.Time
	// Previous is the head before this fetch; empty when there was none.
	Previous string
	// Rewritten reports that Previous is not among the ancestors of Commit: the branch was pushed with force.
	Rewritten bool
}

// fetchTimeout bounds a fetch whose context has no deadline.
const fetchTimeout = 15 * time.Minute

// Fetch brings a branch's commits into the store and returns its head. When the branch has not moved it
// asks the server for its branches and nothing else. Fetches of one track wait for each other; those of different
// tracks do not.
//
// Errors are a [*RefusedError], a [*BranchGoneError], a [*CacheError] or a [*FetchError], each with a class. None of them
// changes what [Track.Head] returns. Everything the new head needs is in the store before it becomes the head. A damaged
// store is repaired on the way: what is damaged is replaced by what the server sends.
func (t *Track) Fetch(ctx context.Context, r Remote) (Head, error) {
	loc, full, err := r.parse()
	if err != nil {
		return Head{}, err
	}
	ctx, cancel := withTimeout(ctx, fetchTimeout)
	defer cancel()
	done, err := t.store.turns.wait(ctx, t.name)
	if err != nil {
		return Head{}, classify(ctx, r, fmt.Errorf("waiting for another fetch of track %s: %w", t.name, err))
	}
	defer done()
	dial := func(wanted choice) (*conversation, error) {
		talk, err := t.store.dial(ctx, r, loc, wanted)
		if talk != nil {
			talk.alone = strings.HasPrefix(t.name, sourceTracks)
		}
		return talk, err
	}
	var head Head
	if r.Commit != "" {
		head, err = t.fetchCommit(ctx, full, plumbing.NewHash(r.Commit), dial)
		r.Branch = r.Commit // as people are told
	} else {
		head, err = t.fetch(ctx, full, func() (*conversation, error) { return dial(branch(r, full)) })
	}
	if err != nil {
		return Head{}, classify(ctx, r, t.store.cacheError(err))
	}
	return head, nil
}

var errNoSuchCommit = errors.New("no branch and no tag of the repository leads to the commit")

// fetchCommit brings one commit, which need not be the tip of anything. Once it is here the server is not asked any more.
func (t *Track) fetchCommit(ctx context.Context, full string, commit plumbing.Hash, dial func(choice) (*conversation, error)) (Head, error) {
	s := t.store
	previous, known, err := s.readRef(t.headRef(full))
	if err != nil {
		return Head{}, err
	}
	damaged := s.objects.damaged.Load()
	if known && previous == commit && !damaged {
		return t.advance(ctx, full, commit, previous, false)
	}
	all := false                                                             // a server need not send what is the tip of nothing
	wanted := func(refs map[string]plumbing.Hash) ([]plumbing.Hash, error) { //nolint:unparam // it is a choice, and others fail
		if !all {
			return []plumbing.Hash{commit}, nil
		}
		tips := map[plumbing.Hash]bool{}
		for name, h := range refs {
			if strings.HasPrefix(name, "refs/heads/") || strings.HasPrefix(name, "refs/tags/") {
				tips[h] = true
			}
		}
		return slices.SortedFunc(maps.Keys(tips), compareHashes), nil
	}
	first, err := dial(wanted)
	if err != nil {
		return Head{}, err
	}
	refs := first.commits()
	tip := slices.Contains(slices.Collect(maps.Values(refs)), commit)
	if !tip && !first.adv.Capabilities.Supports(capability.AllowReachableSHA1InWant) {
		all = true
		first.tips, _ = wanted(refs)
	}
	own, err := s.refsBelow(t.refs)
	if err != nil {
		return Head{}, errors.Join(err, first.end(ctx))
	}
	held := s.objects.pins.hold(commit)
	defer runtime.KeepAlive(held)
	again := func() (*conversation, error) { return dial(wanted) }
	_, pins, err := s.bring(ctx, own, first, again)
	defer runtime.KeepAlive(pins)
	if err = errors.Join(err, first.end(ctx)); err != nil {
		return Head{}, err
	}
	switch err := s.objects.completeCommit(ctx, commit); {
	case isMissing(err):
		return Head{}, errNoSuchCommit
	case isMalformed(err):
		return Head{}, &unusableError{commit, err}
	case err != nil:
		return Head{}, err
	}
	return t.advance(ctx, full, commit, previous, damaged)
}

// withTimeout bounds what a context without a deadline is for.
func withTimeout(ctx context.Context, timeout time.Duration) (context.Context, context.CancelFunc) {
	if _, has := ctx.Deadline(); has {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, timeout)
}

func (t *Track) fetch(ctx context.Context, full string, dial func() (*conversation, error)) (Head, error) {
	s := t.store
	previous, known, err := s.readRef(t.headRef(full))
	if err != nil {
		return Head{}, err
	}
	talk, err := dial()
	if err != nil {
		return Head{}, err
	}
	damaged := s.objects.damaged.Load()
	if !known || talk.tips[0] != previous || damaged {
		own, err := s.refsBelow(t.refs)
		if err != nil {
			return Head{}, errors.Join(err, talk.end(ctx))
		}
		var held []*pin
		first := talk
		talk, held, err = s.bring(ctx, own, first, dial)
		defer runtime.KeepAlive(held) // until a ref names the tip
		if err := errors.Join(err, first.end(ctx)); err != nil {
			return Head{}, err
		}
	} else if err := talk.end(ctx); err != nil {
		return Head{}, err
	}
	return t.advance(ctx, full, talk.tips[0], previous, damaged)
}

// advance makes a commit that is in the store the head of a branch. The previous head is zero when there was none; a store
// that was just repaired may have lost it for good.
func (t *Track) advance(ctx context.Context, full string, tip, previous plumbing.Hash, repaired bool) (Head, error) {
	s := t.store
	head, err := s.describe(tip)
	if err != nil {
		return Head{}, err
	}
	if previous.IsZero() {
		return head, s.moveRef(t.headRef(full), tip)
	}
	head.Previous = previous.String()
	descends, err := s.descends(ctx, tip, previous)
	if err != nil && !repaired {
		return Head{}, err
	}
	if head.Rewritten = !descends; tip == previous {
		return head, nil
	}
	// Before the head: after a crash between the two, previous and head are the same commit.
	if err := s.moveRef(t.previousRef(full), previous); err != nil {
		return Head{}, err
	}
	return head, s.moveRef(t.headRef(full), tip)
}

// bring makes sure that everything the server's tips need is in the store, and returns the conversation that it was last
// brought in, which may know of newer tips, with the tips pinned. The first conversation is left to the caller to end.
//
// The server is asked for what is new since the commits that are here. It takes them for the whole of their history, of
// which the store may have collected older content, and may leave out what comes back from there, as a revert does. Then
// it is asked for the tips alone, and when something here is damaged, or even that does not do, for everything.
func (s *Store) bring(ctx context.Context, own map[string]plumbing.Hash, first *conversation, dial func() (*conversation, error)) (talk *conversation, held []*pin, err error) {
	talk = first
	hold := func() {
		for _, tip := range talk.tips {
			held = append(held, s.objects.pins.hold(tip))
		}
	}
	hold()
	again := func() error {
		next, err := dial()
		if err != nil {
			return err
		}
		if talk != first {
			_ = talk.end(ctx) // what it brought did not do
		}
		talk = next
		hold()
		return nil
	}
	defer func() {
		if talk != first {
			_ = talk.end(ctx) // what was read stands
		}
	}()
	if !s.objects.damaged.Load() {
		brought, err := s.extend(ctx, own, talk)
		if err == nil || !isObjectError(err) {
			return talk, held, err
		}
		if isUnusable(err) {
			return talk, held, errors.Join(err, s.dropPacks(brought))
		}
		if isMissing(err) && talk.shallow() {
			if err := again(); err != nil {
				return talk, held, errors.Join(err, s.dropPacks(brought))
			}
			if s.extendByTips(ctx, talk) == nil {
				return talk, held, nil
			}
		}
		if err := errors.Join(s.dropPacks(brought), again()); err != nil {
			return talk, held, err
		}
	}
	return talk, held, s.repair(ctx, talk)
}

// unusableError is a commit that does not hold together although it was read as the server sent it.
type unusableError struct {
	tip   plumbing.Hash
	cause error
}

func (e *unusableError) Error() string {
	return fmt.Sprintf("the server's commit %s is not usable: %s", e.tip, e.cause.Error())
}

func (e *unusableError) Unwrap() error { return e.cause }

func isUnusable(err error) bool {
	_, ok := errors.AsType[*unusableError](err)
	return ok
}

// complete reads a commit's whole tree (what was not read before) and asks for each of its blobs.
func (o *objects) completeCommit(ctx context.Context, tip plumbing.Hash) error {
	c, err := o.commit(tip)
	if err == nil {
		_, err = o.measure(ctx, c.TreeHash, 1, true)
	}
	return err
}

func (s *Store) describe(h plumbing.Hash) (Head, error) {
	c, err := s.objects.commit(h)
	if err != nil {
		return Head{}, err
	}
	subject, _, _ := strings.Cut(strings.TrimSpace(c.Message), "\n")
	return Head{
		Commit: h.String(), Subject: printable(subject, 200), Author: printable(c.Author.Name, 100),
		When: c.Committer.When,
	}, nil
}
