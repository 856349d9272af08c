// SPDX-License-Identifier: Apache-2.0

package git

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/capability"
	"github.com/go-git/go-git/v5/plumbing/transport"
)

// conversation is a session in which the server has said where its branches are.
type conversation struct {
	session
	adv *packp.AdvRefs
	// tips are the commits that are wanted of it.
	tips []plumbing.Hash
	// tags are the objects of annotated tags, by the commits that they are of: servers send what a ref names, which is the tag.
	tags map[plumbing.Hash]plumbing.Hash
	// alone has nothing said to the server of commits that came from elsewhere.
	alone bool
}

// choice picks the commits that are wanted from what a server has.
type choice func(refs map[string]plumbing.Hash) ([]plumbing.Hash, error)

// branch wants the tip of one branch.
func branch(r Remote, full string) choice {
	return func(refs map[string]plumbing.Hash) ([]plumbing.Hash, error) {
		tip, ok := refs[full]
		if !ok {
			return nil, branchGone(r, refs)
		}
		return []plumbing.Hash{tip}, nil
	}
}

func (s *Store) dial(ctx context.Context, r Remote, loc location, wanted choice) (*conversation, error) {
	return dial(ctx, r, loc, s.limits, wanted)
}

// dial begins a conversation about what is wanted.
func dial(ctx context.Context, r Remote, loc location, lim Limits, wanted choice) (*conversation, error) {
	sess, err := openSession(ctx, loc, r.Auth, lim)
	if err != nil {
		return nil, err
	}
	talk := &conversation{session: sess}
	if talk.adv, err = sess.AdvertisedReferencesContext(ctx); err == nil {
		talk.tips, err = wanted(talk.commits())
	} else if errors.Is(err, transport.ErrEmptyRemoteRepository) {
		err = branchGone(r, nil)
	}
	if err != nil {
		_ = sess.Close()
		return nil, err
	}
	return talk, nil
}

// commits returns the refs of the server, with the commits of annotated tags in their place.
func (c *conversation) commits() map[string]plumbing.Hash {
	if len(c.adv.Peeled) == 0 {
		return c.adv.References
	}
	refs := maps.Clone(c.adv.References)
	c.tags = map[plumbing.Hash]plumbing.Hash{}
	for name, commit := range c.adv.Peeled {
		c.tags[commit] = refs[name]
		refs[name] = commit
	}
	for _, commit := range c.adv.References {
		delete(c.tags, commit) // a ref names the commit itself
	}
	return refs
}

// end closes the session. What was read stands, whatever the other side has to say; only a cancelled conversation is an
// error.
func (c *conversation) end(ctx context.Context) error {
	if err := c.Close(); ctx.Err() != nil {
		return err
	}
	return nil
}

// shallow reports whether the server can send a commit without its history.
func (c *conversation) shallow() bool { return c.adv.Capabilities.Supports(capability.Shallow) }

// request asks for the tips.
func (c *conversation) request() (*packp.UploadPackRequest, error) {
	req := packp.NewUploadPackRequestFromCapabilities(c.adv.Capabilities)
	req.Wants = slices.Clone(c.tips)
	if c.adv.Capabilities.Supports(capability.NoProgress) {
		if err := req.Capabilities.Set(capability.NoProgress); err != nil {
			return nil, fmt.Errorf("asking for silence: %w", err)
		}
	}
	return req, nil
}

// extend brings what is new since the commits that are here, and returns the packs it has added, also when they do not
// make the tips complete. Of the refs that are given, more is said to the server than of others.
func (s *Store) extend(ctx context.Context, own map[string]plumbing.Hash, talk *conversation) (added []string, err error) {
	release, err := s.gate.share(ctx)
	if err != nil {
		return nil, err
	}
	defer release()
	req, err := talk.request()
	if err != nil {
		return nil, err
	}
	if req.Haves, err = s.haves(ctx, own, talk.alone); err != nil {
		return nil, err
	}
	// The others came before, with another branch or a former head.
	req.Wants = slices.DeleteFunc(req.Wants, func(h plumbing.Hash) bool { return slices.Contains(req.Haves, h) })
	if len(req.Wants) > 0 {
		if added, err = s.transfer(ctx, talk, req, s.packDir()); err != nil {
			return nil, err
		}
		s.learn(added)
	}
	return s.kept(added, s.completeAll(ctx, talk.tips))
}

// completeAll is completeCommit of several commits.
func (s *Store) completeAll(ctx context.Context, commits []plumbing.Hash) error {
	for _, h := range commits {
		if err := s.objects.completeCommit(ctx, h); isMalformed(err) {
			return &unusableError{h, err}
		} else if err != nil {
			return err
		}
	}
	return nil
}

// extendByTips brings the content of those tips that are not complete, whether it is here or not, and nothing of their
// history.
func (s *Store) extendByTips(ctx context.Context, talk *conversation) error {
	release, err := s.gate.share(ctx)
	if err != nil {
		return err
	}
	defer release()
	req, err := talk.request()
	if err != nil {
		return err
	}
	req.Wants = slices.DeleteFunc(req.Wants, func(h plumbing.Hash) bool { return s.objects.completeCommit(ctx, h) == nil })
	if len(req.Wants) == 0 {
		return nil
	}
	req.Depth = packp.DepthCommits(1)
	if err := req.Capabilities.Set(capability.Shallow); err != nil {
		return fmt.Errorf("asking for single commits: %w", err)
	}
	added, err := s.transfer(ctx, talk, req, s.packDir())
	if err != nil {
		return err
	}
	s.learn(added)
	if err := s.completeAll(ctx, talk.tips); err != nil {
		return errors.Join(err, s.dropPacks(added))
	}
	return nil
}

func (s *Store) learn(packs []string) {
	for _, name := range packs {
		s.objects.learn(filepath.Join(s.packDir(), name+".pack"))
	}
}

// kept drops packs again unless what is missing may be completed: a pack that does not hold what was asked for is not
// kept, or a server could fill the disk with them.
func (s *Store) kept(added []string, err error) ([]string, error) {
	if err == nil || isObjectError(err) {
		return added, err
	}
	return nil, errors.Join(err, s.dropPacks(added))
}

// transfer asks for a pack, and returns its name in the folder; none if there was nothing in it.
func (s *Store) transfer(ctx context.Context, talk *conversation, req *packp.UploadPackRequest, into string) (names []string, err error) {
	for i, commit := range req.Wants {
		if tag, ok := talk.tags[commit]; ok {
			req.Wants[i] = tag
		}
	}
	res, err := talk.UploadPack(ctx, req)
	if errors.Is(err, transport.ErrEmptyUploadPackRequest) {
		return nil, fmt.Errorf("%w: it is empty", errBadPack)
	}
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, ignoreEOF(res.Close())) }()
	name, err := s.receive(ctx, unwrapSideband(req.Capabilities, res), into)
	if err != nil || name == "" {
		return nil, err
	}
	return []string{name}, nil
}

func ignoreEOF(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, os.ErrClosed) {
		return nil
	}
	return err
}

const (
	// maxHaves bounds what is listed for the server of what is here already.
	maxHaves = 256
	// maxOwnHaves leaves some room for other tracks: a pull request begins at a commit of the trunk.
	maxOwnHaves = 192
)

// haves returns commits that are in the store: some refs and the newest of their ancestors, so that a branch that was moved
// back or rewritten is fetched from where it forked, then those of all other refs, unless the server is alone to know its own.
// What is of other repositories is nothing that a server has or should hear of.
func (s *Store) haves(ctx context.Context, own map[string]plumbing.Hash, alone bool) ([]plumbing.Hash, error) {
	all, err := s.refs()
	if err != nil {
		return nil, err
	}
	if alone {
		all = nil
	}
	for _, refs := range []map[string]plumbing.Hash{own, all} {
		if err := s.ofOneRepository(refs, alone); err != nil {
			return nil, err
		}
	}
	queue := newDateQueue(s.objects)
	var haves []plumbing.Hash
	for _, part := range []struct {
		refs map[string]plumbing.Hash
		max  int
	}{{own, maxOwnHaves}, {all, maxHaves}} {
		for _, h := range sortedHashes(part.refs) {
			if err := queue.add(h); err != nil && !isMissing(err) {
				return nil, err
			}
		}
		for len(haves) < part.max {
			c, ok := queue.pop()
			if !ok {
				break
			}
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			haves = append(haves, c.hash)
			for _, p := range c.parents {
				if err := queue.add(p); err != nil && !isMissing(err) {
					return nil, err
				}
			}
		}
	}
	return haves, nil
}

// ofOneRepository takes what is of sources out of refs, unless they are those of one, and has a commit that joins repositories count as
// the platform's.
func (s *Store) ofOneRepository(refs map[string]plumbing.Hash, source bool) error {
	for name, h := range refs {
		if !source && strings.HasPrefix(name, path.Join(tracksDir, sourceTracks)+"/") {
			delete(refs, name)
			continue
		}
		c, err := s.objects.commit(h)
		if isMissing(err) {
			continue
		}
		if err != nil {
			return err
		}
		if parts, ok := compositionOf(c); ok {
			refs[name] = plumbing.NewHash(parts.Platform)
		}
	}
	return nil
}
