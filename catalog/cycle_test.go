package catalog_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/catalog"
)

// components counts the groups of nodes that hang together, whichever way the edges lead.
func components(nodes []catalog.Node, edges []catalog.Edge) int {
	group := map[string]string{}
	for _, n := range nodes {
		group[n.ID] = n.ID
	}
	for _, e := range edges {
		from, to := group[e.From], group[e.To]
		for id, g := range group {
			if g == from {
				group[id] = to
			}
		}
	}
	names := map[string]bool{}
	for _, g := range group {
		names[g] = true
	}
	return len(names)
}

// TestMendingWhatIsReported does what people do: it removes one edge of each reported cycle, any of them, and looks
// again. That ends in a DAG, and never takes more than it has to: an edge of a cycle keeps nothing together, so that what
// hung together still does, and all that are ever removed are what a graph has more than a tree of the same nodes.
func TestMendingWhatIsReported(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		nodes, edges := drawGraph(t)
		most := len(edges) - len(nodes) + components(nodes, edges)
		removed := 0
		for {
			cycles := graphOf(nodes, edges).Cycles()
			if len(cycles) == 0 {
				break
			}
			for _, c := range cycles {
				broken := rapid.SampledFrom(c).Draw(t, "edge")
				i := slices.Index(edges, broken)
				if i < 0 {
					t.Fatalf("the cycle %s has an edge that is not there", c)
				}
				edges = slices.Delete(slices.Clone(edges), i, i+1)
				removed++
			}
			if removed > most {
				t.Fatalf("%d edges were removed, and %d are more than a tree has: an edge was reported that is on no cycle", removed, most)
			}
		}
		if rest := left(edges); len(rest) > 0 {
			t.Errorf("nothing is reported, and Kahn's algorithm cannot order %v", slices.Sorted(maps.Keys(rest)))
		}
	})
}

// TestRemovingAllThatIsReported removes every edge of every reported cycle. That breaks these and need not break all: one
// is reported of those that share a group. What is left is reported the next time, with an edge less for each at least,
// so that there are as many rounds as edges at most.
func TestRemovingAllThatIsReported(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		nodes, edges := drawGraph(t)
		most := len(edges)
		for rounds := 0; ; rounds++ {
			cycles := graphOf(nodes, edges).Cycles()
			if len(cycles) == 0 {
				break
			}
			if rounds >= most {
				t.Fatalf("%d edges are not gone after as many rounds", most)
			}
			before := len(edges)
			edges = slices.DeleteFunc(slices.Clone(edges), func(e catalog.Edge) bool {
				return slices.ContainsFunc(cycles, func(c catalog.Cycle) bool { return slices.Contains(c, e) })
			})
			if len(edges) > before-len(cycles) {
				t.Errorf("%d cycles were reported, and they have %d edges in all", len(cycles), before-len(edges))
			}
		}
		if rest := left(edges); len(rest) > 0 {
			t.Errorf("nothing is reported, and Kahn's algorithm cannot order %v", slices.Sorted(maps.Keys(rest)))
		}
	})
}

// sketch is a platform of two projects, each with three workloads and two datasets, as a test thinks of it.
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
	dataset := rapid.SampledFrom([]string{"d0@1", "d1@1"}).Draw(t, "dataset")
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
		for _, i := range order(2) {
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

// cyclesOf words the problems that are cycles, without their places.
func cyclesOf(problems v1alpha1.Problems) (out []string) {
	for _, p := range problems {
		if p.Rule != catalog.RuleCycle {
			continue
		}
		said := p.Message
		for _, step := range p.Trace {
			said += "; " + step.Message
		}
		out = append(out, said)
	}
	slices.Sort(out)
	return out
}

// TestUpdateFindsCyclesIfAndOnlyIfThereAreSome changes platforms edge by edge. After each step, what the update says of
// cycles is held to Kahn's algorithm on the edges that the test knows of, and to what is found by looking at everything.
func TestUpdateFindsCyclesIfAndOnlyIfThereAreSome(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawSketch(t)
		files := s.files(inOrder)
		cat, _, err := catalog.Load(mapFS(files), library)
		if err != nil {
			t.Fatal(err)
		}
		for range rapid.IntRange(1, 12).Draw(t, "steps") {
			for range rapid.IntRange(1, 2).Draw(t, "at once") {
				s.edit(t)
			}
			next := s.files(inOrder)
			var changed []string
			for _, name := range sketched() {
				if file := name + ".yaml"; files[file] != next[file] {
					changed = append(changed, file)
				}
			}
			files = next
			var problems v1alpha1.Problems
			if cat, problems, err = cat.Update(mapFS(files), changed); err != nil {
				t.Fatal(err)
			}
			got := cyclesOf(problems)
			if want := len(left(s.there())) > 0; want != (len(got) > 0) {
				t.Fatalf("Kahn's algorithm finds a cycle: %v; the update reports %q", want, got)
			}
			_, all, err := catalog.Load(mapFS(files), library)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(all.String(), problems.String()); diff != "" {
				t.Fatalf("-all looked at +updated:\n%s", diff)
			}
		}
	})
}

// TestShuffledPlatform declares the same in another order, and in files of other names: the graph is the same, and so
// are the cycles.
func TestShuffledPlatform(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawSketch(t)
		want, problems, err := catalog.Load(mapFS(s.files(inOrder)), library)
		if err != nil {
			t.Fatal(err)
		}
		shuffled := s.files(func(n int) []int { return rapid.Permutation(inOrder(n)).Draw(t, "order") })
		for i, name := range rapid.Permutation(sketched()).Draw(t, "files") {
			file := fmt.Sprintf("%c/moved.yaml", "za"[i])
			shuffled[file] = shuffled[name+".yaml"]
			delete(shuffled, name+".yaml")
		}
		got, others, err := catalog.Load(mapFS(shuffled), library)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(cyclesOf(problems), cyclesOf(others)); diff != "" {
			t.Errorf("-in order +shuffled:\n%s", diff)
		}
		if diff := cmp.Diff(want.Graph().Nodes(), got.Graph().Nodes()); diff != "" {
			t.Errorf("-in order +shuffled:\n%s", diff)
		}
		// Roles are numbered by the place in a list here, so that those of equal edges may differ.
		ends := func(c *catalog.Catalog) (out []string) {
			for _, e := range c.Graph().Edges() {
				out = append(out, e.Because())
			}
			slices.Sort(out)
			return out
		}
		if diff := cmp.Diff(ends(want), ends(got)); diff != "" {
			t.Errorf("-in order +shuffled:\n%s", diff)
		}
	})
}
