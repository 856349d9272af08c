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
	part := seenOf(a.charts.of(cat, q.Environment), a.sight)
	if q.Node != "" || q.Project != "" || q.Depth > 0 {
		var err error
		part, err = draw.Select(part, draw.Selection{
			Node: q.Node, Project: q.Project, Depth: q.Depth, Upstream: q.Node != "" && q.Way != "down", Downstream: q.Node != "" && q.Way != "up",
		})
		if err != nil {
			return shown{}, problemf(http.StatusNotFound, "%s", err)
		}
	}
	v := graphView(part, moodsOf(a.state, q.Environment), q)
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

// graphView draws a part of a graph.
func graphView(part draw.Graph, moods map[string]badge, q graphQuery) graphPage {
	v := graphPage{Query: q, Around: q.Node + q.Project}
	state := func(n *draw.Node) (badge, bool) {
		name := n.Project
		if n.Kind == draw.Owner {
			name = ownerOf(n.Owner)
		}
		b, ok := moods[name]
		return b, ok && !n.Missing
	}
	var out bytes.Buffer
	err := draw.Write(&out, draw.SVG, part, draw.Options{
		Inline: true,
		State: func(n *draw.Node) string {
			if b, ok := state(n); ok && n.Kind != draw.Dataset {
				return "is-" + string(b.Mood)
			}
			return ""
		},
		Link: func(n *draw.Node) string { return nodeAddress(n, q.Environment) },
	})
	if tooLarge, ok := errors.AsType[*draw.TooLargeError](err); ok {
		v.Trouble = tooLarge.Error()
	} else if err != nil {
		v.Trouble = err.Error()
	}
	v.Picture = template.HTML(out.String()) //nolint:gosec // the SVG is drawn here, and escapes all texts
	v.list(part, state, q.Environment)
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

// list lists the nodes, the first of them, for whom a picture is no help.
func (v *graphPage) list(part draw.Graph, state func(*draw.Node) (badge, bool), environment string) {
	from, to := map[string][]link{}, map[string][]link{}
	address := func(id string) link {
		n := draw.Node{ID: id}
		return link{id, nodeAddress(&n, environment)}
	}
	for _, e := range part.Edges {
		from[e.To] = append(from[e.To], address(e.From))
		to[e.From] = append(to[e.From], address(e.To))
	}
	nodes := slices.Clone(part.Nodes)
	slices.SortFunc(nodes, func(a, b draw.Node) int { return strings.Compare(a.ID, b.ID) })
	v.More = max(0, len(nodes)-maxNodes)
	for i := range nodes[:len(nodes)-v.More] {
		n := &nodes[i]
		row := graphNode{ID: n.ID, Path: nodeAddress(n, environment), Kind: string(n.Kind), Project: n.Project, ProjectPath: projectPath(n.Project), From: from[n.ID], To: to[n.ID]}
		if b, ok := state(n); ok && n.Kind != draw.Dataset {
			row.Badge = &b
		}
		v.Nodes = append(v.Nodes, row)
	}
}

// DepthText says how far the picture goes, for the form.
func (q graphQuery) DepthText() string {
	if q.Depth == 0 {
		return ""
	}
	return strconv.Itoa(q.Depth)
}

// charts keeps the graph of one catalog, by environment.
type charts struct {
	mu  sync.Mutex
	cat *catalog.Catalog
	by  map[string]draw.Graph
}

func (c *charts) of(cat *catalog.Catalog, environment string) draw.Graph {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cat != cat {
		c.cat, c.by = cat, map[string]draw.Graph{}
	}
	g, ok := c.by[environment]
	if !ok {
		g = flowchart.Of(cat, environment)
		c.by[environment] = g
	}
	return g
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
