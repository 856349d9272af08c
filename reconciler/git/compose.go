// SPDX-License-Identifier: Apache-2.0

package git

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
)

// ComposeError says why commits cannot be joined: that is a matter of what they hold.
type ComposeError struct {
	// Source is the one at fault; empty for the platform's own repository.
	Source string
	// Place is the path that it is about.
	Place string
	cause error
}

// Class of a composition that cannot be is terminal: other commits are needed.
func (e *ComposeError) Class() Class { return Terminal }

func (e *ComposeError) Error() string { return e.cause.Error() }

func (e *ComposeError) Unwrap() error { return e.cause }

// Compose joins the commits of a composition in one, and returns it: its tree is that of the platform, with the tree of each source
// below [SourcesDir]. It is made of the parts alone. Without sources it is the platform's own commit, of which is checked that it
// leaves the place free.
//
// Errors are a [*ComposeError], a [*LimitError] if all together is too much, a [*CacheError], or of the disk.
func (s *Store) Compose(ctx context.Context, c Composition) (string, error) {
	c = c.sorted()
	if err := c.check(); err != nil {
		return "", fmt.Errorf("joining commits: %w", err)
	}
	ctx, cancel := withTimeout(ctx, mergeTimeout)
	defer cancel()
	commit, err := s.compose(ctx, c)
	if err != nil {
		return "", fmt.Errorf("joining commit %s with those of its sources: %w", c.Platform, s.cacheError(err))
	}
	return commit, nil
}

func (s *Store) compose(ctx context.Context, c Composition) (string, error) {
	platform, err := s.Tree(ctx, c.Platform)
	if err != nil {
		return "", err
	}
	defer runtime.KeepAlive(platform)
	if _, nested, err := s.Composition(c.Platform); err != nil {
		return "", err
	} else if nested {
		return "", &ComposeError{cause: errors.New("the commit joins repositories itself, and only the daemon makes such commits")}
	}
	when, sources := platform.when, &folder{}
	for _, p := range c.Sources {
		tree, err := s.Tree(ctx, p.Commit)
		if err != nil {
			return "", err
		}
		defer runtime.KeepAlive(tree)
		n, err := tree.find("open", rootPath(p.Path), true)
		if err != nil || n.kind != kindFolder {
			if isObjectError(err) {
				return "", err
			}
			return "", &ComposeError{Source: p.Name, Place: p.Path, cause: fmt.Errorf("source %s has no folder %q at commit %s", p.Name, rootPath(p.Path), p.Commit[:8])}
		}
		sources.entries = append(sources.entries, entry{name: p.Name, kind: kindFolder, hash: n.hash})
		if tree.when.After(when) {
			when = tree.when
		}
	}
	m := newMerger(s.objects)
	root, err := s.mount(m, platform, c.Dir, sources)
	if err != nil || len(c.Sources) == 0 {
		return c.Platform, err
	}
	commit := m.join(root, c, when)
	_, err = s.keepMerge(ctx, m, commit)
	return commit.String(), err
}

func rootPath(dir string) string {
	if dir == "" {
		return "."
	}
	return dir
}

// mount returns the root of a platform's tree with the sources in their place, which has to be free.
func (s *Store) mount(m *merger, platform *Tree, dir string, sources *folder) (plumbing.Hash, error) {
	at, err := platform.find("open", rootPath(dir), true)
	if err != nil || at.kind != kindFolder {
		if isObjectError(err) {
			return plumbing.ZeroHash, err
		}
		return plumbing.ZeroHash, &ComposeError{Place: dir, cause: fmt.Errorf("the commit has no folder %q, which holds the platform", rootPath(dir))}
	}
	var steps []string
	if at.path != "." {
		steps = strings.Split(at.path, "/")
	}
	folders := make([]*folder, len(steps)+1)
	hash := platform.root.hash
	for i := range folders {
		if folders[i], err = s.objects.folder(hash); err != nil {
			return plumbing.ZeroHash, err
		}
		if i < len(steps) {
			e, _ := folders[i].find(steps[i]) // the path was just found
			hash = e.hash
		}
	}
	if _, taken := folders[len(steps)].find(SourcesDir); taken {
		return plumbing.ZeroHash, &ComposeError{
			Place: SourcesDir, cause: fmt.Errorf("%q is where the repositories are that the platform includes: its own tree has something there", SourcesDir),
		}
	}
	if len(sources.entries) == 0 {
		return platform.root.hash, nil
	}
	next := entry{name: SourcesDir, kind: kindFolder, hash: m.makeFolder(sources)}
	for i := len(steps); i >= 0; i-- {
		made := &folder{}
		for _, e := range folders[i].entries {
			if e.name != next.name {
				made.entries = append(made.entries, e)
			}
		}
		made.entries = append(made.entries, next)
		next = entry{kind: kindFolder, hash: m.makeFolder(made)}
		if i > 0 {
			next.name = steps[i-1]
		}
	}
	return next.hash, nil
}

// join makes the commit of a composition.
func (m *merger) join(tree plumbing.Hash, c Composition, when time.Time) plumbing.Hash {
	var b strings.Builder
	fmt.Fprintf(&b, "tree %s\n", tree)
	for _, p := range c.parents() {
		fmt.Fprintf(&b, "parent %s\n", p)
	}
	by := fmt.Sprintf("%s <%s> %d +0000", composedName, composedEmail, when.Unix())
	fmt.Fprintf(&b, "author %s\ncommitter %s\n\n%s", by, by, c.message())
	return m.make(plumbing.CommitObject, []byte(b.String()))
}

// Composition returns what a commit is made of, if it joins others: as the store has it, or as [Store.Recall] was told.
func (s *Store) Composition(commit string) (Composition, bool, error) {
	h, err := parseHash(commit)
	if err != nil {
		return Composition{}, false, nil //nolint:nilerr // it is no commit of this store
	}
	c, err := s.objects.commit(h)
	if isMissing(err) {
		parts, ok := s.recalled.get(commit)
		return parts, ok, nil
	}
	if err != nil {
		return Composition{}, false, s.cacheError(err)
	}
	parts, ok := compositionOf(c)
	return parts, ok, nil
}

// Recall tells the store what a commit was made of that it may have lost. The commit is made again of that once it is asked for; what
// turns out to be another one is not.
func (s *Store) Recall(commit string, c Composition) {
	if IsHash(commit) && len(c.Sources) > 0 && c.check() == nil {
		s.recalled.put(commit, c)
	}
}

// remake makes a commit again that the store has lost, if it knows of what. Without that, nothing is done.
func (s *Store) remake(ctx context.Context, h plumbing.Hash) error {
	c, ok := s.recalled.get(h.String())
	if !ok {
		return nil
	}
	if _, err := s.objects.commit(h); !isMissing(err) {
		return err
	}
	made, err := s.compose(ctx, c)
	if err == nil && made != h.String() {
		s.recalled.drop(h.String())
	}
	return err
}

// maxRecalled bounds what is remembered of commits that were lost: a few for each release.
const maxRecalled = 20_000

// recollection is what commits were made of.
type recollection struct {
	mu    sync.Mutex
	parts map[string]Composition
}

func (r *recollection) get(commit string) (Composition, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	c, ok := r.parts[commit]
	return c, ok
}

func (r *recollection) put(commit string, c Composition) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.parts == nil || len(r.parts) >= maxRecalled {
		r.parts = map[string]Composition{}
	}
	r.parts[commit] = c
}

func (r *recollection) drop(commit string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.parts, commit)
}

// crosses reports whether what a link led to is in another part than the link.
func (w walls) crosses(via *LinkError, at node) bool {
	return via != nil && w.part(at.path) != w.part(via.Link)
}
