// SPDX-License-Identifier: Apache-2.0

package scaffold_test

import (
	"bytes"
	"errors"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/reconciler/git/diff3"
	"trunkline.dev/trunkline/scaffold"
)

func marked(base, ours, theirs []byte) ([]byte, int, error) {
	return diff3.Marked(base, ours, theirs, "here", "template")
}

func TestChanges(t *testing.T) {
	const none = "-" // there is no such file
	const lines = "1\n2\n3\n4\n5\n6\n7\n8\n9\n"
	cases := map[string]struct {
		reason           string
		base, ours, next string
		// want is what the file is to have, and conflict why nobody knows; unchanged if both are empty.
		want, conflict string
		mark           string
	}{
		"Same":           {reason: "Nothing has changed.", base: "a", ours: "a", next: "a"},
		"Mine":           {reason: "What only a person has changed stays.", base: "a", ours: "b", next: "a"},
		"Theirs":         {reason: "What only the template has changed is taken over.", base: "a", ours: "a", next: "b", want: "b"},
		"Both":           {reason: "Who changed the same way as the template has it already.", base: "a", ours: "b", next: "b"},
		"New":            {reason: "A file that is new in the template is made.", base: none, ours: none, next: "b", want: "b"},
		"NewEmpty":       {reason: "An empty file is one, too.", base: none, ours: none, next: "", want: ""},
		"NewAlike":       {reason: "A person has made the same.", base: none, ours: "b", next: "b"},
		"NewOther":       {reason: "A person's own file of that name is not lost.", base: none, ours: "mine\n", next: "b\n", conflict: "here it is another one", mark: "<<<<<<< here\nmine\n=======\nb\n>>>>>>> template\n"},
		"Gone":           {reason: "What the template has no more goes, if nobody has changed it.", base: "a", ours: "a", next: none, want: none},
		"GoneMine":       {reason: "What a person has changed is not removed.", base: "a", ours: "b", next: none, conflict: "it was changed here"},
		"GoneBoth":       {reason: "What is gone on both sides is gone.", base: "a", ours: none, next: none},
		"Deleted":        {reason: "What a person has deleted is not made again.", base: "a", ours: none, next: "a"},
		"DeletedChanged": {reason: "A person may want to see what has become of it.", base: "a", ours: none, next: "b", conflict: "it was deleted here"},
		"Merged":         {reason: "Changes far from each other are merged.", base: lines, ours: "0\n" + lines, next: lines + "10\n", want: "0\n" + lines + "10\n"},
		"Lines":          {reason: "Changes of the same lines are a conflict.", base: "a\n", ours: "b\n", next: "c\n", conflict: "the same lines", mark: "<<<<<<< here\nb\n=======\nc\n>>>>>>> template\n"},
		"Binary":         {reason: "What is no text cannot be merged, and stays.", base: "a\x00", ours: "b\x00", next: "c\x00", conflict: "it is binary"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			tree, made, files := fstest.MapFS{"p/x/own": {Data: []byte("own")}}, map[string][]byte{}, []scaffold.File{{Path: "p/x/other", Data: []byte("o")}}
			made["other"] = []byte("o")
			if c.base != none {
				made["f"] = []byte(c.base)
			}
			if c.ours != none {
				tree["p/x/f"] = &fstest.MapFile{Data: []byte(c.ours)}
			}
			if c.next != none {
				files = append(files, scaffold.File{Path: "p/x/f", Data: []byte(c.next)})
			}
			changes, err := scaffold.Changes(tree, "p/x", made, files, marked)
			if err != nil {
				t.Fatal(err)
			}
			if c.want == "" && c.conflict == "" && c.next != "" {
				if len(changes) > 0 {
					t.Errorf("%s\ngot %+v, want no change", c.reason, changes)
				}
				return
			}
			if len(changes) != 1 || changes[0].Path != "p/x/f" {
				t.Fatalf("%s\ngot %+v, want one change of f", c.reason, changes)
			}
			got := changes[0]
			if (c.conflict == "") != (got.Conflict == "") || !strings.Contains(got.Conflict, c.conflict) {
				t.Errorf("%s\ngot the conflict %q, want %q", c.reason, got.Conflict, c.conflict)
			}
			want := c.want
			if c.conflict != "" {
				want = c.ours
			}
			is := string(got.Is)
			if got.Is == nil {
				is = none
			}
			if diff := cmp.Diff(want, is); diff != "" {
				t.Errorf("%s\nwhat the file is to be (-want, +got):\n%s", c.reason, diff)
			}
			if diff := cmp.Diff(c.mark, string(got.Marked)); diff != "" {
				t.Errorf("%s\nthe marks (-want, +got):\n%s", c.reason, diff)
			}
		})
	}
}

func TestALinkIsNotChanged(t *testing.T) {
	tree := fstest.MapFS{"p/f": {Data: []byte("elsewhere"), Mode: fs.ModeSymlink}, "elsewhere": {Data: []byte("a")}}
	changes, err := scaffold.Changes(tree, "p", map[string][]byte{"f": []byte("a")}, []scaffold.File{{Path: "p/f", Data: []byte("b")}}, marked)
	if err != nil || len(changes) != 1 || !strings.Contains(changes[0].Conflict, "a link") {
		t.Errorf("got %+v and %v, want a conflict about the link", changes, err)
	}
}

func TestRecords(t *testing.T) {
	template, err := scaffold.Open(fstest.MapFS{}, scaffold.Project, "python")
	if err != nil {
		t.Fatal(err)
	}
	facts := scaffold.Facts{Name: "x", Platform: "acme", Environments: []string{"dev", "prod"}, Store: "lake", Today: "2026-01-31"}
	files := []scaffold.File{{Path: "p/x/a", Data: []byte("é\x00\n")}, {Path: "p/x/b/c", Data: nil}}
	record, err := scaffold.RecordOf(template, facts, map[string]string{"owner": "a: \"b\""}, "p/x", files)
	if err != nil {
		t.Fatal(err)
	}
	text, err := record.Encode()
	if err != nil {
		t.Fatal(err)
	}
	again, err := record.Encode()
	if err != nil || !bytes.Equal(text, again) {
		t.Errorf("the same record is written in two ways: %v\n%s\n%s", err, text, again)
	}
	got, err := scaffold.ReadRecord(fstest.MapFS{"p/x/" + scaffold.RecordFile: {Data: text}}, "p/x")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(record, got); diff != "" {
		t.Errorf("what was written is read as another record (-want, +got):\n%s", diff)
	}
	if _, err := scaffold.ReadRecord(fstest.MapFS{}, "p/x"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("without a record the error is %v, want that there is none", err)
	}
	for name, c := range map[string]struct{ from, to, want string }{
		"Unknown": {"answers:", "other: 1\nanswers:", "other"},
		"Type":    {"answers:", "commit: [1]\nanswers:", "the value is of another type"},
		"Empty":   {string(text), "", "it is empty; take it back out of Git"},
		"Merge":   {"answers:", "<<<<<<< HEAD\nanswers:", "has the marks of a merge: take one side as a whole"},
		"Packed":  {"made: |\n  ", "made: |\n  ????", "made"},
	} {
		hostile := strings.Replace(string(text), c.from, c.to, 1)
		if _, err := scaffold.ReadRecord(fstest.MapFS{"p/x/" + scaffold.RecordFile: {Data: []byte(hostile)}}, "p/x"); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got the error %v, want one about %s", name, err, c.want)
		}
	}
	record.Made["../../out"] = []byte("harm")
	if text, err = record.Encode(); err != nil {
		t.Fatal(err)
	}
	if _, err := scaffold.ReadRecord(fstest.MapFS{"p/x/" + scaffold.RecordFile: {Data: text}}, "p/x"); err == nil || !strings.Contains(err.Error(), "is not a file of the project") {
		t.Errorf("got the error %v, want one about the path", err)
	}
	if _, err := scaffold.Open(fstest.MapFS{
		"templates/project/t/template.yaml": {Data: []byte("description: x")}, "templates/project/t/a/" + scaffold.RecordFile: {Data: text},
	}, scaffold.Project, "t"); err == nil || !strings.Contains(err.Error(), "what Trunkline itself writes") {
		t.Errorf("got the error %v for a template with a record of its own", err)
	}
}

func TestOverlayWithout(t *testing.T) {
	over := scaffold.Overlay(fstest.MapFS{"a/b": {Data: []byte("x")}, "a/c": {Data: []byte("y")}}, []scaffold.File{{Path: "a/d", Data: []byte("z")}}, "a/b")
	if err := fstest.TestFS(over, "a/c", "a/d"); err != nil {
		t.Fatal(err)
	}
	if _, err := fs.Stat(over, "a/b"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("what is gone is found: %v", err)
	}
}
