// SPDX-License-Identifier: Apache-2.0

package catalog_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math/rand"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"trunkline.dev/trunkline/catalog"
)

var errBoom = errors.New("boom")

// failing fails to open or look at one path.
type failing struct {
	fstest.MapFS
	path string
}

func (f failing) Open(name string) (fs.File, error) {
	if name == f.path {
		return nil, &fs.PathError{Op: "open", Path: name, Err: errBoom}
	}
	return f.MapFS.Open(name)
}

func (f failing) Stat(name string) (fs.FileInfo, error) {
	if name == f.path {
		return nil, &fs.PathError{Op: "stat", Path: name, Err: errBoom}
	}
	return f.MapFS.Stat(name)
}

func (f failing) ReadFile(name string) ([]byte, error) {
	if name == f.path {
		return nil, &fs.PathError{Op: "read", Path: name, Err: errBoom}
	}
	return f.MapFS.ReadFile(name)
}

func (f failing) ReadDir(name string) ([]fs.DirEntry, error) {
	if name == f.path {
		return nil, &fs.PathError{Op: "readdir", Path: name, Err: errBoom}
	}
	return f.MapFS.ReadDir(name)
}

// TestUnreadableTree holds Load to the difference between what is not there and what cannot be read: the first
// is the declarations' fault and refuses the commit, the second says nothing about them.
func TestUnreadableTree(t *testing.T) {
	files := change(t, edit{"b/b.yaml", "", head + "kind: Blueprint\nmetadata: {name: mine}\nspec: {engine: helm, source: chart}\n"},
		edit{"b/chart/Chart.yaml", "", "name: x"}, edit{orders, "      params:", "      files: [clean.py]\n      params:"}, edit{"orders/clean.py", "", "x"},
		edit{"trunkline.yaml", "[.]", "[., orders]"})
	for path, reason := range map[string]string{
		"trunkline.yaml":    "the platform",
		".":                 "the root",
		"orders":            "a folder below it, which is a root too",
		orders:              "a file of declarations",
		"orders/clean.json": "a schema of a dataset",
		"orders/clean.py":   "a file of a workload",
		"b/chart":           "the source of a blueprint",
	} {
		t.Run(path, func(t *testing.T) {
			cat, problems, err := catalog.Load(failing{mapFS(files), path}, library)
			if !errors.Is(err, errBoom) || !strings.Contains(err.Error(), path) {
				t.Errorf("%s cannot be read: got the error %v, want one that wraps boom and names the path", reason, err)
			}
			if cat != nil || problems != nil {
				t.Errorf("%s cannot be read: something is said about the tree all the same: %v", reason, problems)
			}
		})
	}
	if _, _, err := catalog.Load(mapFS(acme), failing{library, "job/blueprint.yaml"}); !errors.Is(err, errBoom) {
		t.Errorf("the library cannot be read: got %v, want boom", err)
	}
}

func TestLinksAndOddNames(t *testing.T) {
	tree := mapFS(change(t,
		edit{".github/workflow.yaml", "", head + "kind: Nonsense\n"},
		edit{"notes.txt", "", head + "kind: Nonsense\n"},
		edit{"other.yaml", "", "apiVersion: v1\nkind: Nonsense\n"},
		edit{"values.yaml", "", "replicas: {{ .Values.x }}\n"},
		edit{".hidden/rates.yaml", "", acme[rates]}, edit{rates, "", ""},
		edit{"trunkline.yaml", "[.]", "[., .hidden]"},
		edit{orders, "clean.json", "link.json"},
	))
	tree["linked.yaml"] = &fstest.MapFile{Mode: fs.ModeSymlink | 0o777, Data: []byte(orders)}
	tree["orders/link.json"] = &fstest.MapFile{Mode: fs.ModeSymlink | 0o777, Data: []byte("clean.json")}
	tree["pipe.yaml"] = &fstest.MapFile{Mode: fs.ModeNamedPipe | 0o666}
	if _, problems := load(t, tree); len(problems) > 0 {
		t.Errorf("links and pipes are passed over, hidden folders unless they are roots; got\n%s", problems)
	}
	tree["orders/link.json"].Data = []byte("../../../etc/passwd")
	_, problems := load(t, tree)
	if want := `orders/project.yaml:10:71: error: spec.datasets[1].schema: `; !strings.HasPrefix(problems.String(), want) {
		t.Errorf("a link that leads nowhere is the fault of who made it; got %v, want %s…", problems, want)
	}
}

func TestLargePlatform(t *testing.T) {
	_, problems := load(t, mapFS(change(t, edit{"trunkline.yaml", "", acme["trunkline.yaml"] + strings.Repeat("#", 2<<20)})))
	want := "trunkline.yaml: error: the file is too large: a file of declarations has at most 1048576 bytes\n    hint: split it into several files"
	if diff := cmp.Diff(want, problems.String()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// TestHostileNames shows that a name of a file or a key cannot pass for lines of the report.
func TestHostileNames(t *testing.T) {
	_, problems := load(t, mapFS(change(t,
		edit{"a\n\x1b[32mall fine\x1b[0m.yaml", "", head + "kind: Nonsense\n"},
		edit{rates, "prod: {}", `"\e[2J\nok": {}`},
		edit{rates, "owner: team-rates", "owner: [\"\x1b[2J\"]"},
	)))
	text := problems.String()
	if strings.ContainsAny(text, "\x1b") || strings.Contains(text, "\nok") || strings.Contains(text, "\n\x1b") || strings.Contains(text, "\nall fine") {
		t.Errorf("control characters are printed: %q", text)
	}
}

func TestLoadIsDeterministic(t *testing.T) {
	broken := change(t, edit{orders, "blueprint: job", "blueprint: jobb"}, edit{rates, "writes: {main: fx@1}", "reads: {sold: orders/clean@2}, writes: {main: fx@1}"})
	for name, files := range map[string]map[string]string{"fine": acme, "broken": broken} {
		var want string
		for i := range 10 {
			cat, problems := load(t, mapFS(files))
			text, err := json.MarshalIndent(map[string]any{"releases": slices.Collect(cat.Releases()), "problems": problems, "nodes": cat.Graph().Nodes(), "edges": cat.Graph().Edges()}, "", " ")
			if err != nil {
				t.Fatal(err)
			}
			if i == 0 {
				want = string(text)
			}
			if diff := cmp.Diff(want, string(text)); diff != "" {
				t.Errorf("%s: loading again gives something else\n-first +then:\n%s", name, diff)
			}
		}
	}
}

// TestWalkOrder renames the files, so that they are read in another order, and puts declarations that were in
// files of their own into one.
func TestWalkOrder(t *testing.T) {
	names := []string{"clusters.yaml", "dev.yaml", "prod.yaml"}
	want, _ := load(t, mapFS(acme))
	rapid.Check(t, func(t *rapid.T) {
		files := map[string]string{}
		maps.Copy(files, acme)
		for i, name := range rapid.Permutation(names).Draw(t, "order") {
			delete(files, name)
			file := fmt.Sprintf("%c.yaml", "amz"[i])
			if rapid.Bool().Draw(t, "together") {
				file = "together.yaml"
			}
			files[file] += "---\n" + acme[name]
		}
		got, problems, err := catalog.Load(mapFS(files), library)
		if err != nil || len(problems) > 0 {
			t.Fatalf("got %v, %v", problems, err)
		}
		if diff := cmp.Diff(slices.Collect(want.Releases()), slices.Collect(got.Releases()), cmpopts.IgnoreFields(catalog.Blueprint{}, "Position"), cmpopts.IgnoreUnexported(catalog.Blueprint{})); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	})
}

// TestManyWrongNames bounds what is done for names that are wrong: thousands of them are held against thousands
// of right ones in a moment, which the test's own time limit would tell.
func TestManyWrongNames(t *testing.T) {
	var datasets, reads strings.Builder
	for i := range 3000 {
		fmt.Fprintf(&datasets, "    - {name: d%d, version: \"1\", path: lake://x/%d/}\n", i, i)
		fmt.Fprintf(&reads, "r%d: nothing-like-that-%d@1, ", i, rand.Int())
	}
	_, problems := load(t, mapFS(change(t,
		edit{orders, "  workloads:\n", datasets.String() + "  workloads:\n"},
		edit{rates, "writes: {main: fx@1}", "reads: {" + reads.String() + "}"},
	)))
	if len(problems) != 3000 {
		t.Errorf("got %d problems, want 3000", len(problems))
	}
}

func FuzzLoad(f *testing.F) {
	for _, text := range acme {
		f.Add(text)
	}
	f.Add(head + "kind: Project\nmetadata: {name: a}\nspec: {owner: o, environments: {dev: }, workloads: [{name: w, blueprint: clock, schedule: 'TZ=', params: {queue: }}]}\n")
	f.Add(head + "kind: Environment\nmetadata: {name: e}\nspec: {clusters: [one, one], namespace: '<'}\n")
	f.Add(head + "kind: Blueprint\nmetadata: {name: b}\nspec: {engine: helm, source: '', parameters: {$ref: '#'}}\n")
	f.Fuzz(func(t *testing.T, text string) {
		tree := mapFS(acme)
		tree["orders/hostile.yaml"] = file(text)
		cat, problems, err := catalog.Load(tree, library)
		if err != nil {
			t.Fatalf("a tree that can be read is an error: %v", err)
		}
		for _, p := range problems {
			if p.Position.File == "" || p.Message == "" || strings.Contains(p.String(), "\x1b") {
				t.Errorf("a problem without a place or a word, or with control characters: %q", p.String())
			}
		}
		if !problems.Denied() && len(slices.Collect(cat.Releases())) == 0 {
			t.Error("accepted, and nothing to do")
		}
	})
}
