package catalog

import (
	"errors"
	"fmt"
	"io/fs"
	"path"

	"trunkline.dev/trunkline/api/v1alpha1"
)

// stat looks at a path of the tree.
func (l *linker) stat(name string) (fs.FileInfo, error) { return fs.Stat(l.tree, name) }

// throughLink tells whether a path goes through a symbolic link. When such a path cannot be followed, that is
// the fault of who made the link; when any other cannot be read, the tree itself is out of order.
func (l *linker) throughLink(name string) bool {
	for at := name; at != "."; at = path.Dir(at) {
		if info, err := fs.Lstat(l.tree, at); err == nil && info.Mode()&fs.ModeSymlink != 0 {
			return true
		}
	}
	return false
}

// failed words why a path cannot be looked at. It gives nothing when that is no fault of the declarations: then
// the tree as a whole counts as unreadable, and nothing is said about what it declares.
func (l *linker) failed(what, name string, err error) string {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Sprintf("there is no %s %q", what, name)
	case l.throughLink(name):
		return fmt.Sprintf("cannot read %q: %s", name, err)
	case l.unreadable == nil:
		l.unreadable = fmt.Errorf("reading %q: %w", name, err)
	}
	return ""
}

// checkFile wants a file or folder that the project names to be in the project's folder.
func (l *linker) checkFile(doc *v1alpha1.Document, name string, at ...any) {
	const hint = "paths are relative to the file that declares the project"
	if !fs.ValidPath(path.Clean(name)) {
		l.at(doc, at, fmt.Sprintf("the path %q leads out of the project's folder", name), hint)
		return
	}
	full := path.Join(path.Dir(doc.File), name)
	if _, err := l.stat(full); err != nil {
		if message := l.failed("file", full, err); message != "" {
			l.at(doc, at, message, hint)
		}
	}
}

// checkFolder wants a folder to be in the tree. Declared is the path as it was written.
func (l *linker) checkFolder(doc *v1alpha1.Document, folder, declared string, at ...any) bool {
	hint := "paths are relative to the root of the tree, where " + PlatformFile + " is"
	if doc.Kind == v1alpha1.KindBlueprint {
		hint = "the source is relative to the file that declares the blueprint"
	}
	if !fs.ValidPath(folder) || path.IsAbs(declared) {
		l.at(doc, at, fmt.Sprintf("the path %q leaves the tree", declared), hint)
		return false
	}
	info, err := l.stat(folder)
	switch {
	case err != nil:
		if message := l.failed("folder", folder, err); message != "" {
			l.at(doc, at, message, hint)
		}
		return false
	case !info.IsDir():
		l.at(doc, at, fmt.Sprintf("%q is not a folder", folder), hint)
		return false
	}
	return true
}
