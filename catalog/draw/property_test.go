// SPDX-License-Identifier: Apache-2.0

package draw_test

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"trunkline.dev/trunkline/catalog/draw"
)

func TestOrderChangesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := anyGraph(t)
		other := shuffled(g, rapid.Uint64().Draw(t, "seed"))
		o := draw.Options{
			Title: "any", Width: rapid.IntRange(0, 100).Draw(t, "width"), Fold: rapid.SampledFrom([]draw.Folding{draw.Never, draw.Always}).Draw(t, "fold"),
		}
		for _, f := range draw.Formats() {
			var want, got bytes.Buffer
			if err := draw.Write(&want, f, g, o); err != nil {
				t.Fatal(err)
			}
			if err := draw.Write(&got, f, other, o); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want.String(), got.String()); diff != "" {
				t.Fatalf("%s of the same graph in another order (-want +got):\n%s", f, diff)
			}
		}
	})
}

func TestWriteLeavesTheGraphAlone(t *testing.T) {
	g, want := cyclic(), cyclic()
	for _, f := range draw.Formats() {
		write(t, f, g, draw.Options{})
		write(t, f, g, draw.Options{Fold: draw.Always})
	}
	if _, err := draw.Select(g, draw.Selection{Node: "a/first"}); err != nil {
		t.Fatal(err)
	}
	draw.Fold(g, draw.ByOwner)
	if diff := cmp.Diff(want, g); diff != "" {
		t.Errorf("drawing changed the graph (-want +got):\n%s", diff)
	}
}

// TestFoldKeepsWhatItCounts holds a folded graph to the one that it was made of.
func TestFoldKeepsWhatItCounts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g, err := draw.Select(anyGraph(t), draw.Selection{}) // each node and edge once, and those that edges name
		if err != nil {
			t.Fatal(err)
		}
		for _, by := range []draw.By{draw.ByProject, draw.ByOwner} {
			group := map[string]string{}
			var want, got draw.Counts
			for _, n := range g.Nodes {
				group[n.ID] = n.Project
				if by == draw.ByOwner {
					group[n.ID] = n.Owner
				}
				switch {
				case n.Missing:
				case n.Kind == draw.Dataset:
					want.Datasets++
				default:
					want.Workloads++
				}
			}
			across, cycles := 0, map[[2]string]bool{}
			for _, e := range g.Edges {
				ends := [2]string{group[e.From], group[e.To]}
				if ends[0] != ends[1] {
					across++
				}
				cycles[ends] = cycles[ends] || e.Cycle
			}
			folded := draw.Fold(g, by)
			for _, n := range folded.Nodes {
				got.Datasets += n.Holds.Datasets
				got.Workloads += n.Holds.Workloads
				if inside := cycles[[2]string{n.ID, n.ID}]; n.Cycle != inside {
					t.Errorf("%s %q: cycle is %v, and inside of it %v", by, n.ID, n.Cycle, inside)
				}
			}
			for _, e := range folded.Edges {
				across -= e.Count
				if want := cycles[[2]string{e.From, e.To}]; e.Cycle != want {
					t.Errorf("%s: the edge from %q to %q has cycle %v, and its edges %v", by, e.From, e.To, e.Cycle, want)
				}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s: nodes (-want +got):\n%s", by, diff)
			}
			if across != 0 {
				t.Errorf("%s: the counts of folded edges are off by %d", by, across)
			}
		}
	})
}

// TestCyclesAreMarked holds the marks to their meaning: an edge is part of a cycle if and only if its end reaches its beginning.
func TestCyclesAreMarked(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g, err := draw.Select(anyGraph(t), draw.Selection{})
		if err != nil {
			t.Fatal(err)
		}
		next := map[string][]string{}
		for _, e := range g.Edges {
			next[e.From] = append(next[e.From], e.To)
		}
		for _, e := range g.Edges {
			seen := map[string]bool{e.To: true}
			for queue := []string{e.To}; len(queue) > 0; queue = queue[1:] {
				for _, id := range next[queue[0]] {
					if !seen[id] {
						seen[id] = true
						queue = append(queue, id)
					}
				}
			}
			if e.Cycle != seen[e.From] {
				t.Errorf("the edge from %q to %q: cycle is %v, and its end reaches its beginning: %v", e.From, e.To, e.Cycle, seen[e.From])
			}
		}
	})
}
