// SPDX-License-Identifier: Apache-2.0

package render

import (
	"cmp"
	"path"
	"slices"
	"strings"
)

// ReadSet is everything that a render depends on beside its release. Paths are those of [fs.FS], sorted.
type ReadSet struct {
	// Files were read, or seen to be files. Symbolic links are among them.
	Files []string `json:"files,omitempty"`
	// Missing were looked for and not found.
	Missing []string `json:"missing,omitempty"`
	// Dirs were seen to be folders.
	Dirs []Dir `json:"dirs,omitempty"`
	// Artifacts are those of registries and Helm repositories, with their digests. They are no part of the tree: that a declaration
	// names another one is what changes.
	Artifacts []string `json:"artifacts,omitempty"`
}

// Dir is a folder that was seen.
type Dir struct {
	Path string `json:"path"`
	// Listed reports whether the names in it were read: then they are in Names.
	Listed bool     `json:"listed,omitempty"`
	Names  []string `json:"names,omitempty"`
}

// Affected reports whether a render can come out differently once the given paths are changed: files and links
// that were added, removed or altered, as Git lists them. It may say yes for nothing, never no for something.
//
// A changed path touches the set if
//
//   - it is a file that was read, or a path that was looked for and not found;
//   - it is above or below such a path: a folder became a file, a link or the other way round;
//   - it is a folder that was seen, or above one;
//   - it lies directly in a folder that was listed;
//   - it lies deeper in a folder that was listed, under a name that was not there: the name is new;
//   - it lies below a folder that was seen or is a name in a listed one, of which no file was read and which may
//     therefore be gone with the change. (Where a file was read, it would be among the changed paths.)
func (s ReadSet) Affected(changed []string) bool {
	return slices.ContainsFunc(changed, s.touches)
}

func (s ReadSet) touches(p string) bool {
	if touchesAny(s.Files, p) || touchesAny(s.Missing, p) {
		return true
	}
	if under(s.Dirs, p) {
		return true
	}
	// The folders above the changed path, from the one that it lies in up to the root.
	for child := p; child != "."; {
		dir := parent(child)
		i, seen := slices.BinarySearchFunc(s.Dirs, dir, func(d Dir, p string) int { return strings.Compare(d.Path, p) })
		if seen {
			d := s.Dirs[i]
			if d.Listed {
				if child == p {
					return true
				}
				_, known := slices.BinarySearch(d.Names, path.Base(child))
				if !known || !s.anchored(child) {
					return true
				}
			}
			if dir != "." && !s.anchored(dir) {
				return true
			}
		}
		child = dir
	}
	return false
}

// anchored reports whether a file below the folder was read: the folder is there as long as that file is.
func (s ReadSet) anchored(dir string) bool { return anyBelow(s.Files, dir) }

// touchesAny reports whether p is one of the sorted paths, above one or below one.
func touchesAny(paths []string, p string) bool {
	for at := p; at != "."; at = parent(at) {
		if _, found := slices.BinarySearch(paths, at); found {
			return true
		}
	}
	return anyBelow(paths, p)
}

// parent is [path.Dir] of a path that is clean, which is asked for each release.
func parent(p string) string {
	if i := strings.LastIndexByte(p, '/'); i >= 0 {
		return p[:i]
	}
	return "."
}

func anyBelow(paths []string, dir string) bool {
	i, _ := slices.BinarySearch(paths, dir+"/")
	return i < len(paths) && strings.HasPrefix(paths[i], dir+"/")
}

// under reports whether p is one of the folders or above one.
func under(dirs []Dir, p string) bool {
	compare := func(d Dir, p string) int { return strings.Compare(d.Path, p) }
	if _, found := slices.BinarySearchFunc(dirs, p, compare); found {
		return true
	}
	// The first that is not before p+"/", which would take memory for each release that is asked.
	i, _ := slices.BinarySearchFunc(dirs, p, func(d Dir, p string) int {
		n := min(len(d.Path), len(p))
		if c := strings.Compare(d.Path[:n], p[:n]); c != 0 || len(d.Path) <= len(p) {
			return cmp.Or(c, -1)
		}
		return strings.Compare(d.Path[len(p):], "/")
	})
	return i < len(dirs) && len(dirs[i].Path) > len(p) && dirs[i].Path[len(p)] == '/' && dirs[i].Path[:len(p)] == p
}
