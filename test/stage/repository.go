// SPDX-License-Identifier: Apache-2.0

package stage

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// Repository is a bare repository, as a forge has one, and a clone of it to make commits in.
type Repository struct {
	Bare, Work string
	// Author is who makes the commits.
	Author string
}

// Init makes an empty repository and its clone. The clone may have files already.
func (r *Repository) Init(ctx context.Context) error {
	for _, args := range [][]string{
		{"init", "--quiet", "--bare", "--initial-branch=main", r.Bare},
		{"init", "--quiet", "--initial-branch=main", r.Work},
		{"-C", r.Work, "remote", "add", "origin", r.Bare},
	} {
		if _, err := r.Git(ctx, args...); err != nil {
			return fmt.Errorf("making a repository: %w", err)
		}
	}
	return nil
}

// Write writes a file of the clone, by its path with slashes.
func (r *Repository) Write(path, text string) error {
	file := filepath.Join(r.Work, filepath.FromSlash(path))
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return fmt.Errorf("writing a commit: %w", err)
	}
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		return fmt.Errorf("writing a commit: %w", err)
	}
	return nil
}

// Commit commits the files at the paths, or everything without any, and returns the hash. Git looks through all files
// to find those that changed, which takes long where there are thousands.
func (r *Repository) Commit(ctx context.Context, subject string, paths ...string) (string, error) {
	add := []string{"-C", r.Work, "add", "--all"}
	if len(paths) > 0 {
		add = append(append(add, "--"), paths...)
	}
	if _, err := r.Git(ctx, add...); err != nil {
		return "", err
	}
	if _, err := r.Git(ctx, "-C", r.Work, "commit", "--quiet", "--message", subject); err != nil {
		return "", err
	}
	return r.head(ctx)
}

// Revert commits the opposite of the newest commit.
func (r *Repository) Revert(ctx context.Context) (string, error) {
	if _, err := r.Git(ctx, "-C", r.Work, "revert", "--no-edit", "HEAD"); err != nil {
		return "", err
	}
	return r.head(ctx)
}

// Push pushes main.
func (r *Repository) Push(ctx context.Context) error {
	_, err := r.Git(ctx, "-C", r.Work, "push", "--quiet", "origin", "main")
	return err
}

func (r *Repository) head(ctx context.Context) (string, error) {
	out, err := r.Git(ctx, "-C", r.Work, "rev-parse", "HEAD")
	return strings.TrimSpace(out), err
}

// Git runs git so that nothing of the user's settings matters: no configuration, no hooks, no templates, and none of the
// variables by which git is told of another repository. Ctrl-C does not reach it but through ctx, so that an
// interrupted program does not look like one that failed.
func (r *Repository) Git(ctx context.Context, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "git", append([]string{"-c", "core.hooksPath=" + os.DevNull, "-c", "gc.auto=0", "-c", "http.proxy="}, args...)...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	email := strings.ToLower(r.Author) + "@trunkline.dev"
	cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "GIT_") })
	cmd.Env = append(cmd.Env,
		"GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_TEMPLATE_DIR=", "GIT_TERMINAL_PROMPT=0", "LC_ALL=C",
		"GIT_AUTHOR_NAME="+r.Author, "GIT_AUTHOR_EMAIL="+email, "GIT_COMMITTER_NAME="+r.Author, "GIT_COMMITTER_EMAIL="+email)
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
