// SPDX-License-Identifier: Apache-2.0

package render_test

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/api/pack"
	"trunkline.dev/trunkline/blueprints"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/render"
)

// TestPackages: what a workload is given of packages is what was released, and nothing else.
func TestPackages(t *testing.T) {
	const folder = "packages/utils/versions/1.0.0"
	released := pack.Digest(map[string][]byte{"utils/__init__.py": []byte("x = 1\n"), "q.sql": []byte("select 1")})
	cases := map[string]struct {
		reason string
		// more are further files of the tree, and without one that is not there.
		more    map[string]string
		without string
		digest  string
		files   []string
		want    []string
		err     string
	}{
		"Released": {reason: "All that was released is there.", digest: released, want: []string{"packages/utils/q.sql", "packages/utils/utils/__init__.py"}},
		"Beside": {
			reason: "It is beside the workload's own files.", digest: released, files: []string{"run.py"},
			want: []string{"packages/utils/q.sql", "packages/utils/utils/__init__.py", "run.py"},
		},
		"Leavings": {
			reason: "What Python leaves behind is no part of it.", digest: released, more: map[string]string{folder + "/utils/__pycache__/a.pyc": "\x00", folder + "/b.pyc": "\x00"},
			want: []string{"packages/utils/q.sql", "packages/utils/utils/__init__.py"},
		},
		"Trial":   {reason: "What is tried may be anything.", want: []string{"packages/utils/q.sql", "packages/utils/utils/__init__.py"}},
		"Changed": {reason: "What was changed is not given to anybody.", digest: released, more: map[string]string{folder + "/q.sql": "select 2"}, err: "does not hold what was released as utils 1.0.0"},
		"Added":   {reason: "Nor is what was added.", digest: released, more: map[string]string{folder + "/more.sql": ""}, err: "does not hold what was released"},
		"Removed": {reason: "Nor what lacks something.", digest: released, without: folder + "/q.sql", err: "does not hold what was released"},
		"Moved":   {reason: "Names count, too.", digest: released, more: map[string]string{folder + "/p.sql": "select 1"}, without: folder + "/q.sql", err: "does not hold what was released"},
		"Large":   {reason: "Files and packages fit into one ConfigMap.", more: map[string]string{folder + "/large": strings.Repeat("x", render.MaxFileBytes)}, err: "at most 900 KiB together"},
		"Taken": {
			reason: "A workload's own file is not hidden.", digest: released, files: []string{"packages/utils/own.py"}, more: map[string]string{"projects/orders/packages/utils/own.py": ""},
			err: "where the workload's own file packages/utils/own.py is",
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			tree := fstest.MapFS{
				"projects/orders/run.py": {}, folder + "/utils/__init__.py": {Data: []byte("x = 1\n")}, folder + "/q.sql": {Data: []byte("select 1")},
			}
			for name, text := range c.more {
				tree[name] = &fstest.MapFile{Data: []byte(text)}
			}
			delete(tree, c.without)
			w := catalog.Workload{Files: c.files, Packages: []catalog.PackageUse{{Name: "utils", Version: "1.0.0", Digest: c.digest, Dir: folder}}}
			files, err := render.Files(tree, releaseOf(w), w)
			if (c.err == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), c.err) {
				t.Fatalf("%s\ngot the error %v, want %q", c.reason, err, c.err)
			}
			if diff := cmp.Diff(c.want, slices.Sorted(maps.Keys(files))); err == nil && diff != "" {
				t.Errorf("%s\nthe files (-want, +got):\n%s", c.reason, diff)
			}
		})
	}
	missing := []catalog.PackageUse{{Name: "utils", Version: "2.0.0", Digest: released, Dir: "packages/utils/versions/2.0.0"}}
	if _, err := render.PackageFiles(fstest.MapFS{}, missing); err == nil || !strings.Contains(err.Error(), "there is nothing of utils 2.0.0") {
		t.Errorf("got the error %v for a version that is not there", err)
	}
	// A repository that the platform includes has its packages in itself.
	outside := []catalog.PackageUse{{Name: "utils", Version: "trial", Dir: "sources/a/src", Root: "sources/b"}}
	if files, err := render.PackageFiles(fstest.MapFS{"sources/a/src/x": {}}, outside); err == nil {
		t.Errorf("files of another repository were read: %v", files)
	}
}

// TestPackagesInPods: a program finds its packages by its path of Python and by a variable, and a newer version of one is another pod.
func TestPackagesInPods(t *testing.T) {
	tree := fstest.MapFS{
		"packages/my-utils/versions/1.0.0/m.py": {Data: []byte("x = 1\n")}, "packages/my-utils/versions/1.1.0/m.py": {Data: []byte("x = 2\n")},
		"packages/other/src/o.py": {},
	}
	names := map[string]bool{}
	for _, version := range []string{"1.0.0", "1.1.0"} {
		w := catalog.Workload{
			Name: "a", Blueprint: helmBlueprint("a"), Env: map[string]string{"PYTHONPATH": "/opt/own"},
			Packages: []catalog.PackageUse{{Name: "my-utils", Version: version, Dir: "packages/my-utils/versions/" + version}, {Name: "other", Version: "trial", Dir: "packages/other/src"}},
		}
		all := charts(map[string]string{"a": "{{ include \"trunkline.files\" . }}\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\n" +
			"data: {env: {{ toJson .Values.global.trunkline.workload.env | quote }}}\n"})
		maps.Copy(all, tree)
		result, err := render.New(blueprints.FS).Render(t.Context(), all, releaseOf(w))
		if err != nil {
			t.Fatal(err)
		}
		env := data(t, result.Objects, "c")["env"]
		for _, want := range []string{
			`{"name":"PYTHONPATH","value":"/opt/own:/workspace/packages/my-utils:/workspace/packages/other"}`,
			`{"name":"TRUNKLINE_PACKAGE_MY_UTILS","value":"/workspace/packages/my-utils"}`,
		} {
			if !strings.Contains(env, want) {
				t.Errorf("the variables are %s, want %s among them", env, want)
			}
		}
		for _, o := range result.Objects {
			names[o.GetKind()+"/"+o.GetName()] = true
		}
		if !result.ReadSet.Affected([]string{"packages/my-utils/versions/" + version + "/m.py"}) {
			t.Error("a change of what a version holds would not be seen")
		}
	}
	n := 0
	for name := range names {
		if strings.HasPrefix(name, "ConfigMap/a-files-") {
			n++
		}
	}
	if n != 2 {
		t.Errorf("two versions are in %d ConfigMaps, want one each: %v", n, names)
	}
}
