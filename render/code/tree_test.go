// SPDX-License-Identifier: Apache-2.0

package code_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"trunkline.dev/trunkline/render/code"
)

// TestFS: what a program sees is a file system like any other.
func TestFS(t *testing.T) {
	tree := fstest.MapFS{
		"a.txt": {Data: []byte("a")}, "lib/b.txt": {Data: []byte("bb")}, "lib/deep/c.txt": {Data: nil},
		"to": {Data: []byte("lib/deep"), Mode: fs.ModeSymlink},
	}
	if err := fstest.TestFS(code.FS(code.Files(t.Context(), tree)), "a.txt", "lib/b.txt", "lib/deep/c.txt", "to/c.txt"); err != nil {
		t.Error(err)
	}
}

func TestFiles(t *testing.T) {
	tree := fstest.MapFS{"a.txt": {Data: []byte("a")}, "lib/b.txt": {Data: []byte("bb")}, "large": {Data: make([]byte, 5<<20)}}
	for i := range 9 {
		tree[fmt.Sprint("much/", i)] = &fstest.MapFile{Data: make([]byte, 4<<20)}
	}
	cases := []struct {
		reason, name string
		want         code.Kind
		data         string
	}{
		{"a file that is looked at is not read", code.Look("a.txt"), code.File, ""},
		{"a file is read", code.Read("a.txt"), code.File, "a"},
		{"a folder that is looked at is not listed", code.Look("lib"), code.Folder, ""},
		{"a folder is listed with kinds", code.Read("."), code.Folder, "fa.txt\x00flarge\x00dlib\x00dmuch\x00"},
		{"what is not there is missing", code.Read("none"), code.Missing, ""},
		{"no path leads out of the tree", code.Read("../a.txt"), code.Unreadable, "../a.txt leads out of the repository"},
		{"nor does an absolute one", code.Read("/etc/passwd"), code.Unreadable, "/etc/passwd leads out of the repository"},
		{"a large file is refused", code.Read("large"), code.Unreadable, "large: too large: a program reads files of at most 4 MiB, and 32 MiB together"},
	}
	ask := code.Files(t.Context(), tree)
	for _, tc := range cases {
		for range 2 { // what was seen stays
			if got := ask(tc.name); got.Kind != tc.want || string(got.Data) != tc.data {
				t.Errorf("%s: %s is %c %q, want %c %q", tc.reason, tc.name, got.Kind, got.Data, tc.want, tc.data)
			}
		}
	}
	ask = code.Files(t.Context(), tree)
	last := code.Entry{}
	for i := range 9 {
		last = ask(code.Read(fmt.Sprint("much/", i)))
	}
	if last.Kind != code.Unreadable || !strings.Contains(string(last.Data), "32 MiB together") {
		t.Errorf("the ninth file of 4 MiB is %c %.80q", last.Kind, last.Data)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("a newer commit"))
	if got := code.Files(ctx, tree)(code.Read("a.txt")); got.Kind != code.Unreadable || string(got.Data) != "a newer commit" {
		t.Errorf("of a build that is over: %c %q", got.Kind, got.Data)
	}
}

// TestOneQuestionAtATime: a language that reads several files at a time, as CUE does, gets the answer to its own question.
func TestOneQuestionAtATime(t *testing.T) {
	asked := 0 // which the race detector looks after
	language := func(job code.Job) ([]byte, error) {
		var reading sync.WaitGroup
		for range 20 {
			reading.Go(func() { job.Ask(code.Read("a")) })
		}
		reading.Wait()
		return nil, nil
	}
	_, err := code.Run(language, code.Job{Ask: func(string) code.Entry { asked++; return code.Entry{} }})
	if err != nil || asked != 20 {
		t.Errorf("asked %d times, %v", asked, err)
	}
}
