// SPDX-License-Identifier: Apache-2.0

package catalog_test

import "testing"

// dataset adds a dataset to the project rates.
func dataset(name, path string) edit {
	return edit{rates, "  datasets:\n", "  datasets:\n    - {name: " + name + ", version: \"1\", path: \"" + path + "\"}\n"}
}

// TestOverlap has both directions: folders that lie in each other, and those that only look as if they did.
func TestOverlap(t *testing.T) {
	const hint = "\n    hint: give each dataset, and each version of it, a folder of its own"
	testProblems(t, map[string]problemCase{
		"Same": {
			reason: "Two datasets in one folder: the second by id is told.",
			edits:  []edit{dataset("other", "lake://orders/raw/")},
			want:   `rates/project.yaml:8:41: error: spec.datasets[0].path: the path "lake://orders/raw/" of rates/other@1 is that of orders/raw@1` + hint,
		},
		"WrittenDifferently": {
			reason: "Slashes and dots make no other folder.",
			edits:  []edit{dataset("other", "lake://orders//./raw")},
			want:   `rates/project.yaml:8:41: error: spec.datasets[0].path: the path "lake://orders//./raw" of rates/other@1 is that of orders/raw@1` + hint,
		},
		"Within": {
			reason: "A folder in another's is told, whoever has the outer one.",
			edits:  []edit{dataset("other", "lake://orders/raw/late/2026/")},
			want:   `rates/project.yaml:8:41: error: spec.datasets[0].path: the path "lake://orders/raw/late/2026/" of rates/other@1 lies within that of orders/raw@1` + hint,
		},
		"Around": {
			reason: "Of a folder around others, those in it are told.",
			edits:  []edit{dataset("other", "lake://orders/")},
			want: `orders/project.yaml:9:39: error: spec.datasets[0].path: the path "lake://orders/raw/" of orders/raw@1 lies within that of rates/other@1` + hint + `
orders/project.yaml:10:41: error: spec.datasets[1].path: the path "lake://orders/clean/" of orders/clean@2 lies within that of rates/other@1` + hint,
		},
		"Nearest": {
			reason: "Of several folders around it, the nearest is named.",
			edits:  []edit{dataset("inner", "lake://x/a/b/"), dataset("middle", "lake://x/a/"), dataset("outer", "lake://x/")},
			want: `rates/project.yaml:9:42: error: spec.datasets[1].path: the path "lake://x/a/" of rates/middle@1 lies within that of rates/outer@1` + hint + `
rates/project.yaml:10:41: error: spec.datasets[2].path: the path "lake://x/a/b/" of rates/inner@1 lies within that of rates/middle@1` + hint,
		},
		"WholeStore": {
			reason: "The root of a store lies around everything in it.",
			edits:  []edit{{orders, "lake://orders/raw/", "lake://x/"}, {orders, "lake://orders/clean/", "lake://y/"}, {rates, "lake://rates/fx/", "lake://"}},
			want: `orders/project.yaml:9:39: error: spec.datasets[0].path: the path "lake://x/" of orders/raw@1 lies within that of rates/fx@1` + hint + `
orders/project.yaml:10:41: error: spec.datasets[1].path: the path "lake://y/" of orders/clean@2 lies within that of rates/fx@1` + hint,
		},
		"Prefix":      {reason: "A name that begins like another is another folder.", edits: []edit{dataset("other", "lake://orders/raw2/")}},
		"Sibling":     {reason: "Siblings lie beside each other.", edits: []edit{dataset("other", "lake://orders/late/")}},
		"LettersCase": {reason: "Object stores tell upper and lower case apart.", edits: []edit{dataset("other", "lake://orders/Raw/")}},
		"OtherStore": {
			reason: "The same path in another store is another place.",
			edits: []edit{
				dataset("other", "sea://orders/raw/"), {"dev.yaml", "stores: {", "stores: {sea: s3://sea, "}, {"prod.yaml", "stores: {", "stores: {sea: s3://sea, "},
			},
		},
	})
}

func TestAfterOtherProjects(t *testing.T) {
	testProblems(t, map[string]problemCase{
		"Other": {
			reason: "That there are other projects, and no way to wait for them, is said rather than that there is no such name.",
			edits:  []edit{{orders, "after: [land]", "after: [rates/fetch]"}},
			want: `orders/project.yaml:19:15: error: spec.workloads[1].after[0]: "rates/fetch" is a workload of another project; a workload runs only after those of its own
    hint: read a dataset that it writes instead, so that the workload waits for the data`,
		},
		"Own": {
			reason: "A workload of one's own is named without the project.",
			edits:  []edit{{orders, "after: [land]", "after: [orders/land]"}},
			want: `orders/project.yaml:19:15: error: spec.workloads[1].after[0]: "orders/land" is a workload of another project; a workload runs only after those of its own
    hint: read a dataset that it writes instead, so that the workload waits for the data`,
		},
	})
}

func TestVariables(t *testing.T) {
	secrets := edit{"b/b.yaml", "", head + "kind: Blueprint\nmetadata: {name: mine}\nspec: {engine: helm, source: ., fields: [env, secrets]}\n"}
	mine := func(more string) edit { return edit{rates, "blueprint: job", "blueprint: mine, " + more} }
	testProblems(t, map[string]problemCase{
		"Own": {
			reason: "Trunkline's own variables are refused at their key.",
			edits:  []edit{secrets, mine(`env: {TRUNKLINE_LOT: x}, secrets: {TRUNKLINE_KEY: {name: a, key: b}}`)},
			want: `rates/project.yaml:10:44: error: spec.workloads[0].env.TRUNKLINE_LOT: the variable "TRUNKLINE_LOT" is reserved: Trunkline sets those that begin with TRUNKLINE_
    hint: choose another name
rates/project.yaml:10:73: error: spec.workloads[0].secrets.TRUNKLINE_KEY: the variable "TRUNKLINE_KEY" is reserved: Trunkline sets those that begin with TRUNKLINE_
    hint: choose another name`,
		},
		"Both": {
			reason: "A variable has a value or a secret.",
			edits:  []edit{secrets, mine(`env: {KEY: x}, secrets: {KEY: {name: a, key: b}}`)},
			want: `rates/project.yaml:10:63: error: spec.workloads[0].secrets.KEY: the variable "KEY" has a value in env and one in secrets
    hint: keep one of them`,
		},
		"BothByOverride": {
			reason: "So it has where an environment adds the other one.",
			edits:  []edit{secrets, mine(`env: {KEY: x}`), {rates, "prod: {}", "prod: {workloads: {fetch: {secrets: {KEY: {name: a, key: b}}}}}"}},
			want: `rates/project.yaml:6:64: error: spec.environments.prod.workloads.fetch.secrets.KEY: the variable "KEY" has a value in env and one in secrets
    hint: keep one of them`,
		},
		"Similar": {reason: "Names that only look alike are two variables.", edits: []edit{secrets, mine(`env: {TRUNKLINE: x, KEY: x}, secrets: {key: {name: a, key: b}}`)}},
	})
}

func TestSettings(t *testing.T) {
	testProblems(t, map[string]problemCase{
		"Freeze": {
			reason: "A freeze ends after it begins.",
			edits:  []edit{{"trunkline.yaml", "spec:", "spec:\n  rules: {not-supported-yet: off}"}, {"prod.yaml", "  clusters", "  freezes: [{from: 2027-01-04T00:00:00Z, until: 2027-01-04T00:00:00Z, reason: x}]\n  clusters"}},
			want:   `prod.yaml:5:49: error: spec.freezes[0].until: the freeze ends before it begins`,
		},
		"Automatic": {
			reason: "What is promoted by itself comes from somewhere.",
			edits:  []edit{{"prod.yaml", "  clusters", "  promotion: {automatic: true}\n  clusters"}},
			want: `prod.yaml:5:26: error: spec.promotion.automatic: there is no environment to promote from
    hint: name it: promotesFrom: ENVIRONMENT`,
		},
		"Windows": {
			reason: "A window has a schedule and a zone like a workload's.",
			edits:  []edit{{"prod.yaml", "  clusters", "  windows: [{schedule: 0 8 * *, timeZone: Nowhere, duration: 8h}]\n  clusters"}},
			want: `prod.yaml:5:24: error: spec.windows[0].schedule: the schedule "0 8 * *" has 4 fields; want minute, hour, day of month, month and day of week, as in "0 6 * * *"
prod.yaml:5:43: error: spec.windows[0].timeZone: "Nowhere" is not a time zone of the IANA database, as in "Europe/Brussels"`,
		},
		"ExceptionOfNoEnvironment": {
			reason: "An exception names an environment that there is.",
			edits:  []edit{{"trunkline.yaml", "  roots", "  exceptions: [{rule: path-overlap, environment: prd, reason: x}]\n  roots"}},
			want: `trunkline.yaml:5:50: error: spec.exceptions[0].environment: there is no environment "prd"
    hint: did you mean "prod"?`,
		},
		"NoFolderOfPolicies": {
			reason: "Policies that are not there check nothing.",
			edits:  []edit{{"trunkline.yaml", "  roots", "  policies: [policy, ../up]\n  roots"}},
			want: `trunkline.yaml:5:14: error: spec.policies[0]: there is no folder "policy"
    hint: paths are relative to the root of the tree, where trunkline.yaml is
trunkline.yaml:5:22: error: spec.policies[1]: the path "../up" leaves the tree
    hint: paths are relative to the root of the tree, where trunkline.yaml is`,
		},
		"Placeholders": {
			reason: "Each pattern takes the placeholders that it can have.",
			edits:  []edit{{"prod.yaml", "  clusters", "  identity: {role: <identity>-<environment>-<cluster>-<team>}\n  identities: ['<project>-<environment>', '<identity>']\n  clusters"}},
			want: `prod.yaml:5:20: error: spec.identity.role: there is no placeholder "<team>"
    hint: want one of: <project>, <environment>, <cluster>, <identity>
prod.yaml:6:43: error: spec.identities[1]: there is no placeholder "<identity>"
    hint: want one of: <project>, <environment>`,
		},
		"AllRight": {
			reason: "The same settings without the mistakes.",
			edits: []edit{
				{"trunkline.yaml", "  roots", "  exceptions: [{rule: path-overlap, environment: prod, reason: x}]\n  policies: [rules]\n  roots"},
				{"rules/main.rego", "", "package main"},
				{"prod.yaml", "  clusters", "  identity: {role: <identity>-<environment>-<cluster>}\n  identities: ['<project>-<environment>']\n  clusters"},
			},
		},
	})
}
