// SPDX-License-Identifier: Apache-2.0

package build

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"trunkline.dev/trunkline/api/number"
	"trunkline.dev/trunkline/api/outside"
	"trunkline.dev/trunkline/api/v1alpha1"
)

const (
	// MaxFiles bounds how many files an image is made of.
	MaxFiles = 20_000
	// MaxBytes bounds what they have together.
	MaxBytes = 128 << 20
	// maxVisited bounds what is looked at to find them.
	maxVisited = 200_000
	maxDepth   = 40
	maxPath    = 1000
)

// File is one of those that an image is made of.
type File struct {
	// Path is relative to the project's folder, and to where it is in the image.
	Path       string
	Data       []byte
	Executable bool
}

// Source is where the files are.
type Source struct {
	Tree fs.FS
	// Dir is the project's folder, and Declaration the file that declares it, which has the digest of the image and so cannot be in it.
	Dir, Declaration string
	// Prefix is where the tree is in its repository, and Above are the files that say there what is ignored.
	Prefix string
	Above  []Above
}

// Files finds the files of an image, in the order of their paths.
func Files(s Source, b v1alpha1.Build) ([]File, error) {
	r, err := newRules(s, b.Exclude)
	if err != nil {
		return nil, err
	}
	w := walk{source: s, seen: map[string]bool{}}
	for _, pattern := range b.Files {
		before := len(w.files)
		names, err := w.named(pattern)
		if err != nil {
			return nil, fmt.Errorf("build.files: %q: %w", pattern, err)
		}
		known := false
		for _, name := range names {
			known = known || w.seen[name]
			there, err := r.to(s.Tree, s.Dir, path.Dir(name))
			if err == nil {
				err = w.add(there, name, 0)
			}
			if err != nil {
				if elsewhere := outside.InSubmodule(err); elsewhere != nil {
					err = elsewhere
				}
				return nil, fmt.Errorf("build.files: %q: %w", pattern, err)
			}
		}
		if len(w.files) == before && !known {
			return nil, fmt.Errorf("build.files: %q: nothing of it goes into the image: it names nothing in %s, or what it names is empty or left out by .gitignore or build.exclude", pattern, s.Dir)
		}
	}
	slices.SortFunc(w.files, func(a, b File) int { return cmp.Compare(a.Path, b.Path) })
	return w.files, nil
}

type walk struct {
	source  Source
	seen    map[string]bool
	files   []File
	bytes   int
	visited int
}

// named are the paths in the project's folder that a pattern names.
func (w *walk) named(pattern string) ([]string, error) {
	clean := path.Clean(pattern)
	if pattern == "" || path.IsAbs(pattern) || clean == ".." || strings.HasPrefix(clean, "../") {
		return nil, fmt.Errorf("it leads out of the project's folder %s", w.source.Dir)
	}
	if !strings.ContainsAny(clean, `*?[\`) {
		if _, err := fs.Stat(w.source.Tree, path.Join(w.source.Dir, clean)); err != nil {
			if elsewhere := outside.InSubmodule(err); elsewhere != nil {
				return nil, elsewhere
			}
			if errors.Is(err, fs.ErrNotExist) {
				return nil, fmt.Errorf("there is no such file or folder in %s", w.source.Dir)
			}
			return nil, err
		}
		return []string{clean}, nil
	}
	below := w.source.Tree
	if w.source.Dir != "." {
		var err error
		if below, err = fs.Sub(below, w.source.Dir); err != nil {
			return nil, err
		}
	}
	return fs.Glob(below, clean)
}

// add takes a file, or those of a folder. What is left out is not read.
func (w *walk) add(r rules, name string, depth int) error {
	full := path.Join(w.source.Dir, name)
	if w.visited++; w.visited > maxVisited {
		return fmt.Errorf("there are more than %s to look at: leave folders out with build.exclude", number.Count(maxVisited, "file"))
	}
	if depth > maxDepth {
		return fmt.Errorf("folders nest deeper than %d levels; does a link lead back to a parent folder?", maxDepth)
	}
	if len(name) > maxPath {
		return fmt.Errorf("%.100q…: its path is longer than %s", name, number.Count(maxPath, "byte"))
	}
	info, err := fs.Stat(w.source.Tree, full)
	if err != nil {
		return err
	}
	if name != "." && r.out(full, info.IsDir()) || full == w.source.Declaration {
		return nil
	}
	if info.IsDir() {
		if r, err = r.in(w.source.Tree, full); err != nil {
			return err
		}
		entries, err := fs.ReadDir(w.source.Tree, full)
		if err != nil {
			return err
		}
		if len(entries) == 0 {
			return outside.Submodule(w.source.Tree, full)
		}
		for _, e := range entries {
			if err := w.add(r, path.Join(name, e.Name()), depth+1); err != nil {
				return err
			}
		}
		return nil
	}
	if w.seen[name] {
		return nil
	}
	w.seen[name] = true
	return w.file(name, full, info)
}

func (w *walk) file(name, full string, info fs.FileInfo) error {
	switch {
	case len(w.files) == MaxFiles:
		return fmt.Errorf("an image is made of at most %s: leave some out with build.exclude", number.Count(MaxFiles, "file"))
	case info.Size() > int64(MaxBytes-w.bytes): // which is not read first
		return tooLarge()
	case strings.HasPrefix(path.Base(name), ".wh."):
		return fmt.Errorf("%s: a file whose name begins with .wh. removes another one from an image", name)
	case isSecret(path.Base(name)):
		return fmt.Errorf("%s is a file that secrets are kept in, and whoever can pull an image can read it: leave it out with build.exclude", name)
	}
	data, err := fs.ReadFile(w.source.Tree, full)
	if err != nil {
		return err
	}
	if err := outside.Check(name, data); err != nil {
		return err
	}
	if what := secretIn(data); what != "" {
		return fmt.Errorf("%s has what looks like %s, and whoever can pull an image can read it: what is secret comes from a Secret; leave out what is none with build.exclude", name, what)
	}
	if w.bytes += len(data); w.bytes > MaxBytes {
		return tooLarge()
	}
	const byOwner = 0o100 // as Git has it: what others may do depends on who has checked it out
	w.files = append(w.files, File{Path: name, Data: data, Executable: info.Mode()&byOwner != 0})
	return nil
}

func tooLarge() error {
	return fmt.Errorf("an image is made of at most %d MiB of files: put what is larger into its base, or leave it out with build.exclude", MaxBytes>>20)
}
