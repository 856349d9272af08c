// SPDX-License-Identifier: Apache-2.0

package policy_test

import (
	"testing"

	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/policy"
)

// lots declares a dataset of lots.
const since = "since: 2026-01-01T00:00:00Z"

func TestUnwritten(t *testing.T) {
	testRule(t, policy.RuleUnwritten, map[string]ruleCase{
		"Unwritten": {
			reason: "What is read is written by someone; the problem is shown once, and not for each environment.",
			edits:  []edit{{orders, "      writes: {main: daily@1}\n", ""}},
			want:   []string{`deny dataset-unwritten sales/project.yaml:11 nobody writes orders/daily@1`},
		},
		"NewVersion": {
			reason: "A version that is declared and not written yet is as empty as none.",
			edits: []edit{
				{orders, "    - {name: shops", `    - {name: raw, version: "2", path: lake://orders/raw2/}` + "\n    - {name: shops"},
				{sales, "orders/daily@1", "orders/raw@2"},
			},
			want: []string{`deny dataset-unwritten sales/project.yaml:11 nobody writes orders/raw@2`},
		},
		"NotRead": {
			reason: "What nobody writes and nobody reads is in nobody's way.",
			edits:  []edit{{orders, "    - {name: shops", `    - {name: raw, version: "2", path: lake://orders/raw2/}` + "\n    - {name: shops"}},
		},
		"External": {
			reason: "What comes from outside has no writer here.",
			edits:  []edit{{orders, "      writes: {main: daily@1}\n", ""}, {orders, "lake://orders/daily/,", "lake://orders/daily/, external: true,"}},
		},
		"ReaderDoesNotRun": {
			reason: "A reader that is suspended needs nothing.",
			edits:  []edit{{orders, "      writes: {main: daily@1}\n", ""}, {sales, "    - name: report\n", "    - name: report\n      suspend: true\n"}},
		},
		"ReaderRunsInOneEnvironment": {
			reason: "A reader that is suspended in one environment needs its inputs in the other.",
			edits: []edit{
				{orders, "      writes: {main: daily@1}\n", ""},
				{sales, "{dev: {}, prod: {}}", "{dev: {workloads: {report: {suspend: true}}}, prod: {}}"},
			},
			want: []string{`deny dataset-unwritten sales/project.yaml:11 nobody writes orders/daily@1`},
		},
		"WrittenByItsFullName": {
			reason: "A project may name its own dataset in full.",
			edits:  []edit{{orders, "writes: {main: daily@1}", "writes: {main: orders/daily@1}"}},
		},
	})
}

func TestWriters(t *testing.T) {
	testRule(t, catalog.RuleWriters, map[string]ruleCase{
		"Two": {
			reason: "Of two writers, the second is told of the first.",
			edits:  []edit{{orders, "writes: {main: daily@1}", "writes: {main: daily@1, more: raw@1}"}, {orders, "reads: {raw: {dataset: raw@1, window: {lots: 24}}}", "retries: 1"}},
			want: []string{
				`deny lot-mismatch orders/project.yaml:19 orders/raw@1 has hourly lots, and orders/daily@1, which the workload writes too, has daily lots; one run makes one lot of each`,
				`deny dataset-writers orders/project.yaml:19 orders/raw@1 is written by orders/land and by orders/sum`,
			},
		},
		"TwoRoles": {
			reason: "One workload that writes a dataset in two roles is one writer.",
			edits:  []edit{{orders, "writes: {main: raw@1}", "writes: {main: raw@1, again: raw@1}"}},
		},
		"TwoVersions": {
			reason: "Versions are datasets of their own, while readers move from the one to the other.",
			edits: []edit{
				{orders, "    - {name: shops", `    - {name: raw, version: "2", path: lake://orders/raw2/, lots: {unit: hourly, ` + since + "}}\n    - {name: shops"},
				{orders, "writes: {main: raw@1}", "writes: {main: raw@1, next: raw@2}"},
			},
		},
		"Excluded": {
			reason: "A second writer that is left out everywhere is not there.",
			edits:  []edit{{orders, "    - name: sum\n", "    - {name: old, blueprint: container-job, exclude: true, writes: {main: raw@1}}\n    - name: sum\n"}},
		},
	})
}

func TestLots(t *testing.T) {
	testRule(t, policy.RuleLots, map[string]ruleCase{
		"FinerWithoutWindow": {
			reason: "Which of the finer lots are read has to be said; the message counts them.",
			edits:  []edit{{orders, "{dataset: raw@1, window: {lots: 24}}", "raw@1"}},
			want:   []string{`deny lot-mismatch orders/project.yaml:18 orders/raw@1 has hourly lots, of which 24 make one of the daily lots of orders/daily@1; the declaration does not say which of them are read`},
		},
		"LateAndFound": {
			reason: "What is read as it is found is never late.",
			edits:  []edit{{orders, "{dataset: raw@1, window: {lots: 24}}", "{dataset: raw@1, window: {lots: 24}, trigger: false, late: recompute}"}},
			want:   []string{`deny lot-mismatch orders/project.yaml:18 nothing of orders/raw@1 is ever late: what has no lots, or is read with trigger: false, is read as it is found`},
		},
		"WindowTooSmall": {
			reason: "A window that leaves out part of each lot is told how many there are.",
			edits:  []edit{{orders, "lots: 24", "lots: 23"}},
			want:   []string{`deny lot-mismatch orders/project.yaml:18 a window of 23 hourly lots leaves out part of each daily lot of orders/daily@1`},
		},
		"WindowLarger": {
			reason: "A window that overlaps the one before it is what moving averages are made of.",
			edits:  []edit{{orders, "lots: 24", "lots: 720"}},
		},
		"Coarser": {
			reason: "Of a coarser input, the lot around the one that is made is read.",
			edits:  []edit{{orders, "unit: daily", "unit: Sixths"}, {orders, "{dataset: raw@1, window: {lots: 24}}", "raw@1"}},
		},
		"NoLots": {
			reason: "What is one whole lines up with everything.",
			edits:  []edit{{orders, "reads: {raw: {dataset: raw@1, window: {lots: 24}}}", "reads: {raw: {dataset: raw@1, window: {lots: 24}}, shops: shops@1}"}},
		},
		"WindowWithoutLots": {
			reason: "A window counts lots, and needs some.",
			edits:  []edit{{sales, "shops: orders/shops@1", "shops: {dataset: orders/shops@1, window: {lots: 2}}"}},
			want:   []string{`deny lot-mismatch sales/project.yaml:11 a window counts lots, and orders/shops@1 has none`},
		},
		"WindowOfNothing": {
			reason: "A window has one lot at least.",
			edits:  []edit{{orders, "lots: 24", "lots: 0"}},
			want:   []string{`deny lot-mismatch orders/project.yaml:18 a window has at least one lot`},
		},
		"TwoUnitsWritten": {
			reason: "One run makes one lot of each dataset that it writes.",
			edits:  []edit{{orders, "writes: {main: raw@1}", "writes: {main: raw@1, more: hours@1}"}, {orders, "    - {name: shops", `    - {name: hours, version: "1", path: lake://orders/hours/, lots: {unit: Fourths, ` + since + "}}\n    - {name: shops"}},
			want:   []string{`deny lot-mismatch orders/project.yaml:16 orders/hours@1 has Fourths lots, and orders/raw@1, which the workload writes too, has hourly lots; one run makes one lot of each`},
		},
		"SinceWithinALot": {
			reason: "The first lot begins where lots begin.",
			edits:  []edit{{orders, "raw/, lots: {unit: hourly, since: 2026-01-01T00:00:00Z}", "raw/, lots: {unit: hourly, since: 2026-01-01T00:30:00Z}"}},
			want:   []string{`deny lot-mismatch orders/project.yaml:9 2026-01-01T00:30:00Z is within a lot: lots of the unit hourly begin at 2026-01-01T00:00:00Z and 2026-01-01T01:00:00Z`},
		},
		"ByTheFirstInput": {
			reason: "A workload that writes no lots makes those of the coarsest input that triggers it.",
			edits: []edit{
				{sales, "shops: orders/shops@1", "raw: orders/raw@1"},
			},
			want: []string{`deny lot-mismatch sales/project.yaml:11 orders/raw@1 has hourly lots, of which 24 make one of the daily lots of orders/daily@1; the declaration does not say which of them are read`},
		},
		"UnitsThatDoNotDivide": {
			reason: "Fifteen minutes are one and a half of ten: no number of the one makes one of the other.",
			edits: []edit{
				{orders, "unit: hourly", "unit: Sixths"},
				{orders, "unit: daily", "unit: Fourths"},
				{orders, "{dataset: raw@1, window: {lots: 24}}", "{dataset: raw@1, window: {lots: 1}}"},
			},
			want: []string{`deny lot-mismatch orders/project.yaml:18 orders/raw@1 has Sixths lots, and orders/daily@1 has Fourths lots, which do not divide each other: no number of the former makes one of the latter`},
		},
		"UnitsThatDoNotDivideUp": {
			reason: "Ten minutes may lie in two lots of fifteen: there is no lot around them.",
			edits: []edit{
				{orders, "unit: hourly", "unit: Fourths"},
				{orders, "unit: daily", "unit: Sixths"},
				{orders, "{dataset: raw@1, window: {lots: 24}}", "raw@1"},
			},
			want: []string{`deny lot-mismatch orders/project.yaml:18 orders/raw@1 has Fourths lots, and orders/daily@1 has Sixths lots, which do not divide each other: no number of the former makes one of the latter`},
		},
	})
}

func TestRetention(t *testing.T) {
	kept := func(days, window string) []edit {
		return []edit{{orders, "path: lake://orders/raw/,", "path: lake://orders/raw/, retention: " + days + ","}, {orders, "window: {lots: 24}", "window: " + window}}
	}
	testRule(t, policy.RuleRetention, map[string]ruleCase{
		"Exactly": {reason: "A window as long as its dataset is kept is just there.", edits: kept("2d", "{lots: 48}")},
		"OneMore": {
			reason: "One lot more is not.",
			edits:  kept("2d", "{lots: 49}"),
			want:   []string{`deny retention-too-short orders/project.yaml:18 the window reaches back 49 hours, and orders/raw@1 is kept for 2 days only`},
		},
		"Offset": {
			reason: "An offset reaches back, too.",
			edits:  kept("2d", "{lots: 24, offset: 25}"),
			want:   []string{`deny retention-too-short orders/project.yaml:18 the window reaches back 49 hours, and orders/raw@1 is kept for 2 days only`},
		},
		"Days": {
			reason: "What is a number of days is said in days.",
			edits:  kept("2d", "{lots: 72}"),
			want:   []string{`deny retention-too-short orders/project.yaml:18 the window reaches back 3 days, and orders/raw@1 is kept for 2 days only`},
		},
		"Forever":  {reason: "What is kept forever is always there.", edits: []edit{{orders, "lots: 24", "lots: 100000"}}},
		"NoWindow": {reason: "Without a window the lot is read when it comes.", edits: []edit{{orders, "lake://orders/daily/,", "lake://orders/daily/, retention: 1d,"}}},
		"Enormous": {
			reason: "A window of more years than a duration can say is still too long.",
			edits: []edit{
				{orders, "lake://orders/daily/,", "lake://orders/daily/, retention: 1d,"},
				{sales, "daily: orders/daily@1", "daily: {dataset: orders/daily@1, window: {lots: 200000}}"},
			},
			want: []string{`deny retention-too-short sales/project.yaml:11 the window reaches back 200000 days, and orders/daily@1 is kept for 1 days only`},
		},
	})
}

func TestJoin(t *testing.T) {
	testRule(t, policy.RuleJoin, map[string]ruleCase{
		"TooMany": {
			reason: "Of two inputs one has lots.",
			edits:  []edit{{sales, "shops: orders/shops@1}", "shops: orders/shops@1}\n      join: 2"}},
			want:   []string{`deny join-impossible sales/project.yaml:12 the workload waits for 2 of its inputs, of which 1 can trigger it`},
		},
		"NotTriggering": {
			reason: "An input that triggers nothing is not waited for.",
			edits:  []edit{{sales, "daily: orders/daily@1, shops: orders/shops@1}", "daily: {dataset: orders/daily@1, trigger: false}}\n      join: 1"}},
			want:   []string{`deny join-impossible sales/project.yaml:12 the workload waits for 1 of its inputs, of which 0 can trigger it`},
		},
		"AsMany": {reason: "As many as there are can come.", edits: []edit{{sales, "shops: orders/shops@1}", "shops: orders/shops@1}\n      join: 1"}}},
		"All":    {reason: "All of none is nothing to wait for.", edits: []edit{{sales, "shops: orders/shops@1}", "shops: orders/shops@1}\n      join: all"}}},
		"Any":    {reason: "Any is one of those that there are.", edits: []edit{{sales, "shops: orders/shops@1}", "shops: orders/shops@1}\n      join: any"}}},
		"Unresolved": {
			reason: "A typing error in a dataset is one problem.",
			edits:  []edit{{sales, "daily: orders/daily@1, shops: orders/shops@1}", "daily: orders/dayly@1}\n      join: 1"}},
			want:   []string{`deny dataset-owner sales/project.yaml:11 there is no dataset orders/dayly@1`},
		},
	})
}

func TestSuspended(t *testing.T) {
	testRule(t, policy.RuleSuspended, map[string]ruleCase{
		"Suspended": {
			reason: "Who reads what a suspended workload writes waits; it is said once for each environment.",
			edits:  []edit{{orders, "    - name: sum\n", "    - name: sum\n      suspend: true\n"}},
			want: []string{
				`deny suspended-needed sales/project.yaml:11 sales/report needs orders/daily@1: orders/sum, which writes it, is suspended in "dev"`,
				`deny suspended-needed sales/project.yaml:11 sales/report needs orders/daily@1: orders/sum, which writes it, is suspended in "prod"`,
			},
		},
		"InOneEnvironment": {
			reason: "What an environment overrides counts there alone.",
			edits:  []edit{{orders, "[dev, prod]", "{dev: {}, prod: {workloads: {sum: {exclude: true}}}}"}},
			want:   []string{`deny suspended-needed sales/project.yaml:11 sales/report needs orders/daily@1: orders/sum, which writes it, is excluded in "prod"`},
		},
		"WithItsProject": {
			reason: "A project that is suspended writes nothing for others.",
			edits:  []edit{{orders, "[dev, prod]", "{dev: {suspend: true}, prod: {}}"}},
			want:   []string{`deny suspended-needed sales/project.yaml:11 sales/report needs orders/daily@1: orders/sum, which writes it, is suspended with its project in "dev"`},
		},
		"BothProjects": {
			reason: "If both projects are suspended nobody waits.",
			edits:  []edit{{orders, "  owner:", "  suspend: true\n  owner:"}, {sales, "  owner:", "  suspend: true\n  owner:"}},
		},
		"WithinTheProject": {
			reason: "A project that is suspended as a whole is not in its own way.",
			edits:  []edit{{orders, "  owner:", "  suspend: true\n  owner:"}, {sales, "daily: orders/daily@1, ", ""}},
		},
		"ReaderToo": {
			reason: "A reader that is suspended as well needs nothing.",
			edits: []edit{
				{orders, "    - name: sum\n", "    - name: sum\n      suspend: true\n"},
				{sales, "    - name: report\n", "    - name: report\n      suspend: true\n"},
			},
		},
		"ReaderExcluded": {
			reason: "A reader that is left out where the writer is needs nothing there.",
			edits: []edit{
				{orders, "[dev, prod]", "{dev: {}, prod: {workloads: {sum: {exclude: true}}}}"},
				{sales, "prod: {}", "prod: {workloads: {report: {exclude: true}}}"},
			},
		},
		"NotRead": {
			reason: "What nobody reads may be suspended.",
			edits:  []edit{{orders, "    - name: sum\n", "    - name: sum\n      suspend: true\n"}, {sales, "daily: orders/daily@1, ", ""}},
		},
	})
}
