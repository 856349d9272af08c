// SPDX-License-Identifier: Apache-2.0

package console

import (
	"cmp"
	"net/http"
	"slices"
	"strings"
	"time"

	"trunkline.dev/trunkline/catalog"
)

// Dataset is a dataset of the accepted commit, at one version.
type Dataset struct {
	// ID is "project/name@version".
	ID          string   `json:"id"`
	Project     string   `json:"project"`
	Name        string   `json:"name"`
	Version     string   `json:"version"`
	Owner       string   `json:"owner,omitempty"`
	Description string   `json:"description,omitempty"`
	Path        string   `json:"path"`
	Tags        []string `json:"tags,omitempty"`
	External    bool     `json:"external,omitempty"`
	Lots        *Lots    `json:"lots,omitempty"`
	// Writers and Readers are workloads, "project/name".
	Writers []string `json:"writers"`
	Readers []string `json:"readers"`
}

// Lots are the intervals that a dataset comes in.
type Lots struct {
	Unit  string    `json:"unit"`
	Since time.Time `json:"since"`
}

func datasetID(d Dataset) string { return d.ID }

func (c *console) datasets(w http.ResponseWriter, r *http.Request) error {
	q := newQuery(r)
	projects, owners, tags := q.many("project"), q.many("owner"), q.many("tag")
	return list(c, w, q, c.allDatasets(c.sight(r)), datasetID, func(d Dataset) bool {
		tagged := len(tags) == 0 || slices.ContainsFunc(d.Tags, func(t string) bool { return slices.Contains(tags, t) })
		return tagged && passes(projects, d.Project) && passes(owners, d.Owner)
	})
}

func (c *console) dataset(w http.ResponseWriter, r *http.Request) error {
	r.SetPathValue("dataset", r.PathValue("project")+"/"+r.PathValue("dataset"))
	return single(c, w, r, c.allDatasets(c.sight(r)), datasetID, "dataset")
}

func (c *console) allDatasets(s *sight) []Dataset {
	out := []Dataset{}
	cat := c.opts.Catalog()
	if cat == nil {
		return out
	}
	for p := range cat.Projects() {
		if !s.sees(p.Name, "") {
			continue
		}
		for i := range p.Spec.Datasets {
			declared := &p.Spec.Datasets[i]
			id := p.Name + "/" + declared.Name + "@" + declared.Version
			d := Dataset{
				ID: id, Project: p.Name, Name: declared.Name, Version: declared.Version, Owner: p.Spec.Owner, Description: declared.Description,
				Path: declared.Path, Tags: declared.Tags, External: declared.External, Writers: s.workloads(cat.Predecessors(id)), Readers: s.workloads(cat.Successors(id)),
			}
			if l := declared.Lots; l != nil {
				d.Lots = &Lots{Unit: string(l.Unit), Since: l.Since.Time}
			}
			out = append(out, d)
		}
	}
	return out
}

// workloads keeps of neighbours in the graph those that are workloads which the caller sees.
func (s *sight) workloads(ids []string) []string {
	out := []string{}
	for _, id := range ids {
		if !strings.Contains(id, "@") && s.node(id) {
			out = append(out, id)
		}
	}
	return distinct(out)
}

// Node is a dataset or workload of the graph, with what comes right before it.
type Node struct {
	catalog.Node

	Project string `json:"project"`
	// From are the edges that end here.
	From []catalog.Edge `json:"from"`
}

func nodeID(n Node) string { return n.ID }

// graph answers with the nodes of the graph, each with the edges that end there: all pages together are the whole graph. Of a
// project, it is the project's nodes and their neighbours.
func (c *console) graph(w http.ResponseWriter, r *http.Request) error {
	q := newQuery(r)
	projects, kinds := q.many("project"), choices(q, "kind", []catalog.NodeKind{catalog.DatasetNode, catalog.WorkloadNode, catalog.DAGNode})
	nodes := c.allNodes(c.sight(r))
	near := map[string]bool{}
	for _, n := range nodes {
		for _, e := range n.From {
			if from, _, _ := strings.Cut(e.From, "/"); slices.Contains(projects, n.Project) || slices.Contains(projects, from) {
				near[e.From], near[e.To] = true, true
			}
		}
	}
	return list(c, w, q, nodes, nodeID, func(n Node) bool {
		return passes(kinds, n.Kind) && (passes(projects, n.Project) || near[n.ID])
	})
}

func (c *console) allNodes(s *sight) []Node {
	cat := c.opts.Catalog()
	if cat == nil {
		return nil
	}
	graph := cat.Graph()
	from := map[string][]catalog.Edge{}
	for _, e := range graph.Edges() {
		from[e.To] = append(from[e.To], e)
	}
	var out []Node
	for _, n := range graph.Nodes() {
		project, _, _ := strings.Cut(n.ID, "/")
		if !s.sees(project, "") {
			continue
		}
		edges := s.edges(from[n.ID])
		if edges == nil {
			edges = []catalog.Edge{}
		}
		slices.SortFunc(edges, func(a, b catalog.Edge) int {
			return cmp.Or(cmp.Compare(a.From, b.From), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Role, b.Role))
		})
		out = append(out, Node{Node: n, Project: project, From: edges})
	}
	return out
}
