// SPDX-License-Identifier: Apache-2.0

package catalog_test

import (
	"fmt"
	"maps"
	"slices"
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

// TestFixingWhatIsReported does what people do: it removes one edge of each reported cycle, any of them, and looks
// again. That ends in a DAG, and never takes more than it has to: an edge of a cycle keeps nothing together, so that what
// hung together still does, and all that are ever removed are what a graph has more than a tree of the same nodes.
func TestFixingWhatIsReported(t *testing.T) {
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
// cycles is held to Kahn's algorithm on the edges that the test knows of; in the end, to what is found by looking at
// everything.
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
		}
		_, all, err := catalog.Load(mapFS(files), library)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(all.String(), cat.Problems().String()); diff != "" {
			t.Fatalf("-all looked at +updated:\n%s", diff)
		}
	})
}

// TestUpdateFindsWhatClosesACycle leaves out one edge of a cycle, or several, and adds them: whichever it is, the update
// that closes the cycle reports it, with exactly its edges.
func TestUpdateFindsWhatClosesACycle(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := sketch{edges: map[catalog.Edge]bool{}}
		cycle := drawCycle(t)
		for _, e := range cycle {
			s.edges[e] = true
		}
		missing := rapid.Permutation(cycle).Draw(t, "missing")[:rapid.IntRange(1, min(3, len(cycle))).Draw(t, "how many")]
		for _, e := range missing {
			delete(s.edges, e)
		}
		cat, problems, err := catalog.Load(mapFS(s.files(inOrder)), library)
		if err != nil {
			t.Fatal(err)
		}
		if cycles := cyclesOf(problems); len(cycles) > 0 {
			t.Fatalf("an open walk is reported: %q", cycles)
		}
		for i, e := range missing {
			s.edges[e] = true
			if cat, problems, err = cat.Update(mapFS(s.files(inOrder)), []string{projectOf(declarer(e)) + ".yaml"}); err != nil {
				t.Fatal(err)
			}
			if got := len(cyclesOf(problems)); (got > 0) != (i == len(missing)-1) {
				t.Fatalf("after %d of %d edges, %d cycles are reported", i+1, len(missing), got)
			}
		}
		var want, got []string
		for _, e := range cycle {
			want = append(want, e.Because())
		}
		for _, p := range problems {
			for _, step := range p.Trace {
				got = append(got, step.Message)
			}
		}
		slices.Sort(want)
		slices.Sort(got)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("the cycle and what is said of it: -want +got:\n%s", diff)
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
