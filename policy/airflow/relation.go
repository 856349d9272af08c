// SPDX-License-Identifier: Apache-2.0

package airflow

import (
	"fmt"
	"slices"
)

// partial is the result of an operator's partial(): a task that waits for what it is expanded over.
type partial struct {
	of      operator
	at      *node
	options arguments
}

func (m *machine) partial(n *node, of value, a arguments) value {
	var k operator
	switch of := of.(type) {
	case *symbol:
		k = operator{name: last(of.path), path: of.path, certain: meaning(of.path) == isOperator}
	case *class:
		k = of.kind()
		k.naming = false // its __init__ runs only when the DAG runs
	}
	d, g := m.belongs(a)
	if d != nil && a.named["dag"] == nil {
		a = a.over(arguments{})
		a.set("dag", d)
		if _, found := a.named["task_group"]; !found {
			a.set("task_group", g)
		}
	}
	return &partial{of: k, at: n, options: a}
}

// expand makes the one task that stands for all that are made when the DAG runs.
func (m *machine) expand(n *node, p *partial, a arguments) value {
	k := p.of
	k.mapped = true
	t := m.newTask(n, k, p.options)
	for _, v := range a.every() {
		for _, from := range producers(v) {
			m.connect(n, from, t, true)
		}
	}
	return t
}

// nodeMethod calls a method of a task, an XCom, a group or a label.
func (m *machine) nodeMethod(n *node, of value, name string, a arguments) value {
	switch name {
	case "set_downstream", "set_upstream":
		if others := a.either(0, "task_or_task_list"); others != nil {
			m.relate(n, of, others, name == "set_downstream")
		}
		return none{}
	case "as_setup", "as_teardown":
		for _, t := range tasksOf(of) {
			t.setup = t.setup || name == "as_setup"
			t.teardown = t.teardown || name == "as_teardown"
		}
		if setups := a.named["setups"]; setups != nil && !isNone(setups) {
			for _, s := range m.nodes(n, setups) {
				for _, t := range tasksOf(s) {
					t.setup = true
				}
				m.relate(n, s, of, true)
			}
		}
		return of
	case "map", "zip", "concat":
		if x, ok := of.(*xcom); ok {
			return &xcom{tasks: append(slices.Clone(x.tasks), producers(&list{kind: '[', items: a.every()})...)}
		}
	case "add":
		if g, ok := of.(*group); ok && g.dag != nil {
			g.dag.blurred = true
			m.undecided(n, fmt.Sprintf("what %q adds to the group is not followed", m.brief(n)), "make the task within the group")
		}
	case "override", "partial", "expand":
		m.mystery(n, a)
	}
	return &unknown{}
}

// xcomOf is XComArg(task).
func (m *machine) xcomOf(a arguments) value {
	return &xcom{tasks: tasksOf(a.either(0, "operator"))}
}

// chains is chain, chain_linear and cross_downstream.
func (m *machine) chains(n *node, kind string, a arguments) {
	if a.openList || a.openNames {
		m.lost(n)
	}
	if kind == isCross {
		from, to := a.either(0, "from_tasks"), a.either(1, "to_tasks")
		if from == nil || to == nil {
			return
		}
		for _, v := range m.nodes(n, from) {
			m.relate(n, v, to, true)
		}
		return
	}
	for i := 1; i < len(a.list); i++ {
		up, down := a.list[i-1], a.list[i]
		switch {
		case kind == isChainLinear:
			for _, v := range m.nodes(n, up) {
				m.relate(n, v, down, true)
			}
		case isNode(up):
			m.relate(n, up, down, true)
		case isNode(down):
			m.relate(n, down, up, false)
		default:
			m.pairs(n, up, down)
		}
	}
}

// pairs connects two lists one by one, as chain does. Airflow refuses lists of different lengths.
func (m *machine) pairs(n *node, up, down value) {
	a, ok := up.(*list)
	b, ok2 := down.(*list)
	if !ok || !ok2 || a.open || b.open {
		m.lost(n)
		return
	}
	for i := range min(len(a.items), len(b.items)) {
		if isNode(a.items[i]) {
			m.relate(n, a.items[i], b.items[i], true)
		} else {
			m.lost(n)
		}
	}
}
