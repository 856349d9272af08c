package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// repository is a bare repository, as a forge has one, and a clone of it to make commits in.
type repository struct{ bare, work string }

// newRepository makes one in a folder that is there, with a first commit.
func newRepository(ctx context.Context, dir string, files tree) (*repository, error) {
	r := &repository{bare: filepath.Join(dir, "bare.git"), work: filepath.Join(dir, "work")}
	for _, args := range [][]string{
		{"init", "--quiet", "--bare", "--initial-branch=main", r.bare},
		{"init", "--quiet", "--initial-branch=main", r.work},
		{"-C", r.work, "remote", "add", "origin", r.bare},
	} {
		if _, err := git(ctx, args...); err != nil {
			return nil, fmt.Errorf("making a repository: %w", err)
		}
	}
	_, err := r.push(ctx, "first", files)
	return r, err
}

// push commits files, pushes them and gives the commit. Other files stay as they are.
func (r *repository) push(ctx context.Context, subject string, files tree) (string, error) {
	paths := make([]string, 0, len(files))
	for path, text := range files {
		file := filepath.Join(r.work, filepath.FromSlash(path))
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			return "", fmt.Errorf("writing a commit: %w", err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			return "", fmt.Errorf("writing a commit: %w", err)
		}
		paths = append(paths, path)
	}
	add := []string{"-C", r.work, "add", "--all"}
	if len(paths) == 1 {
		add = append(add, "--", paths[0]) // looking through thousands of files takes longer than what is measured
	}
	for _, args := range [][]string{
		add,
		{"-C", r.work, "commit", "--quiet", "--message", subject},
		{"-C", r.work, "push", "--quiet", "origin", "main"},
	} {
		if _, err := git(ctx, args...); err != nil {
			return "", err
		}
	}
	out, err := git(ctx, "-C", r.work, "rev-parse", "HEAD")
	return strings.TrimSpace(out), err
}

// git runs git so that nothing of the user's settings matters.
func git(ctx context.Context, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "git", append([]string{"-c", "core.hooksPath=" + os.DevNull, "-c", "gc.auto=0"}, args...)...)
	cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "GIT_") })
	cmd.Env = append(cmd.Env,
		"GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_TEMPLATE_DIR=", "GIT_TERMINAL_PROMPT=0", "LC_ALL=C",
		"GIT_AUTHOR_NAME=Bench", "GIT_AUTHOR_EMAIL=bench@trunkline.dev",
		"GIT_COMMITTER_NAME=Bench", "GIT_COMMITTER_EMAIL=bench@trunkline.dev")
	out, err := cmd.Output()
	if err != nil {
		if exit, ok := errors.AsType[*exec.ExitError](err); ok {
			err = fmt.Errorf("%w: %s", err, strings.TrimSpace(string(exit.Stderr)))
		}
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return "", fmt.Errorf("running git %s: %w", strings.Join(args, " "), err)
	}
	return string(out), nil
}
