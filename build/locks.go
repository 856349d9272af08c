// SPDX-License-Identifier: Apache-2.0

package build

import (
	"io/fs"
	"path"
	"slices"
)

// locks are the patterns of files in which packages of Python are named.
var locks = []string{"requirements*.txt", "uv.lock", "pylock.toml", "pylock.*.toml", "poetry.lock", "Pipfile.lock"}

// Locks are the files beside a declaration that name packages, none of which gets into the image by that, in the order of their names. One that is
// excluded is known not to.
func Locks(tree fs.FS, dir string, exclude []string) (names []string, err error) {
	entries, err := fs.ReadDir(tree, dir)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		is := slices.ContainsFunc(locks, func(pattern string) bool { matches, _ := path.Match(pattern, e.Name()); return matches })
		if is && !e.IsDir() && !slices.Contains(exclude, e.Name()) {
			names = append(names, e.Name())
		}
	}
	return names, nil
}
