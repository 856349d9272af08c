// SPDX-License-Identifier: Apache-2.0

package draw_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/catalog/draw"
)

// write draws a graph.
func write(t testing.TB, f draw.Format, g draw.Graph, o draw.Options) string {
	t.Helper()
	var b bytes.Buffer
	if err := draw.Write(&b, f, g, o); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func at(project string, line, column int) v1alpha1.Position {
	return v1alpha1.Position{File: "projects/" + project + "/project.yaml", Line: line, Column: column}
}

// builder makes graphs as they are declared.
type builder struct{ draw.Graph }

func (b *builder) dataset(id, owner string, line int) {
	project, _, _ := strings.Cut(id, "/")
	b.Nodes = append(b.Nodes, draw.Node{ID: id, Kind: draw.Dataset, Project: project, Owner: owner, Position: at(project, line, 7)})
}

func (b *builder) workload(id, owner, blueprint string, line int) {
	project, _, _ := strings.Cut(id, "/")
	b.Nodes = append(b.Nodes, draw.Node{ID: id, Kind: draw.Workload, Project: project, Owner: owner, Detail: blueprint, Position: at(project, line, 7)})
}

func (b *builder) reads(workload, role, dataset string, line int) {
	project, _, _ := strings.Cut(workload, "/")
	b.Edges = append(b.Edges, draw.Edge{From: dataset, To: workload, Kind: draw.Reads, Role: role, Because: workload + " reads " + dataset, Position: at(project, line, 9)})
}

func (b *builder) writes(workload, dataset string, line int) {
	project, _, _ := strings.Cut(workload, "/")
	b.Edges = append(b.Edges, draw.Edge{From: workload, To: dataset, Kind: draw.Writes, Role: "main", Because: workload + " writes " + dataset, Position: at(project, line, 9)})
}

func (b *builder) after(workload, first string, line int) {
	project, _, _ := strings.Cut(workload, "/")
	b.Edges = append(b.Edges, draw.Edge{From: first, To: workload, Kind: draw.After, Role: first, Because: workload + " runs after " + first, Position: at(project, line, 9)})
}

// acme is the graph of examples/acme, without what comes in lots.
func acme() draw.Graph {
	b := &builder{}
	b.workload("alerts/rules", "team-finance", "kustomize", 13)
	b.reads("alerts/rules", "revenue", "revenue/revenue-daily@1", 15)
	b.dataset("orders/orders-raw@1", "team-orders", 10)
	b.dataset("orders/orders-clean@1", "team-orders", 14)
	b.workload("orders/landing", "team-orders", "container-job", 20)
	b.writes("orders/landing", "orders/orders-raw@1", 22)
	b.workload("orders/clean", "team-orders", "container-job", 25)
	b.reads("orders/clean", "raw", "orders/orders-raw@1", 27)
	b.writes("orders/clean", "orders/orders-clean@1", 28)
	b.workload("orders/check-clean", "team-orders", "quality", 32)
	b.reads("orders/check-clean", "data", "orders/orders-clean@1", 34)
	b.dataset("rates/fx-daily@1", "team-finance", 10)
	b.workload("rates/publish", "team-finance", "container-job", 14)
	b.writes("rates/publish", "rates/fx-daily@1", 16)
	b.dataset("revenue/revenue-daily@1", "team-finance", 16)
	b.workload("revenue/convert", "team-finance", "container-job", 20)
	b.reads("revenue/convert", "orders", "orders/orders-clean@1", 23)
	b.reads("revenue/convert", "fx", "rates/fx-daily@1", 24)
	b.writes("revenue/convert", "revenue/revenue-daily@1", 25)
	b.workload("revenue/report", "team-finance", "cron-job", 28)
	b.after("revenue/report", "revenue/convert", 30)
	b.reads("revenue/report", "daily", "revenue/revenue-daily@1", 31)
	b.workload("storefront/figures", "team-orders", "service", 9)
	b.reads("storefront/figures", "revenue", "revenue/revenue-daily@1", 11)
	return b.Graph
}

// platform is a graph of so many projects with 14 nodes each: a chain of 6 datasets and 6 workloads, two more workloads
// that read, and for each project two datasets of earlier ones.
func platform(projects int) draw.Graph {
	b := &builder{}
	for i := range projects {
		p, owner := fmt.Sprintf("p-%05d", i), fmt.Sprintf("team-%03d", i*7%max(projects/10, 1))
		for w := range 8 {
			workload := fmt.Sprintf("%s/w-%d", p, w)
			b.workload(workload, owner, "container-job", 20+4*w)
			switch {
			case w == 6:
				b.reads(workload, "main", p+"/d-5@1", 23+4*w)
			case w == 7:
				b.reads(workload, "main", p+"/d-2@1", 23+4*w)
			case w > 0:
				b.reads(workload, "main", fmt.Sprintf("%s/d-%d@1", p, w-1), 23+4*w)
			case i > 0:
				b.reads(workload, "main", fmt.Sprintf("p-%05d/d-5@1", (i-1)/2), 23+4*w)
			}
			if w == 3 && i > 2 {
				for _, from := range []int{i / 3, i * 3 / 4} {
					b.reads(workload, fmt.Sprintf("other-%d", from), fmt.Sprintf("p-%05d/d-%d@1", from, i%6), 24+4*w)
				}
			}
			if w < 6 {
				dataset := fmt.Sprintf("%s/d-%d@1", p, w)
				b.dataset(dataset, owner, 8+w)
				b.writes(workload, dataset, 22+4*w)
			}
		}
	}
	return b.Graph
}

// company is a graph as companies have them: sources that others clean, marts that join them, reports; projects of
// different sizes, some of which need each other.
func company(projects int) draw.Graph {
	b := &builder{}
	names := []string{"orders", "payments", "customers", "web-events", "catalogue", "inventory", "shipping", "returns", "pricing", "loyalty", "finance", "risk"}
	stages := []string{"ingest", "core", "mart", "reports"}
	var made [4][]string
	next := 7
	pick := func(n int) int { // a fixed sequence, not chance
		next = (next*1103515245 + 12345) & 0x7fffffff
		return next / 65536 % n
	}
	for i := range projects {
		stage := min(i*4/projects, 3)
		project := fmt.Sprintf("%s-%s", names[i%len(names)], stages[stage])
		if i >= len(names)*4 {
			project += fmt.Sprintf("-%d", i/len(names))
		}
		owner := "team-" + names[i*5%len(names)]
		var own []string
		for w := range 1 + pick(3) {
			workload := fmt.Sprintf("%s/%s", project, []string{"load", "clean-and-deduplicate", "publish"}[w])
			b.workload(workload, owner, []string{"container-job", "spark-job", "dbt"}[pick(3)], 20+w)
			for _, o := range own {
				if pick(3) > 0 {
					b.reads(workload, "own", o, 30)
				}
			}
			for s := range stage {
				for range pick(2 + s) {
					from := made[s][pick(len(made[s]))]
					b.reads(workload, "in-"+from, from, 31)
				}
			}
			if stage < 3 || pick(3) == 0 {
				dataset := fmt.Sprintf("%s/%s@%d", project, []string{"raw", "clean", "daily-aggregate"}[w], 1+pick(2))
				b.dataset(dataset, owner, 10)
				b.writes(workload, dataset, 32)
				own = append(own, dataset)
			}
		}
		made[stage] = append(made[stage], own...)
	}
	return b.Graph
}

// cyclic is a platform with what must not be there: cycles inside of a project and through two, a workload that waits for
// itself, reads of what nobody declares; and things that are suspended, excluded and owned by nobody.
func cyclic() draw.Graph {
	b := &builder{}
	b.dataset("a/one@1", "team-a", 5)
	b.dataset("a/two@1", "team-a", 6)
	b.workload("a/first", "team-a", "dbt", 10)
	b.workload("a/second", "team-a", "dbt", 20)
	b.reads("a/first", "two", "a/two@1", 11)
	b.writes("a/first", "a/one@1", 12)
	b.reads("a/second", "one", "a/one@1", 21)
	b.writes("a/second", "a/two@1", 22)
	b.after("a/second", "a/second", 23)
	b.dataset("b/out@1", "", 5)
	b.workload("b/make", "", "service", 10)
	b.reads("b/make", "one", "a/one@1", 11)
	b.writes("b/make", "b/out@1", 12)
	b.reads("a/first", "back", "b/out@1", 13)
	b.reads("b/make", "gone", "a/one@7", 13)
	b.reads("b/make", "nowhere", "c/gone@1", 14)
	b.workload("d/off", "team-d", "cron-job", 10)
	b.workload("d/left-out", "team-d", "cron-job", 20)
	b.after("d/left-out", "d/off", 21)
	b.reads("d/off", "out", "b/out@1", 11)
	b.Nodes[len(b.Nodes)-2].Suspended, b.Nodes[len(b.Nodes)-1].Excluded = true, true
	return b.Graph
}

// hostile is what someone would write who wants the drawing to be something else.
func hostile() draw.Graph {
	names := []string{
		`a"b`, `c\`, `d\"e`, "f\ng", "h]]>i", "</svg><script>alert(1)</script>", "j&amp;k&#x6a;", "l`m`", "n#quot;o", `p"]; q --> r["s`, "t\x1b[2J\u202eu",
		"v\xff\xfew", "<img src=x onerror=alert(1)>", "end", `"; } digraph x {`, "%%{init: {}}%%", "\\N\\G", "", " ", "x@", "*/ /* --> <!-- -->", "日本語データ", "{a|b}<c>", "style x fill:#f00;",
	}
	b := &builder{}
	for i, name := range names {
		project := name
		if i%3 == 0 {
			project = "p"
		}
		b.Nodes = append(b.Nodes,
			draw.Node{ID: project + "/" + name, Kind: draw.Workload, Project: project, Owner: name, Detail: name, Position: v1alpha1.Position{File: name + ".yaml", Line: i}},
			draw.Node{ID: project + "/" + name + "@1", Kind: draw.Dataset, Project: project, Owner: name, Label: name})
		b.Edges = append(b.Edges,
			draw.Edge{From: project + "/" + name, To: project + "/" + name + "@1", Kind: draw.Writes, Role: name, Because: name},
			draw.Edge{From: project + "/" + name + "@1", To: "p/a\"b", Kind: draw.Reads, Role: name},
			draw.Edge{From: "p/a\"b", To: name, Kind: draw.After})
	}
	b.Nodes = append(b.Nodes, draw.Node{ID: "long/" + strings.Repeat("x", 5000), Detail: strings.Repeat("y", 5000)})
	return b.Graph
}

// shapes are nodes with each of their marks.
func shapes() draw.Graph {
	g := acme()
	for i := range g.Nodes {
		n := &g.Nodes[i]
		n.Focus = n.ID == "revenue/convert"
		n.External = n.Project == "orders"
		n.Suspended = n.ID == "alerts/rules"
		n.Excluded = n.ID == "storefront/figures"
	}
	return g
}
