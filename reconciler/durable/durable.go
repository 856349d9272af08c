// SPDX-License-Identifier: Apache-2.0

// Package durable changes files so that a crash, or a power failure, leaves the old or the new content and never
// something between: what was written is synced before it gets its name, and the folder afterwards, without which the name
// itself can be lost.
//
// It may import the standard library only.
package durable

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Write replaces a file's content, or creates the file with mode 0600. The pattern is that of [os.CreateTemp], with its
// folder, for the file that is written first; it has to be on the same file system. After an error the old content is
// there, or, when only the last sync failed, possibly the new one.
func Write(file string, data []byte, pattern string) error {
	if err := Replace(file, data, pattern); err != nil {
		return err
	}
	return SyncFolder(filepath.Dir(file))
}

// Replace is Write for what may be the old content after a power failure: the content is synced and the folder is not.
func Replace(file string, data []byte, pattern string) error {
	if filepath.IsAbs(file) && !filepath.IsAbs(pattern) {
		return fmt.Errorf("writing %s: the pattern %q has no folder, and would be one in the folder of the process", file, pattern)
	}
	f, err := os.CreateTemp(filepath.Dir(pattern), filepath.Base(pattern))
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Rename(f.Name(), file)
	}
	if err != nil {
		_ = os.Remove(f.Name())
	}
	return err
}

// Rename renames a file whose content is synced, and syncs the folder that it is then in.
func Rename(from, to string) error {
	if err := os.Rename(from, to); err != nil {
		return err
	}
	return SyncFolder(filepath.Dir(to))
}

// RenameIn is Rename below a root.
func RenameIn(root *os.Root, from, to string) error {
	if err := root.Rename(from, to); err != nil {
		return err
	}
	f, err := root.Open(filepath.Dir(to))
	if err != nil {
		return fmt.Errorf("syncing a folder: %w", err)
	}
	return errors.Join(syncOpened(f), f.Close())
}

// Remove removes files, those that are not there included, and syncs their folders.
func Remove(files ...string) error {
	folders := map[string]bool{}
	var errs []error
	for _, file := range files {
		err := os.Remove(file)
		if err == nil {
			folders[filepath.Dir(file)] = true
		} else if !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	for dir := range folders {
		errs = append(errs, SyncFolder(dir))
	}
	return errors.Join(errs...)
}

// MakeFolder creates a folder and those above it that are not there, each synced into its parent.
func MakeFolder(dir string, mode fs.FileMode) error {
	if info, err := os.Stat(dir); err == nil {
		if info.IsDir() {
			return nil
		}
		return &fs.PathError{Op: "mkdir", Path: dir, Err: errors.New("there is a file of that name")}
	}
	parent := filepath.Dir(dir)
	if err := MakeFolder(parent, mode); err != nil {
		return err
	}
	if err := os.Mkdir(dir, mode); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return SyncFolder(parent)
}

// SyncFolder makes sure that the names in a folder are on the disk.
func SyncFolder(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("syncing a folder: %w", err)
	}
	err = syncOpened(f)
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("syncing folder %q: %w", dir, err)
	}
	return nil
}
