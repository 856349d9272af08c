// SPDX-License-Identifier: Apache-2.0

package airflow

import (
	"fmt"
	"slices"
)

// define makes a function of a def or a lambda. Defaults are evaluated here, as Python does.
func (m *machine) define(n *node, in *scope) *function {
	f := &function{name: "<lambda>", node: n, home: in, generator: n.has("async")}
	if name := n.child("name"); name != nil {
		f.name = m.text(name)
		f.generator = f.generator || yields(n.child("body"))
	}
	keyword := false
	list := n.child("parameters")
	for _, p := range list.parts() {
		name, fallback := p, value(nil)
		switch p.kind {
		case "typed_parameter":
			name = p.first()
		case "default_parameter", "typed_default_parameter":
			name, fallback = p.child("name"), m.eval(p.child("value"), in)
		}
		switch name.kind {
		case "keyword_separator":
			keyword = true
			continue
		case "positional_separator":
			continue
		case "list_splat_pattern":
			f.params = append(f.params, parameter{name: m.text(name.first()), stars: 1})
			keyword = true
			continue
		case "dictionary_splat_pattern":
			f.params = append(f.params, parameter{name: m.text(name.first()), stars: 2})
			continue
		}
		f.params = append(f.params, parameter{name: m.text(name), keyword: keyword, fallback: fallback})
	}
	return f
}

// yields is true for the body of a generator. Functions within it do not count.
func yields(n *node) bool {
	if n == nil || n.kind == "function_definition" || n.kind == "lambda" || n.kind == "class_definition" {
		return false
	}
	if n.kind == "yield" && n.named {
		return true
	}
	return slices.ContainsFunc(n.children, yields)
}

// callFunction runs a function of the file where it is called.
func (m *machine) callFunction(n *node, f *function, a arguments) value {
	if f.generator || f.altered {
		m.opaque(n, f)
		return &unknown{}
	}
	plain := m.plain
	m.plain = 0
	defer func() { m.plain = plain }()
	if m.calls >= maxCalls {
		m.undecided(n, fmt.Sprintf("%q is a call in more than %d calls in each other, and was not followed", m.brief(n), maxCalls), "")
		return &unknown{}
	}
	m.calls++
	defer func() { m.calls-- }()
	local := newScope(f.home)
	if f.home.outer != nil && isClassScope(f.home) {
		local = newScope(f.home.outer) // methods do not see the names of their class
	}
	m.bind(f, a, local)
	body := f.node.child("body")
	if f.node.kind == "lambda" {
		var v value
		m.abroad(n, body.in, func() { v = m.eval(body, local) })
		return v
	}
	maybe, guarded := m.maybe, m.guarded
	var result flow
	m.abroad(n, body.in, func() { result = m.block(body, local) })
	m.maybe, m.guarded = maybe, guarded
	switch {
	case result.kind == returns && !result.maybe:
		return result.result
	case result.kind == returns:
		return result.result
	case result.kind == raises:
		return &unknown{}
	}
	return none{}
}

func isClassScope(s *scope) bool { _, ok := s.names["\x00class"]; return ok }

// opaque reports the call of a function that cannot be followed, when it names things of Airflow.
func (m *machine) opaque(n *node, f *function) {
	if m.touches(f.node.child("body"), f.home) {
		m.made++
		m.blur(nil)
		m.undecided(n, fmt.Sprintf("what %q makes is not known", m.callee(n)), "make DAGs and tasks in plain functions, without generators and decorators of your own")
	}
}

// touches is true when a part of the file names something that makes DAGs or tasks.
func (m *machine) touches(n *node, in *scope) bool {
	if n == nil || !m.step() {
		return false
	}
	if n.kind == "identifier" {
		v, _ := in.lookup(m.text(n))
		switch v := v.(type) {
		case *symbol:
			kind := meaning(v.path)
			return kind != "" && kind != isAsset && kind != isTimetable || isOperatorName(last(v.path))
		case *mold, *factory, *groupMold, *dag, *task, *group:
			return true
		case *class:
			return v.operator()
		}
	}
	for _, c := range n.children {
		if c.field == "attribute" || c.field == "name" && n.kind == "keyword_argument" {
			continue
		}
		if m.touches(c, in) {
			return true
		}
	}
	return false
}

// bind returns the parameters of a function their values.
func (m *machine) bind(f *function, a arguments, local *scope) {
	used := map[string]bool{}
	left := a.list
	for _, p := range f.params {
		switch {
		case p.stars == 1:
			local.put(p.name, &list{kind: '(', items: left, open: a.openList})
			left = nil
		case p.stars == 2:
			rest := newDict()
			rest.open = a.openNames
			for _, name := range a.order {
				if !used[name] {
					rest.set(text(name), a.named[name])
				}
			}
			local.put(p.name, rest)
		case len(left) > 0 && !p.keyword:
			local.put(p.name, left[0])
			left = left[1:]
			used[p.name] = true
		default:
			v, found, known := a.get(p.name)
			used[p.name] = true
			switch {
			case found:
			case !known || a.openList || p.fallback == nil:
				v = &unknown{}
			default:
				v = p.fallback
			}
			local.put(p.name, v)
		}
	}
}
