// SPDX-License-Identifier: Apache-2.0

package render

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"strings"
	"unicode/utf8"

	"trunkline.dev/trunkline/api/outside"
	"trunkline.dev/trunkline/catalog"
)

const (
	// MaxFileBytes bounds the files of one workload: they go into one ConfigMap, and etcd takes 1 MiB with all
	// that is around them.
	MaxFileBytes = 900 << 10
	maxFiles     = 1000
	maxFileDepth = 24
)

// expand reads the files and folders that a workload names, relative to the project's folder, and the packages that it uses.
func expand(tree fs.FS, rel catalog.Release, w catalog.Workload) (*expander, error) {
	x := newExpander(walled(tree, rel.Root), rel.Dir)
	if err := x.all(w.Files); err != nil {
		return nil, err
	}
	return x, x.packages(tree, w.Packages)
}

func newExpander(tree fs.FS, dir string) *expander {
	return &expander{tree: tree, dir: dir, seen: map[string]bool{}, keys: map[string]string{}, out: []any{}, raw: map[string][]byte{}}
}

// all adds the files and folders of names.
func (x *expander) all(names []string) error {
	dir := x.dir
	for _, name := range names {
		clean := path.Clean(name)
		if name == "" || path.IsAbs(name) || clean == ".." || strings.HasPrefix(clean, "../") {
			return fmt.Errorf("files: %q leads out of the project's folder %s", name, dir)
		}
		if err := x.add(clean, 0); err != nil {
			if elsewhere := outside.InSubmodule(err); elsewhere != nil {
				return fmt.Errorf("files: %q: %w", name, elsewhere)
			}
			if errors.Is(err, fs.ErrNotExist) {
				return fmt.Errorf("files: %q: there is no such file or folder in %s", name, dir)
			}
			return fmt.Errorf("files: %q: %w", name, err)
		}
	}
	return nil
}

// Files reads the files that a workload is given, by their paths: those that it names, with those in its folders, and those of packages.
func Files(tree fs.FS, rel catalog.Release, w catalog.Workload) (map[string][]byte, error) {
	x, err := expand(tree, rel, w)
	if err != nil {
		return nil, err
	}
	return x.raw, nil
}

type expander struct {
	tree fs.FS
	dir  string
	// prefix is what the paths of files get before them: the folder of a package.
	prefix string
	seen   map[string]bool
	keys   map[string]string
	bytes  int
	out    []any
	// raw are the files as they are, by their paths.
	raw map[string][]byte
	// skip tells what is left out; nil for nothing.
	skip func(name string) bool
}

func (x *expander) add(name string, depth int) error {
	if depth > maxFileDepth {
		return fmt.Errorf("folders nest deeper than %d levels; does a link lead back to a parent folder?", maxFileDepth)
	}
	if x.skip != nil && x.skip(name) {
		return nil
	}
	full := path.Join(x.dir, name)
	info, err := fs.Stat(x.tree, full)
	if err != nil {
		return err
	}
	if info.IsDir() {
		if x.skip != nil && x.skip(name) {
			return nil
		}
		entries, err := fs.ReadDir(x.tree, full)
		if err != nil {
			return err
		}
		if len(entries) == 0 {
			return outside.Submodule(x.tree, full)
		}
		for _, e := range entries {
			if err := x.add(path.Join(name, e.Name()), depth+1); err != nil {
				return err
			}
		}
		return nil
	}
	name = path.Join(x.prefix, name)
	if x.seen[name] {
		return nil
	}
	x.seen[name] = true
	if info.Size() > MaxFileBytes { // which is not read first
		return errTooLarge
	}
	return x.file(name, full)
}

func (x *expander) file(name, full string) error {
	if strings.HasPrefix(name, "..") {
		return fmt.Errorf("%s: Kubernetes mounts no file whose path begins with two dots", name)
	}
	data, err := fs.ReadFile(x.tree, full)
	if err != nil {
		return err
	}
	if err := outside.Check(name, data); err != nil {
		return err
	}
	if x.bytes += len(data); x.bytes > MaxFileBytes {
		return errTooLarge
	}
	if len(x.out) == maxFiles {
		return fmt.Errorf("a workload has at most %d files", maxFiles)
	}
	key := fileKey(name)
	if other, taken := x.keys[key]; taken {
		return fmt.Errorf("%s and %s have the same key %s", other, name, key)
	}
	x.keys[key], x.raw[name] = name, data
	file := map[string]any{"path": name, "key": key}
	// Text with a NUL is valid UTF-8 and still nothing that YAML can carry.
	if utf8.Valid(data) && !strings.ContainsRune(string(data), 0) {
		file["content"] = string(data)
	} else {
		file["base64"] = base64.StdEncoding.EncodeToString(data)
	}
	x.out = append(x.out, file)
	return nil
}

// errTooLarge is that of files which do not fit into a ConfigMap.
var errTooLarge = fmt.Errorf("the files of a workload have at most %d KiB together; put larger ones into the image", MaxFileBytes>>10)

var (
	validKey   = regexp.MustCompile(`^[-._a-zA-Z0-9]{1,200}$`)
	invalidKey = regexp.MustCompile(`[^-._a-zA-Z0-9]`)
)

// fileKey returns the key of a file in a ConfigMap: its path if that is one, else something similar with a hash,
// since two paths can be alike once what a key cannot have is replaced.
func fileKey(name string) string {
	if validKey.MatchString(name) {
		return name
	}
	sum := sha256.Sum256([]byte(name))
	short := invalidKey.ReplaceAllString(name, "_")
	return strings.TrimLeft(short[:min(len(short), 200)], ".") + "-" + hex.EncodeToString(sum[:4])
}
