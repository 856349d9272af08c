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

// TestProblemsOfRoles: params of copies, tables and transformations name roles that the workload has.
func TestProblemsOfRoles(t *testing.T) {
	const head = "apiVersion: trunkline.dev/v1alpha1\n"
	project := func(blueprint, over, params string) string {
		return head + `kind: Project
metadata: {name: orders}
spec:
  owner: team
  environments: {dev: {` + over + `}}
  image: a/b:1
  datasets:
    - {name: raw, version: "1", path: "lake://raw/", external: true}
    - {name: clean, version: "1", path: "lake://clean/"}
  workloads:
    - name: move
      blueprint: ` + blueprint + `
      reads: {raw: raw@1}
      writes: {main: clean@1}
      params: ` + params + "\n"
	}
	for name, tc := range map[string]struct{ blueprint, over, params, want string }{
		"Right":  {"copy", "", "{from: raw, to: main}", ""},
		"None":   {"copy", "", "{}", ""},
		"From":   {"copy", "", "{from: rwa}", "project.yaml:16:22: error: spec.workloads[0].params.from: the workload reads nothing in the role \"rwa\"\n    hint: did you mean \"raw\"?"},
		"To":     {"copy", "", "{to: raw}", "project.yaml:16:20: error: spec.workloads[0].params.to: the workload writes nothing in the role \"raw\"\n    hint: want one of: main"},
		"Over":   {"copy", "workloads: {move: {params: {from: main}}}", "{from: raw}", "project.yaml:6:58: error: spec.environments.dev.workloads.move.params.from: the workload reads nothing in the role \"main\"\n    hint: want one of: raw"},
		"Table":  {"catalog", "", "{from: raw, to: table}", "project.yaml:16:31: error: spec.workloads[0].params.to: the workload writes nothing in the role \"table\"\n    hint: want one of: main"},
		"Inputs": {"transform", "", "{inputs: {raw: {format: csv}}}", ""},
		"Input":  {"transform", "", "{inputs: {rats: {format: csv}}}", "project.yaml:16:25: error: spec.workloads[0].params.inputs.rats: the workload reads nothing in the role \"rats\"\n    hint: did you mean \"raw\"?"},
	} {
		t.Run(name, func(t *testing.T) {
			_, problems, err := catalog.Load(fstest.MapFS{
				"trunkline.yaml": {Data: []byte(head + "kind: Platform\nmetadata: {name: acme}\n---\n" + head + "kind: Cluster\nmetadata: {name: one}\n---\n" +
					head + "kind: Environment\nmetadata: {name: dev}\nspec: {clusters: [one], stores: {lake: \"s3://lake/dev\"}}\n")},
				"project.yaml": {Data: []byte(project(tc.blueprint, tc.over, tc.params))},
			}, blueprints.FS)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, strings.TrimSpace(problems.String())); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}
