// SPDX-License-Identifier: Apache-2.0

package manifests_test

import (
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/render/manifests"
)

func configMap(name string) string {
	return "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: " + name + "}\n"
}

func files(of map[string]string) fstest.MapFS {
	tree := fstest.MapFS{}
	for name, text := range of {
		if target, isLink := strings.CutPrefix(text, "-> "); isLink {
			tree[name] = &fstest.MapFile{Data: []byte(target), Mode: fs.ModeSymlink}
			continue
		}
		tree[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return tree
}

func TestRender(t *testing.T) {
	cases := map[string]struct {
		reason string
		files  map[string]string
		paths  []string
		want   []string
	}{
		"File": {"Documents are in their order.", map[string]string{"a.yaml": configMap("b") + "---\n# nothing\n---\n" + configMap("a")}, []string{"a.yaml"}, []string{"b a.yaml", "a a.yaml"}},
		"Folder": {
			"A folder is read by names, with what is below; what is no manifest or hidden is passed over.",
			map[string]string{"k/b.yml": configMap("b"), "k/a/z.yaml": configMap("z"), "k/README.md": "# k", "k/.hidden.yaml": "{{", "k/.git/x.yaml": "{{"},
			[]string{"k"},
			[]string{"z k/a/z.yaml", "b k/b.yml"},
		},
		"Named":  {"A file that is named is read whatever its name is.", map[string]string{"out.txt": configMap("a")}, []string{"out.txt"}, []string{"a out.txt"}},
		"Order":  {"Paths keep their order, and a file is read once.", map[string]string{"k/a.yaml": configMap("a"), "k/b.yaml": configMap("b")}, []string{"k/b.yaml", "k"}, []string{"b k/b.yaml", "a k/a.yaml"}},
		"JSON":   {"JSON may have tabs, and several documents.", map[string]string{"a.json": "{\n\t\"apiVersion\": \"v1\", \"kind\": \"ConfigMap\", \"metadata\": {\"name\": \"a\"}\n}\nnull\n{\"apiVersion\": \"v1\", \"kind\": \"ConfigMap\", \"metadata\": {\"name\": \"b\"}}"}, []string{"a.json"}, []string{"a a.json", "b a.json"}},
		"Link":   {"A link within the repository is followed.", map[string]string{"k/l.yaml": "-> ../lib/a.yaml", "lib/a.yaml": configMap("a")}, []string{"k"}, []string{"a k/l.yaml"}},
		"Dashes": {"Nothing is a template.", map[string]string{"a.yaml": configMap("a") + "data: {x: '{{ .Values.x }}', y: '$(z) ${w}'}\n"}, []string{"a.yaml"}, []string{"a a.yaml"}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			objects, err := manifests.Render(t.Context(), manifests.Input{FS: files(tc.files), Paths: tc.paths})
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, o := range objects {
				got = append(got, o.GetName()+" "+o.Source)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s\n(-want +got):\n%s", tc.reason, diff)
			}
		})
	}
}

// TestRefused are mistakes, and what a hostile repository may hold.
func TestRefused(t *testing.T) {
	many := map[string]string{}
	for i := range 2001 {
		many[fmt.Sprintf("k/%d.yaml", i)] = configMap("a")
	}
	bomb := "a: &a [x,x,x,x,x,x,x,x,x]\n"
	for c := 'b'; c < 'k'; c++ {
		bomb += fmt.Sprintf("%c: &%c [%s]\n", c, c, strings.Repeat("*"+string(c-1)+",", 9))
	}
	cases := map[string]struct {
		reason string
		files  map[string]string
		want   string
	}{
		"Missing":       {"A folder that is not there may be a mistake in its name.", nil, "k: there is no such file or folder"},
		"Empty":         {"So may one without manifests.", map[string]string{"k/README.md": ""}, "there is no object in k: files of manifests end in .yaml, .yml or .json"},
		"Twice":         {"A key given twice would lose a value.", map[string]string{"k/a.yaml": "---\n" + configMap("a") + "data: {}\ndata: {}\n"}, `k/a.yaml: line 6: key "data" already set in map`},
		"TwiceJSON":     {"In JSON too.", map[string]string{"k/a.json": "{\"kind\": \"A\",\n\"kind\": \"B\"}"}, `k/a.json:1: duplicate field "kind"`},
		"NotYAML":       {"The line is told.", map[string]string{"k/a.yaml": "a: b\nc: [\n"}, "k/a.yaml: line "},
		"NotJSON":       {"In JSON too.", map[string]string{"k/a.json": "{\n\"a\": 1,\n}"}, "k/a.json:3: it is not JSON"},
		"List":          {"A document is an object.", map[string]string{"k/a.json": "\n[]"}, "k/a.json:2: a document that is not an object"},
		"All":           {"All files that are wrong are told.", map[string]string{"k/a.yaml": "- a\n", "k/b.yaml": "- b\n"}, "k/b.yaml: a document that is not an object"},
		"Kustomization": {"What is built is not applied.", map[string]string{"k/kustomization.yaml": "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: [a.yaml]\n"}, "use the blueprint kustomize"},
		"Bomb":          {"A few lines may stand for more than fits into memory.", map[string]string{"k/a.yaml": bomb}, "k/a.yaml: line"},
		"Many":          {"There may be files without end.", many, "at most 2000 files"},
		"Large":         {"They may be large.", map[string]string{"k/a.yaml": configMap("a"), "k/b.yaml": "# " + strings.Repeat("x", 16<<20)}, "at most 16 MiB together"},
		"Loop":          {"A folder may contain itself.", map[string]string{"k/k": "-> ../k", "k/a.yaml": configMap("a")}, "nest deeper than 24 levels"},
		"Out":           {"A link may lead out of the repository.", map[string]string{"k/a.yaml": "-> ../../../etc/passwd"}, "k/a.yaml: "},
		"Absolute":      {"It may be absolute.", map[string]string{"k/a.yaml": "-> /etc/passwd"}, "k/a.yaml: "},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := manifests.Render(t.Context(), manifests.Input{FS: files(tc.files), Paths: []string{"k"}})
			if err == nil || !strings.Contains(err.Error(), tc.want) || strings.Contains(err.Error(), "root:") || strings.Contains(err.Error(), fs.ErrNotExist.Error()) {
				t.Errorf("%s\nGot %v, want one that says %q", tc.reason, err, tc.want)
			}
		})
	}
}
