// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/fsnotify/fsnotify"
	"github.com/spf13/cobra"

	"trunkline.dev/trunkline/reconciler/git"
)

// settle is how long files must have been quiet before they are read: editors save in several steps.
const settle = 50 * time.Millisecond

// watch validates, and does so again whenever a file changes.
func (v validation) watch(cmd *cobra.Command) error {
	if v.base != "" {
		return usagef("--watch looks at files as they are saved, and --base at commits: choose one")
	}
	if len(v.included.dirs) > 0 {
		return usagef("--watch looks at the platform's own folder: leave --source out, or --watch")
	}
	s, err := v.open(cmd)
	if err != nil {
		return err
	}
	if s.dir == "" {
		return usagef("a revision does not change: say a folder to watch")
	}
	watcher, err := fsnotify.NewWatcher()
	if err != nil {
		return fmt.Errorf("watching files: %w", err)
	}
	defer watcher.Close()
	if err := watchBelow(watcher, s.dir); err != nil {
		return err
	}
	for {
		if err := s.report(cmd.OutOrStdout()); err != nil && !errors.Is(err, errFindings) {
			return err
		}
		if _, err := fmt.Fprintln(cmd.ErrOrStderr(), "watching; press Ctrl-C to end"); err != nil {
			return err
		}
		changed, err := next(cmd, watcher, s.dir)
		if err != nil || changed == nil {
			return err
		}
		s.progress = showProgress(cmd, readingDeclarations)
		err = s.again(cmd.Context(), changed)
		if s.progress.end(); err != nil {
			return err
		}
	}
}

// again validates what has changed.
func (s *session) again(ctx context.Context, changed []string) error {
	tree, err := git.OpenDir(s.dir)
	if err != nil {
		return err
	}
	in := s.input(tree)
	in.Before, in.Changed = s.head, changed
	return s.evaluateHead(ctx, in)
}

// watchBelow watches a folder and all folders in it; but for those whose names begin with a dot.
func watchBelow(watcher *fsnotify.Watcher, dir string) error {
	return filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil // gone again already
		case err != nil:
			return err
		case !entry.IsDir():
			return nil
		case strings.HasPrefix(entry.Name(), ".") && path != dir:
			return fs.SkipDir
		}
		return watcher.Add(path)
	})
}

// next waits for files to change and then to be quiet, and returns their names, relative to the folder and with
// slashes; nil when the command is interrupted.
func next(cmd *cobra.Command, watcher *fsnotify.Watcher, dir string) ([]string, error) {
	var changed []string
	var quiet <-chan time.Time
	for {
		select {
		case <-cmd.Context().Done():
			return nil, nil
		case err := <-watcher.Errors:
			return nil, fmt.Errorf("watching files: %w", err)
		case event := <-watcher.Events:
			if event.Op == fsnotify.Chmod {
				continue
			}
			names, err := namesOf(watcher, dir, event)
			if err != nil {
				return nil, err
			}
			changed = append(changed, names...)
			quiet = time.After(settle)
		case <-quiet:
			slices.Sort(changed)
			return slices.Compact(changed), nil
		}
	}
}

// namesOf returns the files that an event is about: all in a folder that is new, which is watched from now on.
func namesOf(watcher *fsnotify.Watcher, dir string, event fsnotify.Event) (names []string, err error) {
	if event.Has(fsnotify.Create) {
		if err := watchBelow(watcher, event.Name); err != nil {
			return nil, err
		}
	}
	err = filepath.WalkDir(event.Name, func(path string, entry fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) || err == nil && entry.IsDir() {
			return nil
		}
		name, _ := filepath.Rel(dir, path)
		names = append(names, filepath.ToSlash(name))
		return err
	})
	if name, relErr := filepath.Rel(dir, event.Name); relErr == nil {
		names = append(names, filepath.ToSlash(name))
	}
	return names, err
}
