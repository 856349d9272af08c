package catalog_test

import (
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"trunkline.dev/trunkline/catalog"
)

// versions are what each file of the platform may become in a step: what it is, something else that is right, and
// things that are wrong in each their own way. An empty one is no file.
func versions() map[string][]string {
	project := func(name, more string) string {
		return head + "kind: Project\nmetadata: {name: " + name + "}\nspec:\n  owner: t\n  environments: [dev, prod]\n" + more
	}
	out := map[string][]string{
		"trunkline.yaml":    {"kind: [", strings.Replace(acme["trunkline.yaml"], "[.]", "[orders, rates, deep]", 1), strings.Replace(acme["trunkline.yaml"], "[.]", "[., nowhere]", 1)},
		"clusters.yaml":     {"", strings.Replace(acme["clusters.yaml"], "name: two", "name: three", 1)},
		"dev.yaml":          {"", strings.Replace(acme["dev.yaml"], "lake", "sea", 1), head + "kind: Environment\nmetadata: {name: dev}\n"},
		"prod.yaml":         {strings.Replace(acme["prod.yaml"], "spec:", "spec:\n  namespace: <environment>", 1)},
		"orders/clean.json": {""},
		orders: {
			"", strings.Replace(acme[orders], "after: [land]", "", 1), strings.Replace(acme[orders], "name: raw, version: \"1\"", "name: raw, version: \"3\"", 1),
			strings.Replace(acme[orders], "rates/fx@1", "rates/fx@2", 1), acme[orders] + "    - {name: again, blueprint: jobb, after: [clean, nobody]}\n",
			strings.Replace(acme[orders], "blueprint: job", "exclude: true, blueprint: job", 1), "apiVersion: trunkline.dev/v1alpha1\nkind: Project\nmetadata: {name: orders}\nspec: {owner: 1}\n",
			strings.Replace(acme[orders], "lake://orders/raw/", "sea://orders/raw/", 1), "apiVersion: trunkline.dev/v1alpha1\nkind: [",
		},
		rates: {
			"", strings.Replace(acme[rates], "writes: {main: fx@1}", "reads: {sold: orders/clean@2}, writes: {main: fx@1}", 1),
			strings.Replace(acme[rates], "environments: {dev: {}, prod: {}}", "environments: [dev]", 1), strings.Replace(acme[rates], "version: \"1\"", "version: \"2\"", 1),
			strings.Replace(acme[rates], "name: rates", "name: orders", 1), strings.Replace(acme[rates], "blueprint: job", "blueprint: mine", 1),
		},
		"deep/a/p.yaml": {
			project("orders-dev", "  workloads: [{name: w, blueprint: job, reads: {x: deep/d@1}, files: [x.sh]}]\n"),
			project("deep", "  datasets: [{name: d, version: '1', path: lake://d/}]\n  workloads: [{name: w, blueprint: job, writes: {x: d@1}, reads: {y: orders/clean@2}}]\n"),
			project("deep", "  datasets: [{name: d, version: '1', path: lake://orders/}, {name: e, version: '1', path: lake://orders/clean/x}]\n"),
			project("Deep", ""), project("rates", ""),
		},
		"deep/a/x.sh": {"x"},
		"deep/b.yaml": {
			head + "kind: Blueprint\nmetadata: {name: mine}\nspec: {engine: helm, source: chart}\n",
			head + "kind: Environment\nmetadata: {name: orders-dev}\nspec: {clusters: [one]}\n",
			project("link", "  workloads: [{name: w, blueprint: mine, reads: {x: deep/d@1, y: rates/fx@1}}]\n"),
			"apiVersion: trunkline.dev/v1alpha1\nkind: {",
		},
		"deep/chart/Chart.yaml": {"name: x"},
	}
	for name := range out {
		out[name] = append(out[name], acme[name])
	}
	return out
}

// TestUpdateIsLoad makes random changes to random files, one after the other, and compares what an update gives
// with what is found by looking at everything.
func TestUpdateIsLoad(t *testing.T) {
	versions := versions()
	names := slices.Sorted(maps.Keys(versions))
	rapid.Check(t, func(t *rapid.T) {
		files := maps.Clone(acme)
		cat, _, err := catalog.Load(mapFS(files), library)
		if err != nil {
			t.Fatal(err)
		}
		for range rapid.IntRange(1, 8).Draw(t, "steps") {
			var changed []string
			for range rapid.IntRange(1, 3).Draw(t, "files") {
				name := rapid.SampledFrom(names).Draw(t, "file")
				text := rapid.SampledFrom(versions[name]).Draw(t, "text")
				if files[name] != text {
					changed = append(changed, name)
				}
				if files[name] = text; text == "" {
					delete(files, name)
				}
			}
			tree := mapFS(files)
			want, wantProblems, err := catalog.Load(tree, library)
			if err != nil {
				t.Fatal(err)
			}
			before := seen(cat)
			got, problems, err := cat.Update(tree, changed)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(wantProblems.String(), problems.String()); diff != "" {
				t.Fatalf("after %q: -all looked at +updated:\n%s", changed, diff)
			}
			if diff := cmp.Diff(seen(want), seen(got), cmpopts.EquateEmpty()); diff != "" {
				t.Fatalf("after %q: -all looked at +updated:\n%s", changed, diff)
			}
			if diff := cmp.Diff(before, seen(cat)); diff != "" {
				t.Fatalf("the update has changed the catalog that it was made from:\n%s", diff)
			}
			cat = got
		}
	})
}

// view is what can be seen of a catalog.
type view struct {
	Projects []string
	Releases []catalog.Release
	Nodes    []catalog.Node
	Edges    []catalog.Edge
	Readers  map[string][]string
}

func seen(c *catalog.Catalog) view {
	v := view{Projects: c.ProjectNames(), Readers: map[string][]string{}}
	if c.Platform == nil {
		return v
	}
	v.Releases, v.Nodes, v.Edges = slices.Collect(c.Releases()), c.Graph().Nodes(), c.Graph().Edges()
	for _, n := range v.Nodes {
		v.Readers[n.ID] = append(c.Successors(n.ID), c.Predecessors(n.ID)...)
	}
	return v
}

// TestUpdateLooksAtWhatChanged counts the projects that an update looks at.
func TestUpdateLooksAtWhatChanged(t *testing.T) {
	cases := map[string]struct {
		reason string
		change edit
		want   string
	}{
		"Command":  {"What nobody else sees is looked at alone.", edit{rates, "blueprint: job", "description: x, blueprint: job"}, "rates"},
		"Contract": {"Who reads a dataset is looked at when it changes.", edit{rates, "lake://rates/fx/", "lake://rates/fx2/"}, "orders rates"},
		"File":     {"A file beside a project is the project's.", edit{"orders/clean.json", "{}", "[]"}, "orders"},
		"Nothing":  {"What no declaration names is nobody's.", edit{"README.md", "", "x"}, ""},
		"Frame":    {"What all are judged by is looked at with all.", edit{"dev.yaml", "dev/", "dev2/"}, "all"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			cat, _ := load(t, mapFS(acme))
			next, _, err := cat.Update(mapFS(change(t, tc.change)), []string{tc.change.file})
			if err != nil {
				t.Fatal(err)
			}
			relinked, all := next.Relinked()
			got := strings.Join(relinked, " ")
			if all {
				got = "all"
			}
			if got != tc.want {
				t.Errorf("%s looked at %q, want %q", tc.reason, got, tc.want)
			}
		})
	}
}

// large is a platform of many projects like the benchmarks' of the policies.
func large(b *testing.B, projects int) fs.FS {
	b.Helper()
	files := maps.Clone(acme)
	for i := range projects {
		var text strings.Builder
		fmt.Fprintf(&text, head+"kind: Project\nmetadata: {name: p-%05d}\nspec:\n  owner: team-%02d\n  environments: [dev, prod]\n  image: a@sha256:%064d\n  datasets:\n", i, i%50, i)
		for d := range 6 {
			fmt.Fprintf(&text, "    - {name: d-%d, version: \"1\", lots: {unit: hourly, since: 2026-01-01T00:00:00Z}, path: lake://p-%05d/d-%d/}\n", d, i, d)
		}
		text.WriteString("  workloads:\n")
		for w := range 8 {
			reads, writes := fmt.Sprintf("main: d-%d@1", w-1), ""
			switch {
			case w > 6:
				reads = "main: d-0@1"
			case w == 0 && i == 0:
				reads = "main: rates/fx@1"
			case w == 0:
				reads = fmt.Sprintf("main: p-%05d/d-5@1", (i-1)/2)
			}
			if w < 6 {
				writes = fmt.Sprintf("      writes: {main: d-%d@1}\n", w)
			}
			fmt.Fprintf(&text, "    - name: w-%d\n      blueprint: job\n      reads: {%s}\n%s      command: [python, work.py, --fast]\n      size: mx.small\n      retries: 2\n      timeout: 30m\n      params: {mode: fast}\n", w, reads, writes)
		}
		files[fmt.Sprintf("projects/%03d/%05d/project.yaml", i%100, i)] = text.String()
	}
	dir := b.TempDir()
	for name, text := range files {
		at := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
			b.Fatal(err)
		}
		if err := os.WriteFile(at, []byte(text), 0o600); err != nil {
			b.Fatal(err)
		}
	}
	return os.DirFS(dir)
}

// over is a tree with one file of another content.
type over struct {
	fs.FS
	name string
	file fstest.MapFS
}

func (o over) Open(name string) (fs.File, error) {
	if name == o.name {
		return o.file.Open(name)
	}
	return o.FS.Open(name)
}

func BenchmarkLoad(b *testing.B) {
	for _, n := range []int{100, 1000, 10000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			tree := large(b, n)
			b.ReportAllocs()
			for b.Loop() {
				if _, problems, err := catalog.Load(tree, library); err != nil || len(problems) > 0 {
					b.Fatal(err, problems)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/float64(n), "us/project")
		})
	}
}

func BenchmarkUpdate(b *testing.B) {
	for _, n := range []int{100, 1000, 10000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			tree := large(b, n)
			cat, _, err := catalog.Load(tree, library)
			if err != nil {
				b.Fatal(err)
			}
			const name = "projects/050/00050/project.yaml"
			data, err := fs.ReadFile(tree, name)
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				text := fmt.Sprintf("%s# %d\n", data, i)
				next, problems, err := cat.Update(over{tree, name, fstest.MapFS{name: file(text)}}, []string{name})
				if err != nil || len(problems) > 0 {
					b.Fatal(err, problems)
				}
				cat = next
			}
		})
	}
}
