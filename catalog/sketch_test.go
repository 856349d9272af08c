// SPDX-License-Identifier: Apache-2.0

package catalog_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"pgregory.net/rapid"

	"trunkline.dev/trunkline/catalog"
)

// sketch is a platform of two projects, each with three workloads and three datasets, as a test thinks of it.
type sketch struct {
	// gone are the projects that are not declared.
	gone map[string]bool
	// edges are what workloads say; those of datasets that are not there lead nowhere.
	edges map[catalog.Edge]bool
	// excluded are workloads, by id.
	excluded map[string]bool
}

func sketched() (projects []string) { return []string{"p0", "p1"} }

func sketchedWorkloads() (names []string) { return []string{"w0", "w1", "w2"} }

// draw makes an edge that can be declared.
func (s sketch) draw(t *rapid.T) catalog.Edge {
	project := rapid.SampledFrom(sketched()).Draw(t, "project")
	workload := project + "/" + rapid.SampledFrom(sketchedWorkloads()).Draw(t, "workload")
	dataset := rapid.SampledFrom([]string{"d0@1", "d1@1", "d2@1"}).Draw(t, "dataset")
	switch kind := rapid.SampledFrom([]catalog.EdgeKind{catalog.Reads, catalog.Writes, catalog.After}).Draw(t, "kind"); kind {
	case catalog.Reads:
		return catalog.Edge{From: rapid.SampledFrom(sketched()).Draw(t, "owner") + "/" + dataset, To: workload, Kind: kind}
	case catalog.Writes:
		return catalog.Edge{From: workload, To: project + "/" + dataset, Kind: kind}
	default:
		return catalog.Edge{From: project + "/" + rapid.SampledFrom(sketchedWorkloads()).Draw(t, "before"), To: workload, Kind: kind}
	}
}

// declarer is the workload that says an edge.
func declarer(e catalog.Edge) string {
	if e.Kind == catalog.Writes {
		return e.From
	}
	return e.To
}

func projectOf(id string) string {
	project, _, _ := strings.Cut(id, "/")
	return project
}

// there are the edges that count.
func (s sketch) there() (edges []catalog.Edge) {
	for e := range s.edges {
		if by := declarer(e); !s.gone[projectOf(by)] && !s.excluded[by] && !s.gone[projectOf(e.From)] {
			edges = append(edges, e)
		}
	}
	return edges
}

// files writes the platform, with everything in the order that is given.
func (s sketch) files(order func(n int) []int) map[string]string {
	files := map[string]string{
		"trunkline.yaml": acme["trunkline.yaml"], "clusters.yaml": acme["clusters.yaml"], "dev.yaml": acme["dev.yaml"],
	}
	for _, name := range sketched() {
		if s.gone[name] {
			continue
		}
		var b strings.Builder
		b.WriteString(head + "kind: Project\nmetadata: {name: " + name + "}\nspec:\n  owner: t\n  environments: [dev]\n  datasets:\n")
		for _, i := range order(3) {
			fmt.Fprintf(&b, "    - {name: d%d, version: \"1\", path: lake://%s/d%d/}\n", i, name, i)
		}
		b.WriteString("  workloads:\n")
		for _, i := range order(len(sketchedWorkloads())) {
			id := fmt.Sprintf("%s/w%d", name, i)
			lists := map[catalog.EdgeKind][]string{}
			var sorted []catalog.Edge
			for e := range s.edges {
				if declarer(e) == id {
					sorted = append(sorted, e)
				}
			}
			slices.SortFunc(sorted, compareEdges)
			for _, n := range order(len(sorted)) {
				switch e := sorted[n]; e.Kind {
				case catalog.Reads:
					lists[e.Kind] = append(lists[e.Kind], fmt.Sprintf("r%d: %s", n, e.From))
				case catalog.Writes:
					lists[e.Kind] = append(lists[e.Kind], fmt.Sprintf("r%d: %s", n, e.To))
				default:
					_, local, _ := strings.Cut(e.From, "/")
					lists[e.Kind] = append(lists[e.Kind], local)
				}
			}
			fmt.Fprintf(&b, "    - {name: w%d, blueprint: job, exclude: %v, reads: {%s}, writes: {%s}, after: [%s]}\n", i, s.excluded[id],
				strings.Join(lists[catalog.Reads], ", "), strings.Join(lists[catalog.Writes], ", "), strings.Join(lists[catalog.After], ", "))
		}
		files[name+".yaml"] = b.String()
	}
	return files
}

func inOrder(n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = i
	}
	return out
}

// edit changes one thing.
func (s sketch) edit(t *rapid.T) {
	toggle := func(in map[string]bool, key string) { in[key] = !in[key] }
	switch rapid.IntRange(0, 9).Draw(t, "what") {
	case 0:
		toggle(s.gone, rapid.SampledFrom(sketched()).Draw(t, "gone"))
	case 1:
		toggle(s.excluded, rapid.SampledFrom(sketched()).Draw(t, "project")+"/"+rapid.SampledFrom(sketchedWorkloads()).Draw(t, "excluded"))
	case 2, 3, 4:
		// As often as edges are added they go, so that the next one is likely to close the only cycle.
		if len(s.edges) > 0 {
			sorted := slices.SortedFunc(maps.Keys(s.edges), compareEdges)
			delete(s.edges, rapid.SampledFrom(sorted).Draw(t, "gone"))
		}
	default:
		s.edges[s.draw(t)] = true
	}
}

func compareEdges(a, b catalog.Edge) int {
	return strings.Compare(a.From+" "+a.To+" "+string(a.Kind), b.From+" "+b.To+" "+string(b.Kind))
}

// drawSketch makes a platform with some edges, fewer than make cycles all too likely.
func drawSketch(t *rapid.T) sketch {
	s := sketch{gone: map[string]bool{}, edges: map[catalog.Edge]bool{}, excluded: map[string]bool{}}
	for range rapid.IntRange(0, 9).Draw(t, "edges") {
		s.edges[s.draw(t)] = true
	}
	return s
}

// drawCycle makes a walk through some workloads and back: each comes after the one before it, or reads what that writes.
func drawCycle(t *rapid.T) (edges []catalog.Edge) {
	var all []string
	for _, project := range sketched() {
		for _, workload := range sketchedWorkloads() {
			all = append(all, project+"/"+workload)
		}
	}
	walk := rapid.Permutation(all).Draw(t, "walk")[:rapid.IntRange(1, len(all)).Draw(t, "length")]
	for i, from := range walk {
		to := walk[(i+1)%len(walk)]
		if projectOf(from) == projectOf(to) && rapid.Bool().Draw(t, "after") {
			edges = append(edges, catalog.Edge{From: from, To: to, Kind: catalog.After})
			continue
		}
		data := strings.Replace(from, "/w", "/d", 1) + "@1"
		edges = append(edges, catalog.Edge{From: from, To: data, Kind: catalog.Writes}, catalog.Edge{From: data, To: to, Kind: catalog.Reads})
	}
	return edges
}
