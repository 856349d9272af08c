// SPDX-License-Identifier: Apache-2.0

package git

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"

	"trunkline.dev/trunkline/reconciler/durable"
)

// Trunk is the name of the track that the platform itself follows.
const Trunk = "main"

// Track is a line of commits that is followed: the trunk, a pull request, a branch of another repository. Any number
// share one store, and each has heads and an accepted commit of its own. All methods are safe for concurrent use.
type Track struct {
	store *Store
	name  string
	// refs is the folder of its refs.
	refs string
}

// tracksDir holds the tracks other than the trunk, whose refs lie beside it: stores of before there were tracks have them
// there.
const tracksDir = refsDir + "/tracks"

// The files and folders in a track's folder; no part of a track's name may be one of them.
const (
	acceptedName = "accepted"
	fetchedName  = "fetched"  // a ref per branch
	previousName = "previous" // a ref per branch: the head before the one in fetchedName
)

var trackName = regexp.MustCompile(`^[a-z0-9]([a-z0-9._-]*[a-z0-9_-])?(/[a-z0-9]([a-z0-9._-]*[a-z0-9_-])?)*$`)

// Track returns a track by its name, such as "pr/7": lower-case words of letters, digits, ".", "_" and "-", with slashes
// between. It need not exist: it does from its first fetch on.
func (s *Store) Track(name string) (*Track, error) {
	because := ""
	switch {
	case len(name) > 100:
		because = "it is longer than 100 bytes"
	case !trackName.MatchString(name):
		because = `it is not of lower-case words of a-z, 0-9, ".", "_" and "-" with slashes between`
	case strings.Contains(name, "..") || strings.Contains(name, ".lock"):
		because = `it holds ".." or ".lock"`
	}
	for part := range strings.SplitSeq(name, "/") {
		if slices.Contains([]string{acceptedName, fetchedName, previousName}, part) {
			because = fmt.Sprintf("%q names something else", part)
		}
	}
	if because != "" {
		return nil, &RefusedError{What: "track", Value: printable(name, 100), Because: because}
	}
	t := &Track{store: s, name: name, refs: path.Join(tracksDir, name)}
	if name == Trunk {
		t.refs = refsDir
	}
	return t, nil
}

func (s *Store) trunk() *Track { return &Track{store: s, name: Trunk, refs: refsDir} }

// Name returns the name of the track.
func (t *Track) Name() string { return t.name }

func (t *Track) acceptedRef() string { return path.Join(t.refs, acceptedName) }
func (t *Track) headRef(branch string) string {
	return path.Join(t.refs, fetchedName, escapedRef(branch))
}

func (t *Track) previousRef(branch string) string {
	return path.Join(t.refs, previousName, escapedRef(branch))
}

// Head returns the head of a branch as of the track's last successful fetch of it, this or an earlier process's, with the
// head before that one as Previous; false when it was never fetched. Rewritten is about a fetch and stays unset.
func (t *Track) Head(branch string) (Head, bool, error) {
	full, err := refName(branch)
	if err != nil {
		return Head{}, false, err
	}
	return t.head(full)
}

func (t *Track) head(full string) (Head, bool, error) {
	h, ok, err := t.store.readRef(t.headRef(full))
	if err != nil || !ok {
		return Head{}, false, err
	}
	head, err := t.store.describe(h)
	if err != nil {
		return Head{}, false, t.store.cacheError(err)
	}
	previous, ok, err := t.store.readRef(t.previousRef(full))
	if ok {
		head.Previous = previous.String()
	}
	return head, err == nil, err
}

// Tree returns the content of a commit that was fetched, given by its full hash.
func (t *Track) Tree(ctx context.Context, commit string) (*Tree, error) {
	return t.store.Tree(ctx, commit)
}

// Accepted returns the commit of the track that was accepted last; false when none was. It says what probably runs after
// a restart; what the clusters say is the truth.
func (t *Track) Accepted() (string, bool, error) {
	h, ok, err := t.store.readRef(t.acceptedRef())
	if err != nil || !ok {
		return "", false, err
	}
	return h.String(), true, nil
}

// SetAccepted records the commit that was accepted last. The commit must be in the store. When it returns without an
// error, the record survives a crash and a power failure.
func (t *Track) SetAccepted(commit string) error {
	h, err := parseHash(commit)
	if err == nil {
		_, err = t.store.objects.commit(h)
	}
	if err == nil {
		err = t.store.writeRef(t.acceptedRef(), h)
	}
	if err != nil {
		return fmt.Errorf("recording the accepted commit of track %s: %w", t.name, err)
	}
	return nil
}

// Remove forgets the track. What it alone had in the store is collected some time later. The trunk stays.
func (t *Track) Remove() error {
	if t.name == Trunk {
		return errors.New("removing track main: the trunk is always followed")
	}
	files := []string{t.store.refFile(t.acceptedRef())}
	for _, sub := range []string{fetchedName, previousName} {
		refs, err := t.store.refsBelow(path.Join(t.refs, sub))
		if err != nil {
			return fmt.Errorf("removing track %s: %w", t.name, err)
		}
		for name := range refs {
			files = append(files, t.store.refFile(name))
		}
	}
	if err := durable.Remove(files...); err != nil {
		return fmt.Errorf("removing track %s: %w", t.name, err)
	}
	dir := t.store.refFile(t.refs)
	for _, empty := range []string{filepath.Join(dir, fetchedName), filepath.Join(dir, previousName), dir} {
		_ = os.Remove(empty) // a track below may be in it
	}
	return nil
}

// Tracks lists the tracks that have a head or an accepted commit, sorted.
func (s *Store) Tracks() ([]string, error) {
	refs, err := s.refs()
	if err != nil {
		return nil, err
	}
	names := map[string]bool{}
	for ref := range refs {
		dir := path.Dir(ref)
		if base := path.Base(dir); base == fetchedName || base == previousName {
			dir = path.Dir(dir)
		}
		name, ok := strings.CutPrefix(dir, tracksDir+"/")
		if !ok {
			name = Trunk
		}
		names[name] = true
	}
	sorted := make([]string, 0, len(names))
	for name := range names {
		sorted = append(sorted, name)
	}
	slices.Sort(sorted)
	return sorted, nil
}

// The trunk is the track that most of a store's users mean.

// Fetch is [Track.Fetch] of the trunk.
func (s *Store) Fetch(ctx context.Context, r Remote) (Head, error) { return s.trunk().Fetch(ctx, r) }

// Head is [Track.Head] of the trunk.
func (s *Store) Head(branch string) (Head, bool, error) { return s.trunk().Head(branch) }

// Accepted is [Track.Accepted] of the trunk.
func (s *Store) Accepted() (string, bool, error) { return s.trunk().Accepted() }

// SetAccepted is [Track.SetAccepted] of the trunk.
func (s *Store) SetAccepted(commit string) error { return s.trunk().SetAccepted(commit) }

// Newer is [Store.Newer].
func (t *Track) Newer(ctx context.Context, tip string, commits []string) ([]string, error) {
	return t.store.Newer(ctx, tip, commits)
}

// sortedHashes returns the values of refs.
func sortedHashes(refs map[string]plumbing.Hash) []plumbing.Hash {
	return slices.SortedFunc(maps.Values(refs), compareHashes)
}

func compareHashes(a, b plumbing.Hash) int { return bytes.Compare(a[:], b[:]) }
