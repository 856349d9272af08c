// SPDX-License-Identifier: Apache-2.0

package render

import (
	"errors"
	"io/fs"
	"maps"
	"slices"
	"sync"

	"trunkline.dev/trunkline/render/internal/links"
)

// Recorder notes what is read through the file system that [Record] gave with it.
type Recorder struct {
	fsys fs.FS

	mu      sync.Mutex
	files   map[string]bool
	missing map[string]bool
	dirs    map[string]map[string]bool // by path: the names in it, nil if it was seen but not listed
	links   map[string]string          // paths already resolved
}

// Record returns a view of fsys in which every access is noted. It is safe for several goroutines if fsys is.
//
// A path that leads over symbolic links is noted under both names, and so are the links, if fsys can tell them
// (see [fs.ReadLinkFS]): a commit names the file that changed, not the links that lead to it.
func Record(fsys fs.FS) (fs.FS, *Recorder) {
	r := &Recorder{
		fsys: fsys, files: map[string]bool{}, missing: map[string]bool{},
		dirs: map[string]map[string]bool{}, links: map[string]string{},
	}
	return recordFS{r}, r
}

// ReadSet is what was read until now.
func (r *Recorder) ReadSet() ReadSet {
	r.mu.Lock()
	defer r.mu.Unlock()
	set := ReadSet{Files: sortedKeys(r.files), Missing: sortedKeys(r.missing)}
	for _, p := range slices.Sorted(maps.Keys(r.dirs)) {
		d := Dir{Path: p}
		if names := r.dirs[p]; names != nil {
			d.Listed, d.Names = true, sortedKeys(names)
		}
		set.Dirs = append(set.Dirs, d)
	}
	return set
}

func sortedKeys(m map[string]bool) []string { return slices.Sorted(maps.Keys(m)) }

// note remembers the outcome of looking at a path.
func (r *Recorder) note(name string, isDir bool, err error) {
	if !fs.ValidPath(name) {
		return // never a path of the tree, whatever is in it
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, p := range r.resolve(name) {
		switch {
		case err != nil:
			// An error that is not absence can come from a file as well as from what is around it.
			r.missing[p] = true
			if !errors.Is(err, fs.ErrNotExist) {
				r.files[p] = true
			}
		case isDir:
			if _, seen := r.dirs[p]; !seen {
				r.dirs[p] = nil
			}
		default:
			r.files[p] = true
		}
	}
}

func (r *Recorder) noteList(name string, entries []fs.DirEntry) {
	r.note(name, true, nil)
	names := make(map[string]bool, len(entries))
	for _, e := range entries {
		names[e.Name()] = true
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, p := range r.resolve(name) {
		if _, isDir := r.dirs[p]; isDir {
			r.dirs[p] = names
		}
	}
}

// resolve returns a path, and the one it means once its links are followed. Links are noted as files, as Git has
// them.
func (r *Recorder) resolve(name string) []string {
	fsys, ok := r.fsys.(fs.ReadLinkFS)
	if !ok {
		return []string{name}
	}
	real, done := r.links[name]
	if !done {
		real = links.Follow(fsys, name, func(link string) { r.files[link] = true })
		r.links[name] = real
	}
	if real == name {
		return []string{name}
	}
	return []string{name, real}
}

// recordFS is the view that notes.
type recordFS struct{ r *Recorder }

var (
	_ fs.ReadFileFS = recordFS{}
	_ fs.ReadDirFS  = recordFS{}
	_ fs.ReadLinkFS = recordFS{}
	_ fs.StatFS     = recordFS{}
)

func (f recordFS) Open(name string) (fs.File, error) {
	file, err := f.r.fsys.Open(name)
	if err != nil {
		f.r.note(name, false, err)
		return nil, err
	}
	info, err := file.Stat()
	if err != nil {
		f.r.note(name, false, err)
		_ = file.Close()
		return nil, err
	}
	if !info.IsDir() {
		f.r.note(name, false, nil)
		return file, nil
	}
	// Whoever opens a folder means to list it.
	entries, err := fs.ReadDir(f.r.fsys, name)
	if err != nil {
		f.r.note(name, true, err)
		return file, nil
	}
	f.r.noteList(name, entries)
	return file, nil
}

func (f recordFS) ReadFile(name string) ([]byte, error) {
	data, err := fs.ReadFile(f.r.fsys, name)
	f.r.note(name, false, err)
	return data, err
}

func (f recordFS) Stat(name string) (fs.FileInfo, error) {
	info, err := fs.Stat(f.r.fsys, name)
	f.r.note(name, err == nil && info.IsDir(), err)
	return info, err
}

// Lstat and ReadLink note nothing: where a link leads is noted with what is read by it.
func (f recordFS) Lstat(name string) (fs.FileInfo, error) { return fs.Lstat(f.r.fsys, name) }

func (f recordFS) ReadLink(name string) (string, error) { return fs.ReadLink(f.r.fsys, name) }

func (f recordFS) ReadDir(name string) ([]fs.DirEntry, error) {
	entries, err := fs.ReadDir(f.r.fsys, name)
	if err != nil {
		f.r.note(name, false, err)
		return entries, err
	}
	f.r.noteList(name, entries)
	return entries, nil
}
