package git

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/capability"
	"github.com/go-git/go-git/v5/plumbing/transport"
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
	// Rewritten says that Previous is not among the ancestors of Commit: somebody pushed with force.
	Rewritten bool
}

// fetchTimeout bounds a fetch whose context has no deadline.
const fetchTimeout = 15 * time.Minute

// Fetch brings a branch's commits into the store and returns its head. When the branch has not moved it
// asks the server for its branches and nothing else.
//
// Errors are a [*RefusedError], a [*BranchGoneError] or a [*FetchError], each with a class. None of them
// changes what [Store.Head] says. Everything the new head needs is in the store before it becomes the head.
func (s *Store) Fetch(ctx context.Context, r Remote) (Head, error) {
	loc, err := parseLocation(r.URL)
	if err != nil {
		return Head{}, err
	}
	full, err := refName(r.Branch)
	if err != nil {
		return Head{}, err
	}
	if err := r.Auth.check(loc); err != nil {
		return Head{}, err
	}
	if _, has := ctx.Deadline(); !has {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, fetchTimeout)
		defer cancel()
	}
	s.fetching.Lock()
	defer s.fetching.Unlock()
	head, err := s.fetch(ctx, r, loc, full)
	if err != nil {
		if _, ok := errors.AsType[*ObjectError](err); ok {
			// Either the server or this store lacks an object. Asking for everything settles it next time.
			s.objects.damaged.Store(true)
		}
		return Head{}, classify(ctx, r, err)
	}
	return head, nil
}

// Head returns the head of a branch as of the last successful fetch, this or an earlier process's; false
// when it was never fetched. Previous and Rewritten are about a fetch and stay empty.
func (s *Store) Head(branch string) (Head, bool, error) {
	full, err := refName(branch)
	if err != nil {
		return Head{}, false, err
	}
	h, ok, err := s.readRef(fetchedRef(full))
	if err != nil || !ok {
		return Head{}, false, err
	}
	head, err := s.describe(h)
	return head, err == nil, err
}

func (s *Store) fetch(ctx context.Context, r Remote, loc location, full string) (head Head, err error) {
	previous, known, err := s.readRef(fetchedRef(full))
	if err != nil {
		return Head{}, err
	}
	sess, err := openSession(ctx, loc, r.Auth, s.limits)
	if err != nil {
		return Head{}, err
	}
	defer func() {
		if cerr := sess.Close(); cerr != nil && err == nil && ctx.Err() != nil {
			err = cerr // the result stands; only a cancelled conversation is an error
		}
	}()
	adv, err := sess.AdvertisedReferencesContext(ctx)
	if err != nil {
		if errors.Is(err, transport.ErrEmptyRemoteRepository) {
			return Head{}, branchGone(r, nil)
		}
		return Head{}, err
	}
	tip, ok := adv.References[full]
	if !ok {
		return Head{}, branchGone(r, adv.References)
	}
	repair := s.objects.damaged.Load()
	if !known || tip != previous || repair {
		if err := s.bring(ctx, sess, adv, tip, repair); err != nil {
			return Head{}, err
		}
	}
	if head, err = s.describe(tip); err != nil {
		return Head{}, err
	}
	if known {
		head.Previous = previous.String()
		descends, err := s.descends(ctx, tip, previous)
		if err != nil && !repair { // a repaired store may have lost the previous head for good
			return Head{}, err
		}
		head.Rewritten = !descends
	}
	if !known || tip != previous {
		if err := s.writeRef(fetchedRef(full), tip); err != nil {
			return Head{}, err
		}
	}
	return head, nil
}

// bring makes sure that everything tip needs is in the store.
func (s *Store) bring(ctx context.Context, sess session, adv *packp.AdvRefs, tip plumbing.Hash, repair bool) error {
	req := packp.NewUploadPackRequestFromCapabilities(adv.Capabilities)
	req.Wants = []plumbing.Hash{tip}
	if adv.Capabilities.Supports(capability.NoProgress) {
		if err := req.Capabilities.Set(capability.NoProgress); err != nil {
			return fmt.Errorf("asking for silence: %w", err)
		}
	}
	if !repair {
		haves, err := s.haves(ctx)
		if err != nil {
			return err
		}
		req.Haves = haves
	}
	before, err := s.packNames()
	if err != nil {
		return err
	}
	// What is reachable from a ref is complete, so a tip among it needs no transfer.
	if !slices.Contains(req.Haves, tip) {
		if err := s.transfer(ctx, sess, req, repair); err != nil {
			return err
		}
	}
	if repair {
		s.objects.forget()
	}
	if err := s.complete(ctx, tip); err != nil {
		// A pack that does not hold what was asked for is not kept, or a server could fill the disk with them.
		return errors.Join(err, s.dropPacks(before))
	}
	if repair {
		return s.finishRepair(before)
	}
	return nil
}

func (s *Store) transfer(ctx context.Context, sess session, req *packp.UploadPackRequest, whole bool) (err error) {
	res, err := sess.UploadPack(ctx, req)
	if errors.Is(err, transport.ErrEmptyUploadPackRequest) {
		return fmt.Errorf("%w: it is empty", errBadPack)
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, ignoreEOF(res.Close())) }()
	return s.receive(ctx, unwrapSideband(req.Capabilities, res), whole)
}

func ignoreEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// complete reads a commit's whole tree (what was not read before) and asks for each of its blobs.
func (s *Store) complete(ctx context.Context, tip plumbing.Hash) error {
	c, err := s.objects.commit(tip)
	if err == nil {
		_, err = s.objects.measure(ctx, c.TreeHash, 1, true)
	}
	if err != nil {
		return fmt.Errorf("the server's commit %s is not usable: %w", tip, err)
	}
	return nil
}

// maxHaves bounds what is told the server about what is here already.
const maxHaves = 256

// haves returns commits the store holds with all they need: its refs and the newest of their ancestors,
// so that a branch that was moved back or rewritten is fetched from where it forked.
func (s *Store) haves(ctx context.Context) ([]plumbing.Hash, error) {
	refs, err := s.refs()
	if err != nil {
		return nil, err
	}
	queue := newDateQueue(s.objects)
	for _, h := range refs {
		if err := queue.add(h); err != nil {
			return nil, err
		}
	}
	var haves []plumbing.Hash
	for len(haves) < maxHaves {
		c, ok := queue.pop()
		if !ok {
			break
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		haves = append(haves, c.hash)
		for _, p := range c.parents {
			if err := queue.add(p); err != nil {
				return nil, err
			}
		}
	}
	return haves, nil
}

// finishRepair drops everything the store held before a full fetch, and the refs that leaves dangling.
func (s *Store) finishRepair(old map[string]bool) error {
	names, err := s.packNames()
	if err != nil {
		return err
	}
	for name := range old {
		delete(names, name)
	}
	if len(names) > 0 { // the very same pack may have come again
		if err := s.dropPacks(names); err != nil {
			return err
		}
	}
	loose, err := filepath.Glob(filepath.Join(s.dir, "objects", "[0-9a-f][0-9a-f]"))
	if err != nil {
		return err
	}
	for _, dir := range loose {
		if err := os.RemoveAll(dir); err != nil {
			return fmt.Errorf("removing damaged objects: %w", err)
		}
	}
	s.objects.reopen()
	refs, err := s.refs()
	if err != nil {
		return err
	}
	for name, h := range refs {
		if _, err := s.objects.commit(h); err != nil {
			if err := s.removeRef(name); err != nil {
				return err
			}
		}
	}
	s.objects.damaged.Store(false)
	return nil
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
