// SPDX-License-Identifier: Apache-2.0

package container

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// maxLinks is the kernel's own limit of symbolic links in one path.
const maxLinks = 40

// mount places one mount, making its mount point where there is none.
func (r *root) mount(m Mount) error {
	info, err := os.Stat(m.Source)
	if err != nil {
		return err
	}
	if m.Path, err = r.point(m.Path, info.IsDir()); err != nil {
		return err
	}
	return r.bind(m)
}

// point returns the path inside, free of symbolic links, at which something can be mounted for path. Links are followed
// inside the container's root. What does not exist is created, but never in a folder of the host.
func (r *root) point(path string, dir bool) (string, error) {
	done, todo := "/", split(path)
	for links := 0; len(todo) > 0; {
		name := todo[0]
		todo = todo[1:]
		if name == "." {
			continue
		}
		if name == ".." {
			done = filepath.Dir(done)
			continue
		}
		next := filepath.Join(done, name)
		info, err := os.Lstat(r.at(next))
		switch {
		case errors.Is(err, fs.ErrNotExist):
			if err := r.createPoint(done, next, dir || len(todo) > 0); err != nil {
				return "", err
			}
			done = next
		case err != nil:
			return "", err
		case info.Mode()&os.ModeSymlink != 0:
			if links++; links > maxLinks {
				return "", fmt.Errorf("too many symbolic links in %s", path)
			}
			target, err := os.Readlink(r.at(next))
			if err != nil {
				return "", err
			}
			if filepath.IsAbs(target) {
				done = "/"
			}
			todo = append(split(target), todo...)
		default:
			done = next
		}
	}
	return done, nil
}

func split(path string) []string {
	return strings.FieldsFunc(filepath.ToSlash(path), func(r rune) bool { return r == '/' })
}

// createPoint makes path in the folder parent. A folder of the host is first replaced by one that looks the same.
func (r *root) createPoint(parent, path string, dir bool) error {
	shown, ok := r.showing(parent)
	if ok && shown.Foreign {
		if !shown.ReadOnly {
			return fmt.Errorf("%s is not there, and devcluster does not write to %s: create it first", path, shown.Source)
		}
		if err := r.mimic(parent, shown); err != nil {
			return fmt.Errorf("making %s extendable: %w", parent, err)
		}
	}
	return create(r.at(path), dir)
}

// showing finds the innermost mount that path lies in. Where a tmpfs of ours is innermost, there is none.
func (r *root) showing(path string) (Mount, bool) {
	var found Mount
	for _, m := range r.shown { // later mounts cover earlier ones
		if within(path, m.Path) && len(m.Path) >= len(found.Path) {
			found = m
		}
	}
	for _, ours := range r.ours {
		if within(path, ours) && len(ours) > len(found.Path) {
			return Mount{}, false
		}
		if ours == found.Path { // a mimicked folder is ours; its entries are mounts of their own
			return Mount{}, false
		}
	}
	return found, found.Path != ""
}

// mimic covers a folder of the host with a tmpfs that shows the same entries, and can have more.
func (r *root) mimic(path string, shown Mount) error {
	source := filepath.Join(shown.Source, strings.TrimPrefix(path, shown.Path))
	entries, err := os.ReadDir(source)
	if err != nil {
		return err
	}
	if err := r.tmpfs(path, 0o755); err != nil {
		return err
	}
	r.ours = append(r.ours, path)
	for _, entry := range entries {
		if err := r.showEntry(path, filepath.Join(source, entry.Name()), entry); err != nil {
			return err
		}
	}
	return nil
}

func within(path, folder string) bool {
	return folder == "/" || path == folder || strings.HasPrefix(path, folder+"/")
}
