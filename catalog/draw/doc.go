// SPDX-License-Identifier: Apache-2.0

// Package draw draws the DAG of datasets and workloads: as text for a terminal, in the languages of Graphviz and Mermaid,
// as JSON for programs, and as an SVG picture.
//
// [Compare] makes one graph of two states, [Select] takes a part of a graph, [Near] what is around its changes, [Fold] makes one node of each project or owner, and [Write] draws, and folds by
// itself what is too large for the format. None of them needs the graph to be valid: cycles, ends of edges that nobody
// declares, and names that want to be more than names are drawn as they are. Output is deterministic.
//
// # JSON
//
// The envelope names its version; within "v1" fields are added, and never renamed or removed. What is empty, zero or
// false is left out, unless it is said here.
//
//	apiVersion   "graph.trunkline.dev/v1"
//	kind         "Graph"
//	title        what is drawn
//	foldedBy     "project" or "owner", where the nodes stand for others
//	notes        sentences about what is not as it was asked for
//	summary      nodes, edges: how many there are below, always there;
//	             wholeNodes, wholeEdges: how many there were before they were folded
//	nodes        by id, always there. Each has:
//	  id         "project/name@version", "project/name", "project/dag:name", or the name of a project or owner
//	  kind       "dataset", "workload", "dag", "project" or "owner"
//	  project, owner, label, detail
//	  position   file, line, column of the declaration
//	  suspended, excluded, external, focus, missing, cycle
//	  change     "added", "removed" or "touched", where two states are drawn as one
//	  holds      projects, datasets, workloads: what a folded node stands for
//	edges        by from and to, always there. Each has:
//	  from, to   ids of nodes; from comes before to
//	  kind       "reads", "writes", "after", "inlet", or "feeds" between folded nodes
//	  role       the name that the workload gives to the dataset
//	  because    the sentence of the declaration that makes the edge
//	  position   file, line, column of it
//	  cycle      true if the edge is part of a cycle
//	  change     as of nodes
//	  count      how many edges a folded edge stands for
//	  datasets   those that it carries
//
// The package is pure. Of Trunkline it may import api, and what is below it.
package draw
