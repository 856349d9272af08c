// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"

	"trunkline.dev/trunkline/api/v1alpha1"
)

// unit is a file of declarations as it was read.
type unit struct {
	v1alpha1.File
	data []byte
}

// docKey is how a declaration is referred to.
type docKey struct {
	kind v1alpha1.Kind
	name string
}

// keys are what the unit declares, well or badly.
func (u *unit) keys() map[docKey]bool {
	if u == nil {
		return nil
	}
	keys := map[docKey]bool{}
	for _, doc := range u.Documents {
		keys[docKey{doc.Kind, doc.Name}] = true
	}
	for _, doc := range u.Broken {
		keys[docKey{doc.Kind, doc.Name}] = true
	}
	return keys
}

// declares reports whether a kind is declared in the file, well or badly.
func (u *unit) declares(kind v1alpha1.Kind) bool {
	of := func(doc *v1alpha1.Document) bool { return doc.Kind == kind }
	return slices.ContainsFunc(u.Documents, of) || slices.ContainsFunc(u.Broken, of)
}

// governing returns what the unit declares, well or badly, that governs others.
func (u *unit) governing() (docs []*v1alpha1.Document) {
	if u == nil {
		return nil
	}
	for _, doc := range u.Documents {
		if doc.Kind != v1alpha1.KindProject {
			docs = append(docs, doc)
		}
	}
	for _, doc := range u.Broken {
		if doc.Kind != v1alpha1.KindProject {
			docs = append(docs, doc)
		}
	}
	return docs
}

func declarationName(name string) bool {
	return slices.Contains([]string{".yaml", ".yml", ".json"}, path.Ext(name))
}

// readUnit reads a file. It returns nil for one that declares nothing, and the old unit if nothing has changed. The
// file of the platform counts as declaring whatever it holds.
func readUnit(tree fs.FS, name string, old *unit) (*unit, error) {
	data, err := readBounded(tree, name)
	switch {
	case err != nil:
		return nil, err
	case old != nil && bytes.Equal(old.data, data):
		return old, nil
	case name != PlatformFile && !v1alpha1.Declares(data):
		if file, strays := v1alpha1.Stray(name, data); strays {
			return &unit{File: file, data: data}, nil
		}
		return nil, nil
	}
	return &unit{File: v1alpha1.DecodeFile(name, data), data: data}, nil
}

// readBounded reads a file, or so much of it that it is seen to be too large for declarations: large files, which
// are someone's data, are not read whole to find that out.
func readBounded(tree fs.FS, name string) ([]byte, error) {
	f, err := tree.Open(name)
	if err != nil {
		return nil, fmt.Errorf("reading %q: %w", name, err)
	}
	defer f.Close()
	var b bytes.Buffer
	if info, err := f.Stat(); err == nil {
		b.Grow(int(min(max(info.Size(), 0), v1alpha1.MaxFileBytes)) + bytes.MinRead)
	}
	if _, err := b.ReadFrom(io.LimitReader(f, v1alpha1.MaxFileBytes+1)); err != nil {
		return nil, fmt.Errorf("reading %q: %w", name, err)
	}
	return b.Bytes(), nil
}

// covers reports whether a walk from the roots comes by a file.
func covers(roots []string, name string) bool {
	if !declarationName(name) {
		return false
	}
	return slices.ContainsFunc(roots, func(root string) bool {
		rest, below := name, true
		if root != "." {
			rest, below = strings.CutPrefix(name, root+"/")
		}
		return below && !slices.ContainsFunc(strings.Split(path.Dir(rest), "/"), hidden)
	})
}

// hidden tells what tools keep beside the sources, such as .github: it is theirs, unless a root is asked for by name.
func hidden(folder string) bool { return strings.HasPrefix(folder, ".") && folder != "." }
