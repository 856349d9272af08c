// SPDX-License-Identifier: Apache-2.0

package catalog_test

import (
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/blueprints"
	"trunkline.dev/trunkline/catalog"
)

// bounded is a platform with a boundary, of which something is written otherwise.
func bounded(old, with string) fstest.MapFS {
	const head = "apiVersion: trunkline.dev/v1alpha1\n"
	project := head + `kind: Project
metadata: {name: orders}
spec:
  owner: team
  environments: {dev: {}, prod: {workloads: {land: {params: {lateness: 2h}}}}}
  image: a/b:1
  datasets:
    - {name: raw, version: "1", path: "lake://raw/", lots: {unit: hourly, since: 2026-01-01T00:00:00Z}}
    - {name: more, version: "1", path: "lake://more/", lots: {unit: hourly, since: 2026-01-01T00:00:00Z}}
    - {name: whole, version: "1", path: "lake://whole/"}
  workloads:
    - name: land
      blueprint: boundary
      writes: {main: raw@1}
      params:
        filter: {includes: ["in/**"]}
    - {name: other, blueprint: container-job, writes: {main: more@1, whole: whole@1}}
`
	return fstest.MapFS{
		"trunkline.yaml": {Data: []byte(head + "kind: Platform\nmetadata: {name: acme}\n---\n" + head + "kind: Cluster\nmetadata: {name: one}\n---\n" +
			head + "kind: Environment\nmetadata: {name: dev}\nspec:\n  clusters: [one]\n  stores: {lake: \"s3://lake/dev\"}\n  lots: {manifests: \"s3://m/<environment>/\"}\n---\n" +
			head + "kind: Environment\nmetadata: {name: prod}\nspec:\n  clusters: [one]\n  stores: {lake: \"s3://lake/prod\"}\n  lots: {manifests: \"s3://m/<environment>/\"}\n")},
		"project.yaml": {Data: []byte(strings.Replace(project, old, with, 1))},
	}
}

// TestBoundary: what a boundary is told may differ between environments, and nothing of it runs for each lot.
func TestBoundary(t *testing.T) {
	c, problems, err := catalog.Load(bounded("", ""), blueprints.FS)
	if err != nil || len(problems) > 0 {
		t.Fatalf("%v\n%s", err, problems)
	}
	p, _ := c.Project("orders")
	w, _, _ := p.Workload("land")
	for env, want := range map[string]time.Duration{"dev": 0, "prod": 2 * time.Hour} {
		spec, ok := c.Boundary(p, w, env)
		if !ok || spec.Lateness != want || spec.Filter.Prefix() != "in" {
			t.Errorf("%s: %+v, %t", env, spec, ok)
		}
	}
	if other, _, _ := p.Workload("other"); other != nil {
		if _, is := c.Boundary(p, other, "dev"); is {
			t.Error("a job is taken for a boundary")
		}
	}
	for _, w := range c.Release(p, catalog.ReleaseID{Project: "orders", Environment: "dev", Cluster: "one"}).Workloads {
		if w.Lots != (w.Name == "other") {
			t.Errorf("%s runs for each lot: %t", w.Name, w.Lots)
		}
	}
}

// TestBoundaryProblems is what is refused, and where it stands.
func TestBoundaryProblems(t *testing.T) {
	for name, tc := range map[string]struct{ old, with, want string }{
		"Pattern":     {`["in/**"]`, `["in/**", "/x"]`, `params: project.yaml:17:38: error: spec.workloads[0].params.filter.includes[1]: the blueprint "boundary": the pattern "/x" begins with /, and no path does`},
		"Environment": {"lateness: 2h", "lateness: soon", `params: project.yaml:6:72: error: spec.environments.prod.workloads.land.params.lateness: the blueprint "boundary": "soon" is not how long late data are waited for`},
		"Schema":      {`filter: {includes: ["in/**"]}`, "arrival: sometimes", `params: project.yaml:17:9: error: spec.workloads[0].params.arrival: the blueprint "boundary": "sometimes" is not a valid value`},
		"KeyTime":     {`filter: {includes: ["in/**"]}`, "{lotSource: key, keyTime: '(?<year>.)'}", `params: project.yaml:17:35: error: spec.workloads[0].params.keyTime: the blueprint "boundary": it has no group "month", without which nobody knows the lot`},
		"Reads":       {"writes: {main: raw@1}", "writes: {main: raw@1}\n      reads: {x: more@1}", `field-not-honoured: project.yaml:16:7: error: spec.workloads[0].reads: a boundary reads nothing of the platform: what it makes lots of arrives in the path of the dataset that it writes`},
		"Lots":        {"writes: {main: raw@1}", "writes: {main: raw@1}\n      lots: {atOnce: 3}", `field-not-honoured: project.yaml:16:7: error: spec.workloads[0].lots: nothing of a boundary runs, and it waits for no inputs`},
		"NoLots":      {"writes: {main: raw@1}", "writes: {main: whole@1}", `field-not-honoured: project.yaml:15:22: error: spec.workloads[0].writes.main: a boundary makes lots, and orders/whole@1 has none`},
		"Several":     {"writes: {main: raw@1}", "writes: {main: raw@1, more: more@1}", `field-not-honoured: project.yaml:15:15: error: spec.workloads[0].writes: a boundary makes the lots of one dataset, and this one writes 2`},
		"Replay":      {"unit: hourly, since: 2026-01-01T00:00:00Z}}", "unit: hourly, since: 2026-01-01T00:00:00Z}, replay: [{id: a, from: 2026-01-01T00:00:00Z, until: 2026-01-02T00:00:00Z, reason: test}]}", `replay-nothing: project.yaml:9:105: error: spec.datasets[0].replay: a boundary makes the lots of what has arrived: there is nothing to make once more`},
		"Image":       {"writes: {main: raw@1}", "writes: {main: raw@1}\n      image: a/b:2", `field-not-honoured: project.yaml:16:7: error: spec.workloads[0].image: the blueprint "boundary" does not accept the field "image"`},
	} {
		t.Run(name, func(t *testing.T) {
			_, problems, err := catalog.Load(bounded(tc.old, tc.with), blueprints.FS)
			if err != nil {
				t.Fatal(err)
			}
			first, _, _ := strings.Cut(problems.String(), "\n")
			if len(problems) != 1 {
				t.Fatalf("there are %d problems:\n%s", len(problems), problems)
			}
			if diff := cmp.Diff(tc.want, problems[0].Rule+": "+first); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}
