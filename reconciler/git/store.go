// SPDX-License-Identifier: Apache-2.0

package git

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/go-git/go-billy/v5/osfs"
	gogit "github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/cache"
	"github.com/go-git/go-git/v5/storage/filesystem"

	"trunkline.dev/trunkline/reconciler/durable"
)

// Store is a bare object store on disk: what was fetched, and for each [Track] its heads and the commit accepted last. It
// is a cache of the remotes; losing it costs a fetch. One process uses it at a time. All methods are safe for concurrent
// use.
type Store struct {
	dir       string
	limits    Limits
	objects   *objects
	recovered error

	// turns has fetches of one track wait for each other.
	turns turns
	// gate is shared by what relies on the objects that are there without a pin, and had alone by what removes some.
	gate gate
	// refused are heads of pull requests that were not taken.
	refused refusals
	// recalled is what commits were made of that may be lost.
	recalled recollection
	// step is called between the steps that change what is on disk; tests stop the process there.
	step func(name string)
}

// marker is the file that marks a folder as ours to throw away.
const marker = "trunkline-store"

// Open opens the store in dir and creates it when it is absent. A store that is damaged or was half
// written is thrown away and created again, empty; Recovered then says what was wrong. A folder that
// holds anything else is refused, not emptied.
func Open(dir string, opts ...Option) (*Store, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("opening object store %q: %w", dir, err)
	}
	s := &Store{dir: dir, limits: limitsOf(opts), gate: newGate(), step: func(string) {}}
	fresh, err := s.claim()
	if err != nil {
		return nil, fmt.Errorf("opening object store %q: %w", dir, err)
	}
	if !fresh {
		s.recovered = s.check()
		if s.recovered == nil {
			return s, nil
		}
		s.recovered = fmt.Errorf("object store %q was damaged and is created again: %w", dir, s.recovered)
	}
	if err := s.create(); err != nil {
		return nil, fmt.Errorf("creating object store %q: %w", dir, err)
	}
	return s, nil
}

// Recovered returns why the store was thrown away and created again when it was opened; nil when it was sound.
func (s *Store) Recovered() error { return s.recovered }

// Close closes the files the store holds open. Trees that were opened from it stop working.
func (s *Store) Close() error {
	s.objects.mu.Lock()
	defer s.objects.mu.Unlock()
	if err := s.objects.sto.Close(); err != nil {
		return fmt.Errorf("closing object store %q: %w", s.dir, err)
	}
	return nil
}

// claim makes sure that dir is ours, and reports whether it is still empty.
func (s *Store) claim() (fresh bool, err error) {
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return false, err
	}
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		return false, err
	}
	var foreign string
	for _, e := range entries {
		switch e.Name() {
		case marker:
			return false, nil
		case "lost+found": // a volume of its own
		default:
			foreign = e.Name()
		}
	}
	if foreign != "" {
		return false, fmt.Errorf("the folder holds %q and is not an object store; choose an empty folder", foreign)
	}
	return true, os.WriteFile(filepath.Join(s.dir, marker),
		[]byte("Objects fetched by Trunkline. Safe to delete while it is not running.\n"), 0o600)
}

// create empties the folder and starts a bare repository in it.
func (s *Store) create() error {
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.Name() == marker || e.Name() == "lost+found" {
			continue
		}
		if err := os.RemoveAll(filepath.Join(s.dir, e.Name())); err != nil {
			return err
		}
	}
	if _, err := gogit.Init(s.storage(), nil); err != nil {
		return err
	}
	if err := os.MkdirAll(s.packDir(), 0o700); err != nil {
		return err
	}
	s.objects = newObjects(s.limits, s.storage)
	return nil
}

func (s *Store) storage() *filesystem.Storage { return s.storageIn(s.dir) }

func (s *Store) storageIn(dir string) *filesystem.Storage {
	return filesystem.NewStorageWithOptions(osfs.New(dir), cache.NewObjectLRU(objectCacheBytes),
		filesystem.Options{KeepDescriptors: true, LargeObjectThreshold: s.limits.MaxFile})
}

func (s *Store) packDir() string { return filepath.Join(s.dir, "objects", "pack") }

// stagingDir is where packs are looked over, or written, before they count.
func (s *Store) stagingDir() string { return filepath.Join(s.dir, "staging") }

// stage makes an empty folder with the layout of a repository.
func (s *Store) stage() (packs string, err error) {
	packs = filepath.Join(s.stagingDir(), "objects", "pack")
	if err := errors.Join(os.RemoveAll(s.stagingDir()), durable.MakeFolder(packs, 0o700)); err != nil {
		return "", fmt.Errorf("making room for new packs: %w", err)
	}
	return packs, nil
}

// check looks for what an interrupted write or a full disk leaves behind. It does not read every object:
// damage inside one is met when it is read, and repaired by the next fetch.
func (s *Store) check() error {
	for _, name := range []string{"HEAD", "config", "objects", "refs"} {
		if _, err := os.Stat(filepath.Join(s.dir, name)); err != nil {
			return err
		}
	}
	if err := errors.Join(os.RemoveAll(s.stagingDir()), s.sweepPacks()); err != nil {
		return err
	}
	s.objects = newObjects(s.limits, s.storage)
	refs, err := s.refs()
	if err != nil {
		return err
	}
	for name, h := range refs {
		c, err := s.objects.commit(h)
		if err == nil {
			_, err = s.objects.folder(c.TreeHash)
		}
		if err != nil && isPrevious(name) {
			err = s.removeRef(name) // nothing depends on it
		}
		if err != nil {
			return fmt.Errorf("ref %s: %w", name, err)
		}
	}
	return nil
}

// Tree returns the content of a commit that was fetched, given by its full hash. What the tree needs stays in the store as
// long as the tree, or one that was made from it, is referenced.
func (s *Store) Tree(ctx context.Context, commit string) (*Tree, error) {
	h, err := parseHash(commit)
	if err != nil {
		return nil, err
	}
	if err := s.remake(ctx, h); err != nil {
		return nil, fmt.Errorf("making commit %s again: %w", h, err)
	}
	return openTree(ctx, s.objects, h)
}

// IsHash reports whether a text is the full hash of a commit, as Git writes it.
func IsHash(s string) bool {
	h, err := parseHash(s)
	return err == nil && h.String() == s
}

func parseHash(s string) (plumbing.Hash, error) {
	raw, err := hex.DecodeString(s)
	if err != nil || len(raw) != len(plumbing.Hash{}) {
		return plumbing.Hash{}, fmt.Errorf("commit %q: %w", printable(s, 80), errNotHash)
	}
	return plumbing.Hash(raw), nil
}

var errNotHash = errors.New("not a full hash of 40 hexadecimal digits")
