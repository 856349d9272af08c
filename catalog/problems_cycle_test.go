// SPDX-License-Identifier: Apache-2.0

package catalog_test

import "testing"

func TestProblemsOfTheGraph(t *testing.T) {
	testProblems(t, map[string]problemCase{
		"ReadsWhatItWrites": {
			reason: "The smallest cycle is a workload and a dataset.",
			edits:  []edit{{rates, "writes: {main: fx@1}", "reads: {old: fx@1}, writes: {main: fx@1}"}},
			want: `rates/project.yaml:10:72: error: the data flow has a cycle: rates/fetch -> rates/fx@1 -> rates/fetch
    rates/fetch writes rates/fx@1  rates/project.yaml:10:72
    rates/fetch reads rates/fx@1   rates/project.yaml:10:50
    hint: remove one of these edges; a dataset cannot depend on itself, directly or through others`,
		},
		"TwoProjects": {
			reason: "A cycle through two projects names the file and line of every edge.",
			edits:  []edit{{rates, "writes: {main: fx@1}", "reads: {sold: orders/clean@2}, writes: {main: fx@1}"}},
			want: `orders/project.yaml:18:22: error: the data flow has a cycle: orders/clean -> orders/clean@2 -> rates/fetch -> rates/fx@1 -> orders/clean
    orders/clean writes orders/clean@2  orders/project.yaml:18:22
    rates/fetch reads orders/clean@2    rates/project.yaml:10:51
    rates/fetch writes rates/fx@1       rates/project.yaml:10:83
    orders/clean reads rates/fx@1       orders/project.yaml:17:31
    hint: remove one of these edges; a dataset cannot depend on itself, directly or through others`,
		},
		"After": {
			reason: "Workloads that wait for each other are told so, without a word of datasets.",
			edits:  []edit{{orders, "      writes: {main: raw@1}", "      writes: {main: raw@1}\n      after: [clean]"}},
			want: `orders/project.yaml:15:15: error: workloads wait for each other in a cycle: orders/clean -> orders/land -> orders/clean
    orders/land runs after orders/clean  orders/project.yaml:15:15
    orders/clean runs after orders/land  orders/project.yaml:20:15
    hint: remove one of these edges; a workload cannot wait, directly or through others, for itself`,
		},
		"AfterItself": {
			reason: "A workload that waits for itself is a cycle of one.",
			edits:  []edit{{orders, "after: [land]", "after: [clean]"}},
			want: `orders/project.yaml:19:15: error: workloads wait for each other in a cycle: orders/clean -> orders/clean
    orders/clean runs after orders/clean  orders/project.yaml:19:15
    hint: remove one of these edges; a workload cannot wait, directly or through others, for itself`,
		},
		"AfterAgainstTheFlow": {
			reason: "Waiting for who reads what one writes is a cycle of both kinds of edges.",
			edits:  []edit{{orders, "      writes: {main: raw@1}", "      writes: {main: raw@1}\n      after: [clean]"}, {orders, "      after: [land]\n", ""}},
			want: `orders/project.yaml:15:15: error: the data flow has a cycle: orders/clean -> orders/land -> orders/raw@1 -> orders/clean
    orders/land runs after orders/clean  orders/project.yaml:15:15
    orders/land writes orders/raw@1      orders/project.yaml:14:22
    orders/clean reads orders/raw@1      orders/project.yaml:18:20
    hint: remove one of these edges; a dataset cannot depend on itself, directly or through others`,
		},
		"DependsOn": {
			reason: "Projects that wait for each other are told so.",
			edits:  []edit{{orders, "spec:", "spec:\n  dependsOn: [rates]"}, {rates, "spec:", "spec:\n  dependsOn: [orders]"}},
			want: `rates/project.yaml:5:15: error: projects depend on each other in a cycle: orders -> rates -> orders
    rates depends on orders  rates/project.yaml:5:15
    orders depends on rates  orders/project.yaml:5:15
    hint: remove one of these; a project cannot wait, directly or through others, for itself`,
		},
		"DependsOnItself": {
			reason: "A project that waits for itself is a cycle of one.",
			edits:  []edit{{rates, "spec:", "spec:\n  dependsOn: [rates]"}},
			want: `rates/project.yaml:5:15: error: projects depend on each other in a cycle: rates -> rates
    rates depends on rates  rates/project.yaml:5:15
    hint: remove one of these; a project cannot wait, directly or through others, for itself`,
		},
		"AgainstTheFlow": {
			reason: "Releases may wait for each other the other way round than data flows.",
			edits:  []edit{{rates, "spec:", "spec:\n  dependsOn: [orders]"}},
		},
		"Several": {
			reason: "Circles that do not touch are reported each.",
			edits: []edit{
				{rates, "writes: {main: fx@1}", "reads: {old: fx@1}, writes: {main: fx@1}"},
				{orders, "      writes: {main: raw@1}", "      reads: {done: clean@2}\n      writes: {main: raw@1}"},
			},
			want: `orders/project.yaml:19:22: error: the data flow has a cycle: orders/clean -> orders/clean@2 -> orders/land -> orders/clean
    orders/clean writes orders/clean@2   orders/project.yaml:19:22
    orders/land reads orders/clean@2     orders/project.yaml:14:21
    orders/clean runs after orders/land  orders/project.yaml:20:15
    hint: remove one of these edges; a dataset cannot depend on itself, directly or through others
rates/project.yaml:10:72: error: the data flow has a cycle: rates/fetch -> rates/fx@1 -> rates/fetch
    rates/fetch writes rates/fx@1  rates/project.yaml:10:72
    rates/fetch reads rates/fx@1   rates/project.yaml:10:50
    hint: remove one of these edges; a dataset cannot depend on itself, directly or through others`,
		},
	})
}
