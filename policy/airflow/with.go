// SPDX-License-Identifier: Apache-2.0

package airflow

import "slices"

// setting is a with statement on setup and teardown tasks: what is made in it comes between them.
type setting struct{ before, after, tasks []*task }

// withStatement enters what is named, runs the body and leaves it again.
func (m *machine) withStatement(n *node, in *scope) flow {
	var items []*node
	for _, c := range n.parts() {
		if c.kind == "with_clause" {
			items = c.parts()
		}
	}
	if len(items) == 1 {
		items = unwrapItems(items)
	}
	return m.enter(n, items, in)
}

// unwrapItems takes apart the items in parentheses, which the grammar may see as a tuple.
func unwrapItems(items []*node) []*node {
	inner := items[0].first()
	if inner != nil && inner.kind == "tuple" {
		return inner.parts()
	}
	return items
}

func (m *machine) enter(n *node, items []*node, in *scope) flow {
	if len(items) == 0 {
		return m.block(n.child("body"), in)
	}
	item, rest := items[0], items[1:]
	if item.kind == "with_item" {
		item = item.first()
	}
	expression, target := item, (*node)(nil)
	if item.kind == "as_pattern" {
		expression, target = item.first(), item.child("alias")
	}
	v := m.eval(expression, in)
	if target != nil {
		m.assign(target, v, in)
	}
	var f flow
	run := func() { f = m.enter(n, rest, in) }
	switch v := v.(type) {
	case *dag:
		m.within(v, run)
	case *group:
		m.groups = append(m.groups, v)
		run()
		m.groups = m.groups[:len(m.groups)-1]
	case *task, *xcom, *list:
		m.between(n, v, run)
	case *builtin, *symbol, *function, *class, none, text, int64:
		run()
	case *instance:
		if neutral(v.path) && v.path != "contextlib.suppress" {
			run()
			break
		}
		m.guarded++
		run()
		m.guarded--
	default:
		// Something that may catch exceptions.
		m.guarded++
		run()
		m.guarded--
	}
	return f
}

// between runs the body of a with statement on setup and teardown tasks. Which edges Airflow makes depends on more
// than is followed here, so that they are not certain.
func (m *machine) between(n *node, v value, run func()) {
	s := &setting{}
	for _, t := range tasksOf(v) {
		if t.teardown {
			s.after = append(s.after, t)
			for _, e := range t.up {
				if e.from.setup && !slices.Contains(s.before, e.from) {
					s.before = append(s.before, e.from)
				}
			}
		} else {
			s.before = append(s.before, t)
			for _, e := range t.down {
				if e.to.teardown {
					s.after = append(s.after, e.to)
				}
			}
		}
	}
	m.setups = append(m.setups, s)
	run()
	m.setups = m.setups[:len(m.setups)-1]
	for _, t := range s.tasks {
		for _, b := range s.before {
			m.connect(n, b, t, false)
		}
		for _, a := range s.after {
			m.connect(n, t, a, false)
		}
	}
}

func tasksOf(v value) []*task {
	switch v := v.(type) {
	case *task:
		return []*task{v}
	case *xcom:
		return v.tasks
	case *list:
		var out []*task
		for _, item := range v.items {
			if _, within := item.(*list); !within {
				out = append(out, tasksOf(item)...)
			}
		}
		return out
	}
	return nil
}
