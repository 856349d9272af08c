// SPDX-License-Identifier: Apache-2.0

package airflow

import (
	"fmt"
	"slices"
)

// block runs statements one after the other.
func (m *machine) block(n *node, in *scope) flow {
	if n == nil {
		return flow{}
	}
	var pending flow
	rest := m.doubt()
	defer rest.end()
	for _, statement := range n.children {
		if !statement.named || statement.kind == "comment" {
			continue
		}
		if m.stopped {
			return flow{}
		}
		f := m.statement(statement, in)
		if f.kind == goesOn {
			continue
		}
		if f.maybe {
			// It may have ended here: what follows may not run. When it ended with an exception that nobody catches,
			// Airflow refuses the file anyway, and what follows can be taken to run.
			if f.kind != raises || m.guarded > 0 {
				rest.begin(statement)
			}
			if pending.kind == goesOn {
				pending = f
			} else if f.kind == returns && pending.kind == returns {
				pending.result = either(pending.result, f.result)
			}
			continue
		}
		if pending.kind == returns && f.kind == returns {
			f.result = either(pending.result, f.result)
		}
		return f
	}
	if pending.kind == returns {
		pending.result = either(pending.result, none{})
	}
	return pending
}

func (m *machine) statement(n *node, in *scope) flow {
	if !m.step() {
		return flow{}
	}
	switch n.kind {
	case "expression_statement":
		m.expressionStatement(n, in)
	case "import_statement", "import_from_statement", "future_import_statement":
		return m.importStatement(n, in)
	case "if_statement":
		return m.ifStatement(n, in)
	case "for_statement":
		return m.forStatement(n, in)
	case "while_statement":
		return m.whileStatement(n, in)
	case "try_statement":
		return m.tryStatement(n, in)
	case "with_statement":
		return m.withStatement(n, in)
	case "match_statement":
		return m.matchStatement(n, in)
	case "function_definition":
		m.set(in, m.text(n.child("name")), m.define(n, in))
	case "class_definition":
		m.set(in, m.text(n.child("name")), m.classDefinition(n, in))
	case "decorated_definition":
		m.decorated(n, in)
	case "return_statement":
		var v value = none{}
		if expression := n.first(); expression != nil {
			v = m.eval(expression, in)
		}
		return flow{kind: returns, result: v}
	case "break_statement":
		return flow{kind: breaks}
	case "continue_statement":
		return flow{kind: continues}
	case "raise_statement":
		m.cannotLoad(n, fmt.Sprintf("%q raises an exception when the file is loaded", m.brief(n)), "let it depend on what is only known when tasks run, or catch it")
		return flow{kind: raises}
	case "assert_statement", "print_statement", "exec_statement":
		for _, p := range n.parts() {
			m.eval(p, in)
		}
	case "delete_statement":
		m.deleteStatement(n, in)
	case "global_statement", "nonlocal_statement":
		m.elsewhere(n, in)
	}
	return flow{}
}

func (m *machine) elsewhere(n *node, in *scope) {
	if in.elsewhere == nil {
		in.elsewhere = map[string]*scope{}
	}
	for _, name := range n.parts() {
		to := in.module
		if n.kind == "nonlocal_statement" && in.outer != nil {
			to = in.outer
			for to.outer != nil && to.names[m.text(name)] == nil {
				to = to.outer
			}
		}
		if to != in {
			in.elsewhere[m.text(name)] = to
		}
	}
}

func (m *machine) deleteStatement(n *node, in *scope) {
	targets := n.parts()
	if len(targets) == 1 && targets[0].kind == "expression_list" {
		targets = targets[0].parts()
	}
	for _, t := range targets {
		switch t.kind {
		case "identifier":
			m.remove(in, m.text(t))
		case "subscript":
			of := m.eval(t.child("value"), in)
			key := m.eval(t.child("subscript"), in)
			switch of := of.(type) {
			case *dict:
				if isConstant(key) && m.maybe == 0 {
					of.remove(key)
				} else {
					of.open = true
				}
			case *list:
				of.open = true
			case *namespace:
				if name, ok := key.(text); ok {
					m.remove(of.of, string(name))
				}
			}
		}
	}
}

func (m *machine) expressionStatement(n *node, in *scope) {
	for _, p := range n.parts() {
		switch p.kind {
		case "assignment":
			m.assignment(p, in)
		case "augmented_assignment":
			m.augmented(p, in)
		default:
			m.eval(p, in)
		}
	}
}

// assignment returns the value on the right to all targets.
func (m *machine) assignment(n *node, in *scope) value {
	right := n.child("right")
	if right == nil {
		return &unknown{} // a bare annotation
	}
	var v value
	switch right.kind {
	case "assignment":
		v = m.assignment(right, in)
	case "augmented_assignment":
		m.augmented(right, in)
		v = &unknown{}
	default:
		v = m.eval(right, in)
	}
	m.assign(n.child("left"), v, in)
	return v
}

func (m *machine) augmented(n *node, in *scope) {
	left := n.child("left")
	was, v := m.eval(left, in), m.eval(n.child("right"), in)
	operator := m.text(n.child("operator"))
	if l, ok := was.(*list); ok && operator == "+=" && l.kind == '[' {
		m.extend(l, v)
		return
	}
	m.assign(left, m.binary(n, operator[:len(operator)-1], was, v), in)
}

// assign returns a value to a target.
func (m *machine) assign(target *node, v value, in *scope) {
	if target == nil || !m.step() {
		return
	}
	switch target.kind {
	case "identifier":
		m.set(in, m.text(target), v)
	case "pattern_list", "tuple_pattern", "list_pattern", "tuple", "list", "expression_list":
		m.unpack(target.parts(), v, in)
	case "parenthesized_expression", "list_splat_pattern", "as_pattern_target":
		m.assign(target.first(), v, in)
	case "attribute":
		m.setAttribute(target, m.eval(target.child("object"), in), m.text(target.child("attribute")), v)
	case "subscript":
		m.setItem(target, m.eval(target.child("value"), in), m.eval(target.child("subscript"), in), v)
	}
}

func (m *machine) unpack(targets []*node, v value, in *scope) {
	if _, ok := v.(*xcom); ok {
		m.cannotLoad(targets[0], "the result of a task cannot be taken apart before the task runs", `name its parts: result["…"], with multiple_outputs`)
	}
	l, ok := v.(*list)
	star := slices.IndexFunc(targets, func(t *node) bool { return t.kind == "list_splat_pattern" || t.kind == "list_splat" })
	known := ok && !l.open && l.kind != '{' && (len(l.items) == len(targets) || star >= 0 && len(l.items) >= len(targets)-1)
	for i, t := range targets {
		switch after := len(targets) - 1 - i; {
		case !known:
			m.assign(t, &unknown{}, in)
		case star < 0 || i < star:
			m.assign(t, l.items[i], in)
		case i > star:
			m.assign(t, l.items[len(l.items)-1-after], in)
		default:
			m.assign(t.first(), &list{kind: '[', items: slices.Clone(l.items[i : len(l.items)-after])}, in)
		}
	}
}

// setItem returns an item of a list, a dict or the module its value.
func (m *machine) setItem(at *node, of, key, v value) {
	switch of := of.(type) {
	case *dict:
		if m.maybe > 0 {
			of.open = true
			of.remove(key)
			return
		}
		of.set(key, v)
	case *list:
		if i, ok := key.(int64); ok && m.maybe == 0 && i >= 0 && int(i) < len(of.items) {
			of.items[i] = v
			return
		}
		of.open = true
	case *namespace:
		if name, ok := key.(text); ok {
			m.set(of.of, string(name), v)
			return
		}
		if d, ok := v.(*dag); ok {
			d.registered = true
		}
		m.undecided(at, fmt.Sprintf("%q gives a value to a name that is not known", m.brief(at)), "use names that are written in the file")
	}
}
