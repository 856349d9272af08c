// SPDX-License-Identifier: Apache-2.0

package airflow

import (
	"fmt"
	"slices"
)

// edge says that one task waits for another.
type edge struct {
	from, to *task
	at       *node
	sure     bool
}

// xcom stands for what tasks give to others.
type xcom struct{ tasks []*task }

// label is the result of Label(): a text on edges, which connects what is put on its sides.
type label struct{ up, down []value }

// connect makes an edge, where it is certain that there is one or not.
func (m *machine) connect(n *node, from, to *task, certain bool) {
	if from.dag == nil && to.dag != nil {
		m.adopt(n, to.dag, from)
	} else if to.dag == nil && from.dag != nil {
		m.adopt(n, from.dag, to)
	}
	if from.dag == nil || from.dag != to.dag {
		return
	}
	d := from.dag
	certain = certain && m.sure() && from.sure && to.sure
	if e := d.index[[2]*task{from, to}]; e != nil {
		if certain && !e.sure {
			e.sure, e.at = true, n
		}
		return
	}
	m.edges++
	if m.edges > maxEdges {
		m.stop(fmt.Sprintf("the file connects tasks more than %d times and was not followed further", maxEdges), "split it")
		return
	}
	m.made++
	e := &edge{from, to, n, certain}
	d.edges = append(d.edges, e)
	d.index[[2]*task{from, to}] = e
	from.down, to.up = append(from.down, e), append(to.up, e)
}

// arrow connects the sides of ">>" and "<<". It is false when they have nothing to do with tasks.
func (m *machine) arrow(n *node, down bool, left, right value) (value, bool) {
	switch {
	case isNode(left):
		m.relate(n, left, right, down)
		return right, true
	case isNode(right) && !isConstant(left):
		m.relate(n, right, left, !down)
		return right, true
	}
	_, mystery := left.(*unknown)
	_, mystery2 := right.(*unknown)
	if m.matters(left) || m.matters(right) || mystery && mystery2 && len(m.mod.dags) > 0 {
		m.lost(n)
		return &unknown{}, true
	}
	return nil, false
}

// isNode is true for what can be on a side of an edge by itself.
func isNode(v value) bool {
	switch v.(type) {
	case *task, *xcom, *group, *label:
		return true
	}
	return false
}

// lost reports an edge that cannot be followed.
func (m *machine) lost(n *node) {
	m.made++
	if m.maybe == 0 {
		m.undecided(n, fmt.Sprintf("what %q connects is not known", m.brief(n)), "connect tasks that are made in the file")
	}
}

// nodes returns the nodes in a value: itself, or the items of a list.
func (m *machine) nodes(n *node, v value) []value {
	if isNode(v) {
		return []value{v}
	}
	l, ok := v.(*list)
	if !ok {
		if !isConstant(v) {
			m.lost(n)
		}
		return nil
	}
	if l.open {
		m.lost(n)
	}
	var out []value
	for _, item := range l.items {
		switch {
		case isNode(item):
			out = append(out, item)
		case !isConstant(item):
			m.lost(n)
		}
	}
	return out
}

// relate puts the others after a node, or before it.
func (m *machine) relate(n *node, of, others value, down bool) {
	if !m.step() {
		return
	}
	switch of := of.(type) {
	case *task:
		m.relateTask(n, of, m.nodes(n, others), down)
	case *xcom:
		for _, t := range of.tasks {
			m.relateTask(n, t, m.nodes(n, others), down)
		}
	case *group:
		m.relateGroup(n, of, m.nodes(n, others), down)
	case *label:
		m.relateLabel(n, of, m.nodes(n, others), down)
	}
}

func (m *machine) relateTask(n *node, t *task, others []value, down bool) {
	for _, o := range others {
		m.told(n, o, t, !down)
		for _, other := range m.ends(o, down) {
			from, to := t, other
			if !down {
				from, to = other, t
			}
			m.connect(n, from, to, !m.blurredGroup(o))
		}
	}
}

// ends are the tasks of a node that an edge goes to: its first ones when it is put after something.
func (m *machine) ends(v value, first bool) []*task {
	switch v := v.(type) {
	case *task:
		return []*task{v}
	case *xcom:
		return v.tasks
	case *group:
		m.steps += len(v.children)
		if first {
			return v.roots()
		}
		return v.leaves()
	case *label:
		side := v.up
		if first {
			side = v.down
		}
		var out []*task
		for _, s := range side {
			if t, ok := s.(*task); ok {
				out = append(out, t)
			}
		}
		return out
	}
	return nil
}

// blurredGroup is true for a group whose first and last tasks are not certain.
func (m *machine) blurredGroup(v value) bool {
	g, ok := v.(*group)
	if !ok {
		return false
	}
	if g.dag == nil || g.dag.blurred || !g.sure || g.hidden() {
		return true
	}
	for _, t := range g.members() {
		if slices.ContainsFunc(t.up, func(e *edge) bool { return !e.sure }) {
			return true
		}
	}
	return false
}

// told lets a node know what it was connected to by the other side.
func (m *machine) told(n *node, v value, t *task, down bool) {
	switch v := v.(type) {
	case *group:
		if !down {
			v.up = append(v.up, t)
		}
	case *label:
		m.relateLabel(n, v, []value{t}, down)
	}
}

func (m *machine) relateGroup(n *node, g *group, others []value, down bool) {
	tasks := g.roots()
	if down {
		tasks = g.ends()
	}
	m.steps += len(g.children) + len(tasks)
	blurred := m.blurredGroup(g)
	for _, o := range others {
		if _, nested := o.(*group); !nested && !down {
			g.up = append(g.up, m.ends(o, true)...)
		}
	}
	if blurred {
		m.guarded++
		defer func() { m.guarded-- }()
	}
	for _, t := range tasks {
		m.relateTask(n, t, others, down)
	}
}

// relateLabel puts nodes on a side of a label, and connects them to those on the other side.
func (m *machine) relateLabel(n *node, l *label, others []value, down bool) {
	here, there := &l.up, &l.down
	if down {
		here, there = there, here
	}
	others = slices.DeleteFunc(slices.Clone(others), func(v value) bool { _, again := v.(*label); return again })
	*here = append(*here, others...)
	if len(*there) == 0 {
		return
	}
	if !oneGroup(append(slices.Clone(l.up), l.down...)) {
		l.up, l.down = groupsOf(l.up), groupsOf(l.down)
	}
	for _, o := range *there {
		m.relate(n, o, &list{kind: '[', items: others}, down)
	}
}

// oneGroup is true when all nodes are in the same group: Airflow then connects them, and the groups otherwise.
func oneGroup(nodes []value) bool {
	var of *group
	for i, v := range nodes {
		var g *group
		switch v := v.(type) {
		case *task:
			g = v.group
		case *xcom:
			if len(v.tasks) > 0 {
				g = v.tasks[0].group
			}
		case *group:
			g = v.parent
		}
		if i > 0 && g != of {
			return false
		}
		of = g
	}
	return true
}

func groupsOf(nodes []value) []value {
	out := slices.Clone(nodes)
	for i, v := range out {
		switch v := v.(type) {
		case *task:
			if v.group != nil && v.group.parent != nil {
				out[i] = v.group
			}
		case *group:
			if v.parent != nil && v.parent.parent != nil {
				out[i] = v.parent
			}
		}
	}
	return out
}
