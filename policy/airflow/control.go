// SPDX-License-Identifier: Apache-2.0

package airflow

import (
	"fmt"
	"strings"
)

// branch is one way that the file may take.
type branch struct {
	condition *node // nil for else
	body      *node
}

func (m *machine) ifStatement(n *node, in *scope) flow {
	branches := []branch{{n.child("condition"), n.child("consequence")}}
	for _, a := range n.all("alternative") {
		if a.kind == "elif_clause" {
			branches = append(branches, branch{a.child("condition"), a.child("consequence")})
		} else {
			branches = append(branches, branch{nil, a.child("body")})
		}
	}
	return m.choose(n, branches, in)
}

// choose takes the branch whose condition is true, or every one that may be taken.
func (m *machine) choose(n *node, branches []branch, in *scope) flow {
	for i, b := range branches {
		if b.condition == nil {
			return m.block(b.body, in)
		}
		is, known := truth(m.eval(b.condition, in))
		if known && is {
			return m.block(b.body, in)
		}
		if !known {
			return m.maybes(n, branches[i:], in)
		}
	}
	return flow{}
}

// maybes runs all branches as ones that may not run, and keeps of the names what they agree on.
func (m *machine) maybes(n *node, branches []branch, in *scope) flow {
	why := fmt.Sprintf("which way %q goes is not known, and DAGs depend on it", m.brief(n))
	var ways []map[slot]value
	var flows []flow
	whole := false
	for i, b := range branches {
		if i > 0 && b.condition != nil {
			if is, known := truth(m.eval(b.condition, in)); known && !is {
				continue
			}
		}
		var f flow
		ways = append(ways, m.maybeRun(n, why, func() { f = m.block(b.body, in) }))
		flows = append(flows, f)
		whole = whole || b.condition == nil
	}
	if !whole {
		ways, flows = append(ways, map[slot]value{}), append(flows, flow{})
	}
	return m.meet(ways, flows)
}

// meet goes on after several ways, of which one is taken. One that ends here for certain leaves nothing to what follows.
func (m *machine) meet(ways []map[slot]value, flows []flow) flow {
	kept := ways[:0:0]
	for i, way := range ways {
		if flows[i].kind == goesOn || flows[i].maybe {
			kept = append(kept, way)
		}
	}
	m.merge(kept...)
	return join(flows)
}

// join is how several ways end, of which one is taken.
func join(flows []flow) flow {
	out := flow{}
	for i, f := range flows {
		switch {
		case i == 0:
			out = f
		case f.kind == goesOn && out.kind == goesOn:
		case f.kind == returns && out.kind == returns:
			out = flow{kind: returns, maybe: f.maybe || out.maybe, result: either(out.result, f.result)}
		case f.kind == out.kind:
			out.maybe = out.maybe || f.maybe
		case out.kind == goesOn, out.kind == raises && f.kind != goesOn:
			f.maybe = true
			out = f
		default:
			out.maybe = true
		}
	}
	return out
}

func (m *machine) matchStatement(n *node, in *scope) flow {
	for _, subject := range n.all("subject") {
		m.eval(subject, in)
	}
	var branches []branch
	for _, c := range n.child("body").all("alternative") {
		// Patterns give values to names; those are not known.
		for _, p := range c.parts() {
			if p.kind == "case_pattern" {
				m.forgetNames(p, in)
			}
		}
		branches = append(branches, branch{c, c.child("consequence")})
	}
	if len(branches) == 0 {
		return flow{}
	}
	return m.maybes(n, branches, in)
}

// forgetNames makes unknown what the names in a part of the file stand for.
func (m *machine) forgetNames(n *node, in *scope) {
	if n.kind == "identifier" {
		m.set(in, m.text(n), &unknown{})
	}
	for _, c := range n.children {
		m.forgetNames(c, in)
	}
}

func (m *machine) forStatement(n *node, in *scope) flow {
	over := m.eval(n.child("right"), in)
	body, left := n.child("body"), n.child("left")
	if _, ok := over.(*xcom); ok {
		m.cannotLoad(n, "a loop cannot go through the result of a task before the task runs", "use expand()")
	}
	used(over)
	items, known := m.items(over)
	if !known {
		return m.maybeLoop(n, fmt.Sprintf("what %q goes through is not known, and DAGs depend on it", m.brief(n)), func() flow {
			m.assign(left, &unknown{}, in)
			return m.block(body, in)
		})
	}
	rest := m.doubt()
	defer rest.end()
	var pending flow
	for _, item := range items {
		if !m.step() {
			return flow{}
		}
		m.assign(left, item, in)
		f := m.block(body, in)
		if f.kind == breaks && !f.maybe {
			return pending
		}
		if (f.kind == returns || f.kind == raises) && !f.maybe {
			return f
		}
		if f.maybe && f.kind != continues {
			rest.begin(n)
			if f.kind != breaks && pending.kind == goesOn {
				pending = f
			}
		}
	}
	return m.loopElse(n, in, pending)
}

func (m *machine) loopElse(n *node, in *scope, pending flow) flow {
	if otherwise := n.child("alternative"); otherwise != nil {
		if f := m.block(otherwise.child("body"), in); f.kind != goesOn {
			return f
		}
	}
	return pending
}

// maybeLoop runs the body of a loop once, for all the times that it may run.
func (m *machine) maybeLoop(n *node, why string, run func() flow) flow {
	var f flow
	left := m.maybeRun(n, why, func() { f = run() })
	// A second time round, names have the values of the first: what changed is not known.
	for s := range left {
		left[s] = &unknown{}
	}
	m.merge(left)
	if f.kind == returns || f.kind == raises {
		f.maybe = true
		return f
	}
	return flow{}
}

func (m *machine) whileStatement(n *node, in *scope) flow {
	for range maxItems {
		if !m.step() {
			return flow{}
		}
		is, known := truth(m.eval(n.child("condition"), in))
		if !known {
			return m.maybeLoop(n, fmt.Sprintf("how often %q runs is not known, and DAGs depend on it", m.brief(n)), func() flow {
				return m.block(n.child("body"), in)
			})
		}
		if !is {
			return m.loopElse(n, in, flow{})
		}
		f := m.block(n.child("body"), in)
		switch {
		case f.kind == goesOn || f.kind == continues && !f.maybe:
		case f.maybe:
			return m.maybeLoop(n, fmt.Sprintf("how often %q runs is not known, and DAGs depend on it", m.brief(n)), func() flow {
				return m.block(n.child("body"), in)
			})
		case f.kind == breaks:
			return flow{}
		default:
			return f
		}
	}
	m.stop(fmt.Sprintf("%q runs more than %d times", m.brief(n), maxItems), "")
	return flow{}
}

// tryStatement runs the body as guarded, and the handlers as ones that may run.
func (m *machine) tryStatement(n *node, in *scope) flow {
	var handlers []*node
	var otherwise, finally *node
	for _, c := range n.parts() {
		switch c.kind {
		case "except_clause", "except_group_clause":
			handlers = append(handlers, c)
		case "else_clause":
			otherwise = c.child("body")
		case "finally_clause":
			finally = c.first()
		}
	}
	var f flow
	if len(handlers) == 0 {
		f = m.block(n.child("body"), in)
	} else {
		f = m.guard(n, handlers, otherwise, in)
	}
	if finally != nil {
		if last := m.block(finally, in); last.kind != goesOn {
			return last
		}
	}
	return f
}

// settled reports whether a block imports what is certain to be there, and does nothing else.
func (m *machine) settled(body *node) bool {
	for _, statement := range body.parts() {
		var paths []string
		switch statement.kind {
		case "comment", "pass_statement":
			continue
		case "import_from_statement":
			paths = []string{m.text(statement.child("module_name"))}
		case "import_statement":
			for _, name := range statement.all("name") {
				dotted, _ := m.importName(name)
				paths = append(paths, dotted)
			}
		default:
			return false
		}
		for _, path := range paths {
			top, _, _ := strings.Cut(path, ".")
			if !standard(top) && (top != "airflow" || strings.HasPrefix(path, "airflow.providers.")) {
				return false
			}
		}
	}
	return true
}

// importFailed runs the handler of an import that fails, if there is one.
func (m *machine) importFailed(n *node, handlers []*node, in *scope) flow {
	for _, h := range handlers {
		for _, c := range h.parts() {
			if c.kind != "block" && !catchesImport(m.text(c)) {
				break
			}
			if c.kind == "as_pattern" {
				m.forgetNames(c, in)
			}
			if c.kind == "block" {
				return m.block(c, in)
			}
		}
	}
	m.cannotLoad(n, "an import fails here", "")
	return flow{kind: raises, imports: true}
}

// catchesImport reports whether the exceptions that a handler names are among those of an import that fails.
func catchesImport(exceptions string) bool {
	for _, name := range []string{"ImportError", "ModuleNotFoundError", "Exception"} {
		if strings.Contains(exceptions, name) {
			return true
		}
	}
	return false
}

func (m *machine) guard(n *node, handlers []*node, otherwise *node, in *scope) flow {
	var body flow
	m.guarded++
	ways := []map[slot]value{m.attempt(func() { body = m.block(n.child("body"), in) })}
	m.guarded--
	flows := []flow{body}
	if body.kind == goesOn && otherwise != nil {
		after := m.attempt(func() {
			m.merge(ways[0])
			flows[0] = m.block(otherwise, in)
		})
		ways[0] = after
	}
	if body.kind == goesOn && m.settled(n.child("body")) {
		m.merge(ways[0])
		return flows[0]
	}
	if body.kind == raises && !body.maybe {
		ways, flows = nil, nil
		if body.imports {
			return m.importFailed(n, handlers, in)
		}
	}
	for _, h := range handlers {
		var f flow
		why := fmt.Sprintf("whether %q runs is not known, and DAGs depend on it", m.brief(h))
		left := m.maybeRun(h, why, func() {
			for _, c := range h.parts() {
				if c.kind == "as_pattern" {
					m.forgetNames(c, in)
				}
				if c.kind == "block" {
					f = m.block(c, in)
				}
			}
		})
		// A handler that ends the file leaves nothing to what follows.
		if f.kind != raises || f.maybe || m.guarded > 0 {
			ways, flows = append(ways, left), append(flows, f)
		}
	}
	if len(ways) == 0 {
		return flow{kind: raises}
	}
	return m.meet(ways, flows)
}
