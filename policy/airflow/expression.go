// SPDX-License-Identifier: Apache-2.0

package airflow

import (
	"strconv"
	"strings"
)

// eval finds out what an expression stands for.
func (m *machine) eval(n *node, in *scope) value {
	if n == nil || !m.step() {
		return &unknown{}
	}
	m.depth++
	defer func() { m.depth-- }()
	if m.depth > 4*maxDepth {
		m.stop("the file has expressions and calls too deep in each other, and was not followed further", "")
		return &unknown{}
	}
	if v := m.literal(n, in); v != nil {
		return v
	}
	switch n.kind {
	case "identifier":
		return m.name(m.text(n), in)
	case "parenthesized_expression", "expression_list", "pattern_list":
		return m.several(n, in)
	case "list", "tuple", "set":
		return m.display(n, in)
	case "dictionary":
		return m.dictionary(n, in)
	case "list_comprehension", "set_comprehension", "generator_expression", "dictionary_comprehension":
		return m.comprehension(n, in)
	case "attribute":
		return m.attribute(m.eval(n.child("object"), in), m.text(n.child("attribute")))
	case "subscript":
		return m.subscript(n, in)
	case "call":
		return m.call(n, in)
	case "binary_operator":
		left := m.eval(n.child("left"), in)
		return m.binary(n, m.text(n.child("operator")), left, m.eval(n.child("right"), in))
	case "unary_operator":
		return unary(m.text(n.child("operator")), m.eval(n.child("argument"), in))
	case "not_operator":
		if is, known := truth(m.eval(n.child("argument"), in)); known {
			return !is
		}
	case "boolean_operator":
		return m.boolean(n, in)
	case "comparison_operator":
		return m.comparison(n, in)
	case "conditional_expression":
		return m.conditional(n, in)
	case "named_expression":
		v := m.eval(n.child("value"), in)
		m.assign(n.child("name"), v, in)
		return v
	case "lambda":
		return m.define(n, in)
	case "assignment":
		return m.assignment(n, in)
	case "await", "yield", "list_splat", "dictionary_splat":
		m.eval(n.first(), in)
	case "as_pattern":
		return m.eval(n.first(), in)
	}
	return &unknown{}
}

// literal returns the value of a constant, or nil for what is none.
func (m *machine) literal(n *node, in *scope) value {
	switch n.kind {
	case "none":
		return none{}
	case "true":
		return true
	case "false":
		return false
	case "integer":
		if i, err := strconv.ParseInt(strings.ReplaceAll(m.text(n), "_", ""), 0, 64); err == nil {
			return i
		}
		return &unknown{}
	case "float":
		if f, err := strconv.ParseFloat(strings.ReplaceAll(m.text(n), "_", ""), 64); err == nil {
			return f
		}
		return &unknown{}
	case "string":
		return m.stringValue(n, in)
	case "concatenated_string":
		var out value = text("")
		for i, part := range n.parts() {
			v := m.stringValue(part, in)
			if i == 0 {
				out = v
			} else {
				out = m.plus(out, v)
			}
		}
		return out
	}
	return nil
}

// several returns the value in parentheses, or the tuple of values between commas.
func (m *machine) several(n *node, in *scope) value {
	if n.kind == "parenthesized_expression" {
		return m.eval(n.first(), in)
	}
	return m.display(n, in)
}

// name returns what a name stands for.
func (m *machine) name(name string, in *scope) value {
	if v, ok := in.lookup(name); ok {
		return v
	}
	switch name {
	case "__name__":
		return &symbol{"__name__"}
	case "__file__":
		if in.module != m.global {
			return &unknown{}
		}
		return &symbol{"__file__"}
	case "__doc__":
		return &unknown{}
	}
	if isBuiltin(name) {
		return &builtin{name}
	}
	for _, module := range in.module.wild {
		if len(in.module.wild) == 1 || meaning(module+"."+name) != "" {
			return &symbol{module + "." + name}
		}
	}
	return &unknown{}
}

// display returns a list, tuple or set that is written out.
func (m *machine) display(n *node, in *scope) value {
	l := &list{kind: '('}
	switch n.kind {
	case "list", "list_pattern":
		l.kind = '['
	case "set":
		l.kind = '{'
	}
	for _, part := range n.parts() {
		if part.kind != "list_splat" && part.kind != "list_splat_pattern" && part.kind != "parenthesized_list_splat" {
			l.items = append(l.items, m.eval(part, in))
			continue
		}
		m.extend(l, m.eval(part.first(), in))
	}
	return l
}

// extend adds the items of a value to a list.
func (m *machine) extend(l *list, v value) {
	items, known := m.items(v)
	l.open = l.open || !known || m.maybe > 0
	if len(l.items)+len(items) > maxItems {
		l.open = true
		return
	}
	l.items = append(l.items, items...)
}

func (m *machine) dictionary(n *node, in *scope) value {
	d := newDict()
	for _, part := range n.parts() {
		if part.kind == "dictionary_splat" {
			m.update(d, m.eval(part.first(), in))
			continue
		}
		key := m.eval(part.child("key"), in)
		d.set(key, m.eval(part.child("value"), in))
	}
	return d
}

func (m *machine) update(d *dict, v value) {
	other, ok := v.(*dict)
	if !ok {
		d.open = true
		return
	}
	d.open = d.open || other.open
	for _, key := range other.keys {
		d.set(key, other.values[key])
	}
}

// items returns what a loop goes through; known is false when that is not known.
func (m *machine) items(v value) (items []value, known bool) {
	defer func() { m.steps += len(items) / 4 }() // copying is work too
	switch v := v.(type) {
	case *list:
		return append([]value(nil), v.items...), !v.open && (v.kind != '{' || len(v.items) < 2 || constants(v.items))
	case *dict:
		return append([]value(nil), v.keys...), !v.open
	case text:
		if len(v) > maxItems {
			return nil, false
		}
		for _, c := range string(v) {
			items = append(items, text(string(c)))
		}
		return items, true
	}
	return nil, false
}

func constants(items []value) bool {
	for _, v := range items {
		if !isConstant(v) {
			return false
		}
	}
	return true
}

// comprehension runs the loops of a comprehension, innermost last.
func (m *machine) comprehension(n *node, in *scope) value {
	inner := newScope(in)
	out := &list{kind: '['}
	pairs := newDict()
	if n.kind == "set_comprehension" {
		out.kind = '{'
	}
	body := n.child("body")
	emit := func() {
		if body.kind == "pair" {
			key := m.eval(body.child("key"), inner)
			pairs.set(key, m.eval(body.child("value"), inner))
			pairs.open = pairs.open || m.maybe > 0
			return
		}
		v := m.eval(body, inner)
		if len(out.items) >= maxItems {
			out.open = true
			return
		}
		out.items = append(out.items, v)
	}
	before := m.maybe
	var clauses []*node
	for _, c := range n.parts() {
		if c.kind == "for_in_clause" || c.kind == "if_clause" {
			clauses = append(clauses, c)
		}
	}
	shaky := m.clauses(n, clauses, inner, emit)
	m.maybe = before
	if body.kind == "pair" {
		pairs.open = pairs.open || shaky
		return pairs
	}
	out.open = out.open || shaky
	return out
}

// clauses runs what is left of a comprehension. It is true when it is not known how often that is.
func (m *machine) clauses(n *node, left []*node, in *scope, emit func()) bool {
	if !m.step() {
		return true
	}
	if len(left) == 0 {
		emit()
		return false
	}
	clause, rest := left[0], left[1:]
	perhaps := func() bool {
		m.maybeRun(n, "how often this comprehension makes something is not known, and DAGs depend on it", func() { m.clauses(n, rest, in, emit) })
		return true
	}
	if clause.kind == "if_clause" {
		is, known := truth(m.eval(clause.first(), in))
		if !known {
			return perhaps()
		}
		return is && m.clauses(n, rest, in, emit)
	}
	items, known := m.items(m.eval(clause.child("right"), in))
	if !known {
		m.assign(clause.child("left"), &unknown{}, in)
		return perhaps()
	}
	shaky := false
	for _, item := range items {
		m.assign(clause.child("left"), item, in)
		shaky = m.clauses(n, rest, in, emit) || shaky
	}
	return shaky
}
