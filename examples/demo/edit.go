// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// edit replaces a text, of whole lines or of parts of them, in a file.
type edit struct{ file, old, new string }

// edited returns the files as the edits make them. Each old text must be there exactly once: otherwise the example has
// changed, and the story does not fit it any more.
func (r *repository) edited(edits []edit) (map[string]string, error) {
	files := map[string]string{}
	for _, e := range edits {
		if _, ok := files[e.file]; !ok {
			data, err := os.ReadFile(filepath.Join(r.Work, filepath.FromSlash(e.file)))
			if err != nil {
				return nil, fmt.Errorf("changing the example: %w", err)
			}
			files[e.file] = string(data)
		}
		if n := strings.Count(files[e.file], e.old); n != 1 {
			return nil, fmt.Errorf("changing the example: %q is %d times in %s, want once: the demo does not fit the example any more", e.old, n, e.file)
		}
		files[e.file] = strings.Replace(files[e.file], e.old, e.new, 1)
	}
	return files, nil
}

// apply makes the edits in the clone.
func (r *repository) apply(edits []edit) error {
	files, err := r.edited(edits)
	if err != nil {
		return err
	}
	for file, text := range files {
		if err := r.Write(file, text); err != nil {
			return err
		}
	}
	return nil
}

// remove deletes a folder that must be there.
func (r *repository) remove(folder string) error {
	dir := filepath.Join(r.Work, filepath.FromSlash(folder))
	_, err := os.Stat(dir)
	if err := errors.Join(err, os.RemoveAll(dir)); err != nil {
		return fmt.Errorf("changing the example: %w", err)
	}
	return nil
}

// changedLines returns the lines that an edit takes away and those that it adds, without those that stay.
func changedLines(e edit) (removed, added []string) {
	removed, added = strings.Split(e.old, "\n"), strings.Split(e.new, "\n")
	for len(removed) > 0 && len(added) > 0 && removed[0] == added[0] {
		removed, added = removed[1:], added[1:]
	}
	for len(removed) > 0 && len(added) > 0 && removed[len(removed)-1] == added[len(added)-1] {
		removed, added = removed[:len(removed)-1], added[:len(added)-1]
	}
	return removed, added
}
