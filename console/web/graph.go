// SPDX-License-Identifier: Apache-2.0

package web

import (
	"bytes"
	"errors"
	"html/template"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"

	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/catalog/draw"
	"trunkline.dev/trunkline/catalog/flowchart"
	"trunkline.dev/trunkline/console"
	"trunkline.dev/trunkline/reconciler/status"
)

const (
	// maxDepth bounds how many edges one follows, and maxNodes how many nodes are listed below the picture.
	maxDepth, maxNodes = 50, 200
)

// graphQuery is what the graph is asked for.
type graphQuery struct {
	Node, Project, Environment, Way string
	Depth                           int
}

// graphPage is what the page shows.
type graphPage struct {
	Query        graphQuery
	Environments []string
	// Picture is an SVG of our own, in which all texts of others are escaped; empty: it cannot be drawn, and Trouble says why.
	Picture template.HTML
	Trouble string
	// Around is what is selected.
	Around string
	Nodes  []graphNode
	// More is how many nodes are not listed.
	More int
	// Up, Down and Both are the addresses of what the node needs, of what needs it, and of both.
	Up, Down, Both, All string
}

type graphNode struct {
	ID, Path, Kind, Project, ProjectPath string
	Badge                                *badge
	From, To                             []link
	missing                              bool
}

// ways are the directions in which a node is drawn around.
func ways() []string { return []string{"both", "up", "down"} }

func showGraph(a *ask) (shown, error) {
	q := graphQuery{Node: a.one("node"), Project: a.one("project"), Environment: a.one("environment"), Way: a.choice("way", ways()...), Depth: a.number("depth", 0, maxDepth, 0)}
	if err := a.wrong(); err != nil {
		return shown{}, err
	}
	cat := a.Catalog()
	if cat == nil {
		return shown{Title: "Graph", View: graphPage{Query: q, Trouble: "No commit is accepted yet, so that nothing is declared."}}, nil
	}
	environments := a.environments(cat)
	if q.Environment != "" && !slices.Contains(environments, q.Environment) {
		return shown{}, unknown("environment", q.Environment, environments)
	}
	whole := a.charts.of(cat, q.Environment)
	part := seenOf(whole.graph, a.sight)
	selected := q.Node != "" || q.Project != "" || q.Depth > 0
	if selected {
		var err error
		part, err = draw.Select(part, draw.Selection{
			Node: q.Node, Project: q.Project, Depth: q.Depth, Upstream: q.Node != "" && q.Way != "down", Downstream: q.Node != "" && q.Way != "up",
		})
		if err != nil {
			return shown{}, problemf(http.StatusNotFound, "%s", err)
		}
	}
	c := whole
	if selected || !a.sight.Whole() {
		c = &chart{graph: part}
	}
	v := graphView(c, moodsOf(a.state, q.Environment), q)
	v.Environments = environments
	if q.Node != "" {
		v.Both, v.Up, v.Down = a.with("way", ""), a.with("way", "up"), a.with("way", "down")
	}
	if q.Node != "" || q.Project != "" {
		v.All = a.with("node", "", "project", "", "way", "", "depth", "")
	}
	return shown{Title: strings.TrimSuffix("Graph of "+v.Around, " of "), View: v, Style: graphStyle}, nil
}

// seenOf is the part of a graph that the caller sees.
func seenOf(g draw.Graph, sight console.Sight) draw.Graph {
	if sight.Whole() {
		return g
	}
	var out draw.Graph
	sees := func(id string) bool {
		project, _, _ := strings.Cut(id, "/")
		return sight.Sees(project, "")
	}
	for _, n := range g.Nodes {
		if sees(n.ID) {
			out.Nodes = append(out.Nodes, n)
		}
	}
	for _, e := range g.Edges {
		if sees(e.From) && sees(e.To) {
			out.Edges = append(out.Edges, e)
		}
	}
	return out
}

// environments are those that are declared, or where the caller sees a release.
func (a *ask) environments(cat *catalog.Catalog) []string {
	names := map[string]bool{}
	for name := range cat.Environments {
		if a.sight.Sees("", name) {
			names[name] = true
		}
	}
	for i := range a.state.Releases {
		if name := a.state.Releases[i].Environment; cat.Environments[name] != nil {
			names[name] = true
		}
	}
	return slices.Sorted(maps.Keys(names))
}

// moodsOf returns how the worst release of each project is, in an environment or all of them; of owners, by "owner of" and their name.
func moodsOf(p *status.Platform, environment string) map[string]badge {
	out := map[string]badge{}
	worse := func(name string, b badge) {
		if known, ok := out[name]; !ok || b.Mood.rank() < known.Mood.rank() {
			out[name] = b
		}
	}
	for i := range p.Releases {
		r := &p.Releases[i]
		if r.Preview == nil && equalOr(environment, r.Environment) {
			b := badgeOf(r)
			worse(r.Project, b)
			worse(ownerOf(r.Owner), b)
		}
	}
	return out
}

func ownerOf(name string) string { return "owner of\x00" + name }

// graphView shows a graph, with how its nodes are.
func graphView(c *chart, moods map[string]badge, q graphQuery) graphPage {
	picture, rows, err := c.laid(q.Environment)
	v := graphPage{Query: q, Around: q.Node + q.Project, Nodes: slices.Clone(rows), More: len(c.graph.Nodes) - len(rows)}
	state := func(kind draw.Kind, project, owner string) (badge, bool) {
		if kind == draw.Owner {
			project = ownerOf(owner)
		}
		b, ok := moods[project]
		return b, ok && kind != draw.Dataset
	}
	for i := range v.Nodes {
		n := &v.Nodes[i]
		if b, ok := state(draw.Kind(n.Kind), n.Project, ""); ok && !n.missing {
			n.Badge = &b
		}
	}
	var out bytes.Buffer
	if err == nil {
		err = picture.Write(&out, func(n *draw.Node) string {
			if b, ok := state(n.Kind, n.Project, n.Owner); ok && !n.Missing {
				return "is-" + string(b.Mood)
			}
			return ""
		})
	}
	if err != nil {
		v.Trouble = err.Error()
		if tooLarge, ok := errors.AsType[*draw.TooLargeError](err); ok {
			v.Trouble = tooLarge.Error()
		}
	}
	v.Picture = template.HTML(out.String()) //nolint:gosec // the SVG is drawn here, and escapes all texts
	return v
}

// nodeAddress is where a node leads: to what is around it.
func nodeAddress(n *draw.Node, environment string) string {
	q := url.Values{}
	switch {
	case n.Missing:
		return ""
	case n.Kind == draw.Owner:
		return ownerPath(n.Owner)
	case n.Kind == draw.Project:
		q.Set("project", n.Project)
	default:
		q.Set("node", n.ID)
	}
	if environment != "" {
		q.Set("environment", environment)
	}
	return "/graph?" + q.Encode()
}

// DepthText says how far the picture goes, for the form.
func (q graphQuery) DepthText() string {
	if q.Depth == 0 {
		return ""
	}
	return strconv.Itoa(q.Depth)
}

// charts keeps the graphs of one catalog, by environment: what is drawn of them changes with the commit only, and colours with releases.
type charts struct {
	mu  sync.Mutex
	cat *catalog.Catalog
	by  map[string]*chart
}

func (c *charts) of(cat *catalog.Catalog, environment string) *chart {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cat != cat {
		c.cat, c.by = cat, map[string]*chart{}
	}
	g, ok := c.by[environment]
	if !ok {
		g = &chart{graph: flowchart.Of(cat, environment)}
		c.by[environment] = g
	}
	return g
}

// chart is a graph that is laid out once.
type chart struct {
	graph   draw.Graph
	once    sync.Once
	picture *draw.Picture
	rows    []graphNode
	err     error
}

// laid returns the picture of the graph, and its first nodes as a list, for whom a picture is no help.
func (c *chart) laid(environment string) (*draw.Picture, []graphNode, error) {
	c.once.Do(func() {
		c.picture, c.err = draw.Lay(c.graph, draw.Options{Inline: true, Link: func(n *draw.Node) string { return nodeAddress(n, environment) }})
		c.rows = rowsOf(c.graph, environment)
	})
	return c.picture, c.rows, c.err
}

// rowsOf are the first nodes of a graph, with what comes before and after them.
func rowsOf(g draw.Graph, environment string) []graphNode {
	order := make([]*draw.Node, len(g.Nodes))
	for i := range g.Nodes {
		order[i] = &g.Nodes[i]
	}
	slices.SortFunc(order, func(a, b *draw.Node) int { return strings.Compare(a.ID, b.ID) })
	order = order[:min(len(order), maxNodes)]
	rows, at := make([]graphNode, len(order)), make(map[string]int, len(order))
	for i, n := range order {
		rows[i] = graphNode{
			ID: n.ID, Path: nodeAddress(n, environment), Kind: string(n.Kind), Project: n.Project, ProjectPath: projectPath(n.Project), missing: n.Missing,
		}
		at[n.ID] = i
	}
	address := func(id string) link { return link{id, nodeAddress(&draw.Node{ID: id}, environment)} }
	for _, e := range g.Edges {
		if i, ok := at[e.To]; ok {
			rows[i].From = append(rows[i].From, address(e.From))
		}
		if i, ok := at[e.From]; ok {
			rows[i].To = append(rows[i].To, address(e.To))
		}
	}
	return rows
}

// graphStyle is the file with the style of pictures.
const graphStyle = "graph.css"

// moodStyle colours nodes by how their releases are.
const moodStyle = `svg.flow{
.is-bad rect{stroke:#b3261e;stroke-width:3}.is-warn rect{stroke:#b26a00;stroke-width:3}
.is-unsure rect{stroke-dasharray:2 2}.is-busy rect{stroke:#0b5c8a;stroke-width:2}
.is-good rect{stroke:#2c8a45;stroke-width:2}.is-waiting rect{stroke:#7a67c7;stroke-width:2}
a:hover rect,a:focus rect{stroke-width:4}a:focus-visible{outline:2px solid #0b5c8a}
@media (prefers-color-scheme:dark){.is-bad rect{stroke:#ff9a92}.is-warn rect{stroke:#f0b35e}.is-good rect{stroke:#5fbf77}.is-busy rect{stroke:#7cc4f2}.is-waiting rect{stroke:#b9a9f5}}
}
`
