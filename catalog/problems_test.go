// SPDX-License-Identifier: Apache-2.0

package catalog_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestNothingWrong(t *testing.T) {
	if _, problems := load(t, mapFS(acme)); len(problems) > 0 {
		t.Errorf("the platform of the tests has problems itself:\n%s", problems)
	}
}

type problemCase struct {
	reason string
	edits  []edit
	want   string
}

func testProblems(t *testing.T, cases map[string]problemCase) {
	t.Helper()
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			_, problems := load(t, mapFS(change(t, tc.edits...)))
			if diff := cmp.Diff(tc.want, problems.String()); diff != "" {
				t.Errorf("%s\n-want +got:\n%s", tc.reason, diff)
			}
		})
	}
}

const (
	orders = "orders/project.yaml"
	rates  = "rates/project.yaml"
)

func TestProblemsOfThePlatform(t *testing.T) {
	testProblems(t, map[string]problemCase{
		"NoPlatformFile": {
			reason: "Without a platform nothing else is checked.",
			edits:  []edit{{file: "trunkline.yaml"}},
			want: `trunkline.yaml: error: the file is missing: it declares the platform
    hint: create it with a document of "apiVersion: trunkline.dev/v1alpha1" and "kind: Platform"`,
		},
		"NotYAML": {
			reason: "A platform that cannot be read is one problem, not one for each project.",
			edits:  []edit{{"trunkline.yaml", "{name: acme}", "{name: acme"}},
			want: `trunkline.yaml:3:11: error: not valid YAML: the bracket { that opens here is not closed
    hint: close it where the value ends, or quote a text that holds it`,
		},
		"NoPlatformInIt": {
			reason: "The file must declare the platform, not something else.",
			edits:  []edit{{"trunkline.yaml", "", "a: 1\n"}},
			want: `trunkline.yaml: error: the file declares no Platform
    hint: add a document of "apiVersion: trunkline.dev/v1alpha1" and "kind: Platform"`,
		},
		"PlatformIsAFolder": {
			reason: "A folder of the platform's name is said to be one.",
			edits:  []edit{{file: "trunkline.yaml"}, {"trunkline.yaml/x", "", "x"}},
			want: `trunkline.yaml: error: is not a file; the platform is declared there
    hint: create it with a document of "apiVersion: trunkline.dev/v1alpha1" and "kind: Platform"`,
		},
		"PlatformElsewhere": {
			reason: "There is one platform, at the root.",
			edits:  []edit{{"sub/p.yaml", "", head + "kind: Platform\nmetadata: {name: other}\n"}},
			want:   `sub/p.yaml:1:1: error: a platform is declared once, in trunkline.yaml`,
		},
		"BadRoots": {
			reason: "A root that is outside, missing or a file is the declarations' fault, each at its place.",
			edits:  []edit{{"trunkline.yaml", "[.]", "[., ../up, /abs, nowhere, clusters.yaml, orders/../rates]"}},
			want: `trunkline.yaml:5:14: error: spec.roots[1]: the path "../up" leaves the tree
    hint: paths are relative to the root of the tree, where trunkline.yaml is
trunkline.yaml:5:21: error: spec.roots[2]: the path "/abs" leaves the tree
    hint: paths are relative to the root of the tree, where trunkline.yaml is
trunkline.yaml:5:27: error: spec.roots[3]: there is no folder "nowhere"
    hint: paths are relative to the root of the tree, where trunkline.yaml is
trunkline.yaml:5:36: error: spec.roots[4]: "clusters.yaml" is not a folder
    hint: paths are relative to the root of the tree, where trunkline.yaml is`,
		},
		"Twice": {
			reason: "Of two declarations with one name, the later file is told where the earlier one is.",
			edits:  []edit{{"z.yaml", "", acme[rates]}},
			want: `z.yaml:3:18: error: metadata.name: Project "rates" is already declared at rates/project.yaml:3:18
    hint: names are unique in a platform`,
		},
		"BadName": {
			reason: "A name that Kubernetes would refuse is refused here, once, and not again where it is used.",
			edits:  []edit{{"dev.yaml", "name: dev", "name: Dev_1"}, {orders, "[dev, prod]", "[Dev_1, prod]"}, {rates, "{dev: {}, prod: {}}", "[Dev_1, prod]"}},
			want:   `dev.yaml:3:18: error: metadata.name: "Dev_1" is not a name: use lower-case letters, digits and dashes, at most 63 characters, with a letter or digit at both ends`,
		},
		"BrokenEnvironment": {
			reason: "A typing error in an environment is one problem, not one for each project that uses it.",
			edits:  []edit{{"dev.yaml", "clusters", "cluster"}},
			want: `dev.yaml:5:3: error: spec: unknown field "cluster"
    hint: did you mean "clusters"?`,
		},
		"BrokenProject": {
			reason: "A typing error in a project is no problem of those who read its datasets.",
			edits:  []edit{{rates, "owner", "ownr"}},
			want: `rates/project.yaml:5:3: error: spec: unknown field "ownr"
    hint: did you mean "owner"?`,
		},
		"SyntaxErrorBeforeOthers": {
			reason: "What stands behind a syntax error may be what others refer to: they are not blamed.",
			edits:  []edit{{"clusters.yaml", "metadata: {name: one}", "metadata: {name: one"}},
			want: `clusters.yaml:3:11: error: not valid YAML: the bracket { that opens here is not closed
    hint: close it where the value ends, or quote a text that holds it`,
		},
		"UnknownCluster": {
			reason: "An environment's clusters are declared.",
			edits:  []edit{{"prod.yaml", "[one, two]", "[one, tow, one]"}},
			want: `prod.yaml:5:19: error: spec.clusters[1]: there is no cluster "tow"
    hint: did you mean "two"?
prod.yaml:5:24: error: spec.clusters[2]: the cluster "one" is listed twice`,
		},
		"NoAirflow": {
			reason: "An environment that has DAGs run by an Airflow has one.",
			edits:  []edit{{"prod.yaml", "  clusters", "  promotesFrom: dev\n  orchestrator: airflow\n  clusters"}},
			want: `prod.yaml:6:17: error: spec.orchestrator: the environment "prod" has no Airflow
    hint: deploy a workload with "blueprint: airflow" there, in a project of the platform's own`,
		},
		"PromotesFromNowhere": {
			reason: "An environment to promote from is declared.",
			edits:  []edit{{"prod.yaml", "  clusters", "  promotesFrom: dve\n  clusters"}},
			want: `prod.yaml:5:17: error: spec.promotesFrom: there is no environment "dve"
    hint: did you mean "dev"?`,
		},
		"BadSizeName": {
			reason: "The name of a size is held to its form at its key.",
			edits:  []edit{{"clusters.yaml", "mx.small", "MX_small"}},
			want:   `clusters.yaml:9:11: error: spec.sizes.MX_small: "MX_small" is not a valid name of a size: write it like "mx.small"`,
		},
		"EmbeddedBlueprint": {
			reason: "A repository cannot replace what everybody relies on.",
			edits:  []edit{{"b.yaml", "", head + "kind: Blueprint\nmetadata: {name: job}\nspec: {engine: helm, source: .}\n"}},
			want: `b.yaml:3:18: error: metadata.name: the blueprint "job" is embedded in Trunkline and cannot be replaced
    hint: choose another name`,
		},
		"BlueprintSources": {
			reason: "A blueprint's source is a folder of the tree.",
			edits: []edit{{"b/b.yaml", "", head + "kind: Blueprint\nmetadata: {name: out}\nspec: {engine: helm, source: ../../x}\n---\n" +
				head + "kind: Blueprint\nmetadata: {name: abs}\nspec: {engine: helm, source: /x}\n---\n" +
				head + "kind: Blueprint\nmetadata: {name: missing}\nspec: {engine: helm, source: chart}\n---\n" +
				head + "kind: Blueprint\nmetadata: {name: file}\nspec: {engine: helm, source: b.yaml}\n"}},
			want: `b/b.yaml:4:30: error: spec.source: the path "../../x" leaves the tree
    hint: the source is relative to the file that declares the blueprint
b/b.yaml:9:30: error: spec.source: the path "/x" leaves the tree
    hint: the source is relative to the file that declares the blueprint
b/b.yaml:14:30: error: spec.source: there is no folder "b/chart"
    hint: the source is relative to the file that declares the blueprint
b/b.yaml:19:30: error: spec.source: "b/b.yaml" is not a folder
    hint: the source is relative to the file that declares the blueprint`,
		},
		"BlueprintOfManifests": {
			reason: "Nothing of a workload can change plain manifests.",
			edits:  []edit{{"b/b.yaml", "", head + "kind: Blueprint\nmetadata: {name: mine}\nspec:\n  engine: manifests\n  source: .\n  parameters: {type: object}\n  fields: [image]\n"}},
			want: `b/b.yaml:7:15: error: spec.parameters: plain manifests are taken as they are: nothing of a workload can change them
    hint: remove it, or choose another engine
b/b.yaml:8:11: error: spec.fields: plain manifests are taken as they are: nothing of a workload can change them
    hint: remove it, or choose another engine`,
		},
		"BlueprintSchema": {
			reason: "A schema that is none is reported once, at the blueprint, and not with each workload.",
			edits: []edit{
				{"b/b.yaml", "", head + "kind: Blueprint\nmetadata: {name: mine}\nspec:\n  engine: helm\n  source: .\n  parameters: {type: objekt}\n"},
				{orders, "blueprint: job", "blueprint: mine"},
			},
			want: `b/b.yaml:7:15: error: spec.parameters: the schema is not valid: at /type: matches none of the allowed forms`,
		},
	})
}
