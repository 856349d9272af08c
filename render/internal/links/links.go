// SPDX-License-Identifier: Apache-2.0

// Package links follows the symbolic links of a tree. It may import nothing of Trunkline.
package links

import (
	"io/fs"
	"path"
	"strings"
)

// maxLinks bounds the links that one path may lead over.
const maxLinks = 40

// Follow returns the path that one means once its links are followed, and calls passed with each of them. What leads out of
// the tree, or nowhere, is returned as far as it goes: the file system refuses it.
func Follow(fsys fs.ReadLinkFS, name string, passed func(link string)) string {
	at, rest := ".", strings.Split(name, "/")
	for n := 0; len(rest) > 0; {
		at, rest = path.Join(at, rest[0]), rest[1:]
		if strings.HasPrefix(at, "..") {
			return name
		}
		info, err := fsys.Lstat(at)
		if err != nil {
			return path.Join(append([]string{at}, rest...)...)
		}
		if info.Mode()&fs.ModeSymlink == 0 {
			continue
		}
		passed(at)
		target, err := fsys.ReadLink(at)
		if n++; err != nil || n > maxLinks || path.IsAbs(target) {
			return name
		}
		rest = append(strings.Split(target, "/"), rest...)
		at = path.Dir(at)
	}
	return at
}
