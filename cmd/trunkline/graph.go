// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"trunkline.dev/trunkline/blueprints"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/catalog/draw"
	"trunkline.dev/trunkline/catalog/flowchart"
)

// graphing is what "trunkline graph" is asked for.
type graphing struct {
	// what is a folder or a revision, and env the environment; empty means all of them together.
	what, env string
	// node, upstream and downstream are the node to draw around, in both directions or in one.
	node, upstream, downstream string
	project                    string
	included                   including
	depth                      int
	format                     draw.Format
	fold                       draw.Folding
}

func newGraph() *cobra.Command {
	var g graphing
	var format, fold string
	cmd := &cobra.Command{
		Use:   "graph [PATH|REVISION]",
		Short: "Draw what reads and writes what, over all projects",
		Long: `Graph draws the flow of data through a platform: each dataset at each version, and each workload
that reads or writes it. It works offline and changes nothing.

It reads a folder, by default the current one as it is on disk, or a revision of the repository
that the current folder is in. It draws the whole platform, a project with its neighbours, or what
is upstream and downstream of one node: a workload ("project/name") or a dataset
("project/name@version").

A graph that is too large to read is folded: one node for each project, or for each owner. Invalid
declarations are drawn as far as possible, with their cycles marked, and the exit code is 1.`,
		Example: `  trunkline graph
  trunkline graph --downstream orders/orders-clean@1
  trunkline graph --project revenue --env prod
  trunkline graph main -o svg > platform.svg`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 1 {
				return usagef("name one folder or revision, or none for the current folder")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			g.what = "."
			if len(args) == 1 {
				g.what = args[0]
			}
			var err error
			if g.format, err = draw.ParseFormat(format); err != nil {
				return &usageError{err}
			}
			if g.fold, err = draw.ParseFolding(fold); err != nil {
				return &usageError{err}
			}
			selection, err := g.selection()
			if err != nil {
				return err
			}
			return g.run(cmd, selection)
		},
	}
	cmd.Flags().StringVarP(&format, "output", "o", string(draw.Text), "output format: text, dot, mermaid, json or svg")
	cmd.Flags().StringVar(&g.node, "node", "", "draw around this workload or dataset, in both directions")
	cmd.Flags().StringVar(&g.upstream, "upstream", "", "draw what this workload or dataset needs")
	cmd.Flags().StringVar(&g.downstream, "downstream", "", "draw what needs this workload or dataset")
	cmd.Flags().StringVarP(&g.project, "project", "p", "", "draw this project and its neighbours")
	cmd.Flags().StringVarP(&g.env, "env", "e", "", "draw only this environment; default: all of them")
	cmd.Flags().IntVar(&g.depth, "depth", 0, "number of edges to follow from the node or project; 0 follows all from a node, and 1 from a project")
	g.included.flags(cmd.Flags())
	cmd.Flags().StringVar(&fold, "fold", string(draw.Auto), "draw a node for each project: auto (what is too large), always or never")
	return cmd
}

// selection says which part to draw.
func (g *graphing) selection() (draw.Selection, error) {
	s := draw.Selection{Project: g.project, Depth: g.depth, Upstream: g.upstream != "", Downstream: g.downstream != ""}
	for _, node := range []string{g.node, g.upstream, g.downstream} {
		if node != "" && s.Node != "" && node != s.Node {
			return s, usagef("choose one node to draw around, not both %q and %q", s.Node, node)
		}
		if node != "" {
			s.Node = node
		}
	}
	if g.node != "" {
		s.Upstream, s.Downstream = true, true
	}
	switch {
	case s.Node != "" && s.Project != "":
		return s, usagef("--project draws a project, and --node, --upstream and --downstream draw around a node: choose one")
	case s.Depth < 0:
		return s, usagef("--depth %d: want the number of edges to follow, or 0 to follow all", s.Depth)
	case s.Depth > 0 && s.Node == "" && s.Project == "":
		return s, usagef("--depth counts from a node or project: add --node or --project")
	}
	return s, nil
}

// run draws.
func (g *graphing) run(cmd *cobra.Command, s draw.Selection) error {
	p := showProgress(cmd, readingDeclarations)
	defer p.end()
	o, err := openPlatform(cmd.Context(), g.what)
	if err != nil {
		return err
	}
	tree, err := g.included.heads(o.tree)
	if err != nil {
		return err
	}
	cat, problems, err := catalog.Load(tree, blueprints.FS)
	if p.end(); err != nil {
		return err
	}
	found := printProblems(cmd, problems)
	if found != nil && cat.Platform == nil {
		return found
	}
	if _, ok := cat.Environments[g.env]; !ok && g.env != "" {
		return unknown("environment", g.env, slices.Collect(maps.Keys(cat.Environments)))
	}
	p = showProgress(cmd, "drawing")
	defer p.end()
	part, err := draw.Select(flowchart.Of(cat, g.env), s)
	if err != nil {
		return err
	}
	g.locate(cat, part)
	p.end() // before what is drawn is written, which takes as long again at most
	if err := g.write(cmd.OutOrStdout(), cat.Name(), part); err != nil {
		return err
	}
	return found
}

func (g *graphing) write(w io.Writer, platform string, part draw.Graph) error {
	title := platform
	if g.env != "" {
		title = fmt.Sprintf("%s, environment %s", platform, g.env)
	}
	columns := width(w)
	return draw.Write(w, g.format, part, draw.Options{Title: title, Fold: g.fold, Width: columns, Color: columns > 0})
}

// manyNodes is from how many nodes on a graph is folded in any picture, so that no lines of its parts are shown.
const manyNodes = 1000

// locate adds the lines and columns that are going to be shown. To find them, files are parsed again: each once, since
// what is of one project is looked up together.
func (g *graphing) locate(cat *catalog.Catalog, part draw.Graph) {
	shown := g.format == draw.JSON || (g.format == draw.Dot || g.format == draw.SVG) && (g.fold == draw.Never || len(part.Nodes) <= manyNodes)
	shown = shown && g.fold != draw.Always
	lookups := map[string][]func(){} // by project
	later := func(id string, lookup func()) {
		project, _, _ := strings.Cut(id, "/")
		lookups[project] = append(lookups[project], lookup)
	}
	for i := range part.Nodes {
		if n := &part.Nodes[i]; !n.Missing && (shown || n.Focus) {
			later(n.ID, func() { n.Position = cat.NodePosition(n.ID) })
		}
	}
	for i := range part.Edges {
		e := &part.Edges[i]
		if !shown {
			break
		}
		declarer := e.To
		if e.Kind == draw.Writes {
			declarer = e.From
		}
		later(declarer, func() {
			e.Position = cat.EdgePosition(catalog.Edge{From: e.From, To: e.To, Kind: catalog.EdgeKind(e.Kind), Role: e.Role})
		})
	}
	for _, list := range lookups {
		for _, lookup := range list {
			lookup()
		}
	}
}
