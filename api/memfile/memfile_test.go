// SPDX-License-Identifier: Apache-2.0

package memfile_test

import (
	"io/fs"
	"testing"
	"testing/fstest"

	"trunkline.dev/trunkline/api/memfile"
)

// two is a file system of the kind that the package is for: a folder with a file.
type two struct{}

func (two) Open(name string) (fs.File, error) {
	switch name {
	case ".":
		return memfile.OpenFolder(memfile.Info(".", 0, memfile.Folder), []fs.DirEntry{memfile.Entry("a.txt", 4, memfile.File), memfile.Entry("b", 0, memfile.Folder)}), nil
	case "a.txt":
		return memfile.Open(memfile.Info("a.txt", 4, memfile.File), []byte("text")), nil
	case "b":
		return memfile.OpenFolder(memfile.Info("b", 0, memfile.Folder), nil), nil
	}
	return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
}

// TestFS: what is made of it is a file system like any other.
func TestFS(t *testing.T) {
	if err := fstest.TestFS(two{}, "a.txt", "b"); err != nil {
		t.Error(err)
	}
	f, err := two{}.Open("b")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Read(make([]byte, 1)); err == nil {
		t.Error("a folder can be read as a file")
	}
}
