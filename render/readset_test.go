// SPDX-License-Identifier: Apache-2.0

package render_test

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"trunkline.dev/trunkline/render"
)

// TestReadSet shows what is noted for each way to look at a tree.
func TestReadSet(t *testing.T) {
	tree := fstest.MapFS{
		"a/x.yaml": {Data: []byte("x")}, "a/y.yaml": {Data: []byte("y")}, "b/deep/z.yaml": {Data: []byte("z")},
		"link": {Data: []byte("b"), Mode: fs.ModeSymlink},
	}
	cases := map[string]struct {
		reason string
		look   func(fs.FS) error
		want   render.ReadSet
	}{
		"ReadFile": {
			reason: "a file that was read",
			look:   func(f fs.FS) error { _, err := fs.ReadFile(f, "a/x.yaml"); return err },
			want:   render.ReadSet{Files: []string{"a/x.yaml"}},
		},
		"Missing": {
			reason: "a file that was looked for",
			look: func(f fs.FS) error {
				if _, err := fs.ReadFile(f, "a/no.yaml"); !errors.Is(err, fs.ErrNotExist) {
					return fmt.Errorf("got %w, want not found", err)
				}
				return nil
			},
			want: render.ReadSet{Missing: []string{"a/no.yaml"}},
		},
		"List": {
			reason: "a folder with the names in it",
			look:   func(f fs.FS) error { _, err := fs.ReadDir(f, "a"); return err },
			want:   render.ReadSet{Dirs: []render.Dir{{Path: "a", Listed: true, Names: []string{"x.yaml", "y.yaml"}}}},
		},
		"Stat": {
			reason: "a folder that is only known to be one",
			look:   func(f fs.FS) error { _, err := fs.Stat(f, "a"); return err },
			want:   render.ReadSet{Dirs: []render.Dir{{Path: "a"}}},
		},
		"Link": {
			reason: "the link, the path over it and the file that it leads to: a commit names the last",
			look:   func(f fs.FS) error { _, err := fs.ReadFile(f, "link/deep/z.yaml"); return err },
			want:   render.ReadSet{Files: []string{"b/deep/z.yaml", "link", "link/deep/z.yaml"}},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			recorded, recorder := render.Record(tree)
			if err := tc.look(recorded); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, recorder.ReadSet()); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.reason, diff)
			}
		})
	}
}

// TestUnrelatedChangesDoNotAffect is the other half of the property below: a set that every commit affects
// would be right and useless.
func TestUnrelatedChangesDoNotAffect(t *testing.T) {
	set := render.ReadSet{
		Files: []string{"projects/orders/k8s/kustomization.yaml", "projects/orders/sql/a.sql"}, Missing: []string{"projects/orders/k8s/Kustomization"},
		Dirs: []render.Dir{
			{Path: "projects/orders/k8s"},
			{Path: "projects/orders/sql", Listed: true, Names: []string{"a.sql", "old"}},
		},
	}
	cases := map[string]struct {
		reason  string
		changed string
		want    bool
	}{
		"Elsewhere":  {"another project", "projects/rates/main.py", false},
		"Sibling":    {"a file of the project that was not read", "projects/orders/README.md", false},
		"InSeenDir":  {"a file beside those that were read by name", "projects/orders/k8s/notes.md", false},
		"SamePrefix": {"a folder whose name begins alike", "projects/orders/k8s-old/kustomization.yaml", false},
		"Read":       {"a file that was read", "projects/orders/sql/a.sql", true},
		"Missing":    {"a file that was looked for", "projects/orders/k8s/Kustomization", true},
		"NewInList":  {"a new name in a listed folder", "projects/orders/sql/b.sql", true},
		"NewDir":     {"a new folder in a listed folder", "projects/orders/sql/new/c.sql", true},
		"UnreadDir":  {"a folder of the list that may be gone now", "projects/orders/sql/old/c.sql", true},
		"DirToFile":  {"a folder above is a link now", "projects/orders", true},
		"FileToDir":  {"what was a file is a folder now", "projects/orders/sql/a.sql/part", true},
	}
	only := render.ReadSet{Dirs: []render.Dir{{Path: "a/b"}}}
	for _, changed := range []string{"a", "a/b", "a/b/c"} {
		if !only.Affected([]string{changed}) {
			t.Errorf("a folder that was seen, and nothing in it: not affected by %s", changed)
		}
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if got := set.Affected([]string{"x", tc.changed}); got != tc.want {
				t.Errorf("%s: Affected(%s) = %v, want %v", tc.reason, tc.changed, got, tc.want)
			}
		})
	}
}

// TestAffectedNeverMisses: when a program sees anything else after a change, the change affects its read-set.
func TestAffectedNeverMisses(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		before := drawTree(t, "before")
		after := maps.Clone(before)
		for range rapid.IntRange(1, 4).Draw(t, "changes") {
			p := drawKnown(t, before)
			if rapid.Bool().Draw(t, "remove") {
				delete(after, p)
				continue
			}
			put(after, p, rapid.SampledFrom([]string{"1", "2", "3"}).Draw(t, "content"))
		}
		program := drawProgram(t, before)
		recorded, recorder := render.Record(asFS(before))
		seen := run(recorded, program)
		if again := run(asFS(after), program); seen == again {
			return
		}
		changed := difference(before, after)
		if !recorder.ReadSet().Affected(changed) {
			t.Fatalf("%v on %v saw a change of %v, which does not affect %+v", program, before, changed, recorder.ReadSet())
		}
	})
}

type step struct{ op, path string }

// drawKnown draws a path of the tree more often than not: changes elsewhere are seldom seen.
func drawKnown(t *rapid.T, tree map[string]string) string {
	if len(tree) > 0 && rapid.IntRange(0, 3).Draw(t, "known") > 0 {
		return rapid.SampledFrom(slices.Sorted(maps.Keys(tree))).Draw(t, "path")
	}
	return drawPath(t)
}

func drawProgram(t *rapid.T, tree map[string]string) []step {
	var program []step
	for range rapid.IntRange(1, 3).Draw(t, "steps") {
		op := rapid.SampledFrom([]string{"read", "stat", "list", "open"}).Draw(t, "op")
		p := drawKnown(t, tree)
		for range rapid.IntRange(0, 2).Draw(t, "up") {
			p = path.Dir(p)
		}
		program = append(program, step{op, p})
	}
	return program
}

func drawPath(t *rapid.T) string {
	names := rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "c"}), 1, 4).Draw(t, "path")
	return path.Join(names...)
}

func drawTree(t *rapid.T, label string) map[string]string {
	tree := map[string]string{}
	for range rapid.IntRange(0, 4).Draw(t, label) {
		put(tree, drawPath(t), rapid.SampledFrom([]string{"1", "2"}).Draw(t, "content"))
	}
	return tree
}

// put writes a file, as Git would have it: what stands in its way is gone.
func put(tree map[string]string, p, content string) {
	for other := range tree {
		if strings.HasPrefix(other, p+"/") || strings.HasPrefix(p, other+"/") {
			delete(tree, other)
		}
	}
	tree[p] = content
}

func asFS(tree map[string]string) fs.FS {
	out := fstest.MapFS{}
	for p, content := range tree {
		out[p] = &fstest.MapFile{Data: []byte(content)}
	}
	return out
}

func difference(a, b map[string]string) []string {
	changed := map[string]bool{}
	for p, content := range a {
		if other, there := b[p]; !there || other != content {
			changed[p] = true
		}
	}
	for p := range b {
		if _, there := a[p]; !there {
			changed[p] = true
		}
	}
	return slices.Sorted(maps.Keys(changed))
}

// run returns all that a program sees.
func run(f fs.FS, program []step) string {
	var out strings.Builder
	for _, s := range program {
		switch s.op {
		case "read":
			data, err := fs.ReadFile(f, s.path)
			fmt.Fprintf(&out, "%s %v;", data, err != nil)
		case "stat":
			info, err := fs.Stat(f, s.path)
			fmt.Fprintf(&out, "%v %v;", err == nil && info.IsDir(), err != nil)
		case "list":
			entries, err := fs.ReadDir(f, s.path)
			for _, e := range entries {
				fmt.Fprintf(&out, "%s %v,", e.Name(), e.IsDir())
			}
			fmt.Fprintf(&out, "%v;", err != nil)
		case "open":
			file, err := f.Open(s.path)
			fmt.Fprintf(&out, "%v;", err != nil)
			if err == nil {
				_ = file.Close()
			}
		}
	}
	return out.String()
}

// TestRecorderIsSafe is for the race detector.
func TestRecorderIsSafe(t *testing.T) {
	recorded, recorder := render.Record(asFS(map[string]string{"a/x": "1", "a/y": "2"}))
	var wg sync.WaitGroup
	for i := range 50 {
		wg.Go(func() {
			run(recorded, []step{{"read", "a/x"}, {"list", "a"}, {"stat", fmt.Sprintf("a/%d", i)}})
			recorder.ReadSet()
		})
	}
	wg.Wait()
	if got := len(recorder.ReadSet().Missing); got != 50 {
		t.Errorf("%d paths noted as missing, want 50", got)
	}
}
