// SPDX-License-Identifier: Apache-2.0

package git

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"github.com/go-git/go-billy/v5/osfs"
	gogit "github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/cache"
	"github.com/go-git/go-git/v5/storage/filesystem"
	"github.com/go-git/go-git/v5/storage/filesystem/dotgit"
)

// OpenTree opens a commit of a repository that is already on disk, for commands that work offline. The path
// may be the repository, bare or not, a linked worktree, or any folder inside; rev is a branch, tag, full
// or short hash, or HEAD, with any number of ~N and ^N. The tree is the whole commit's; [Locate] says
// where in it the path lies, and [Tree.At] goes there.
func OpenTree(ctx context.Context, path, rev string, opts ...Option) (*Tree, error) {
	o, h, err := openRevision(path, rev, opts)
	if err != nil {
		return nil, err
	}
	return openTree(ctx, o, h)
}

// openRevision opens the repository that a path is in, and finds the commit that a revision means.
func openRevision(path, rev string, opts []Option) (*objects, plumbing.Hash, error) {
	where, err := Locate(path)
	if err != nil {
		return nil, plumbing.Hash{}, err
	}
	lim := limitsOf(opts)
	open, err := diskStorage(where.gitDir, lim)
	if err != nil {
		return nil, plumbing.Hash{}, fmt.Errorf("opening the repository of %q: %w", path, err)
	}
	repo, err := gogit.Open(open(), nil)
	if err != nil {
		return nil, plumbing.Hash{}, fmt.Errorf("opening the repository of %q: %w", path, err)
	}
	o := newObjects(lim, open)
	h, err := resolveRevision(repo, o, rev)
	if err != nil {
		return nil, plumbing.Hash{}, fmt.Errorf("resolving revision %q of %q: %w", printable(rev, 200), path, err)
	}
	return o, h, nil
}

// Location is where a path lies in its repository.
type Location struct {
	// Root is the folder that holds the repository: the top of the worktree, or the bare repository.
	Root string
	// Prefix is the path's place below it, in io/fs form; "." for the top.
	Prefix string

	gitDir string
}

// ErrNoRepository is what Locate says outside of any repository.
var ErrNoRepository = errors.New("no Git repository here or in a folder above")

// Locate finds the repository a path is in.
func Locate(path string) (Location, error) {
	abs, err := filepath.Abs(path)
	if err == nil {
		abs, err = filepath.EvalSymlinks(abs)
	}
	if err != nil {
		return Location{}, fmt.Errorf("looking for the repository of %q: %w", path, err)
	}
	for dir := abs; ; dir = filepath.Dir(dir) {
		found, err := gitDirOf(dir)
		if err != nil {
			return Location{}, fmt.Errorf("looking for the repository of %q: %w", path, err)
		}
		if found != "" {
			prefix, err := filepath.Rel(dir, abs)
			if err != nil {
				return Location{}, fmt.Errorf("looking for the repository of %q: %w", path, err)
			}
			if found == dir {
				prefix = "." // inside a bare repository there are no folders of the tree
			}
			return Location{Root: dir, Prefix: filepath.ToSlash(prefix), gitDir: found}, nil
		}
		if dir == filepath.Dir(dir) {
			return Location{}, fmt.Errorf("looking for the repository of %q: %w", path, ErrNoRepository)
		}
	}
}

// gitDirOf returns the folder with the repository's data, if dir is the top of a worktree or a bare
// repository, otherwise "".
func gitDirOf(dir string) (string, error) {
	dot := filepath.Join(dir, gitDir)
	info, err := os.Stat(dot)
	switch {
	case err == nil && info.IsDir():
		return dot, nil
	case err == nil:
		// A linked worktree, or a submodule: the file says where the data is.
		raw, err := os.ReadFile(dot)
		if err != nil {
			return "", err
		}
		target, ok := strings.CutPrefix(strings.TrimSpace(string(raw)), "gitdir: ")
		if !ok {
			return "", fmt.Errorf("%q does not say where the repository is", dot)
		}
		return absoluteTo(dir, target), nil
	case !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, errNotDir):
		return "", err
	}
	for _, name := range []string{"HEAD", "objects", "refs"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			return "", nil //nolint:nilerr // what cannot be seen is no repository; the search goes on above
		}
	}
	return dir, nil
}

func absoluteTo(dir, path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(dir, path)
}

// diskStorage returns how to open a repository's storage. A linked worktree has its HEAD in a folder of its
// own and shares the rest; alternates may be anywhere on the disk.
func diskStorage(dir string, lim Limits) (func() *filesystem.Storage, error) {
	raw, err := os.ReadFile(filepath.Join(dir, "commondir"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	repo := osfs.New(dir)
	if err == nil {
		repo = dotgit.NewRepositoryFilesystem(repo, osfs.New(absoluteTo(dir, strings.TrimSpace(string(raw)))))
	}
	return func() *filesystem.Storage {
		return filesystem.NewStorageWithOptions(repo, cache.NewObjectLRU(objectCacheBytes),
			filesystem.Options{KeepDescriptors: true, LargeObjectThreshold: lim.MaxFile, AlternatesFS: osfs.New("/", osfs.WithBoundOS())})
	}, nil
}

var (
	revision = regexp.MustCompile(`^([^~^:\s]+?)((?:[~^][0-9]*)*)$`)
	step     = regexp.MustCompile(`[~^][0-9]*`)
)

var errRevision = errors.New("not a revision that is understood here: use a branch, tag, hash or HEAD, with ~N or ^N")

// resolveRevision reads a revision. go-git's own reader skips over what it does not know, so that
// HEAD@{1} would quietly be HEAD; here it is an error.
func resolveRevision(repo *gogit.Repository, o *objects, rev string) (plumbing.Hash, error) {
	m := revision.FindStringSubmatch(rev)
	if m == nil || len(rev) > 300 || strings.HasPrefix(rev, "-") || strings.ContainsAny(m[1], `?*[\{}`) || hasControl(rev) {
		return plumbing.Hash{}, errRevision
	}
	name := m[1]
	if name == "@" {
		name = "HEAD"
	}
	h, err := repo.ResolveRevision(plumbing.Revision(name))
	if err != nil {
		return plumbing.Hash{}, err
	}
	at := *h
	for _, s := range step.FindAllString(m[2], -1) {
		if at, err = ancestor(o, at, s); err != nil {
			return plumbing.Hash{}, err
		}
	}
	return at, nil
}

// ancestor follows one ~N (the first parent, N times) or ^N (the Nth parent).
func ancestor(o *objects, h plumbing.Hash, step string) (plumbing.Hash, error) {
	n := 1
	if len(step) > 1 {
		var err error
		if n, err = strconv.Atoi(step[1:]); err != nil {
			return h, fmt.Errorf("%q: %w", step, errRevision)
		}
	}
	times, parent := n, 0
	if step[0] == '^' {
		times, parent = 1, n-1
		if n == 0 {
			return h, nil
		}
	}
	for range times {
		c, err := o.commit(h)
		if err != nil {
			return h, err
		}
		if parent >= len(c.ParentHashes) {
			return h, fmt.Errorf("commit %s has %d parents, %q asks for one more", h, len(c.ParentHashes), step)
		}
		h = c.ParentHashes[parent]
	}
	return h, nil
}
