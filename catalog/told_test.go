// SPDX-License-Identifier: Apache-2.0

package catalog_test

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/blueprints"
	"trunkline.dev/trunkline/catalog"
)

// TestProblemsOfPrograms: what the programs of this repository would refuse is refused before, at its place.
func TestProblemsOfPrograms(t *testing.T) {
	const head = "apiVersion: trunkline.dev/v1alpha1\n"
	for name, tc := range map[string]struct{ workload, over, want string }{
		"Pull":        {`{name: w, blueprint: pull, secrets: {TOKEN: {name: a, key: b}}, writes: {main: out@1}, params: {http: {url: "https://a.example/{lot}", headers: {X: $(TOKEN)}}}}`, "", ""},
		"Nothing":     {`{name: w, blueprint: pull, writes: {main: out@1}}`, "", `project.yaml:12:7: error: spec.workloads[0]: the blueprint "pull": nothing says what is fetched`},
		"Variable":    {`{name: w, blueprint: pull, writes: {main: out@1}, params: {http: {url: "https://a.example/", headers: {X: $(TOKEN)}}}}`, "", `project.yaml:12:113: error: spec.workloads[0].params.http.headers.X: the blueprint "pull": the workload has no variable TOKEN`},
		"OfOne":       {`{name: w, blueprint: pull, writes: {main: out@1}, params: {http: {url: "https://a.example/", headers: {X: $(TOKEN)}}}}`, "{secrets: {TOKEN: {name: a, key: b}}}", ""},
		"Placeholder": {`{name: w, blueprint: pull, writes: {main: out@1}, params: {http: {url: "https://a.example/{day}"}}}`, "", `project.yaml:12:78: error: spec.workloads[0].params.http.url: the blueprint "pull": {day} stands for nothing; want one of: {lot}, {start}, {end}`},
		"Scheme":      {`{name: w, blueprint: pull, writes: {main: out@1}, params: {http: {url: "file:///etc/passwd"}}}`, "", `project.yaml:12:73: error: spec.workloads[0].params.http.url: the blueprint "pull": "file:///etc/passwd" does not match the pattern ^https?://`},
		"Override":    {`{name: w, blueprint: pull, writes: {main: out@1}, params: {http: {url: "https://a.example/"}}}`, `{params: {http: {url: "https://a.example/", timeout: 1}}}`, `project.yaml:6:83: error: spec.environments.dev.workloads.w.params.http.timeout: the blueprint "pull": expected a text, got a number`},
		"Deep":        {`{name: w, blueprint: pull, writes: {main: out@1}, params: {http: {url: "https://a.example/"}}}`, `{params: {http: {url: "https://a.example/", timeout: soon}}}`, `project.yaml:6:92: error: spec.environments.dev.workloads.w.params.http.timeout: the blueprint "pull": "soon" is not how long something may take`},
		"Role":        {`{name: w, blueprint: pull, writes: {main: out@1}, params: {to: x, http: {url: "https://a.example/"}}}`, "", `project.yaml:12:70: error: spec.workloads[0].params.to: the workload writes nothing in the role "x"`},
		"Filter":      {`{name: w, blueprint: copy, reads: {main: in@1}, writes: {main: out@1}, params: {filter: {includes: ["**.csv"]}}}`, "", `project.yaml:12:107: error: spec.workloads[0].params.filter.includes[0]: the blueprint "copy": the pattern "**.csv" has ** in "**.csv", where it would be one *: write * within a part, and ** as a whole part, as in "**/*.csv"`},
		"Regexp":      {`{name: w, blueprint: transform, reads: {main: in@1}, writes: {main: out@1}, params: {input: {format: text, pattern: "("}}}`, "", "project.yaml:12:123: error: spec.workloads[0].params.input.pattern: the blueprint \"transform\": \"(\" is not a regular expression: error parsing regexp: missing closing ): `(`"},
		"SQL":         {`{name: w, blueprint: transform, reads: {main: in@1}, writes: {main: out@1}, params: {sql: "SELECT 1; SELECT 2"}}`, "", `project.yaml:12:97: error: spec.workloads[0].params.sql: the blueprint "transform": the SQL is not one statement: it has several statements`},
		"Compression": {`{name: w, blueprint: transform, reads: {main: in@1}, writes: {main: out@1}, params: {output: {format: csv, compression: snappy}}}`, "", `project.yaml:12:127: error: spec.workloads[0].params.output.compression: the blueprint "transform": a csv is not compressed by snappy, which only Parquet knows`},
	} {
		t.Run(name, func(t *testing.T) {
			over := tc.over
			if over == "" {
				over = "{}"
			}
			_, problems, err := catalog.Load(fstest.MapFS{
				"trunkline.yaml": {Data: []byte(head + "kind: Platform\nmetadata: {name: acme}\n---\n" + head + "kind: Cluster\nmetadata: {name: one}\n---\n" +
					head + "kind: Environment\nmetadata: {name: dev}\nspec:\n  clusters: [one]\n  stores: {lake: \"s3://lake/dev\"}\n  lots: {manifests: \"s3://m/<environment>/\"}\n")},
				"project.yaml": {Data: []byte(head + `kind: Project
metadata: {name: orders}
spec:
  owner: team
  environments: {dev: {workloads: {w: ` + over + `}}}
  image: a/b:1
  datasets:
    - {name: in, version: "1", path: "lake://in/", external: true, lots: {unit: hourly, since: 2026-01-01T00:00:00Z}}
    - {name: out, version: "1", path: "lake://out/", lots: {unit: hourly, since: 2026-01-01T00:00:00Z}}
  workloads:
    - ` + tc.workload + "\n")},
			}, blueprints.FS)
			if err != nil {
				t.Fatal(err)
			}
			first, _, _ := strings.Cut(problems.String(), "\n")
			if len(problems) > 1 {
				first = problems.String()
			}
			if diff := cmp.Diff(tc.want, first); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}
