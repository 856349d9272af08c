// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"io/fs"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

// unreadable is a tree with a file that cannot be read.
type unreadable struct {
	fstest.MapFS

	name string
}

func (u unreadable) ReadFile(name string) ([]byte, error) {
	if name == u.name {
		return nil, &fs.PathError{Op: "read", Path: name, Err: errors.New("input/output error")}
	}
	return fs.ReadFile(u.MapFS, name)
}

// TestDiffer: what is not known to be the same counts as changed, or who owns it would not be asked.
func TestDiffer(t *testing.T) {
	file := func(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }
	link := func(to string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(to), Mode: fs.ModeSymlink} }
	for _, tc := range []struct {
		reason     string
		base, tree fs.FS
		want       []string
	}{
		{"Nothing.", fstest.MapFS{"a": file("1")}, fstest.MapFS{"a": file("1")}, nil},
		{"Changed, new and gone.", fstest.MapFS{"a": file("1"), "b": file("1"), "d/e": file("1")}, fstest.MapFS{"a": file("2"), "b": file("1"), "d/f": file("1")}, []string{"a", "d/e", "d/f"}},
		{"A file that becomes a folder.", fstest.MapFS{"a": file("1")}, fstest.MapFS{"a/b": file("1")}, []string{"a", "a/b"}},
		{"A file that becomes a link to the same.", fstest.MapFS{"a": file("1"), "b": file("1")}, fstest.MapFS{"a": link("b"), "b": file("1")}, []string{"a"}},
		{"A link that leads elsewhere, to the same.", fstest.MapFS{"a": link("b"), "b": file("1"), "c": file("1")}, fstest.MapFS{"a": link("c"), "b": file("1"), "c": file("1")}, []string{"a"}},
		{"A link that leads nowhere, as before.", fstest.MapFS{"a": link("x")}, fstest.MapFS{"a": link("x")}, nil},
		{"A link that leads nowhere else than before.", fstest.MapFS{"a": link("x")}, fstest.MapFS{"a": link("y")}, []string{"a"}},
		{
			"A file that cannot be read on either side.",
			unreadable{fstest.MapFS{"a": file("1")}, "a"},
			unreadable{fstest.MapFS{"a": file("2")}, "a"},
			[]string{"a"},
		},
		{"One that cannot be read on one.", fstest.MapFS{"a": file("1")}, unreadable{fstest.MapFS{"a": file("1")}, "a"}, []string{"a"}},
		{"Git's own folder is none of the platform's.", fstest.MapFS{}, fstest.MapFS{".git/HEAD": file("1")}, nil},
	} {
		got, err := differ(tc.base, tc.tree)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(tc.want, got); diff != "" {
			t.Errorf("%s -want +got:\n%s", tc.reason, diff)
		}
	}
}
