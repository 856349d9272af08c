// SPDX-License-Identifier: Apache-2.0

package catalog_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/catalog"
)

// TestAroundTheSameNodes: a neighbour that only one of two catalogs has at a project, but that both declare, is in both graphs
// if each is asked for the nodes of the other one. Then what differs is what was declared.
func TestAroundTheSameNodes(t *testing.T) {
	load := func(edits ...edit) *catalog.Catalog {
		cat, _ := load(t, mapFS(change(t, edits...))) // a cycle is a problem, and is looked at here
		return cat
	}
	const file = "rates/project.yaml"
	before := load()
	for reason, tc := range map[string]struct {
		edits        []edit
		nodes, edges []string // those of the new graph that the old one has not
	}{
		"a dataset that was there is read now: an edge": {
			[]edit{{file, "blueprint: job,", "blueprint: job, reads: {in: orders/raw@1},"}},
			nil,
			[]string{"orders/raw@1 rates/fetch"},
		},
		"a dataset is new, and is read": {
			[]edit{
				{file, "blueprint: job,", "blueprint: job, reads: {in: orders/late@1},"},
				{"orders/project.yaml", "  datasets:\n", "  datasets:\n    - {name: late, version: \"1\", path: lake://orders/late/}\n"},
				{"orders/project.yaml", "writes: {main: raw@1}", "writes: {main: raw@1, late: late@1}"},
			},
			[]string{"orders/late@1"},
			[]string{"orders/late@1 rates/fetch"},
		},
		"a cycle is closed, of which the rest was there": {
			[]edit{{file, "blueprint: job,", "blueprint: job, reads: {in: orders/clean@2},"}},
			nil,
			[]string{"orders/clean@2 rates/fetch"},
		},
		"a workload is new": {
			[]edit{{file, "  workloads:\n", "  workloads:\n    - {name: more, blueprint: job, reads: {in: fx@1}}\n"}},
			[]string{"rates/more"},
			[]string{"rates/fx@1 rates/more"},
		},
	} {
		t.Run(reason, func(t *testing.T) {
			after := load(tc.edits...)
			projects := []string{"rates"}
			near := append(nodeIDs(before.Around(projects)), nodeIDs(after.Around(projects))...)
			was, is := before.Around(projects, near...), after.Around(projects, near...)
			if diff := cmp.Diff(tc.nodes, without(nodeIDs(is), nodeIDs(was))); diff != "" {
				t.Errorf("new nodes (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tc.edges, without(edgeIDs(is), edgeIDs(was))); diff != "" {
				t.Errorf("new edges (-want +got):\n%s", diff)
			}
			if gone := without(append(nodeIDs(was), edgeIDs(was)...), append(nodeIDs(is), edgeIDs(is)...)); gone != nil {
				t.Errorf("nothing is taken away, and these are: %v", gone)
			}
		})
	}
	if got := nodeIDs(before.Around(nil, "orders/nothing@1", "nobody/raw@1", "orders/nothing")); got != nil {
		t.Errorf("what is not declared is there: %v", got)
	}
}

func nodeIDs(g *catalog.Graph) (ids []string) {
	for _, n := range g.Nodes() {
		ids = append(ids, n.ID)
	}
	return ids
}

func edgeIDs(g *catalog.Graph) (ids []string) {
	for _, e := range g.Edges() {
		ids = append(ids, e.From+" "+e.To)
	}
	return ids
}

func without(list, others []string) (rest []string) {
	for _, s := range list {
		if !slices.Contains(others, s) {
			rest = append(rest, s)
		}
	}
	return rest
}
