// SPDX-License-Identifier: Apache-2.0

// Package outside tells what is kept outside of a repository and only named in it: files in Git LFS, and submodules.
//
// It is pure, and may import nothing of Trunkline.
package outside

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"path"
)

// pointer begins each file that Git LFS leaves in place of another, as its specification has it.
const pointer = "version https://git-lfs.github.com/spec/v"

// MaxPointer bounds a pointer in bytes; what is larger is none.
const MaxPointer = 1024

// IsPointer reports whether a file is a pointer of Git LFS, which stands for a file that is kept elsewhere.
func IsPointer(data []byte) bool {
	return len(data) <= MaxPointer && bytes.HasPrefix(data, []byte(pointer)) && bytes.Contains(data, []byte("\noid "))
}

// Error says that a file is kept outside of the repository.
type Error struct{ File string }

// Error implements error.
func (e *Error) Error() string {
	return fmt.Sprintf("%s is a pointer of Git LFS and not the file itself, which is kept outside of the repository; "+
		"commit the file, and take it out of .gitattributes", e.File)
}

// Check returns an [Error] if a file is a pointer of Git LFS.
func Check(file string, data []byte) error {
	if IsPointer(data) {
		return &Error{File: file}
	}
	return nil
}

// submodule is an error that says that a path leads into a submodule.
type submodule interface {
	error
	Submodule() string
}

// SubmoduleError says that a path leads into a submodule. It is fs.ErrNotExist: there is nothing in the tree.
type SubmoduleError struct{ Folder string }

// Error implements error.
func (e *SubmoduleError) Error() string {
	return e.Folder + " is a Git submodule, whose content is in another repository, which is not read; commit the files themselves"
}

// Unwrap returns [fs.ErrNotExist].
func (e *SubmoduleError) Unwrap() error { return fs.ErrNotExist }

// InSubmodule returns what is wrong with a path that could not be read since it leads into a submodule; nil if it does not.
func InSubmodule(err error) error {
	if e, ok := errors.AsType[submodule](err); ok {
		return &SubmoduleError{Folder: e.Submodule()}
	}
	return nil
}

// Submodule returns what is wrong with a folder that is a submodule, or in one, and so looks empty; nil if it is not.
func Submodule(tree fs.FS, folder string) error {
	_, err := fs.Stat(tree, path.Join(folder, "any"))
	return InSubmodule(err)
}

// Submodule implements what [InSubmodule] looks for, so that an error may be looked at again.
func (e *SubmoduleError) Submodule() string { return e.Folder }
