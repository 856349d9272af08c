// SPDX-License-Identifier: Apache-2.0

package rendercache_test

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/reconciler/rendercache"
	"trunkline.dev/trunkline/render"
)

// clock is a time that stands still until a test moves it.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// place is where a cache lies, and what it says.
type place struct {
	dir, key string
	log      *bytes.Buffer
	clock    *clock
}

func newPlace(t *testing.T) place {
	t.Helper()
	dir := t.TempDir()
	return place{
		filepath.Join(dir, "renders"), filepath.Join(dir, "key"), &bytes.Buffer{},
		&clock{at: time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC)},
	}
}

func (p place) open(t *testing.T, limits rendercache.Limits) *rendercache.Cache {
	t.Helper()
	c, err := rendercache.Open(p.dir, p.key, rendercache.Options{
		Limits: limits, Log: slog.New(slog.NewTextHandler(p.log, nil)), Now: p.clock.now,
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// entries lists the files of the cache.
func (p place) entries(t *testing.T) []string {
	t.Helper()
	var out []string
	err := filepath.WalkDir(p.dir, func(name string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			out = append(out, name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// counting renders a ConfigMap of the files that a release names, and counts how often it had to.
type counting struct {
	mu    sync.Mutex
	times int
	err   error
}

func (c *counting) Render(_ context.Context, tree fs.FS, rel catalog.Release) (render.Result, error) {
	c.mu.Lock()
	c.times++
	c.mu.Unlock()
	recorded, recorder := render.Record(tree)
	data := map[string]any{}
	for _, name := range rel.Workloads[0].Files {
		if names, ok := strings.CutSuffix(name, "/"); ok {
			entries, err := fs.ReadDir(recorded, names)
			data[name] = fmt.Sprint(len(entries), err == nil)
			continue
		}
		text, err := fs.ReadFile(recorded, name)
		data[name] = fmt.Sprint(string(text), err == nil)
	}
	o := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "v1", "kind": "ConfigMap", "metadata": map[string]any{"name": rel.ID.Project}, "data": data,
		"n": int64(1), "f": 1.5, "list": []any{"a", nil, true},
	}}
	return render.Result{Objects: []*unstructured.Unstructured{o}, ReadSet: recorder.ReadSet()}, c.err
}

func release(project string, files ...string) catalog.Release {
	return catalog.Release{ID: catalog.ReleaseID{Project: project}, Workloads: []catalog.Workload{{Files: files}}}
}

func textTree(files map[string]string) fstest.MapFS {
	tree := fstest.MapFS{}
	for name, text := range files {
		tree[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return tree
}

// gitTree is a tree that says what identifies its content, and fails the test when it is read all the same.
type gitTree struct {
	fstest.MapFS

	t *testing.T
	// sealed says that it must not be read any more.
	sealed *bool
}

func (g gitTree) Hash(name string) (string, bool) {
	info, err := fs.Stat(g.MapFS, name)
	if err != nil {
		return "", false
	}
	if info.IsDir() {
		return "a folder", true
	}
	data, err := fs.ReadFile(g.MapFS, name)
	return string(data), err == nil
}

func (g gitTree) ReadFile(name string) ([]byte, error) {
	if *g.sealed {
		g.t.Errorf("%s is read", name)
	}
	return g.MapFS.ReadFile(name)
}

// TestCountsWhereAllHolds: after a restart, an entry counts for each tree that is the same in what was read.
func TestCountsWhereAllHolds(t *testing.T) {
	base := map[string]string{"a": "1", "d/x": "1", "e/y": "1"}
	cases := map[string]struct {
		reason string
		change map[string]string // an empty text deletes
		counts bool
	}{
		"Same":         {"another commit with the same files", nil, true},
		"Elsewhere":    {"a file that was not read", map[string]string{"e/y": "2", "z": "3"}, true},
		"InList":       {"the content of a file in a listed folder, which was not read", map[string]string{"d/x": "2"}, true},
		"Changed":      {"a file that was read", map[string]string{"a": "2"}, false},
		"Deleted":      {"a file that was read is gone", map[string]string{"a": ""}, false},
		"Found":        {"a file that was looked for", map[string]string{"no": "1"}, false},
		"FoundFolder":  {"a folder in place of a file that was looked for", map[string]string{"no/x": "1"}, false},
		"FileToFolder": {"a folder in place of a file", map[string]string{"a": "", "a/x": "1"}, false},
		"NewInList":    {"a new name in a listed folder", map[string]string{"d/z": "1"}, false},
		"GoneFromList": {"a name less in a listed folder", map[string]string{"d/x": "", "d/z": "1"}, false},
		"KindInList":   {"a folder in place of a file in a listed folder", map[string]string{"d/x": "", "d/x/y": "1"}, false},
		"ListGone":     {"a listed folder that is gone", map[string]string{"d/x": ""}, false},
	}
	rel := release("p", "a", "no", "d/")
	for name, tc := range cases {
		for _, asGit := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/%t", name, asGit), func(t *testing.T) {
				sealed := false
				view := func(files map[string]string) fs.FS {
					if asGit {
						return gitTree{textTree(files), t, &sealed}
					}
					return textTree(files)
				}
				changed := maps.Clone(base)
				for p, text := range tc.change {
					if changed[p] = text; text == "" {
						delete(changed, p)
					}
				}
				p, next := newPlace(t), &counting{}
				if _, err := rendercache.Wrap(next, p.open(t, rendercache.Limits{}), "v1").Render(t.Context(), view(base), rel); err != nil {
					t.Fatal(err)
				}
				sealed = tc.counts
				got, err := rendercache.Wrap(next, p.open(t, rendercache.Limits{}), "v1").Render(t.Context(), view(changed), rel)
				if err != nil {
					t.Fatal(err)
				}
				if counted := next.times == 1; counted != tc.counts {
					t.Errorf("%s: the entry counts: %t, want %t", tc.reason, counted, tc.counts)
				}
				want, _ := (&counting{}).Render(t.Context(), textTree(changed), rel) // it returns no error
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("%s (-rendered +got):\n%s", tc.reason, diff)
				}
				if p.log.Len() > 0 {
					t.Errorf("%s: it is worth no line: %s", tc.reason, p.log)
				}
			})
		}
	}
}

// TestKeyed: an entry is for one release, as it is resolved, by one program.
func TestKeyed(t *testing.T) {
	p, next := newPlace(t), &counting{}
	cache, tree := p.open(t, rendercache.Limits{}), textTree(map[string]string{"a": "1"})
	renders := func(program string, rel catalog.Release) int {
		before := next.times
		if _, err := rendercache.Wrap(next, cache, program).Render(t.Context(), tree, rel); err != nil {
			t.Fatal(err)
		}
		return next.times - before
	}
	other := release("p", "a")
	other.Workloads[0].Image = "i"
	for _, step := range []struct {
		reason  string
		program string
		rel     catalog.Release
		want    int
	}{
		{"the first time", "v1", release("p", "a"), 1},
		{"again", "v1", release("p", "a"), 0},
		{"another field", "v1", other, 1},
		{"another program", "v2", release("p", "a"), 1},
		{"the first still counts", "v1", release("p", "a"), 0},
	} {
		if got := renders(step.program, step.rel); got != step.want {
			t.Errorf("%s: rendered %d times, want %d", step.reason, got, step.want)
		}
	}
}

func TestErrorsAreNotKept(t *testing.T) {
	p, next := newPlace(t), &counting{err: fs.ErrInvalid}
	r := rendercache.Wrap(next, p.open(t, rendercache.Limits{}), "v1")
	for range 2 {
		if _, err := r.Render(t.Context(), textTree(nil), release("p")); err == nil {
			t.Error("the error is lost")
		}
	}
	if next.times != 2 || len(p.entries(t)) != 0 {
		t.Errorf("rendered %d times, kept %v", next.times, p.entries(t))
	}
}

// TestNotOurs: an entry that is not byte for byte what was written under its name is deleted, said once, and rendered
// again.
func TestNotOurs(t *testing.T) {
	rel, tree := release("p", "a"), textTree(map[string]string{"a": "1"})
	cases := map[string]struct {
		reason string
		spoil  func(t *testing.T, p place, file string)
	}{
		"Flipped": {"a bit of the objects", func(t *testing.T, _ place, file string) {
			data := read(t, file)
			data[len(data)-5] ^= 1
			rewrite(t, file, data)
		}},
		"Head": {"the length of the head", func(t *testing.T, _ place, file string) {
			data := read(t, file)
			data[32] = 255
			rewrite(t, file, data)
		}},
		"Code":  {"the code", func(t *testing.T, _ place, file string) { rewrite(t, file, append([]byte{1}, read(t, file)[1:]...)) }},
		"Short": {"cut off by a crash", func(t *testing.T, _ place, file string) { data := read(t, file); rewrite(t, file, data[:len(data)/2]) }},
		"Empty": {"never written", func(t *testing.T, _ place, file string) { rewrite(t, file, nil) }},
		"Long":  {"something after the end", func(t *testing.T, _ place, file string) { rewrite(t, file, append(read(t, file), ' ')) }},
		"Other": {"a good entry of another release under this one's name", func(t *testing.T, p place, file string) {
			r := rendercache.Wrap(&counting{}, p.open(t, rendercache.Limits{}), "v1")
			if _, err := r.Render(t.Context(), tree, release("q", "a")); err != nil {
				t.Fatal(err)
			}
			for _, other := range p.entries(t) {
				if other != file {
					rewrite(t, file, read(t, other))
				}
			}
		}},
		"OtherKey": {"an entry of another daemon", func(t *testing.T, p place, _ string) {
			if err := os.Remove(p.key); err != nil {
				t.Fatal(err)
			}
		}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			p, next := newPlace(t), &counting{}
			want, err := rendercache.Wrap(next, p.open(t, rendercache.Limits{}), "v1").Render(t.Context(), tree, rel)
			if err != nil {
				t.Fatal(err)
			}
			tc.spoil(t, p, p.entries(t)[0])
			r := rendercache.Wrap(next, p.open(t, rendercache.Limits{}), "v1")
			for range 2 {
				got, err := r.Render(t.Context(), tree, rel)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("%s (-want +got):\n%s", tc.reason, diff)
				}
			}
			if next.times != 2 {
				t.Errorf("%s: rendered %d times, want once before and once after", tc.reason, next.times)
			}
			if lines := strings.Count(p.log.String(), "\n"); lines != 1 {
				t.Errorf("%s: %d lines, want one:\n%s", tc.reason, lines, p.log)
			}
		})
	}
}

func read(t *testing.T, file string) []byte {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func rewrite(t *testing.T, file string, data []byte) {
	t.Helper()
	if err := os.WriteFile(file, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestBounded: what was not used for longest goes, also when it was another process that used it.
func TestBounded(t *testing.T) {
	tree := textTree(map[string]string{"a": "1"})
	one := func() int64 {
		p := newPlace(t)
		render1(t, p, p.open(t, rendercache.Limits{}), tree, "p0")
		return int64(len(read(t, p.entries(t)[0])))
	}()
	for name, limits := range map[string]rendercache.Limits{"Entries": {Entries: 3}, "Bytes": {Bytes: 3*one + one/2}} {
		t.Run(name, func(t *testing.T) {
			p := newPlace(t)
			c := p.open(t, limits)
			for _, project := range []string{"p0", "p1", "p2"} {
				render1(t, p, c, tree, project)
			}
			if again := render1(t, p, c, tree, "p0"); again {
				t.Fatal("p0 is not kept")
			}
			c = p.open(t, limits) // a restart does not forget that p0 was used last
			render1(t, p, c, tree, "p3")
			if got := len(p.entries(t)); got != 3 {
				t.Errorf("%d entries, want 3", got)
			}
			for project, want := range map[string]bool{"p0": false, "p2": false, "p3": false} {
				if again := render1(t, p, c, tree, project); again != want {
					t.Errorf("%s is rendered again: %t, want %t", project, again, want)
				}
			}
			if !render1(t, p, c, tree, "p1") {
				t.Error("p1 is kept, which was not used for longest")
			}
		})
	}
}

// render1 renders one release two hours later, and reports whether it had to be.
func render1(t *testing.T, p place, c *rendercache.Cache, tree fs.FS, project string) bool {
	t.Helper()
	p.clock.pass(2 * time.Hour)
	next := &counting{}
	if _, err := rendercache.Wrap(next, c, "v1").Render(t.Context(), tree, release(project, "a")); err != nil {
		t.Fatal(err)
	}
	// The file system's own clock says when it was written; the test's says it from here on.
	for _, file := range p.entries(t) {
		if info, err := os.Stat(file); err == nil && info.ModTime().After(p.clock.now()) {
			if err := os.Chtimes(file, p.clock.now(), p.clock.now()); err != nil {
				t.Fatal(err)
			}
		}
	}
	return next.times > 0
}

// TestVariants: of one release, so many trees are kept and no more.
func TestVariants(t *testing.T) {
	p := newPlace(t)
	c := p.open(t, rendercache.Limits{})
	for i := range 20 {
		render1(t, p, c, textTree(map[string]string{"a": fmt.Sprint(i)}), "p")
	}
	if got := len(p.entries(t)); got != 8 {
		t.Errorf("%d entries, want 8", got)
	}
	if render1(t, p, c, textTree(map[string]string{"a": "15"}), "p") {
		t.Error("a tree from a while ago is not kept")
	}
}

// TestPrivate: what is rendered can hold Secrets.
func TestPrivate(t *testing.T) {
	p := newPlace(t)
	if err := os.MkdirAll(p.dir, 0o755); err != nil {
		t.Fatal(err)
	}
	render1(t, p, p.open(t, rendercache.Limits{}), textTree(map[string]string{"a": "1"}), "p")
	err := filepath.WalkDir(filepath.Dir(p.dir), func(name string, d fs.DirEntry, err error) error {
		if err != nil || name == filepath.Dir(p.dir) {
			return err
		}
		info, err := d.Info()
		if err == nil && info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s can be read by others: %s", name, info.Mode())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestNeverInTheWay: a cache that cannot be written to costs a line, and no render.
func TestNeverInTheWay(t *testing.T) {
	p := newPlace(t)
	c := p.open(t, rendercache.Limits{})
	if err := os.RemoveAll(p.dir); err != nil {
		t.Fatal(err)
	}
	rewrite(t, p.dir, nil) // a file in place of the folder
	next := &counting{}
	for i := range 3 {
		if _, err := rendercache.Wrap(next, c, "v1").Render(t.Context(), textTree(nil), release(fmt.Sprint("p", i))); err != nil {
			t.Fatal(err)
		}
	}
	if next.times != 3 || strings.Count(p.log.String(), "\n") != 1 {
		t.Errorf("rendered %d times, and said:\n%s", next.times, p.log)
	}
}

// TestLeftovers: what a crash left is cleared away; what is not the cache's is left alone.
func TestLeftovers(t *testing.T) {
	p := newPlace(t)
	p.open(t, rendercache.Limits{})
	for _, name := range []string{".new-123", "README"} {
		rewrite(t, filepath.Join(p.dir, name), []byte("x"))
	}
	p.open(t, rendercache.Limits{})
	if diff := cmp.Diff([]string{filepath.Join(p.dir, "README")}, p.entries(t)); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
}

// TestSideBySide is for the race detector.
func TestSideBySide(t *testing.T) {
	p, next := newPlace(t), &counting{}
	r := rendercache.Wrap(next, p.open(t, rendercache.Limits{Entries: 5}), "v1")
	tree := textTree(map[string]string{"a": "1"})
	var wg sync.WaitGroup
	for i := range 40 {
		wg.Go(func() {
			project := fmt.Sprint("p", i%8)
			result, err := r.Render(t.Context(), tree, release(project, "a"))
			if err != nil || !slices.ContainsFunc(result.Objects, func(o *unstructured.Unstructured) bool { return o.GetName() == project }) {
				t.Errorf("%s: %v, %v", project, result.Objects, err)
			}
		})
	}
	wg.Wait()
	if got := len(p.entries(t)); got > 5 {
		t.Errorf("%d entries, want at most 5", got)
	}
}
