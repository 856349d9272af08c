// SPDX-License-Identifier: Apache-2.0

package bootstrap

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/Masterminds/semver/v3"

	"trunkline.dev/trunkline/api/edit"
	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/catalog"
)

// Plan is what becomes of a platform's files.
type Plan struct {
	// Again is set if the daemon is a project of the platform already.
	Again bool
	// New are files that are not there yet, in the order in which they are written, and Changed those that follow the version of the program.
	New, Changed []File
	// Gone are files of the chart that the program's does not have any more.
	Gone []string
	// Same are files that are there as they would be written, and Kept those that belong to people.
	Same, Kept []string
}

// Empty reports whether all is there.
func (p Plan) Empty() bool { return len(p.New)+len(p.Changed)+len(p.Gone) == 0 }

// Paths are those of all files that are written, changed or deleted, sorted.
func (p Plan) Paths() []string {
	out := slices.Clone(p.Gone)
	for _, f := range slices.Concat(p.New, p.Changed) {
		out = append(out, f.Path)
	}
	slices.Sort(out)
	return out
}

// ForeignError says that a folder has something else in it.
type ForeignError struct{ Names []string }

func (e *ForeignError) Error() string {
	const most = 5
	names := e.Names[:min(len(e.Names), most)]
	more := ""
	if n := len(e.Names) - len(names); n > 0 {
		more = fmt.Sprintf(" and %d more", n)
	}
	return fmt.Sprintf("nothing is written: the folder has other content (%s%s) and no %s: name an empty folder, or one of this repository with --folder", strings.Join(names, ", "), more, catalog.PlatformFile)
}

// ConflictError says that files are there already, and say something else.
type ConflictError struct{ Paths []string }

func (e *ConflictError) Error() string {
	return fmt.Sprintf("nothing is written: %s there already, and not as they would be written; files are never overwritten: move or delete them, or run with the flags that they were written with",
		strings.Join(e.Paths, ", ")+map[bool]string{true: " is", false: " are"}[len(e.Paths) == 1])
}

// aside are the names of files that a repository may begin with.
var aside = []string{"README", "LICENSE", "LICENCE", "COPYING", "NOTICE", "SECURITY", "CODE_OF_CONDUCT", "CONTRIBUTING", "CODEOWNERS"}

func isAside(name string) bool {
	base, _, _ := strings.Cut(name, ".")
	return base == "" || slices.Contains(aside, strings.ToUpper(base)) // hidden ones are nobody's declarations
}

// Compare says what becomes of the files of a platform. The catalog is that of the folder; nil if no platform is declared there. The
// encrypted files are those of which there is none yet.
func Compare(tree fs.FS, c *catalog.Catalog, in Input, encrypted []File) (Plan, error) {
	files, err := Files(in)
	if err != nil {
		return Plan{}, err
	}
	files = slices.Insert(files, len(files)-1, encrypted...)
	var p Plan
	if c != nil {
		_, p.Again = c.Project(Project)
		if c.Platform != nil && c.Name() != in.Platform {
			return Plan{}, fmt.Errorf("nothing is written: the platform there is %q, not %q: leave --name out", c.Name(), in.Platform)
		}
		files = undeclared(files, c, in)
	} else if err := foreign(tree, files); err != nil {
		return Plan{}, err
	}
	var conflicts []string
	for _, f := range files {
		is, err := fs.ReadFile(tree, f.Path)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			// What people have deleted since is not put back; what the program brings is.
			if !p.Again || f.Ours || slices.ContainsFunc(encrypted, func(e File) bool { return e.Path == f.Path }) {
				p.New = append(p.New, f)
			}
		case err != nil:
			return Plan{}, fmt.Errorf("reading %q: %w", f.Path, err)
		case bytes.Equal(is, f.Data):
			p.Same = append(p.Same, f.Path)
		case p.Again && f.Ours:
			p.Changed = append(p.Changed, f)
		case p.Again || f.Path == readme || f.Path == catalog.PlatformFile && c != nil:
			p.Kept = append(p.Kept, f.Path)
		default:
			conflicts = append(conflicts, f.Path)
		}
	}
	if len(conflicts) > 0 {
		slices.Sort(conflicts)
		return Plan{}, &ConflictError{Paths: conflicts}
	}
	if !p.Again {
		return p, nil
	}
	if p.Gone, err = gone(tree, files); err != nil {
		return Plan{}, err
	}
	if err := p.upgrade(tree, c, in); err != nil {
		return Plan{}, err
	}
	sortFiles(p.New)
	sortFiles(p.Changed)
	return p, nil
}

// undeclared leaves out what the platform declares already, wherever that is.
func undeclared(files []File, c *catalog.Catalog, in Input) []File {
	return slices.DeleteFunc(files, func(f File) bool {
		declared := func(kind v1alpha1.Kind, name string) bool {
			doc, ok := c.Document(kind, name)
			return ok && doc.File != f.Path
		}
		switch f.Path {
		case "clusters/" + in.Cluster + ".yaml":
			return declared(v1alpha1.KindCluster, in.Cluster)
		case "environments/" + in.Projects + ".yaml":
			return declared(v1alpha1.KindEnvironment, in.Projects)
		}
		return false
	})
}

// foreign refuses a folder in which something else is than a platform. What an attempt has written that was interrupted is none.
func foreign(tree fs.FS, files []File) error {
	entries, err := fs.ReadDir(tree, ".")
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("reading the folder: %w", err)
	}
	var names []string
	for _, e := range entries {
		ours := slices.ContainsFunc(files, func(f File) bool { first, _, _ := strings.Cut(f.Path, "/"); return first == e.Name() })
		if !ours && !isAside(e.Name()) {
			names = append(names, e.Name())
		}
	}
	if len(names) > 0 {
		return &ForeignError{Names: names}
	}
	return nil
}

// gone are the files of a chart that an older program has written.
func gone(tree fs.FS, files []File) (out []string, err error) {
	err = fs.WalkDir(tree, chartFolder, func(name string, entry fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) && name == chartFolder {
			return nil
		}
		if err != nil || entry.IsDir() {
			return err
		}
		if !slices.ContainsFunc(files, func(f File) bool { return f.Path == name }) {
			out = append(out, name)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("reading the chart of the daemon: %w", err)
	}
	return out, nil
}

// upgrade moves the image of the daemon to one that was asked for, or to that of the program, if it is a later version of the same
// one. What is followed, or chosen by people otherwise, stays.
func (p *Plan) upgrade(tree fs.FS, c *catalog.Catalog, in Input) error {
	project, _ := c.Project(Project)
	w, at, ok := project.Workload(Project)
	switch {
	case !ok || w.Image.Reference() == in.Image:
		return nil
	case w.Image.Follows() && in.Pinned:
		return fmt.Errorf("the image of the daemon is followed (%s): leave --image out, or change it in %s", w.Image.Track, project.Document.File)
	case !in.Pinned && (w.Image.Follows() || !newer(w.Image.Reference(), in.Image)):
		return nil
	}
	file := project.Document.File
	text, err := fs.ReadFile(tree, file)
	if err != nil {
		return fmt.Errorf("reading %q: %w", file, err)
	}
	text, err = edit.Apply(text, project.Document.Ordinal(), edit.Change{Path: []any{"spec", "workloads", at, "image"}, Value: in.Image})
	if err != nil {
		return fmt.Errorf("changing the image in %q: %w", file, err)
	}
	p.Changed = append(p.Changed, File{Path: file, Data: text})
	p.Kept = slices.DeleteFunc(p.Kept, func(path string) bool { return path == file })
	return nil
}

// newer reports whether an image is a later version of another one.
func newer(from, to string) bool {
	was, wasTag := tagged(from)
	is, isTag := tagged(to)
	if was != is || strings.ContainsRune(from, '@') {
		return false
	}
	before, errBefore := semver.NewVersion(wasTag)
	after, errAfter := semver.NewVersion(isTag)
	return errBefore == nil && errAfter == nil && after.GreaterThan(before)
}

// tagged splits an image into its repository and its tag.
func tagged(image string) (repository, tag string) {
	if i := strings.LastIndexByte(image, ':'); i > strings.LastIndexByte(image, '/') {
		return image[:i], image[i+1:]
	}
	return image, ""
}

// Tree is the platform as it will be.
func (p Plan) Tree(tree fs.FS, overlay func(fs.FS, []File) fs.FS) fs.FS {
	return overlay(without{tree, p.Gone}, slices.Concat(p.New, p.Changed))
}

// without is a tree in which files are not there.
type without struct {
	fs.FS

	gone []string
}

// Open implements [fs.FS].
func (w without) Open(name string) (fs.File, error) {
	if slices.Contains(w.gone, name) {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	return w.FS.Open(name)
}

// ReadDir implements [fs.ReadDirFS].
func (w without) ReadDir(name string) ([]fs.DirEntry, error) {
	entries, err := fs.ReadDir(w.FS, name)
	return slices.DeleteFunc(entries, func(e fs.DirEntry) bool { return slices.Contains(w.gone, path.Join(name, e.Name())) }), err
}

// Lstat implements [fs.ReadLinkFS].
func (w without) Lstat(name string) (fs.FileInfo, error) {
	if slices.Contains(w.gone, name) {
		return nil, &fs.PathError{Op: "lstat", Path: name, Err: fs.ErrNotExist}
	}
	return fs.Lstat(w.FS, name)
}

// ReadLink implements [fs.ReadLinkFS].
func (w without) ReadLink(name string) (string, error) { return fs.ReadLink(w.FS, name) }
