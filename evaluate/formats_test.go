// SPDX-License-Identifier: Apache-2.0

package evaluate

import (
	"maps"
	"slices"
	"testing"

	"trunkline.dev/trunkline/blueprints"
	"trunkline.dev/trunkline/render"
)

// TestWhatAProgramImportsReachesIt: a change outside of the project, and of all that is declared, has a program rendered that reads it.
func TestWhatAProgramImportsReachesIt(t *testing.T) {
	first := firstCommit()
	first.put("a/p2/project.yaml", declarationHead+"kind: Project\nmetadata: {name: p2}\nspec:\n  owner: team\n  environments: [dev]\n  workloads:\n    - {name: w, blueprint: jsonnet, params: {path: main.jsonnet}}\n")
	first.put("a/p2/main.jsonnet", "import '../../lib/x.libsonnet'\n")
	first.put("lib/x.libsonnet", "{apiVersion: 'v1', kind: 'ConfigMap', metadata: {name: 'x'}}\n")
	next := maps.Clone(first)
	next.put("lib/x.libsonnet", "error 'boom'\n")
	base, err := Load(first.tree(), blueprints.FS)
	if err != nil {
		t.Fatal(err)
	}
	e := evaluated(t, next, render.New(blueprints.FS), func(in *Input) {
		in.Before, in.Changed, in.Change, in.Runs, in.Want = base, first.changed(next), &Change{}, true, nobody
	})
	if rules := rulesOf(e.Problems()); !slices.Contains(rules, "deny not-rendered") {
		t.Errorf("the problems are %v, want that the program does not render", rules)
	}
}
