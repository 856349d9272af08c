// SPDX-License-Identifier: Apache-2.0

package kustomize

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"sigs.k8s.io/kustomize/api/konfig"
	"sigs.k8s.io/kustomize/api/resource"

	"trunkline.dev/trunkline/api/outside"
	"trunkline.dev/trunkline/render/internal/links"
	"trunkline.dev/trunkline/render/internal/manifest"
)

const (
	// treeRoot is where Kustomize sees the tree, and overlayRoot where it sees the overlay that Trunkline puts
	// over it. They lie side by side, so that no path in the tree can be that of the overlay and a base may be
	// the root of the tree.
	treeRoot    = "/tree"
	overlayRoot = "/trunkline"

	// maxFileBytes bounds one file, maxTotalBytes all that one build reads.
	maxFileBytes  = 4 << 20
	maxTotalBytes = 32 << 20
)

// fileSystem reads what one build needs out of a tree and an overlay. It notes nothing itself: the tree is one
// that records.
type fileSystem struct {
	ctx     context.Context //nolint:containedctx // it lives for one build, and answers Kustomize, which takes no context
	tree    fs.FS
	overlay map[string][]byte
	// altered are kustomizations of the tree that are built otherwise than they are written, by the paths that Kustomize uses.
	altered map[string][]byte
	// charts are the files in the overlay that charts were rendered to, and what their objects come from, by the paths in the tree.
	charts map[string]resource.Origin
	// ownSchema is set if a kustomization brings a schema of its own.
	ownSchema bool
	// kubeVersion and apiVersions are what charts are told of the cluster.
	kubeVersion string
	apiVersions []string
	// read and dirs keep what was seen, so that what is built is what was checked, even of a folder that
	// someone writes to meanwhile.
	read   map[string]fileResult
	dirs   map[string]bool
	reals  map[string]string
	budget int
}

type fileResult struct {
	data []byte
	err  error
}

func newFileSystem(ctx context.Context, tree fs.FS) *fileSystem {
	return &fileSystem{
		ctx: ctx, tree: tree, overlay: map[string][]byte{}, altered: map[string][]byte{}, charts: map[string]resource.Origin{},
		read: map[string]fileResult{}, dirs: map[string]bool{}, reals: map[string]string{},
	}
}

// inTree returns the path in the tree of one that Kustomize uses.
func inTree(p string) (string, bool) {
	p = path.Clean(p)
	if p == treeRoot {
		return ".", true
	}
	rel, ok := strings.CutPrefix(p, treeRoot+"/")
	return rel, ok && fs.ValidPath(rel)
}

// ReadFile reads a file of the tree by the path that Kustomize uses.
func (f *fileSystem) ReadFile(name string) ([]byte, error) {
	if err := f.ctx.Err(); err != nil {
		return nil, context.Cause(f.ctx)
	}
	rel, ok := inTree(name)
	if !ok {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	result, done := f.read[rel]
	if !done {
		result.data, result.err = f.readTree(rel)
		f.read[rel] = result
	}
	return result.data, result.err
}

func (f *fileSystem) readTree(rel string) ([]byte, error) {
	// Kustomize tries each entry as a file first. A folder that is opened would be noted as listed.
	if f.isDir(rel) {
		return nil, &fs.PathError{Op: "read", Path: rel, Err: errors.New("is a folder")}
	}
	data, err := fs.ReadFile(f.tree, rel)
	if elsewhere := outside.InSubmodule(err); elsewhere != nil {
		err = elsewhere
	}
	if err != nil {
		return nil, err
	}
	if f.budget += len(data); len(data) > maxFileBytes || f.budget > maxTotalBytes {
		return nil, fmt.Errorf("%s: too large: a build reads files of at most %d MiB, and %d MiB together",
			rel, maxFileBytes>>20, maxTotalBytes>>20)
	}
	if err := outside.Check(rel, data); err != nil {
		return nil, err
	}
	if err := manifest.CheckAliases(data); err != nil {
		return nil, fmt.Errorf("%s: %w", rel, err)
	}
	return data, nil
}

// IsDir reports whether a path that Kustomize uses is a folder.
func (f *fileSystem) IsDir(name string) bool {
	rel, ok := inTree(name)
	return ok && f.isDir(rel)
}

func (f *fileSystem) isDir(rel string) bool {
	is, done := f.dirs[rel]
	if !done {
		info, err := fs.Stat(f.tree, rel)
		is = err == nil && info.IsDir()
		f.dirs[rel] = is
	}
	return is
}

// real returns the path of a folder without links: Kustomize takes what a kustomization names relative to where it is, and not
// to the link that leads there.
func (f *fileSystem) real(rel string) string {
	fsys, ok := f.tree.(fs.ReadLinkFS)
	if !ok {
		return rel
	}
	real, done := f.reals[rel]
	if !done {
		real = links.Follow(fsys, rel, func(string) {})
		f.reals[rel] = real
	}
	return real
}

// dirEntry is the entry of a folder.
func (f *fileSystem) dirEntry(rel string) Entry {
	e := Entry{Kind: Folder}
	if real := f.real(rel); real != rel {
		e.Data = []byte(path.Join(treeRoot, real))
	}
	return e
}

// seen is all that was looked at, and what follows from it, by the paths that Kustomize uses.
func (f *fileSystem) seen() map[string]Entry {
	out := make(map[string]Entry, 2*(len(f.overlay)+len(f.read)+len(f.dirs)))
	for rel, is := range f.dirs {
		if is {
			out[path.Join(treeRoot, rel)] = f.dirEntry(rel)
		}
	}
	for rel, result := range f.read {
		name, e := path.Join(treeRoot, rel), entryOf(result)
		if _, folder := out[name]; folder {
			continue // it was tried as a file too
		}
		out[name] = e
		if e.Kind == File {
			above(out, name)
		}
	}
	if len(f.overlay) > 0 {
		for _, name := range konfig.RecognizedKustomizationFileNames() {
			out[path.Join(overlayRoot, name)] = Entry{Kind: Missing}
		}
	}
	for name, data := range f.altered {
		out[name] = Entry{Kind: File, Data: data}
	}
	for name, data := range f.overlay {
		out[name] = Entry{Kind: File, Data: data}
		above(out, name)
	}
	return out
}

// above adds the folders that a file is in.
func above(seen map[string]Entry, name string) {
	for dir := path.Dir(name); dir != "/" && seen[dir].Kind != Folder; dir = path.Dir(dir) {
		seen[dir] = Entry{Kind: Folder}
	}
}

// stat says what is at a path that Kustomize uses.
func (f *fileSystem) stat(name string) Entry {
	if rel, ok := inTree(name); ok && f.isDir(rel) {
		return f.dirEntry(rel)
	}
	data, err := f.ReadFile(name)
	return entryOf(fileResult{data, err})
}

func entryOf(result fileResult) Entry {
	switch {
	case result.err == nil:
		return Entry{Kind: File, Data: result.data}
	case errors.Is(result.err, fs.ErrNotExist):
		return Entry{Kind: Missing}
	}
	return Entry{Kind: Unreadable, Data: []byte(result.err.Error())}
}
