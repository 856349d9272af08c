package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"slices"
	"strings"
)

// repository is a bare repository, as a forge has one, and a clone of it to make commits in.
type repository struct {
	bare string
	work string
}

// seed makes a repository whose first commit on main is the content of a folder. It gives the commit.
func seed(ctx context.Context, bare, work, from, subject string) (*repository, string, error) {
	r := &repository{bare: bare, work: work}
	if err := os.CopyFS(work, os.DirFS(from)); err != nil {
		return nil, "", fmt.Errorf("copying %s: %w", from, err)
	}
	for _, args := range [][]string{
		{"init", "--quiet", "--bare", bare},
		{"-C", bare, "symbolic-ref", "HEAD", "refs/heads/main"},
		{"init", "--quiet", work},
		{"-C", work, "symbolic-ref", "HEAD", "refs/heads/main"},
		{"-C", work, "remote", "add", "origin", bare},
	} {
		if _, err := git(ctx, args...); err != nil {
			return nil, "", fmt.Errorf("making a repository: %w", err)
		}
	}
	hash, err := r.commit(ctx, subject)
	if err != nil {
		return nil, "", err
	}
	return r, hash, r.push(ctx)
}

// projects gives the names of the projects, sorted.
func (r *repository) projects() ([]string, error) {
	files, err := fs.Glob(os.DirFS(r.work), "projects/*/project.yaml")
	if err != nil {
		return nil, fmt.Errorf("looking for projects: %w", err)
	}
	for i, f := range files {
		files[i] = path.Base(path.Dir(f))
	}
	return files, nil
}

// commit commits everything and gives the hash.
func (r *repository) commit(ctx context.Context, subject string) (string, error) {
	if _, err := git(ctx, "-C", r.work, "add", "--all"); err != nil {
		return "", err
	}
	if _, err := git(ctx, "-C", r.work, "commit", "--quiet", "--message", subject); err != nil {
		return "", err
	}
	return r.head(ctx)
}

// revert commits the opposite of the newest commit.
func (r *repository) revert(ctx context.Context) (string, error) {
	if _, err := git(ctx, "-C", r.work, "revert", "--no-edit", "HEAD"); err != nil {
		return "", err
	}
	return r.head(ctx)
}

func (r *repository) push(ctx context.Context) error {
	_, err := git(ctx, "-C", r.work, "push", "--quiet", "origin", "main")
	return err
}

func (r *repository) head(ctx context.Context) (string, error) {
	out, err := git(ctx, "-C", r.work, "rev-parse", "HEAD")
	return strings.TrimSpace(out), err
}

// git runs git so that nothing of the user's settings matters: no configuration, no hooks, no templates, and
// none of the variables by which git is told of another repository.
func git(ctx context.Context, args ...string) (string, error) {
	all := append([]string{"-c", "core.hooksPath=" + os.DevNull, "-c", "gc.auto=0"}, args...)
	cmd := command(ctx, "git", all...)
	cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "GIT_") })
	cmd.Env = append(cmd.Env,
		"GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_TEMPLATE_DIR=", "GIT_TERMINAL_PROMPT=0", "LC_ALL=C",
		"GIT_AUTHOR_NAME=Demo", "GIT_AUTHOR_EMAIL=demo@trunkline.dev",
		"GIT_COMMITTER_NAME=Demo", "GIT_COMMITTER_EMAIL=demo@trunkline.dev")
	out, err := cmd.Output()
	if err != nil {
		if exit, ok := errors.AsType[*exec.ExitError](err); ok {
			err = fmt.Errorf("%w: %s", err, strings.TrimSpace(string(exit.Stderr)))
		}
		return "", fmt.Errorf("running git %s: %w", strings.Join(args, " "), err)
	}
	return string(out), nil
}
