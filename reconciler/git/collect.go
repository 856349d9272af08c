// SPDX-License-Identifier: Apache-2.0

package git

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/go-git/go-git/v5/plumbing"

	"trunkline.dev/trunkline/reconciler/durable"
)

// Size is what a store takes on disk.
type Size struct {
	Bytes int64
	// Packs and Loose count packs and objects that are a file each.
	Packs, Loose int
}

// Collected is what a collection did.
type Collected struct {
	Before, After Size
	// Objects is how many are in use.
	Objects int
}

const (
	// turnStaging is the turn to use the staging folder; no track is called so.
	turnStaging = "(staging)"
	// maxPacks is how many packs may come together: every look-up asks each.
	maxPacks = 50
	// slack is how many bytes may be out of use however small the rest is.
	slack = 16 << 20
	// aloneTimeout bounds the wait for fetches that are under way, since new ones wait behind.
	aloneTimeout = 30 * time.Second
	// recentCommits are kept of each line: what was accepted a moment ago is still being applied, and reverts go back to it.
	recentCommits = 20
	// maxPasses bounds how often a collection looks again because trees were opened meanwhile.
	maxPasses = 10
)

var errBusy = errors.New("trees are opened faster than they can be kept")

// Collect rewrites the store so that it holds what is in use and nothing else: every commit that a track's head or accepted
// commit descends from, and the content of the heads and accepted commits with the newest before them, of the trees that are
// open, and of the given commits, which are whatever else may be asked for with [Store.Tree] later. Older content is dropped. If it comes back with a new head,
// the fetch brings it again.
//
// The store can be read and fetched into all the while. A collection that ends early, whatever the reason, changes
// nothing; a process that dies leaves the old packs, the new ones or both, which are all sound.
func (s *Store) Collect(ctx context.Context, keep []string) (Collected, error) {
	done, err := s.turns.wait(ctx, turnStaging)
	if err != nil {
		return Collected{}, fmt.Errorf("collecting object store %q: %w", s.dir, err)
	}
	defer done()
	result, err := s.collect(ctx, keep)
	if err != nil {
		return Collected{}, fmt.Errorf("collecting object store %q: %w", s.dir, s.cacheError(err))
	}
	return result, nil
}

func (s *Store) collect(ctx context.Context, keep []string) (result Collected, err error) {
	if result.Before, err = s.Size(); err != nil {
		return result, err
	}
	packs, err := s.stage()
	if err != nil {
		return result, err
	}
	defer func() { _ = os.RemoveAll(s.stagingDir()) }() // the next one to stage does it too
	set := newLive(s.objects)
	// Most of it is copied while others fetch, and what they bring meanwhile once they wait.
	names, _, err := s.copyLive(ctx, set, keep, packs)
	if err != nil {
		return result, err
	}
	bounded, cancel := context.WithTimeout(ctx, aloneTimeout)
	defer cancel()
	release, err := s.gate.alone(bounded)
	if err != nil {
		return result, fmt.Errorf("waiting for fetches to end: %w", err)
	}
	defer release()
	for range maxPasses {
		more, version, err := s.copyLive(ctx, set, keep, packs)
		if err != nil {
			return result, err
		}
		names = append(names, more...)
		replaced, err := s.objects.pins.unless(version, func() error { return s.replace(packs, names) })
		if err != nil {
			return result, err
		}
		if replaced {
			result.Objects = len(set.found)
			result.After, err = s.Size()
			return result, errors.Join(err, s.rememberSize(result.After))
		}
	}
	return result, errBusy
}

// copyLive finds what is in use and copies what of it was not copied before.
func (s *Store) copyLive(ctx context.Context, set *live, keep []string, packs string) (names []string, version int, err error) {
	refs, err := s.refs()
	if err != nil {
		return nil, 0, err
	}
	pinned, version := s.objects.pins.held()
	strict, lenient := pinned, []plumbing.Hash(nil)
	for name, h := range refs {
		if !isPrevious(name) {
			strict = append(strict, h)
		}
		line, err := set.recent(h)
		if err != nil {
			return nil, 0, err
		}
		lenient = append(lenient, line...)
	}
	for _, commit := range keep {
		if h, err := parseHash(commit); err == nil { // what is no commit holds nothing
			lenient = append(lenient, h)
		}
	}
	if err := set.history(ctx, slices.Concat(strict, lenient)); err != nil {
		return nil, 0, err
	}
	for _, h := range strict {
		if err := set.content(ctx, h); err != nil && (!isMissing(err) || !slices.Contains(pinned, h)) { // opening it failed
			return nil, 0, err
		}
	}
	for _, h := range lenient {
		if err := set.content(ctx, h); err != nil && !isMissing(err) {
			return nil, 0, err
		}
	}
	s.step("copy")
	name, err := set.copyFresh(ctx, packs)
	if err == nil && name != "" {
		names = append(names, name)
	}
	return names, version, err
}

// isPrevious reports whether a ref is that of a head before the last one, which may be lost.
func isPrevious(ref string) bool {
	return filepath.Base(filepath.Dir(filepath.FromSlash(ref))) == previousName
}

// replace puts new packs into the place of everything else.
func (s *Store) replace(from string, names []string) error {
	old, err := s.packNames()
	if err != nil {
		return err
	}
	for _, name := range names {
		delete(old, name) // the very same objects: the new pack takes the old one's place
	}
	return s.objects.swap(func() error {
		if err := s.publish(from, names); err != nil {
			return err
		}
		for name := range maps.Keys(old) {
			s.step("remove " + name)
			if err := removePacks(s.packDir(), []string{name}); err != nil {
				return err
			}
		}
		s.step("remove loose objects")
		return s.removeLoose()
	})
}

// removeLoose removes the folders of loose objects.
func (s *Store) removeLoose() error {
	dirs, err := filepath.Glob(filepath.Join(s.dir, "objects", "[0-9a-f][0-9a-f]"))
	if err != nil {
		return err
	}
	for _, dir := range dirs {
		if err := os.RemoveAll(dir); err != nil {
			return fmt.Errorf("removing loose objects: %w", err)
		}
	}
	return durable.SyncFolder(filepath.Join(s.dir, "objects"))
}

// Size measures the store.
func (s *Store) Size() (Size, error) {
	var size Size
	err := filepath.WalkDir(s.dir, func(file string, e fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // a fetch that ended
		}
		if err != nil || e.IsDir() {
			return err
		}
		info, err := e.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		size.Bytes += info.Size()
		if filepath.Ext(file) == ".pack" {
			size.Packs++
		}
		return nil
	})
	if err == nil {
		err = s.looseObjects(func(string, plumbing.Hash) error { size.Loose++; return nil })
	}
	if err != nil {
		return Size{}, fmt.Errorf("measuring object store %q: %w", s.dir, err)
	}
	return size, nil
}

// sizeFile holds how large the store was after the last collection.
const sizeFile = "trunkline-collected"

func (s *Store) rememberSize(size Size) error {
	return durable.Write(filepath.Join(s.dir, sizeFile), fmt.Appendln(nil, size.Bytes), filepath.Join(s.packDir(), tmpPrefix+"size_*"))
}

// Grown reports whether a collection is worth its cost: there are many packs or loose objects, or most of the store may be
// out of use.
func (s *Store) Grown() (bool, error) {
	size, err := s.Size()
	if err != nil {
		return false, err
	}
	var after int64
	text, err := os.ReadFile(filepath.Join(s.dir, sizeFile))
	if err == nil {
		_, err = fmt.Sscan(strings.TrimSpace(string(text)), &after)
	}
	if err != nil {
		after = 0 // never, or not known any more
	}
	return size.Packs > maxPacks || size.Loose > maxPacks || size.Bytes > 2*after+slack, nil
}
