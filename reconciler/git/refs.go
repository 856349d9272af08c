package git

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"github.com/go-git/go-git/v5/plumbing"
)

// The store's refs are written here, by renaming, rather than through go-git, which writes them in place:
// a daemon that is killed at any moment finds the old value or the new one.
const (
	acceptedRef = "refs/trunkline/accepted"
	// fetchedRefs holds one ref per fetched branch. The branch is escaped into one path element, so that
	// a branch "a" and, after it went, a branch "a/b" never want a file and a folder of the same name.
	fetchedRefs = "refs/trunkline/fetched"
)

func fetchedRef(full string) string {
	// "." is escaped as well: no ref may end in ".lock".
	name := strings.ReplaceAll(url.PathEscape(full), ".", "%2E")
	if len(name) > 200 { // a file name has at most 255 bytes
		name = fmt.Sprintf("%s-%x", name[:150], sha256.Sum256([]byte(full)))
	}
	return fetchedRefs + "/" + name
}

// Accepted returns the commit that was accepted last; false when none was. It is a convenience after a
// restart (what probably runs), not the truth (what the clusters say).
func (s *Store) Accepted() (string, bool, error) {
	h, ok, err := s.readRef(acceptedRef)
	if err != nil || !ok {
		return "", false, err
	}
	return h.String(), true, nil
}

// SetAccepted records the commit that was accepted last. The commit must be in the store.
func (s *Store) SetAccepted(commit string) error {
	h, err := parseHash(commit)
	if err != nil {
		return fmt.Errorf("recording the accepted commit: %w", err)
	}
	if _, err := s.objects.commit(h); err != nil {
		return fmt.Errorf("recording the accepted commit: %w", err)
	}
	return s.writeRef(acceptedRef, h)
}

func (s *Store) readRef(name string) (plumbing.Hash, bool, error) {
	raw, err := os.ReadFile(filepath.Join(s.dir, filepath.FromSlash(name)))
	if errors.Is(err, fs.ErrNotExist) {
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

func (s *Store) writeRef(name string, h plumbing.Hash) error {
	path := filepath.Join(s.dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("writing ref %s: %w", name, err)
	}
	tmp, err := os.CreateTemp(s.packDir(), tmpPrefix+"ref_")
	if err != nil {
		return fmt.Errorf("writing ref %s: %w", name, err)
	}
	_, err = tmp.WriteString(h.String() + "\n")
	err = errors.Join(err, tmp.Sync(), tmp.Close())
	if err == nil {
		err = os.Rename(tmp.Name(), path)
	}
	if err != nil {
		_ = os.Remove(tmp.Name())
		return fmt.Errorf("writing ref %s: %w", name, err)
	}
	return nil
}

func (s *Store) removeRef(name string) error {
	if err := os.Remove(filepath.Join(s.dir, filepath.FromSlash(name))); err != nil {
		return fmt.Errorf("removing ref %s: %w", name, err)
	}
	return nil
}

// refs returns all refs of the store.
func (s *Store) refs() (map[string]plumbing.Hash, error) {
	refs := map[string]plumbing.Hash{}
	names := []string{acceptedRef}
	entries, err := os.ReadDir(filepath.Join(s.dir, filepath.FromSlash(fetchedRefs)))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("listing the fetched branches: %w", err)
	}
	for _, e := range entries {
		if utf8.ValidString(e.Name()) {
			names = append(names, fetchedRefs+"/"+e.Name())
		}
	}
	for _, name := range names {
		h, ok, err := s.readRef(name)
		if err != nil {
			return nil, err
		}
		if ok {
			refs[name] = h
		}
	}
	return refs, nil
}
