// SPDX-License-Identifier: Apache-2.0

package draw

import "trunkline.dev/trunkline/api/v1alpha1"

// Kind tells nodes apart.
type Kind string

// The kinds of node.
const (
	Dataset  Kind = "dataset"
	Workload Kind = "workload"
	// DAG is a DAG of Apache Airflow.
	DAG Kind = "dag"
	// Project and Owner stand for all that a project has, or all projects of an owner; [Fold] makes them.
	Project Kind = "project"
	Owner   Kind = "owner"
)

// EdgeKind says what makes an edge.
type EdgeKind string

// The kinds of edge.
const (
	// Reads goes from a dataset to the workload that reads it.
	Reads EdgeKind = "reads"
	// Writes goes from a workload to the dataset that it writes.
	Writes EdgeKind = "writes"
	// After goes from a workload to the one that runs after it.
	After EdgeKind = "after"
	// Inlet goes from a dataset to a DAG that reads it while it runs, and does not wait for it.
	Inlet EdgeKind = "inlet"
	// Feeds goes from a folded node to one that needs something of it; [Fold] makes it.
	Feeds EdgeKind = "feeds"
)

// Change is what becomes of a node or an edge.
type Change string

// The changes; what stays as it is has none.
const (
	Added   Change = "added"
	Removed Change = "removed"
	Touched Change = "touched"
)

// Graph is what is drawn. The order of nodes and edges means nothing, and what is there twice counts once. An end of
// an edge that is no node is drawn as one that nobody declares. A cycle is drawn, and marked.
type Graph struct {
	Nodes []Node
	Edges []Edge
}

// Node is one box of the drawing. Only the id is needed.
type Node struct {
	// ID is unique: "project/name@version" of a dataset, "project/name" of a workload.
	ID   string
	Kind Kind
	// Project is the one that the node belongs to; empty means the part of the id before the slash.
	Project string
	// Owner is the team or user that owns the project.
	Owner string
	// Label is what the box says; empty means the id without the project.
	Label string
	// Detail is a word or two more, such as the blueprint of a workload or the lots of a dataset.
	Detail string
	// Position is where the node is declared.
	Position v1alpha1.Position
	// Suspended is declared and does not run; Excluded is left out of what is drawn, such as an environment.
	Suspended, Excluded bool
	// External belongs to another project than the one that was selected.
	External bool
	// Focus is the node that was selected; the text is a tree around it.
	Focus bool
	// Missing is referred to and nobody declares it.
	Missing bool
	// Cycle says of a folded node that there is a cycle inside of it.
	Cycle bool
	// Change is what becomes of the node, where two states of a graph are drawn as one.
	Change Change
	// Holds counts what a folded node stands for.
	Holds Counts
}

// Edge says that From comes before To.
type Edge struct {
	From, To string
	Kind     EdgeKind
	// Role is the name that the workload gives to the dataset.
	Role string
	// Because is the sentence of the declaration that makes the edge, such as "orders/clean reads rates/fx@1".
	Because string
	// Position is where the edge is declared.
	Position v1alpha1.Position
	// Cycle says that the edge is part of a cycle. It is found out by itself; what is true here stays true.
	Cycle bool
	// Change is what becomes of the edge. What is removed is part of no cycle.
	Change Change
	// Count is how many edges a folded edge stands for.
	Count int
	// Datasets are those that a folded edge carries, sorted, with their project.
	Datasets []string
}

// Counts counts nodes by kind.
type Counts struct {
	Projects, Datasets, Workloads int
}

func (c Counts) plus(o Counts) Counts {
	return Counts{Projects: c.Projects + o.Projects, Datasets: c.Datasets + o.Datasets, Workloads: c.Workloads + o.Workloads}
}

// folded reports whether the node stands for others.
func (n Node) folded() bool { return n.Kind == Project || n.Kind == Owner }

// because is the sentence that makes the edge.
func (e Edge) because() string {
	if e.Because != "" {
		return e.Because
	}
	switch e.Kind {
	case Reads:
		return e.To + " reads " + e.From
	case Writes:
		return e.From + " writes " + e.To
	case After:
		return e.To + " runs after " + e.From
	default:
		return e.To + " needs " + e.From
	}
}
