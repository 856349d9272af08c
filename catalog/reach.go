// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"slices"
	"strings"
)

// closes reports whether an edge closes a cycle: whether its end reaches its beginning. It searches from both sides
// in turns and is done when either side has no way on, so that it costs twice the smaller of what lies
// downstream and what lies upstream, whatever the size of the platform.
func (c *Catalog) closes(e Edge) bool {
	if e.From == e.To {
		return true
	}
	down := search{seen: map[string]bool{e.To: true}, queue: []string{e.To}, next: c.successors}
	up := search{seen: map[string]bool{e.From: true}, queue: []string{e.From}, next: c.predecessors}
	for len(down.queue) > 0 && len(up.queue) > 0 {
		if down.step(up.seen) || up.step(down.seen) {
			return true
		}
	}
	return false
}

// search is one side of a search.
type search struct {
	seen  map[string]bool
	queue []string
	next  func(id string) []string
}

// step looks at the neighbours of one node, and reports whether the other side has seen one of them.
func (s *search) step(other map[string]bool) bool {
	if len(s.queue) == 0 {
		return false
	}
	at := s.queue[0]
	s.queue = s.queue[1:]
	for _, id := range s.next(at) {
		if other[id] {
			return true
		}
		if !s.seen[id] {
			s.seen[id] = true
			s.queue = append(s.queue, id)
		}
	}
	return false
}

// successors are the nodes that edges from a node lead to.
func (c *Catalog) successors(id string) (next []string) {
	project, _, _ := strings.Cut(id, "/")
	p, ok := c.projects.Get(project)
	if !ok {
		return nil
	}
	if id == project {
		for other := range below(c.readers, id+"/"+sep) {
			if p, ok := c.projects.Get(other); ok && slices.ContainsFunc(p.needs, func(e Edge) bool { return e.From == id }) {
				next = append(next, other)
			}
		}
		return next
	}
	if strings.Contains(id, "@") {
		for workload := range below(c.readers, id+sep) {
			name, local, _ := strings.Cut(workload, "/")
			if p, ok := c.projects.Get(name); ok && slices.ContainsFunc(p.flow(), func(e Edge) bool { return e.From == id && e.To == name+"/"+local }) {
				next = append(next, workload)
			}
		}
		return next
	}
	for _, e := range p.flow() {
		if e.From == id {
			next = append(next, e.To)
		}
	}
	return next
}

// predecessors are the nodes from which edges lead to a node.
func (c *Catalog) predecessors(id string) (next []string) {
	project, _, _ := strings.Cut(id, "/")
	p, ok := c.projects.Get(project)
	if !ok {
		return nil
	}
	for _, e := range p.links() {
		if e.To == id {
			next = append(next, e.From)
		}
	}
	return next
}

// Readers returns the workloads and DAGs that read a dataset, or would if it were there, by id.
func (c *Catalog) Readers(dataset string) []string {
	var ids []string
	for workload := range below(c.readers, dataset+sep) {
		ids = append(ids, workload)
	}
	return slices.Compact(ids)
}

// Successors returns the nodes that follow a node directly, sorted.
func (c *Catalog) Successors(id string) []string { return distinct(c.successors(id)) }

// Predecessors returns the nodes that come directly before a node, sorted.
func (c *Catalog) Predecessors(id string) []string { return distinct(c.predecessors(id)) }

func distinct(ids []string) []string {
	slices.Sort(ids)
	return slices.Compact(ids)
}
