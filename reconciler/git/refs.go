// SPDX-License-Identifier: Apache-2.0

package git

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"github.com/go-git/go-git/v5/plumbing"

	"trunkline.dev/trunkline/reconciler/durable"
)

// The store's refs are written here, by renaming and syncing, rather than through go-git, which writes them in place:
// a daemon that is killed at any moment, or a machine that loses its power, finds the old value or the new one.
const refsDir = "refs/trunkline"

// escapedRef is a ref as one path element, so that a branch "a" and, after it is gone, a branch "a/b" never want a file
// and a folder of the same name.
func escapedRef(full string) string {
	// "." is escaped as well: no ref may end in ".lock".
	name := strings.ReplaceAll(url.PathEscape(full), ".", "%2E")
	if len(name) > 200 { // a file name has at most 255 bytes
		name = fmt.Sprintf("%s-%x", name[:150], sha256.Sum256([]byte(full)))
	}
	return name
}

func (s *Store) refFile(name string) string { return filepath.Join(s.dir, filepath.FromSlash(name)) }

func (s *Store) readRef(name string) (plumbing.Hash, bool, error) {
	raw, err := os.ReadFile(s.refFile(name))
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, errNotDir) {
		return plumbing.Hash{}, false, nil
	}
	if err != nil {
		return plumbing.Hash{}, false, fmt.Errorf("reading ref %s: %w", name, err)
	}
	h, err := parseHash(strings.TrimSuffix(string(raw), "\n"))
	if err != nil {
		return plumbing.Hash{}, false, fmt.Errorf("reading ref %s: %w", name, err)
	}
	return h, true, nil
}

// writeRef makes a ref durable before it returns. One that holds the commit already is not written, so that a full disk
// does not keep a daemon from what it has recorded before.
func (s *Store) writeRef(name string, h plumbing.Hash) error {
	if now, ok, err := s.readRef(name); err == nil && ok && now == h {
		return durable.SyncFolder(filepath.Dir(s.refFile(name))) // the write before may have failed at just that
	}
	return s.replaceRef(name, h, durable.Write)
}

// moveRef writes a ref that may be the old one after a power failure: one fetch more, and it is where it was.
func (s *Store) moveRef(name string, h plumbing.Hash) error {
	return s.replaceRef(name, h, durable.Replace)
}

func (s *Store) replaceRef(name string, h plumbing.Hash, write func(file string, data []byte, pattern string) error) error {
	file := s.refFile(name)
	err := durable.MakeFolder(filepath.Dir(file), 0o700)
	if err == nil {
		err = write(file, []byte(h.String()+"\n"), filepath.Join(s.packDir(), tmpPrefix+"ref_*"))
	}
	if err != nil {
		return fmt.Errorf("writing ref %s: %w", name, err)
	}
	return nil
}

func (s *Store) removeRef(name string) error {
	if err := durable.Remove(s.refFile(name)); err != nil {
		return fmt.Errorf("removing ref %s: %w", name, err)
	}
	return nil
}

// refs returns all refs of the store, those of every track.
func (s *Store) refs() (map[string]plumbing.Hash, error) { return s.refsBelow(refsDir) }

func (s *Store) refsBelow(dir string) (map[string]plumbing.Hash, error) {
	refs := map[string]plumbing.Hash{}
	err := filepath.WalkDir(s.refFile(dir), func(file string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || !utf8.ValidString(e.Name()) {
			return err
		}
		below, err := filepath.Rel(s.refFile(dir), file)
		if err != nil {
			return err
		}
		name := path.Join(dir, filepath.ToSlash(below))
		h, ok, err := s.readRef(name)
		if ok {
			refs[name] = h
		}
		return err
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("listing the refs: %w", err)
	}
	return refs, nil
}
