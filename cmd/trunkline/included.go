// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/reconciler/git"
)

// including are the folders of repositories that a platform includes, for the commands that work offline.
type including struct{ dirs []string }

func (i *including) flags(f *pflag.FlagSet) {
	f.StringArrayVar(&i.dirs, "source", nil, "folder of a repository that the platform includes, `NAME=DIR`; repeat for each; what is not given is not known")
}

// heads adds the repositories as they are on disk.
func (i *including) heads(tree fs.FS) (fs.FS, error) {
	return i.mount(tree, func(dir, inside string) (fs.FS, error) {
		return git.OpenDir(filepath.Join(dir, filepath.FromSlash(inside)))
	})
}

// bases adds the repositories as they are at their own HEAD, to compare with what is on disk; a folder that is in no repository is as it is.
func (i *including) bases(ctx context.Context, tree fs.FS) (fs.FS, error) {
	return i.mount(tree, func(dir, inside string) (fs.FS, error) {
		head, err := revision(ctx, dir, "HEAD")
		if errors.Is(err, git.ErrNoRepository) {
			return git.OpenDir(filepath.Join(dir, filepath.FromSlash(inside)))
		}
		if err != nil {
			return nil, err
		}
		return head.At(inside)
	})
}

// mount returns a tree with the repositories in it. The platform says which folder of each counts.
func (i *including) mount(tree fs.FS, open func(dir, inside string) (fs.FS, error)) (fs.FS, error) {
	given := map[string]string{}
	if err := eachNamed("--source", i.dirs, func(name, dir string) error {
		if _, twice := given[name]; twice {
			return usagef("--source names %q twice", name)
		}
		given[name] = dir
		return nil
	}); err != nil {
		return nil, err
	}
	c, err := catalog.ReadPlatform(tree)
	if err != nil || c.Platform == nil {
		return tree, err // whoever checks the platform says why there is none
	}
	sources := map[string]fs.FS{}
	for _, s := range c.Sources() {
		dir, ok := given[s.Name]
		if !ok {
			continue
		}
		delete(given, s.Name)
		if sources[s.Name], err = open(dir, path.Clean(s.Path)); err != nil {
			return nil, fmt.Errorf("opening the source %q: %w", s.Name, err)
		}
	}
	if len(given) > 0 {
		return nil, usagef("the platform includes no source %s: it says which in spec.sources", strings.Join(slices.Sorted(maps.Keys(given)), ", "))
	}
	if len(c.Platform.Spec.Sources) == 0 {
		return tree, nil // the place need not be free
	}
	return git.Mount(tree, sources)
}

// unknownSources says of the repositories that were not given that they are not known.
func unknownSources(c *catalog.Catalog) (notes []string) {
	for _, name := range c.Unknown() {
		notes = append(notes, fmt.Sprintf("the source %q is not known: nothing of it is shown; --source %s=DIR says where it is", name, name))
	}
	return notes
}
