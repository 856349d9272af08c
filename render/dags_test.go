// SPDX-License-Identifier: Apache-2.0

package render_test

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"trunkline.dev/trunkline/blueprints"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/render"
)

// dagTree is a project with DAGs, and what is beside them.
func dagTree() fstest.MapFS {
	f := func(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }
	return fstest.MapFS{
		"sales/project.yaml":             f("kind: Project"),
		"sales/dags/day.py":              f("from lib.words import WORD\n"),
		"sales/dags/lib/words.py":        f("WORD = 1\n"),
		"sales/dags/sql/a b.sql":         f("select 1\n"),
		"sales/dags/sql/blob":            f("\xff\x00"),
		"sales/dags/__pycache__/day.pyc": f("x"),
		"sales/other/night.py":           f("import this\n"),
	}
}

func dagRelease(patterns ...string) catalog.Release {
	return catalog.Release{
		ID: catalog.ReleaseID{Project: "sales", Environment: "dev", Cluster: "one"}, Platform: "acme", Owner: "t", Namespace: "sales-dev", Dir: "sales",
		Accounts: []catalog.Account{{Name: "sales"}},
		Dags:     &catalog.Dags{Patterns: patterns, Reader: "engine", Worker: "airflow-worker", ReaderNamespace: "engine-dev", Context: catalog.TaskContext{Version: 1, Project: "sales"}},
	}
}

func renderDags(t *testing.T, tree fstest.MapFS, rel catalog.Release) map[string]*unstructured.Unstructured {
	t.Helper()
	result, err := render.New(blueprints.FS).Render(t.Context(), tree, rel)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]*unstructured.Unstructured{}
	for _, o := range result.Objects {
		out[o.GetKind()+"/"+o.GetName()] = o
	}
	return out
}

// versionOf is the version that objects say is deployed.
func versionOf(t *testing.T, objects map[string]*unstructured.Unstructured) string {
	t.Helper()
	version, _, err := unstructured.NestedString(objects["ConfigMap/trunkline-dags"].Object, "data", "version")
	if err != nil || version == "" || objects["ConfigMap/trunkline-dags-"+version] == nil {
		t.Fatalf("the version %q is not there: %v", version, slices.Sorted(maps.Keys(objects)))
	}
	return version
}

// TestDags: what is deployed is the folder of the DAGs, as it is, with which of its files are DAG files; and nobody but Airflow reads it.
func TestDags(t *testing.T) {
	objects := renderDags(t, dagTree(), dagRelease("dags/*.py"))
	version := versionOf(t, objects)
	bundle := objects["ConfigMap/trunkline-dags-"+version]
	data, binary := bundle.Object["data"].(map[string]any), bundle.Object["binaryData"].(map[string]any)
	var index struct {
		Files map[string]string `json:"files"`
		Dags  []string          `json:"dags"`
	}
	if err := json.Unmarshal([]byte(data["trunkline.index"].(string)), &index); err != nil {
		t.Fatal(err)
	}
	got := map[string]any{}
	for key, name := range index.Files {
		got[name] = data[key]
		if text, is := binary[key]; is {
			got[name] = text
		}
	}
	if context, _ := got[catalog.TaskContextFile].(string); !strings.Contains(context, `"project": "sales"`) {
		t.Errorf("tasks are told %v", got[catalog.TaskContextFile])
	}
	delete(got, catalog.TaskContextFile)
	want := map[string]any{"day.py": "from lib.words import WORD\n", "lib/words.py": "WORD = 1\n", "sql/a b.sql": "select 1\n", "sql/blob": "/wA="}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"day.py"}, index.Dags); diff != "" {
		t.Errorf("DAG files (-want +got):\n%s", diff)
	}
	if bundle.Object["immutable"] != true || bundle.GetNamespace() != "sales-dev" {
		t.Errorf("the version is %v in %s", bundle.Object["immutable"], bundle.GetNamespace())
	}
	rules, _ := objects["Role/trunkline-dags"].Object["rules"].([]any)
	if diff := cmp.Diff([]any{map[string]any{
		"apiGroups": []any{""}, "resources": []any{"configmaps"}, "verbs": []any{"get"}, "resourceNames": []any{"trunkline-dags", "trunkline-dags-" + version},
	}}, rules); diff != "" {
		t.Errorf("what Airflow may read (-want +got):\n%s", diff)
	}
}

// TestPackagesOfDags: what is in the packages of a project is beside its DAG files, where Airflow finds modules, and hides nothing.
func TestPackagesOfDags(t *testing.T) {
	const folder = "packages/utils/trial"
	for name, c := range map[string]struct {
		reason string
		more   map[string]string
		err    string
	}{
		"Beside":  {reason: "A module of a package is found as those of the project are.", more: map[string]string{folder + "/utils/__init__.py": "x = 1\n"}},
		"Hides":   {reason: "A module of the project stays what it is.", more: map[string]string{folder + "/lib/other.py": ""}, err: "lib is in the folder of the DAGs and in the package utils"},
		"Too":     {reason: "Two packages do not mix.", more: map[string]string{folder + "/utils/__init__.py": "", "packages/more/trial/utils/b.py": ""}, err: "utils is in the package more and in the package utils"},
		"Large":   {reason: "All of it is one object.", more: map[string]string{folder + "/utils/large.txt": strings.Repeat("x", render.MaxFileBytes-4)}, err: "more than 900 KiB together"},
		"Missing": {reason: "A package of which nothing is there is said.", err: "there is nothing of utils"},
	} {
		t.Run(name, func(t *testing.T) {
			tree, rel := dagTree(), dagRelease("dags/*.py")
			for name, text := range c.more {
				tree[name] = &fstest.MapFile{Data: []byte(text)}
			}
			for _, used := range []string{"more", "utils"} {
				if used == "utils" || name == "Too" {
					rel.Packages = append(rel.Packages, catalog.PackageUse{Name: used, Version: "trial", Dir: "packages/" + used + "/trial"})
				}
			}
			if c.err != "" {
				_, err := render.New(blueprints.FS).Render(t.Context(), tree, rel)
				if err == nil || !strings.Contains(err.Error(), c.err) {
					t.Fatalf("%s: got %v", c.reason, err)
				}
				return
			}
			objects := renderDags(t, tree, rel)
			data, _ := objects["ConfigMap/trunkline-dags-"+versionOf(t, objects)].Object["data"].(map[string]any)
			if index, _ := data["trunkline.index"].(string); !strings.Contains(index, `"utils/__init__.py"`) {
				t.Errorf("%s: there are %s", c.reason, index)
			}
		})
	}
}

// TestVersionsOfDags: another version is another content of what is deployed, and nothing else.
func TestVersionsOfDags(t *testing.T) {
	first := versionOf(t, renderDags(t, dagTree(), dagRelease("dags/*.py")))
	for name, tc := range map[string]struct {
		reason string
		change func(fstest.MapFS, *catalog.Release)
		same   bool
	}{
		"Same":      {"nothing changes", func(fstest.MapFS, *catalog.Release) {}, true},
		"Elsewhere": {"a file beside the folder is not part of it", func(tree fstest.MapFS, _ *catalog.Release) { tree["sales/other/night.py"] = &fstest.MapFile{} }, true},
		"Reader":    {"who reads it is not part of it", func(_ fstest.MapFS, rel *catalog.Release) { rel.Dags.Reader = "other" }, true},
		"Module": {"a module is part of it", func(tree fstest.MapFS, _ *catalog.Release) {
			tree["sales/dags/lib/words.py"] = &fstest.MapFile{Data: []byte("WORD = 2\n")}
		}, false},
		"Renamed": {"a name is part of it", func(tree fstest.MapFS, _ *catalog.Release) {
			tree["sales/dags/lib/word.py"] = tree["sales/dags/lib/words.py"]
			delete(tree, "sales/dags/lib/words.py")
		}, false},
		"DagFiles": {"which files are DAG files is part of it", func(_ fstest.MapFS, rel *catalog.Release) { rel.Dags.Patterns = []string{"dags/**/*.py"} }, false},
		"Context":  {"what tasks are told is part of it", func(_ fstest.MapFS, rel *catalog.Release) { rel.Dags.Context.Image = "a:1" }, false},
	} {
		tree, rel := dagTree(), dagRelease("dags/*.py")
		tc.change(tree, &rel)
		if got := versionOf(t, renderDags(t, tree, rel)); (got == first) != tc.same {
			t.Errorf("%s: %s: the version is %s, and was %s", name, tc.reason, got, first)
		}
	}
}

// TestDagsOfSeveralFolders: several folders are one bundle, by the folder around them.
func TestDagsOfSeveralFolders(t *testing.T) {
	objects := renderDags(t, dagTree(), dagRelease("dags/*.py", "other/*.py"))
	data := objects["ConfigMap/trunkline-dags-"+versionOf(t, objects)].Object["data"].(map[string]any)
	if !strings.Contains(data["trunkline.index"].(string), `"dags":["dags/day.py","other/night.py"]`) {
		t.Errorf("the index is %s", data["trunkline.index"])
	}
}

// TestDagsThatCannotBeDeployed says what is wrong.
func TestDagsThatCannotBeDeployed(t *testing.T) {
	for name, tc := range map[string]struct {
		change  func(fstest.MapFS)
		pattern string
		want    string
	}{
		"TooLarge": {func(tree fstest.MapFS) { tree["sales/dags/big.csv"] = &fstest.MapFile{Data: make([]byte, 1<<20)} }, "dags/*.py", "more than 900 KiB together: put what is large into the image or a store"},
		"Outside":  {func(fstest.MapFS) {}, "../x/*.py", "leads out of the project's folder"},
		"Index":    {func(tree fstest.MapFS) { tree["sales/dags/trunkline.index"] = &fstest.MapFile{Data: []byte("x")} }, "dags/*.py", "rename the file"},
	} {
		tree := dagTree()
		tc.change(tree)
		_, err := render.New(blueprints.FS).Render(t.Context(), tree, dagRelease(tc.pattern))
		if err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v, want %q", name, err, tc.want)
		}
	}
}
