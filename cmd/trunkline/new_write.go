// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"

	"trunkline.dev/trunkline/reconciler/durable"
	"trunkline.dev/trunkline/scaffold"
)

// change is a file that gets another content than it has, or goes.
type change struct {
	scaffold.File

	was  []byte
	gone bool
}

// writeAll writes new files below a folder, and then changes those that are to change. If anything fails, all is as it was
// before. No change can be half done, and nothing is written outside of the folder, whatever links lead there.
func writeAll(folder string, files []scaffold.File, changed ...*change) (err error) {
	root, err := os.OpenRoot(folder)
	if err != nil {
		return fmt.Errorf("opening folder %q: %w", folder, err)
	}
	defer root.Close()
	w := &writing{root: root}
	defer func() {
		if err != nil {
			err = errors.Join(err, w.undo())
		}
	}()
	for _, f := range files {
		if err := w.folder(path.Dir(f.Path)); err != nil {
			return err
		}
		if err := w.file(f.Path, f.Data, 0o644); err != nil {
			return err
		}
	}
	for _, c := range changed {
		if c == nil {
			continue
		}
		if err := w.change(c); err != nil {
			return err
		}
		w.changed = append(w.changed, c)
	}
	return nil
}

// writing remembers what there was not before.
type writing struct {
	root    *os.Root
	made    []string
	changed []*change
}

// undo puts back what was changed, and takes away what was made, the latest first.
func (w *writing) undo() error {
	var failed error
	for _, c := range slices.Backward(w.changed) {
		back := &change{File: scaffold.File{Path: c.Path, Data: c.was}, was: c.Data}
		do := w.replace
		if c.gone {
			do = func(c *change) error { return w.file(c.Path, c.Data, 0o644) }
		}
		if err := do(back); err != nil {
			failed = errors.Join(failed, fmt.Errorf("putting %q back: %w", c.Path, err))
		}
	}
	w.made = slices.DeleteFunc(w.made, func(name string) bool {
		return slices.ContainsFunc(w.changed, func(c *change) bool { return c.gone && c.Path == name })
	})
	for _, name := range slices.Backward(w.made) {
		if err := w.root.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			failed = errors.Join(failed, fmt.Errorf("removing %q again: %w", name, err))
		}
	}
	return failed
}

// folder makes a folder and those above it, as far as they are not there.
func (w *writing) folder(name string) error {
	info, err := w.root.Stat(name)
	switch {
	case err == nil && info.IsDir():
		return nil
	case err == nil:
		return fmt.Errorf("%q is not a folder", name)
	case !errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("looking at %q: %w", name, err)
	}
	if err := w.folder(path.Dir(name)); err != nil {
		return err
	}
	if err := w.root.Mkdir(name, 0o755); err != nil {
		return fmt.Errorf("making the folder %q: %w", name, err)
	}
	w.made = append(w.made, name)
	return nil
}

// file writes a file that must not be there.
func (w *writing) file(name string, data []byte, mode fs.FileMode) error {
	f, err := w.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return fmt.Errorf("writing %q: %w", name, err)
	}
	w.made = append(w.made, name)
	_, err = f.Write(data)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("writing %q: %w", name, err)
	}
	return nil
}

// change changes a file or takes it away, if it still holds what was read.
func (w *writing) change(c *change) error {
	if !c.gone {
		return w.replace(c)
	}
	if _, err := w.still(c); err != nil {
		return err
	}
	if err := w.root.Remove(c.Path); err != nil {
		return fmt.Errorf("removing %q: %w", c.Path, err)
	}
	return nil
}

// still makes sure that a file holds what was read, and is no link.
func (w *writing) still(c *change) (fs.FileInfo, error) {
	info, err := w.root.Lstat(c.Path)
	if err != nil {
		return nil, fmt.Errorf("changing %q: %w", c.Path, err)
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("changing %q: it is a link, not a file", c.Path)
	}
	is, err := w.root.ReadFile(c.Path)
	if err != nil {
		return nil, fmt.Errorf("changing %q: %w", c.Path, err)
	}
	if !bytes.Equal(is, c.was) {
		return nil, fmt.Errorf("%q has been changed meanwhile: try again", c.Path)
	}
	return info, nil
}

// replace puts a file into the place of another, if that still holds what was read.
func (w *writing) replace(c *change) error {
	info, err := w.still(c)
	if err != nil {
		return err
	}
	beside := path.Join(path.Dir(c.Path), "."+path.Base(c.Path)+".new")
	if err := w.file(beside, c.Data, info.Mode().Perm()); err != nil {
		return err
	}
	if _, err := w.still(c); err != nil {
		return err
	}
	if err := durable.RenameIn(w.root, beside, c.Path); err != nil {
		return fmt.Errorf("changing %q: %w", c.Path, err)
	}
	return nil
}
