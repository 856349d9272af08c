// SPDX-License-Identifier: Apache-2.0

package draw

import (
	"encoding/json"
	"fmt"
	"io"

	"trunkline.dev/trunkline/api/v1alpha1"
)

// jsonNode and jsonEdge are a node and an edge as the package comment documents them.
type jsonNode struct {
	ID        string             `json:"id"`
	Kind      Kind               `json:"kind"`
	Project   string             `json:"project,omitempty"`
	Owner     string             `json:"owner,omitempty"`
	Label     string             `json:"label,omitempty"`
	Detail    string             `json:"detail,omitempty"`
	Position  *v1alpha1.Position `json:"position,omitempty"`
	Suspended bool               `json:"suspended,omitempty"`
	Excluded  bool               `json:"excluded,omitempty"`
	External  bool               `json:"external,omitempty"`
	Focus     bool               `json:"focus,omitempty"`
	Missing   bool               `json:"missing,omitempty"`
	Cycle     bool               `json:"cycle,omitempty"`
	Change    Change             `json:"change,omitempty"`
	Holds     *jsonCounts        `json:"holds,omitempty"`
}

type jsonCounts struct {
	Projects  int `json:"projects"`
	Datasets  int `json:"datasets"`
	Workloads int `json:"workloads"`
}

type jsonEdge struct {
	From     string             `json:"from"`
	To       string             `json:"to"`
	Kind     EdgeKind           `json:"kind"`
	Role     string             `json:"role,omitempty"`
	Because  string             `json:"because"`
	Position *v1alpha1.Position `json:"position,omitempty"`
	Cycle    bool               `json:"cycle,omitempty"`
	Change   Change             `json:"change,omitempty"`
	Count    int                `json:"count,omitempty"`
	Datasets []string           `json:"datasets,omitempty"`
}

// json writes a node or edge a line, so that a difference of two graphs can be read, and a large one need not be in memory twice.
func (d *drawing) json(w io.Writer) error {
	head := struct {
		APIVersion string   `json:"apiVersion"`
		Kind       string   `json:"kind"`
		Title      string   `json:"title,omitempty"`
		FoldedBy   By       `json:"foldedBy,omitempty"`
		Notes      []string `json:"notes,omitempty"`
		Summary    any      `json:"summary"`
	}{
		APIVersion: "graph.trunkline.dev/v1", Kind: "Graph", Title: d.options.Title, FoldedBy: d.folded, Notes: d.notes,
		Summary: struct {
			Nodes      int `json:"nodes"`
			Edges      int `json:"edges"`
			WholeNodes int `json:"wholeNodes"`
			WholeEdges int `json:"wholeEdges"`
		}{len(d.nodes), len(d.edges), d.whole.nodes, d.whole.edges},
	}
	text, err := json.MarshalIndent(head, "", "  ")
	if err != nil {
		return fmt.Errorf("writing the graph as json: %w", err)
	}
	_, _ = fmt.Fprintf(w, "%s,\n", text[:len(text)-2])
	if err := list(w, "nodes", len(d.nodes), func(i int) any { return d.nodes[i].json() }); err != nil {
		return err
	}
	_, _ = io.WriteString(w, ",\n")
	if err := list(w, "edges", len(d.edges), func(i int) any { return d.edges[i].json() }); err != nil {
		return err
	}
	_, err = io.WriteString(w, "\n}\n")
	return err
}

func list(w io.Writer, name string, n int, item func(int) any) error {
	_, _ = io.WriteString(w, `  "`+name+`": [`)
	for i := range n {
		text, err := json.Marshal(item(i))
		if err != nil {
			return fmt.Errorf("writing the %s of the graph as json: %w", name, err)
		}
		separator := "\n    "
		if i > 0 {
			separator = ",\n    "
		}
		_, _ = io.WriteString(w, separator)
		_, _ = w.Write(text)
	}
	if n > 0 {
		_, _ = io.WriteString(w, "\n  ")
	}
	_, err := io.WriteString(w, "]")
	return err
}

func (n *Node) json() jsonNode {
	out := jsonNode{
		ID: n.ID, Kind: n.Kind, Project: n.Project, Owner: n.Owner, Label: n.Label, Detail: n.Detail, Position: position(n.Position),
		Suspended: n.Suspended, Excluded: n.Excluded, External: n.External, Focus: n.Focus, Missing: n.Missing, Cycle: n.Cycle, Change: n.Change,
	}
	if n.folded() {
		out.Holds = &jsonCounts{Projects: n.Holds.Projects, Datasets: n.Holds.Datasets, Workloads: n.Holds.Workloads}
	}
	return out
}

func (e *Edge) json() jsonEdge {
	return jsonEdge{
		From: e.From, To: e.To, Kind: e.Kind, Role: e.Role, Because: e.because(), Position: position(e.Position),
		Cycle: e.Cycle, Change: e.Change, Count: e.Count, Datasets: e.Datasets,
	}
}

func position(p v1alpha1.Position) *v1alpha1.Position {
	if p == (v1alpha1.Position{}) {
		return nil
	}
	return &p
}
