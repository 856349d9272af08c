// SPDX-License-Identifier: Apache-2.0

package v1alpha1_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"trunkline.dev/trunkline/api/v1alpha1"
)

// project is a valid declaration; the cases below break it in one place each.
const project = `apiVersion: trunkline.dev/v1alpha1
kind: Project
metadata: {name: orders}
spec:
  owner: team-orders
  environments: [dev, prod]
  datasets:
    - name: raw
      version: "1"
      lots: {unit: hourly, since: 2026-01-01T00:00:00Z}
      path: lake://orders/raw/
  workloads:
    - name: clean
      blueprint: container-job
      reads: {raw: raw@1}
      retries: 2
      timeout: 30m
      params: {parallelism: 4, ratio: 0.5, tags: [a, b], on: true, none: null}
`

func TestDecode(t *testing.T) {
	docs, problems := v1alpha1.Decode("project.yaml", []byte(project))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	two := 2
	want := &v1alpha1.Project{
		Metadata: v1alpha1.Metadata{Name: "orders"},
		Spec: v1alpha1.ProjectSpec{
			Owner:        "team-orders",
			Environments: v1alpha1.ProjectEnvironments{"dev": {}, "prod": {}},
			Datasets: []v1alpha1.Dataset{{
				Name: "raw", Version: "1", Path: "lake://orders/raw/",
				Lots: &v1alpha1.Lots{Unit: v1alpha1.Hourly, Since: v1alpha1.Time{Time: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}},
			}},
			Workloads: []v1alpha1.Workload{{
				Name: "clean", Blueprint: "container-job", Reads: map[string]v1alpha1.Read{"raw": {Dataset: "raw@1"}},
				Retries: &two, Timeout: v1alpha1.Duration(30 * time.Minute),
				Params: map[string]any{
					"parallelism": int64(4), "ratio": 0.5, "tags": []any{"a", "b"}, "on": true, "none": nil,
				},
			}},
		},
	}
	if diff := cmp.Diff(want, docs[0].Object); diff != "" {
		t.Errorf("Decode: -want +got:\n%s", diff)
	}
	if got, want := docs[0].Position("spec", "workloads", 0, "reads", "raw").String(), "project.yaml:15:20"; got != want {
		t.Errorf("Position: got %s, want %s", got, want)
	}
	if got, want := docs[0].Position("spec", "workloads", 0, "command", 3).String(), "project.yaml:13:7"; got != want {
		t.Errorf("Position of a missing field: got %s, want that of its parent %s", got, want)
	}
}

func TestDecodeForms(t *testing.T) {
	head := "apiVersion: trunkline.dev/v1alpha1\nkind: Project\nmetadata: {name: a}\n"
	cases := map[string]struct {
		reason string
		data   string
		want   v1alpha1.ProjectEnvironments
	}{
		"Map": {
			reason: "Environments as a map hold overrides, and an empty one is no override.",
			data:   head + "spec: {owner: o, environments: {dev: , prod: {size: mx.large}}}",
			want:   v1alpha1.ProjectEnvironments{"dev": {}, "prod": {Size: "mx.large"}},
		},
		"JSON": {
			reason: "JSON is read like YAML, indented with tabs too.",
			data:   "{\n\t\"apiVersion\": \"trunkline.dev/v1alpha1\",\n\t\"kind\": \"Project\",\n\t\"metadata\": {\"name\": \"a\"},\n\t\"spec\": {\"owner\": \"o\", \"environments\": [\"dev\"]}\n}",
			want:   v1alpha1.ProjectEnvironments{"dev": {}},
		},
		"MergeKey": {
			reason: "A merge key adds what the mapping does not say itself.",
			data:   head + "spec:\n  owner: o\n  environments:\n    dev: &x {size: mx.small, image: i}\n    prod: {<<: *x, size: mx.large}",
			want:   v1alpha1.ProjectEnvironments{"dev": {Size: "mx.small", Image: v1alpha1.Image{Repository: "i"}}, "prod": {Size: "mx.large", Image: v1alpha1.Image{Repository: "i"}}},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			docs, problems := v1alpha1.Decode("p", []byte(tc.data))
			if len(problems) > 0 || len(docs) != 1 {
				t.Fatalf("%s\nDecode: %d documents, problems:\n%s", tc.reason, len(docs), problems)
			}
			got := docs[0].Object.(*v1alpha1.Project).Spec.Environments
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s\n-want +got:\n%s", tc.reason, diff)
			}
		})
	}
}

func TestDecodeProblems(t *testing.T) {
	cases := map[string]struct {
		reason   string
		old, new string // one replacement in the valid project
		want     []string
	}{
		"UnknownField": {
			reason: "An unknown field is named with the nearest valid one.",
			old:    "blueprint: container-job", new: "bluprint: container-job",
			want: []string{
				`project.yaml:14:7: error: spec.workloads[0]: unknown field "bluprint"` + "\n    hint: did you mean \"blueprint\"?",
			},
		},
		"NumberForText": {
			reason: "A version without quotes is a number; the hint shows the quotes.",
			old:    `version: "1"`, new: `version: 1`,
			want: []string{`project.yaml:9:16: error: spec.datasets[0].version: expected a text, got 1 (int)` + "\n    hint: put it in quotes: \"1\""},
		},
		"ListForMap": {
			reason: "A wrong shape is named in words, not in types of Go.",
			old:    "reads: {raw: raw@1}", new: "reads: [raw@1]",
			want: []string{"project.yaml:15:14: error: spec.workloads[0].reads: expected a mapping, got a list\n    hint: write it as a mapping, without dashes: KEY: VALUE"},
		},
		"DuplicateKey": {
			reason: "A key that is there twice would silently lose one of its values.",
			old:    "      retries: 2", new: "      retries: 2\n      retries: 3",
			want: []string{`project.yaml:17:7: error: spec.workloads[0]: the key "retries" is duplicated: it is already in line 16`},
		},
		"Enumeration": {
			reason: "A value that is not one of a set is answered with the set.",
			old:    "unit: hourly", new: "unit: hourley",
			want: []string{`project.yaml:10:20: error: spec.datasets[0].lots.unit: unknown value "hourley"` + "\n    hint: did you mean \"hourly\"?"},
		},
		"EndlessDuration": {
			reason: "A duration out of range fails here and nowhere further down.",
			old:    "timeout: 30m", new: "timeout: 99999h",
			want: []string{`project.yaml:17:16: error: spec.workloads[0].timeout: the duration "99999h" is out of range: more than 0 and at most 8784h0m0s`},
		},
		"NegativeRetries": {
			reason: "Counts are not negative.",
			old:    "retries: 2", new: "retries: -1",
			want: []string{"project.yaml:16:16: error: spec.workloads[0].retries: -1 is out of range: 0 to 2147483647"},
		},
		"NoEnvironments": {
			reason: "An empty list would remove every release of the project; that is said by removing the project.",
			old:    "environments: [dev, prod]", new: "environments: []",
			want: []string{`project.yaml:5:3: error: spec: the field "environments" is missing or empty`},
		},
		"UnknownKind": {
			reason: "A kind with a typing error is found, not passed over.",
			old:    "kind: Project", new: "kind: Projekt",
			want: []string{`project.yaml:2:7: error: kind: unknown kind "Projekt"` + "\n    hint: did you mean \"Project\"?"},
		},
		"UnknownVersion": {
			reason: "A version of ours that this program does not know must not be ignored.",
			old:    "trunkline.dev/v1alpha1", new: "trunkline.dev/v9",
			want: []string{`project.yaml:1:13: error: apiVersion: unknown version "trunkline.dev/v9"` + "\n    hint: write trunkline.dev/v1alpha1"},
		},
		"SyntaxError": {
			reason: "A file that is not YAML is named with the line.",
			old:    "  owner: team-orders", new: "  owner: team: orders",
			want: []string{"project.yaml:5:14: error: not valid YAML: mapping values are not allowed in this context\n" +
				"    hint: a value that holds \": \" needs quotes, and a key must be indented like its siblings"},
		},
		"AllAtOnce": {
			reason: "Every problem is reported, not the first only.",
			old:    "owner: team-orders\n  environments: [dev, prod]", new: "owner: 1\n  environments: 2",
			want: []string{
				"project.yaml:5:10: error: spec.owner: expected a text, got 1 (int)\n    hint: put it in quotes: \"1\"",
				"project.yaml:6:17: error: spec.environments: expected a list of environments, or a mapping with what is different in each, got 2 (int)\n    hint: write it as a list: [\"2\"]",
			},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			data := strings.Replace(project, tc.old, tc.new, 1)
			if data == project {
				t.Fatalf("the case does not change the project: %q is not in it", tc.old)
			}
			docs, problems := v1alpha1.Decode("project.yaml", []byte(data))
			var got []string
			for _, p := range problems {
				got = append(got, p.String())
			}
			if diff := cmp.Diff(tc.want, got, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("%s\n-want +got:\n%s", tc.reason, diff)
			}
			if len(docs) > 0 {
				t.Errorf("a document with problems was returned")
			}
		})
	}
}

func TestDecodePassesOver(t *testing.T) {
	cases := map[string]string{
		"someone else's document": "apiVersion: apps/v1\nkind: Deployment\n",
		"no apiVersion":           "a: 1\n",
		"a list":                  "- 1\n- 2\n",
		"nothing":                 "",
		"only comments":           "# hello\n",
		"several empty documents": "---\n---\n",
	}
	for name, data := range cases {
		if docs, problems := v1alpha1.Decode("f", []byte(data)); len(docs)+len(problems) > 0 {
			t.Errorf("%s: got %d documents and the problems %v, want none", name, len(docs), problems)
		}
	}
}

func TestDecodeSeveralDocuments(t *testing.T) {
	docs, problems := v1alpha1.Decode("f", []byte(project+"---\napiVersion: v1\nkind: Secret\n---\n"+strings.Replace(project, "orders}", "rates}", 1)))
	var names []string
	for _, d := range docs {
		names = append(names, d.Name)
	}
	if diff := cmp.Diff([]string{"orders", "rates"}, names); diff != "" || len(problems) > 0 {
		t.Errorf("-want +got:\n%s\n%s", diff, problems)
	}
}

func TestDecodeBounds(t *testing.T) {
	head := "apiVersion: trunkline.dev/v1alpha1\nkind: Project\nmetadata: {name: a}\n"
	bomb := "x0: &x0 [a, a, a, a, a, a, a, a, a, a]\n"
	for i := 1; i < 9; i++ {
		bomb += fmt.Sprintf("x%d: &x%d [%s]\n", i, i, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*x%d,", i-1), 10), ","))
	}
	cases := map[string]struct{ data, want string }{
		"AliasBomb": {
			data: head + bomb + "spec: {owner: o, environments: [dev], workloads: [{name: w, blueprint: b, params: {p: *x8}}]}",
			want: "more than 100000 values",
		},
		"Deep": {
			data: head + "spec: {owner: o, environments: [dev], workloads: [{name: w, blueprint: b, params: {p: " +
				strings.Repeat("[", 200) + strings.Repeat("]", 200) + "}}]}",
			want: "nested deeper than 64",
		},
		"Large": {
			data: head + strings.Repeat("#", v1alpha1.MaxFileBytes),
			want: "a file of declarations has at most 1048576",
		},
		"SelfAlias": {
			data: head + "spec: &s {owner: o, environments: [dev], workloads: [{name: w, blueprint: b, params: {p: *s}}]}",
			want: "nested deeper than 64",
		},
		"SelfMerge": {
			data: head + "spec: &s {owner: o, environments: [dev], <<: *s}",
			want: "nested deeper than 64",
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			_, problems := v1alpha1.Decode("f", []byte(tc.data))
			if !strings.Contains(problems.String(), tc.want) {
				t.Errorf("got:\n%.500s\nwant a problem with %q", problems, tc.want)
			}
			if len(problems) > 101 {
				t.Errorf("got %d problems, want a bounded number", len(problems))
			}
		})
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(project)
	f.Add("apiVersion: trunkline.dev/v1alpha1\nkind: Cluster\nmetadata: {name: &a [*a]}\n")
	f.Add("apiVersion: trunkline.dev/v1alpha1\nkind: Environment\nspec: {<<: [{}, 1], clusters: {}}\n")
	f.Add(`{"apiVersion":"trunkline.dev/v1alpha1","kind":"Blueprint","spec":{"parameters":{"a":[1,2.5,null]}}}`)
	f.Fuzz(func(t *testing.T, data string) {
		docs, problems := v1alpha1.Decode("f", []byte(data))
		for _, d := range docs {
			if d.Object == nil || d.Position("metadata", "name").Line == 0 {
				t.Errorf("a document without content or place: %+v", d)
			}
		}
		if problems.Denied() && problems.String() == "" {
			t.Error("a refusal without a word")
		}
	})
}
