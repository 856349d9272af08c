// SPDX-License-Identifier: Apache-2.0

package policy_test

import (
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/policy"
)

const (
	// head begins every declaration of these tests.
	head     = "apiVersion: trunkline.dev/v1alpha1\n"
	platform = "trunkline.yaml"
	dev      = "dev.yaml"
	prod     = "prod.yaml"
	orders   = "orders/project.yaml"
	sales    = "sales/project.yaml"
)

// today is a day within all exceptions of these tests.
var today = time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC)

// acme is a small platform in which nothing is wrong; the cases of the tests change it in one place each.
func acme() map[string]string {
	return map[string]string{
		platform: head + "kind: Platform\nmetadata: {name: acme}\nspec: {}\n---\n" + head + "kind: Cluster\nmetadata: {name: one}\n",
		dev:      head + "kind: Environment\nmetadata: {name: dev}\nspec:\n  clusters: [one]\n  stores: {lake: s3://dev}\n",
		prod:     head + "kind: Environment\nmetadata: {name: prod}\nspec:\n  clusters: [one]\n  stores: {lake: s3://prod}\n",
		orders: head + `kind: Project
metadata: {name: orders}
spec:
  owner: team-orders
  environments: [dev, prod]
  image: ghcr.io/acme/orders:1
  datasets:
    - {name: raw, version: "1", path: lake://orders/raw/, lots: {unit: hourly, since: 2026-01-01T00:00:00Z}}
    - {name: daily, version: "1", path: lake://orders/daily/, lots: {unit: daily, since: 2026-01-01T00:00:00Z}}
    - {name: shops, version: "1", path: lake://orders/shops/, external: true}
  workloads:
    - name: land
      blueprint: container-job
      writes: {main: raw@1}
    - name: sum
      blueprint: container-job
      reads: {raw: {dataset: raw@1, window: {lots: 24}}}
      writes: {main: daily@1}
`,
		sales: head + `kind: Project
metadata: {name: sales}
spec:
  owner: team-sales
  environments: {dev: {}, prod: {}}
  image: ghcr.io/acme/sales:1
  workloads:
    - name: report
      blueprint: container-job
      reads: {daily: orders/daily@1, shops: orders/shops@1}
    - name: clock
      blueprint: cron-job
      schedule: "0 6 * * *"
`,
	}
}

// edit says what a case changes: the first old text in the file becomes the new one. Without an old text the new one is
// the whole file, and without either there is no such file.
type edit struct{ file, old, new string }

func change(t *testing.T, files map[string]string, edits ...edit) map[string]string {
	t.Helper()
	files = maps.Clone(files)
	for _, e := range edits {
		switch {
		case e.old != "":
			if !strings.Contains(files[e.file], e.old) {
				t.Fatalf("the case changes nothing: %q is not in %s", e.old, e.file)
			}
			files[e.file] = strings.Replace(files[e.file], e.old, e.new, 1)
		case e.new != "":
			files[e.file] = e.new
		default:
			delete(files, e.file)
		}
	}
	return files
}

// settings replaces the settings of the platform.
func settings(spec string) edit { return edit{platform, "spec: {}", "spec: " + spec} }

func tree(files map[string]string) fs.FS {
	out := fstest.MapFS{}
	for name, text := range files {
		out[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return out
}

// library has some of the embedded blueprints, without their parameters, which take most of the time to read.
func library() fs.FS {
	blueprint := func(name, fields string) string {
		return head + "kind: Blueprint\nmetadata: {name: " + name + "}\nspec: {engine: helm, source: chart, fields: [image, env, size, identity, retries, timeout, suspend" + fields + "]}\n"
	}
	return tree(map[string]string{
		"container-job/blueprint.yaml": blueprint("container-job", ""), "cron-job/blueprint.yaml": blueprint("cron-job", ", schedule"),
		"spark-stream/blueprint.yaml": strings.Replace(blueprint("spark-stream", ", command"), "spec: {", "spec: {parameters: {type: object}, ", 1),
	})
}

type fataler interface {
	Helper()
	Fatal(args ...any)
}

func load(t fataler, files map[string]string) *catalog.Catalog {
	t.Helper()
	cat, _, err := catalog.Load(tree(files), library())
	if err != nil {
		t.Fatal(err)
	}
	return cat
}

// differ lists the files that are not the same.
func differ(before, after map[string]string) (names []string) {
	for name := range before {
		if after[name] != before[name] {
			names = append(names, name)
		}
	}
	for name := range after {
		if _, was := before[name]; !was {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// said words problems as the tests compare them: how severe, the rule, the line, and what is said.
func said(result *policy.Result) (lines []string) {
	for _, p := range result.Problems {
		lines = append(lines, fmt.Sprintf("%s %s %s:%d %s", p.Severity, p.Rule, p.Position.File, p.Position.Line, p.Message))
	}
	return lines
}

func mustCheck(t *testing.T, in policy.Input) *policy.Result {
	t.Helper()
	if in.Now.IsZero() {
		in.Now = today
	}
	result, err := policy.Check(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	return result
}

// ruleCase is a change of the platform, and what it breaks; nothing if it is a near miss.
type ruleCase struct {
	reason string
	edits  []edit
	want   []string
}

// testRule checks platforms. A table has a case that breaks the rule, and one that does not.
func testRule(t *testing.T, rule string, cases map[string]ruleCase) {
	t.Helper()
	broken, near := 0, 0
	for name, tc := range cases {
		if len(tc.want) == 0 {
			near++
		}
		if slices.ContainsFunc(tc.want, func(line string) bool { return strings.Contains(line, " "+rule+" ") }) {
			broken++
		}
		t.Run(name, func(t *testing.T) {
			got := said(mustCheck(t, policy.Input{Catalog: load(t, change(t, acme(), tc.edits...))}))
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s\n-want +got:\n%s", tc.reason, diff)
			}
		})
	}
	if broken == 0 || near == 0 {
		t.Errorf("%s is broken by %d cases, and narrowly kept by %d", rule, broken, near)
	}
}

func TestNothingWrong(t *testing.T) {
	if got := said(mustCheck(t, policy.Input{Catalog: load(t, acme())})); len(got) > 0 {
		t.Errorf("the platform of the tests has problems itself: %q", got)
	}
}
