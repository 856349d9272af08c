// SPDX-License-Identifier: Apache-2.0

package git

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"path"
	"runtime"
	"slices"
	"strconv"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/capability"
)

// PullHead is a pull request as of a fetch.
type PullHead struct {
	// Head is that of the pull request's own branch, wherever that is: the forge keeps it in the repository that it is to be
	// merged into.
	Head
	// Base is the tip of the branch that it is to be merged into, as of the same moment.
	Base string
	// TestMerge is the forge's own merge of Base and Head.Commit, a commit with these two as parents. It is empty when the
	// forge has none, or one of other commits, since it makes them later; [Store.Merge] makes the same tree.
	TestMerge string
	// Err is why this pull request could not be fetched although the others could. What was fetched of it before is still
	// there. Its kinds are those of [Track.Fetch].
	Err error
}

const (
	// maxPull is the highest number of a pull request.
	maxPull = 1<<31 - 1
	// maxPulls is how many may be fetched at once.
	maxPulls = 1000
)

// PullTrack is the name of the track of a pull request of the platform's repository; of a source, with its name.
func PullTrack(source string, number int) string { return pullTracks(source) + strconv.Itoa(number) }

// pullTracks begins the names of the tracks of the pull requests of a repository.
func pullTracks(source string) string {
	if source == "" {
		return "pr/"
	}
	return sourcePulls + inTrack(source) + "/"
}

// QueueTrack is the name of the track of a merge queue's branch, such as "gh-readonly-queue/main/pr-7-…", which is fetched by
// [Track.Fetch] like any other. A branch may have a name that no track can have. It is of the platform's repository, or of a source.
func QueueTrack(source, branch string) string {
	return queueTracks(source) + fmt.Sprintf("%x", sha256.Sum256([]byte(branch)))[:20]
}

func queueTracks(source string) string {
	if source == "" {
		return "queue/"
	}
	return sourceQueues + inTrack(source) + "/"
}

func pullRef(number int, which string) string {
	return fmt.Sprintf("refs/pull/%d/%s", number, which)
}

// FetchPulls brings pull requests of a repository, the platform's or that of a source, into their tracks, all in one transfer, and returns them by number. The
// remote's branch is the one that they are to be merged into. Of each, the head, the forge's test merge when it is of this
// base and head, and otherwise what [Store.Merge] needs, are in the store when it returns, and stay until the track is
// removed.
//
// A pull request is what strangers send: one that is beyond the limits, or damaged, has an error of its own. An error of
// all is one of [Track.Fetch].
func (s *Store) FetchPulls(ctx context.Context, source string, r Remote, numbers []int) (map[int]PullHead, error) {
	loc, full, err := r.parse()
	if err != nil {
		return nil, err
	}
	f := pullFetch{store: s, source: source, remote: r, full: full, tracks: map[int]*Track{}, found: map[int]pullRefs{}, errs: map[int]error{}}
	f.dial = func(wanted choice) (*conversation, error) { return s.dial(ctx, r, loc, wanted) }
	if f.numbers, err = f.open(numbers); err != nil {
		return nil, err
	}
	ctx, cancel := withTimeout(ctx, fetchTimeout)
	defer cancel()
	for _, t := range slices.SortedFunc(maps.Values(f.tracks), byName) { // in an order, so that nobody waits in a circle
		done, err := s.turns.wait(ctx, t.name)
		if err != nil {
			return nil, classify(ctx, r, fmt.Errorf("waiting for another fetch of track %s: %w", t.name, err))
		}
		defer done()
	}
	defer runtime.KeepAlive(&f) // its pins, until refs name what they hold
	heads, err := f.run(ctx)
	if err != nil {
		return nil, classify(ctx, r, s.cacheError(err))
	}
	return heads, nil
}

// Pull returns a pull request as of the last successful fetch of it, this or an earlier process's; false when there was
// none. The branch is the one that it is to be merged into. Rewritten is about a fetch and stays unset.
func (s *Store) Pull(source string, number int, branch string) (PullHead, bool, error) {
	t, err := s.Track(PullTrack(source, number))
	if err != nil {
		return PullHead{}, false, err
	}
	var pull PullHead
	var known bool
	if pull.Head, known, err = t.Head(pullRef(number, "head")); err != nil || !known {
		return PullHead{}, false, err
	}
	for ref, to := range map[string]*string{branch: &pull.Base, pullRef(number, "merge"): &pull.TestMerge} {
		head, _, err := t.Head(ref)
		if err != nil {
			return PullHead{}, false, err
		}
		*to = head.Commit
	}
	return pull, pull.Base != "", nil
}

// pullFetch is one fetch of some pull requests.
type pullFetch struct {
	store   *Store
	source  string
	remote  Remote
	full    string // the base branch
	numbers []int
	tracks  map[int]*Track
	dial    func(wanted choice) (*conversation, error)

	// own are the refs of the tracks before the fetch, and all are those of the store.
	own, all map[string]plumbing.Hash
	repaired bool
	held     []*pin
	found    map[int]pullRefs
	errs     map[int]error
}

// pullRefs is what the server has of a pull request. A zero hash is a ref that is not there.
type pullRefs struct{ base, head, merge plumbing.Hash }

func byName(a, b *Track) int {
	if a.name < b.name {
		return -1
	}
	return 1
}

// open finds the tracks of the numbers, which it returns sorted.
func (f *pullFetch) open(numbers []int) ([]int, error) {
	if len(numbers) > maxPulls {
		return nil, &RefusedError{What: "pull requests", Value: strconv.Itoa(len(numbers)), Because: fmt.Sprintf("at most %d are fetched at once", maxPulls)}
	}
	for _, n := range numbers {
		if n < 1 || n > maxPull {
			return nil, &RefusedError{What: "pull request", Value: strconv.Itoa(n), Because: fmt.Sprintf("its number is not from 1 to %d", maxPull)}
		}
		t, err := f.store.Track(PullTrack(f.source, n))
		if err != nil {
			return nil, err
		}
		f.tracks[n] = t
	}
	return slices.Sorted(maps.Keys(f.tracks)), nil
}

func (f *pullFetch) run(ctx context.Context) (map[int]PullHead, error) {
	var err error
	if f.all, err = f.store.refs(); err != nil {
		return nil, err
	}
	f.own = map[string]plumbing.Hash{}
	for _, t := range f.tracks {
		refs, err := f.store.refsBelow(t.refs)
		if err != nil {
			return nil, err
		}
		maps.Copy(f.own, refs)
	}
	f.repaired = f.store.objects.damaged.Load()
	if err := f.bring(ctx); err != nil {
		return nil, err
	}
	if err := f.bringBases(ctx); err != nil {
		return nil, err
	}
	heads := map[int]PullHead{}
	for _, n := range f.numbers {
		pull, err := PullHead{}, f.errs[n]
		if err == nil {
			pull, err = f.settle(ctx, n)
		}
		if ctx.Err() != nil {
			return nil, err
		}
		if err != nil {
			one := f.remote
			one.Branch = pullRef(n, "head")
			pull = PullHead{Err: classify(ctx, one, f.store.cacheError(err))}
		}
		heads[n] = pull
	}
	return heads, nil
}

// bring transfers all at once. When that is refused because of what is in it, it is done again one by one, to find out whose
// it is.
func (f *pullFetch) bring(ctx context.Context) error {
	err := f.transfer(ctx, f.numbers)
	if err == nil || !ofContent(err) || ctx.Err() != nil {
		return err
	}
	if err := f.transfer(ctx, nil); err != nil { // the base alone: nothing goes without
		return err
	}
	for _, n := range f.numbers {
		if err := f.bringOne(ctx, n); err != nil {
			return err
		}
	}
	return nil
}

// bringOne transfers one pull request, without the test merge when it is that which is refused. Whatever it is about the
// head is kept as the error of this one.
func (f *pullFetch) bringOne(ctx context.Context, n int) error {
	err := f.transfer(ctx, []int{n})
	if merge := f.found[n].merge; err != nil && ofContent(err) && !merge.IsZero() {
		f.store.refused.put(merge, err)
		err = f.transfer(ctx, []int{n})
	}
	if err == nil || !ofContent(err) || ctx.Err() != nil {
		return err
	}
	f.errs[n] = err
	f.store.refused.put(f.found[n].head, err)
	return nil
}

// ofContent reports whether a fetch failed because of what the commits are.
func ofContent(err error) bool {
	_, limit := errors.AsType[*LimitError](err)
	return limit || isUnusable(err)
}

// transfer brings the base and some pull requests, as far as no ref names them.
func (f *pullFetch) transfer(ctx context.Context, numbers []int) error {
	wanted := f.wanted(numbers)
	dial := func() (*conversation, error) { return f.dial(wanted) }
	first, err := dial()
	if err != nil {
		return err
	}
	if len(first.tips) == 0 {
		return first.end(ctx)
	}
	_, _, err = f.store.bring(ctx, f.own, first, dial)
	return errors.Join(err, first.end(ctx))
}

// wanted notes where a server has the pull requests, and wants what is not here.
func (f *pullFetch) wanted(numbers []int) choice {
	return func(refs map[string]plumbing.Hash) ([]plumbing.Hash, error) {
		base, ok := refs[f.full]
		if !ok {
			return nil, branchGone(f.remote, refs)
		}
		want := map[plumbing.Hash]bool{base: true}
		defer func() {
			for h := range want {
				f.held = append(f.held, f.store.objects.pins.hold(h))
			}
		}()
		for _, n := range numbers {
			found := pullRefs{base: base, head: refs[pullRef(n, "head")], merge: refs[pullRef(n, "merge")]}
			if f.store.refused.get(found.merge) != nil {
				found.merge = plumbing.ZeroHash
			}
			f.found[n] = found
			delete(f.errs, n)
			one := f.remote
			one.Branch = pullRef(n, "head")
			if found.head.IsZero() {
				f.errs[n] = branchGone(one, refs)
				continue
			}
			if err := f.store.refused.get(found.head); err != nil {
				f.errs[n] = err
				continue
			}
			want[found.head] = true
			if c, err := f.store.objects.commit(found.merge); !found.merge.IsZero() && (err != nil || merges(c.ParentHashes, found)) {
				want[found.merge] = true
			}
		}
		here := map[plumbing.Hash]bool{}
		for name, h := range f.all {
			here[h] = here[h] || !isPrevious(name) && !f.store.objects.damaged.Load()
		}
		var tips []plumbing.Hash
		for _, h := range slices.SortedFunc(maps.Keys(want), compareHashes) {
			if !here[h] {
				tips = append(tips, h)
			}
		}
		return tips, nil
	}
}

// merges reports whether a commit with these parents is the merge of a head into a base.
func merges(parents []plumbing.Hash, of pullRefs) bool {
	return slices.Equal(parents, []plumbing.Hash{of.base, of.head})
}

// testMerge returns the forge's merge of exactly the base and the head of a pull request; zero when there is none.
func (f *pullFetch) testMerge(of pullRefs) plumbing.Hash {
	if of.merge.IsZero() {
		return plumbing.ZeroHash
	}
	c, err := f.store.objects.commit(of.merge)
	if err != nil || !merges(c.ParentHashes, of) {
		return plumbing.ZeroHash
	}
	return of.merge
}

// bringBases makes sure that the merge bases of those pull requests that have no test merge can be read.
func (f *pullFetch) bringBases(ctx context.Context) error {
	missing := map[plumbing.Hash][]int{} // with the pull requests that need it
	for _, n := range f.numbers {
		of := f.found[n]
		if f.errs[n] != nil || !f.testMerge(of).IsZero() {
			continue
		}
		bases, err := f.store.mergeBases(ctx, []plumbing.Hash{of.base}, of.head)
		if err != nil {
			if f.errs[n] = f.store.historyError(err); ctx.Err() != nil {
				return err
			}
			continue
		}
		for _, h := range bases {
			f.held = append(f.held, f.store.objects.pins.hold(h))
			if err := f.store.objects.completeCommit(ctx, h); isMissing(err) {
				missing[h] = append(missing[h], n)
			} else if err != nil {
				f.errs[n] = err
			}
		}
	}
	if len(missing) == 0 {
		return nil
	}
	commits := slices.SortedFunc(maps.Keys(missing), compareHashes)
	err := f.store.bringContent(ctx, commits, f.full, f.dial)
	if err == nil || !ofContent(err) {
		return err
	}
	for _, h := range commits {
		err := f.store.bringContent(ctx, []plumbing.Hash{h}, f.full, f.dial)
		if err != nil && !ofContent(err) {
			return err
		}
		for _, n := range missing[h] {
			f.errs[n] = errors.Join(f.errs[n], err)
		}
	}
	return nil
}

// bringContent brings the content of ancestors of a branch, of which the store has collected all but the commits. Servers
// need not send a commit that is not the tip of something; from one that does not, everything is fetched again.
func (s *Store) bringContent(ctx context.Context, commits []plumbing.Hash, full string, dial func(choice) (*conversation, error)) error {
	var tip plumbing.Hash
	talk, err := dial(func(refs map[string]plumbing.Hash) ([]plumbing.Hash, error) {
		tip = refs[full]
		return commits, nil
	})
	if err != nil {
		return err
	}
	if caps := talk.adv.Capabilities; talk.shallow() && caps.Supports(capability.AllowReachableSHA1InWant) {
		return errors.Join(s.extendByTips(ctx, talk), talk.end(ctx))
	}
	talk.tips = []plumbing.Hash{tip}
	return errors.Join(s.repair(ctx, talk), talk.end(ctx))
}

// baseRef is the ref that keeps the content of a merge base; there may be several.
func (t *Track) baseRef(i int) string {
	return path.Join(t.refs, fetchedName, fmt.Sprintf("merge-base-%d", i))
}

// settle moves the refs of a pull request to what was brought.
func (f *pullFetch) settle(ctx context.Context, n int) (PullHead, error) {
	s, t, of := f.store, f.tracks[n], f.found[n]
	merge := f.testMerge(of)
	var bases []plumbing.Hash
	var err error
	if merge.IsZero() {
		if bases, err = s.mergeBases(ctx, []plumbing.Hash{of.base}, of.head); err != nil {
			return PullHead{}, s.historyError(err)
		}
	}
	refs := map[string]plumbing.Hash{t.headRef(f.full): of.base, t.headRef(pullRef(n, "merge")): merge}
	for i := range maxBases {
		refs[t.baseRef(i)] = plumbing.ZeroHash
		if i < len(bases) {
			refs[t.baseRef(i)] = bases[i]
		}
	}
	for name, h := range refs {
		switch before, known := f.all[name]; {
		case h.IsZero() && known:
			err = s.removeRef(name)
		case h != before:
			err = s.moveRef(name, h)
		}
		if err != nil {
			return PullHead{}, err
		}
	}
	full := pullRef(n, "head")
	pull := PullHead{Base: of.base.String()}
	if !merge.IsZero() {
		pull.TestMerge = merge.String()
	}
	pull.Head, err = t.advance(ctx, full, of.head, f.all[t.headRef(full)], f.repaired)
	return pull, err
}
