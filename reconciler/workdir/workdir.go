// SPDX-License-Identifier: Apache-2.0

// Package workdir is the repository of a platform on this machine, while the platform is begun: it is made or cloned, files are written
// into it, and committed and pushed by the machine's own git, with the credentials, the name and the hooks of whoever runs it.
//
// Of Trunkline it may import reconciler/durable.
package workdir

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"trunkline.dev/trunkline/reconciler/durable"
)

// remote is the one that is pushed to.
const remote = "origin"

// Repository is one on this machine.
type Repository struct {
	// Dir is the root of its work tree.
	Dir string
	// git is the program.
	git string
	env []string
}

// Options say which repository.
type Options struct {
	// Dir is the folder of the work tree; it need not be there.
	Dir string
	// URL is that of the remote, to clone if the folder is empty, or to note if it is a new repository; may be empty.
	URL    string
	Branch string
	// Env is the environment of git.
	Env []string
}

// Opened says how a repository was come by.
type Opened string

// The ways to come by one.
const (
	Found  Opened = "found"
	Made   Opened = "made"
	Cloned Opened = "cloned"
)

// GitError is an error of the program.
type GitError struct {
	Args []string
	Text string
	Err  error
}

func (e *GitError) Error() string {
	if text := strings.TrimSpace(e.Text); text != "" {
		return fmt.Sprintf("git %s: %s", e.Args[0], strings.Join(strings.Fields(text), " "))
	}
	return fmt.Sprintf("git %s: %v", e.Args[0], e.Err)
}

func (e *GitError) Unwrap() error { return e.Err }

// Look opens a repository that is there already; false if there is none, and the folder is empty or missing.
func Look(ctx context.Context, o Options) (*Repository, bool, error) {
	r, err := newRepository(o)
	if err != nil {
		return nil, false, err
	}
	info, err := os.Stat(r.Dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return r, false, nil
	case err != nil:
		return nil, false, fmt.Errorf("looking at the folder: %w", err)
	case !info.IsDir():
		return nil, false, fmt.Errorf("%s is a file, not a folder", r.Dir)
	}
	top, err := r.run(ctx, "rev-parse", "--show-toplevel")
	if err != nil {
		return r, false, nil //nolint:nilerr // it is in no repository
	}
	is, err := filepath.EvalSymlinks(r.Dir)
	if err != nil {
		return nil, false, fmt.Errorf("looking at the folder: %w", err)
	}
	if top != is {
		return nil, false, fmt.Errorf("%s is a folder of the repository %s: name that one, and the folder with --folder", r.Dir, top)
	}
	return r, true, r.onBranch(ctx, o.Branch)
}

// Open makes or clones the repository, if it is not there yet.
func Open(ctx context.Context, o Options) (*Repository, Opened, error) {
	r, there, err := Look(ctx, o)
	if err != nil || there {
		return r, Found, err
	}
	entries, err := os.ReadDir(r.Dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, "", fmt.Errorf("looking at the folder: %w", err)
	}
	if o.URL != "" && len(entries) == 0 {
		if err := os.MkdirAll(r.Dir, 0o755); err != nil { //nolint:gosec // a work tree, as git makes them
			return nil, "", fmt.Errorf("making the folder: %w", err)
		}
		if _, err := r.run(ctx, "clone", "--quiet", "--origin", remote, "--", o.URL, "."); err != nil {
			return nil, "", err
		}
		return r, Cloned, r.start(ctx, o.Branch)
	}
	if err := os.MkdirAll(r.Dir, 0o755); err != nil { //nolint:gosec // a work tree, as git makes them
		return nil, "", fmt.Errorf("making the folder: %w", err)
	}
	if _, err := r.run(ctx, "init", "--quiet", "--initial-branch", o.Branch); err != nil {
		return nil, "", err
	}
	if o.URL != "" {
		if _, err := r.run(ctx, "remote", "add", remote, o.URL); err != nil {
			return nil, "", err
		}
	}
	return r, Made, nil
}

func newRepository(o Options) (*Repository, error) {
	git, err := exec.LookPath("git")
	if err != nil {
		return nil, errors.New("there is no git on this machine: install it, since the files are committed and pushed by it")
	}
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return nil, fmt.Errorf("finding the folder: %w", err)
	}
	return &Repository{Dir: dir, git: git, env: o.Env}, nil
}

// start has a clone be on a branch, which its remote need not have yet.
func (r *Repository) start(ctx context.Context, branch string) error {
	if _, err := r.run(ctx, "rev-parse", "--verify", "--quiet", "refs/remotes/"+remote+"/"+branch); err == nil {
		_, err = r.run(ctx, "switch", "--quiet", branch)
		return err
	}
	if _, err := r.run(ctx, "rev-parse", "--verify", "--quiet", "HEAD"); err == nil {
		return fmt.Errorf("the repository has no branch %q: name the one that is to be followed with --branch", branch)
	}
	_, err := r.run(ctx, "symbolic-ref", "HEAD", "refs/heads/"+branch)
	return err
}

// onBranch refuses another branch than the one that is followed.
func (r *Repository) onBranch(ctx context.Context, branch string) error {
	is, err := r.run(ctx, "symbolic-ref", "--short", "HEAD")
	switch {
	case err != nil:
		return fmt.Errorf("the repository in %s is on no branch: git switch %s", r.Dir, branch)
	case is == branch:
		return nil
	}
	return fmt.Errorf("the repository in %s is on the branch %q, and %q is followed: git switch %[3]s, or name the other with --branch", r.Dir, is, branch)
}

// Remote is the address of what is pushed to; empty if there is none.
func (r *Repository) Remote(ctx context.Context) string {
	url, err := r.run(ctx, "remote", "get-url", remote)
	if err != nil {
		return ""
	}
	return url
}

// Head is the commit of the branch; empty if there is none yet.
func (r *Repository) Head(ctx context.Context) string {
	hash, err := r.run(ctx, "rev-parse", "--verify", "--quiet", "HEAD")
	if err != nil {
		return ""
	}
	return hash
}

// Uncommitted are those of some files that are changed and not committed.
func (r *Repository) Uncommitted(ctx context.Context, files []string) ([]string, error) {
	if len(files) == 0 {
		return nil, nil
	}
	out, err := r.run(ctx, append([]string{"status", "--porcelain", "-z", "--untracked-files=all", "--ignored=matching", "--no-renames", "--"}, files...)...)
	if err != nil {
		return nil, err
	}
	var paths []string
	for entry := range strings.SplitSeq(out, "\x00") {
		if len(entry) > 3 {
			paths = append(paths, entry[3:])
		}
	}
	slices.Sort(paths)
	return paths, nil
}

// File is one to write.
type File struct {
	// Path is relative to the root of the work tree.
	Path string
	Data []byte
	// Replaces is what the file has to hold; nil if it must not be there.
	Replaces []byte
}

// Write writes files, and deletes others. New ones are written before any is replaced, each as a whole, so that an attempt that is
// interrupted is one that can be made again. No link leads out of the work tree.
func (r *Repository) Write(files []File, remove []string) error {
	root, err := os.OpenRoot(r.Dir)
	if err != nil {
		return fmt.Errorf("opening the folder: %w", err)
	}
	defer root.Close()
	for _, f := range files {
		if err := write(root, f); err != nil {
			return fmt.Errorf("writing %s: %w", f.Path, err)
		}
	}
	for _, name := range remove {
		if err := root.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("deleting %s: %w", name, err)
		}
	}
	return nil
}

func write(root *os.Root, f File) (err error) {
	if err := root.MkdirAll(path.Dir(f.Path), 0o755); err != nil {
		return err
	}
	is, err := root.ReadFile(f.Path)
	switch {
	case f.Replaces == nil && err == nil:
		return errors.New("it is there already, and is not overwritten")
	case f.Replaces == nil && !errors.Is(err, fs.ErrNotExist):
		return err
	case f.Replaces != nil && (err != nil || !bytes.Equal(is, f.Replaces)):
		return errors.New("it has been changed meanwhile: try again")
	}
	beside := path.Join(path.Dir(f.Path), "."+path.Base(f.Path)+".new")
	if err := root.Remove(beside); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	w, err := root.OpenFile(beside, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	_, err = w.Write(f.Data)
	if err := errors.Join(err, w.Sync(), w.Close()); err != nil {
		return err
	}
	return durable.RenameIn(root, beside, f.Path)
}

// Commit commits these files, and nothing else that may be staged. Paths that were deleted count, too.
func (r *Repository) Commit(ctx context.Context, files []string, message string) error {
	if _, err := r.run(ctx, append([]string{"add", "--force", "--all", "--"}, files...)...); err != nil {
		return err
	}
	_, err := r.run(ctx, append([]string{"commit", "--quiet", "--only", "--message", message, "--"}, files...)...)
	return err
}

// Pushed reports whether the remote has the commit of the branch.
func (r *Repository) Pushed(ctx context.Context, branch string) (bool, error) {
	out, err := r.run(ctx, "ls-remote", "--heads", remote, "refs/heads/"+branch)
	if err != nil {
		return false, err
	}
	hash, _, _ := strings.Cut(out, "\t")
	return hash != "" && hash == r.Head(ctx), nil
}

// Push pushes the branch.
func (r *Repository) Push(ctx context.Context, branch string) error {
	_, err := r.run(ctx, "push", "--quiet", remote, "HEAD:refs/heads/"+branch)
	return err
}

// run runs git in the work tree, and returns what it prints, without the line's end.
func (r *Repository) run(ctx context.Context, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, r.git, args...)
	cmd.Dir = r.Dir
	cmd.Env = append(slices.Clone(r.env), "LC_ALL=C")
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			return "", ctx.Err()
		}
		return "", &GitError{Args: args, Text: errs.String(), Err: err}
	}
	return strings.TrimRight(out.String(), "\r\n"), nil
}
