// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"

	"trunkline.dev/trunkline/api/asset"
	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/policy/airflow"
)

// DAGPrefix begins what a DAG is called within its project: no workload has such a name.
const DAGPrefix = "dag:"

// dagID is the node of a DAG. One whose dag_id is not known is called by its place.
func dagID(project string, d *airflow.DAG) string {
	return project + "/" + DAGPrefix + cmp.Or(strings.Map(oneSegment, d.ID), fmt.Sprintf("%s:%d", path.Base(d.Position.File), d.Position.Line))
}

// oneSegment keeps what an id of a node may not have out of it; Airflow refuses a DAG that is called so.
func oneSegment(r rune) rune {
	if r == '/' || r == '@' || r < ' ' {
		return '_'
	}
	return r
}

// kindOf is the kind of a node, by its id.
func kindOf(id string) NodeKind {
	_, local, _ := strings.Cut(id, "/")
	switch {
	case strings.HasPrefix(local, DAGPrefix):
		return DAGNode
	case strings.Contains(local, "@"):
		return DatasetNode
	}
	return WorkloadNode
}

// DagEdges are those between the project's DAG files and the datasets that they use as assets, as far as that is certain.
func (p *Project) DagEdges() []Edge { return p.dagEdges }

// linkDags resolves the datasets that the project's DAG files use as assets.
func (k *checker) linkDags(p *Project) {
	p.dagEdges, p.dagPlaces, p.dagNodes = nil, nil, nil
	for _, set := range p.dags {
		for _, m := range set.Modules {
			for _, d := range m.DAGs {
				for _, u := range d.Uses {
					k.linkDag(p, d, u)
				}
			}
		}
	}
}

// linkDag adds the edge of one use.
func (k *checker) linkDag(p *Project, d *airflow.DAG, u airflow.Use) {
	id, ours, err := asset.Dataset(u.URI)
	switch {
	case !ours || !u.Certain:
		return
	case err != nil:
		k.inFile(u.Position, RuleDatasetOwner, err.Error(), `write "trunkline://project/name@version"`)
		return
	}
	me := dagID(p.Name, d)
	before := len(k.findings)
	id, there := k.dataset(p, me, id, []any{"spec", "dags"})
	for i := before; i < len(k.findings); i++ {
		k.findings[i].Position, k.findings[i].Path = u.Position, ""
	}
	if !there {
		return
	}
	e := Edge{From: id, To: me, Kind: Reads, Role: string(u.Kind)}
	switch u.Kind {
	case airflow.Scheduled:
	case airflow.Inlet:
		e.Kind = Inlet
	case airflow.Outlet:
		e = Edge{From: me, To: id, Kind: Writes, Role: string(u.Kind)}
		if !k.mayWrite(p, e, u.Position) {
			return
		}
	}
	if _, again := p.dagPlaces[e]; again {
		return
	}
	if p.dagPlaces == nil {
		p.dagPlaces, p.dagNodes = map[Edge]v1alpha1.Position{}, map[string]v1alpha1.Position{}
	}
	p.dagPlaces[e] = u.Position
	if _, known := p.dagNodes[me]; !known {
		p.dagNodes[me] = d.Position
	}
	p.dagEdges = append(p.dagEdges, e)
}

// mayWrite reports whether a DAG file may have a dataset as an outlet: it is one of its project's, and nobody else writes it.
func (k *checker) mayWrite(p *Project, e Edge, at v1alpha1.Position) bool {
	if owner, _, _ := strings.Cut(e.To, "/"); owner != p.Name {
		k.inFile(at, RuleDatasetOwner, fmt.Sprintf("the dataset %s belongs to the project %q; only its own DAG files and workloads may write it", e.To, owner),
			"declare a dataset of your own for others to read")
		return false
	}
	all := slices.Concat(p.edges, p.dagEdges)
	i := slices.IndexFunc(all, func(o Edge) bool { return o.Kind == Writes && o.To == e.To && o.From != e.From })
	if i < 0 {
		return true
	}
	other := all[i]
	k.inFile(at, RuleWriters, fmt.Sprintf("%s is written by %s and by %s", e.To, other.From, e.From),
		"have one of them write it, and give the other a dataset or a version of its own")
	last := &k.findings[len(k.findings)-1]
	last.About.Workload = ""
	last.Trace = []v1alpha1.Step{{Position: k.c.edgePosition(p, other), Message: other.Because()}, {Position: at, Message: e.Because()}}
	return true
}

// inFile denies the tree because of a place in a file that is no declaration.
func (k *checker) inFile(at v1alpha1.Position, rule, message, hint string) {
	k.add(v1alpha1.Problem{Rule: rule, Position: at, Message: message, Hint: hint, About: v1alpha1.About{Project: k.doc.Name}}, nil)
}
