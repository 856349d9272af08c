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
)

const (
	// MaxFileBytes bounds the files of one workload: they go into one ConfigMap, and etcd takes 1 MiB with all
	// that is around them.
	MaxFileBytes = 900 << 10
	maxFiles     = 1000
	maxFileDepth = 24
)

// expandFiles reads the files and folders that a workload names, relative to the project's folder.
func expandFiles(tree fs.FS, dir string, names []string) ([]any, error) {
	x := expander{tree: tree, dir: dir, seen: map[string]bool{}, keys: map[string]string{}, out: []any{}, raw: map[string][]byte{}}
	if err := x.all(names); err != nil {
		return nil, err
	}
	return x.out, nil
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

// Files reads the files that a workload names, with those in its folders, by their paths in the project's folder.
func Files(tree fs.FS, dir string, names []string) (map[string][]byte, error) {
	x := expander{tree: tree, dir: dir, seen: map[string]bool{}, keys: map[string]string{}, raw: map[string][]byte{}}
	return x.raw, x.all(names)
}

type expander struct {
	tree  fs.FS
	dir   string
	seen  map[string]bool
	keys  map[string]string
	bytes int
	out   []any
	// raw are the files as they are, by their paths.
	raw map[string][]byte
	// skip tells folders that are left out; nil for none.
	skip func(name string) bool
}

func (x *expander) add(name string, depth int) error {
	if depth > maxFileDepth {
		return fmt.Errorf("folders nest deeper than %d levels; does a link lead back to a parent folder?", maxFileDepth)
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
		for _, e := range entries {
			if err := x.add(path.Join(name, e.Name()), depth+1); err != nil {
				return err
			}
		}
		return nil
	}
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
