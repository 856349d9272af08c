// SPDX-License-Identifier: Apache-2.0

package code

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"trunkline.dev/trunkline/api/outside"
)

const (
	// maxFileBytes bounds one file, maxTotalBytes all that one program reads, and maxAsked how often it looks.
	maxFileBytes  = 4 << 20
	maxTotalBytes = 32 << 20
	maxAsked      = 20_000
)

// What is asked for at a path is told by what stands before it.
const (
	look = "?" // what is there, without data
	read = "=" // with data
)

// Look is the name to ask for by, to learn what is at a path without reading it.
func Look(path string) string { return look + path }

// Read is the name to ask for by, for a file with its content or a folder with the names in it.
func Read(path string) string { return read + path }

// names are how a folder's are written: the kind of each, its name, and a NUL.
func names(entries []fs.DirEntry) []byte {
	var out []byte
	for _, e := range entries {
		kind := File
		if e.IsDir() {
			kind = Folder
		}
		out = append(append(append(out, byte(kind)), e.Name()...), 0)
	}
	return out
}

// Files answers what a program asks out of a tree, within bounds. It is for one program: what was read stays what it is.
func Files(ctx context.Context, tree fs.FS) func(name string) Entry {
	f := &files{ctx: ctx, tree: tree, known: map[string]Entry{}}
	return f.ask
}

type files struct {
	ctx    context.Context //nolint:containedctx // it lives for one program, which takes no context
	tree   fs.FS
	known  map[string]Entry
	budget int
	asked  int
}

func (f *files) ask(name string) Entry {
	if e, known := f.known[name]; known {
		return e
	}
	e, err := f.find(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		e = Entry{Kind: Missing}
	case err != nil:
		e = Entry{Unreadable, []byte(err.Error())}
	}
	f.known[name] = e
	return e
}

func (f *files) find(name string) (Entry, error) {
	if err := f.ctx.Err(); err != nil {
		return Entry{}, context.Cause(f.ctx)
	}
	if f.asked++; f.asked > maxAsked {
		return Entry{}, fmt.Errorf("a program looks at no more than %d files and folders", maxAsked)
	}
	full, reads := strings.CutPrefix(name, read)
	if !reads {
		full = strings.TrimPrefix(name, look)
	}
	if !fs.ValidPath(full) {
		return Entry{}, fmt.Errorf("%s leads out of the repository", full)
	}
	info, err := fs.Stat(f.tree, full)
	if elsewhere := outside.InSubmodule(err); elsewhere != nil {
		return Entry{}, elsewhere
	}
	switch {
	case err != nil:
		return Entry{}, err
	case info.IsDir() && !reads:
		return Entry{Kind: Folder}, nil
	case info.IsDir():
		return f.folder(full)
	case !reads:
		return Entry{Kind: File}, nil
	}
	data, err := fs.ReadFile(f.tree, full)
	if err != nil {
		return Entry{}, err
	}
	if f.budget += len(data); len(data) > maxFileBytes || f.budget > maxTotalBytes {
		return Entry{}, fmt.Errorf("%s: too large: a program reads files of at most %d MiB, and %d MiB together",
			full, maxFileBytes>>20, maxTotalBytes>>20)
	}
	if err := outside.Check(full, data); err != nil {
		return Entry{}, err
	}
	return Entry{File, data}, nil
}

// folder lists a folder. A link is what it leads to, as far as it leads anywhere.
func (f *files) folder(full string) (Entry, error) {
	entries, err := fs.ReadDir(f.tree, full)
	if err != nil {
		return Entry{}, err
	}
	for i, e := range entries {
		if e.Type()&fs.ModeSymlink == 0 {
			continue
		}
		name := e.Name()
		if full != "." {
			name = full + "/" + name
		}
		if info, err := fs.Stat(f.tree, name); err == nil {
			entries[i] = renamed{fs.FileInfoToDirEntry(info), e.Name()}
		}
	}
	return Entry{Folder, names(entries)}, nil
}

// renamed is what a link leads to, by the link's name.
type renamed struct {
	fs.DirEntry

	name string
}

func (r renamed) Name() string { return r.name }
