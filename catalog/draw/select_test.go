// SPDX-License-Identifier: Apache-2.0

package draw_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/catalog/draw"
)

func ids(g draw.Graph) []string {
	var out []string
	for _, n := range g.Nodes {
		mark := ""
		if n.Focus {
			mark = " focus"
		}
		if n.External {
			mark = " external"
		}
		out = append(out, n.ID+mark)
	}
	return out
}

func TestSelect(t *testing.T) {
	cases := map[string]struct {
		reason    string
		graph     draw.Graph
		selection draw.Selection
		want      []string
		edges     int
		err       string
	}{
		"all": {
			"Without a selection there is all.", acme(),
			draw.Selection{},
			ids(draw.Graph{Nodes: sorted(acme())}), 12, "",
		},
		"around": {
			"A node is drawn with what it needs and what needs it, and not with what else its sources feed.", acme(),
			draw.Selection{Node: "revenue/convert"},
			[]string{
				"alerts/rules", "orders/clean", "orders/landing", "orders/orders-clean@1", "orders/orders-raw@1", "rates/fx-daily@1", "rates/publish",
				"revenue/convert focus", "revenue/report", "revenue/revenue-daily@1", "storefront/figures",
			},
			11, "",
		},
		"upstream": {
			"One direction leaves the other out.", acme(),
			draw.Selection{Node: "orders/check-clean", Upstream: true},
			[]string{"orders/check-clean focus", "orders/clean", "orders/landing", "orders/orders-clean@1", "orders/orders-raw@1"},
			4, "",
		},
		"downstream": {
			"One direction leaves the other out.", acme(),
			draw.Selection{Node: "rates/publish", Downstream: true},
			[]string{
				"alerts/rules", "rates/fx-daily@1", "rates/publish focus", "revenue/convert", "revenue/report", "revenue/revenue-daily@1", "storefront/figures",
			},
			7, "",
		},
		"depth": {
			"The depth counts edges.", acme(),
			draw.Selection{Node: "rates/publish", Downstream: true, Depth: 2},
			[]string{"rates/fx-daily@1", "rates/publish focus", "revenue/convert"},
			2, "",
		},
		"project": {
			"A project is drawn with its direct neighbours.", acme(),
			draw.Selection{Project: "rates"},
			[]string{"rates/fx-daily@1", "rates/publish", "revenue/convert external"},
			2, "",
		},
		"project upstream": {
			"All that a project needs.", acme(),
			draw.Selection{Project: "revenue", Upstream: true},
			[]string{
				"orders/clean external", "orders/landing external", "orders/orders-clean@1 external", "orders/orders-raw@1 external",
				"rates/fx-daily@1 external", "rates/publish external", "revenue/convert", "revenue/report", "revenue/revenue-daily@1",
			},
			9, "",
		},
		"cycle": {
			"A cycle is walked once.", cyclic(),
			draw.Selection{Node: "a/two@1", Downstream: true, Depth: 3},
			[]string{"a/first", "a/one@1", "a/second", "a/two@1 focus", "b/make"},
			4, "",
		},
		"missing node": {
			"What an edge names can be selected, so that one can see who reads it.", cyclic(),
			draw.Selection{Node: "a/one@7"},
			[]string{"a/first", "a/one@1", "a/one@7 focus", "a/second", "a/two@1", "b/make", "b/out@1", "d/left-out", "d/off"},
			11, "",
		},
		"unknown node": {
			"The nearest name of the project is told.", acme(),
			draw.Selection{Node: "orders/order-clean@1"},
			nil, 0,
			`there is no dataset or workload "orders/order-clean@1"; did you mean "orders/orders-clean@1"?`,
		},
		"unknown project of a node": {
			"If there is no such project, the nearest name of all is told.", acme(),
			draw.Selection{Node: "revnue/convert"},
			nil, 0,
			`there is no dataset or workload "revnue/convert"; did you mean "revenue/convert"?`,
		},
		"unknown project": {
			"The nearest project is told.", acme(), draw.Selection{Project: "order"}, nil, 0, `there is no project "order"; did you mean "orders"?`,
		},
		"empty":          {"Nothing can be selected of nothing.", draw.Graph{}, draw.Selection{Node: "a\n/b"}, nil, 0, `there is no dataset or workload "a\n/b"; there are none`},
		"two selections": {"A node of a project is selected by itself.", acme(), draw.Selection{Node: "a", Project: "b"}, nil, 0, `both the node "a" and the project "b" are selected; select one`},
		"no selection": {
			"A direction needs something to start from.", acme(),
			draw.Selection{Upstream: true},
			nil, 0,
			"upstream, downstream and depth need a node or a project to start from; select one",
		},
		"negative": {
			"A depth is a number of edges.", acme(),
			draw.Selection{Node: "rates/publish", Depth: -1},
			nil, 0,
			"the depth is -1; want the number of edges to follow, or 0 to follow all",
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got, err := draw.Select(tc.graph, tc.selection)
			text := ""
			if err != nil {
				text = err.Error()
			}
			if diff := cmp.Diff(tc.err, text); diff != "" {
				t.Errorf("%s Error (-want +got):\n%s", tc.reason, diff)
			}
			if diff := cmp.Diff(tc.want, ids(got)); diff != "" {
				t.Errorf("%s Nodes (-want +got):\n%s", tc.reason, diff)
			}
			if len(got.Edges) != tc.edges {
				t.Errorf("%s There are %d edges, want %d: %v", tc.reason, len(got.Edges), tc.edges, got.Edges)
			}
		})
	}
}

func sorted(g draw.Graph) []draw.Node {
	slices.SortFunc(g.Nodes, func(a, b draw.Node) int { return strings.Compare(a.ID, b.ID) })
	return g.Nodes
}
