// SPDX-License-Identifier: Apache-2.0

package airflow

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
)

// arguments are those of a call.
type arguments struct {
	at    *node
	list  []value
	named map[string]value
	// order is that of the names, as they are written.
	order []string
	// nodes are the places of the named ones.
	nodes map[string]*node
	// openList and openNames are set when there may be more of them.
	openList, openNames bool
}

func (a *arguments) set(name string, v value) {
	if a.named == nil {
		a.named = map[string]value{}
	}
	if _, ok := a.named[name]; !ok {
		a.order = append(a.order, name)
	}
	a.named[name] = v
}

// get returns a named argument; known is false when it may be there without our knowing.
func (a *arguments) get(name string) (v value, found, known bool) {
	v, found = a.named[name]
	return v, found, found || !a.openNames
}

// over returns the arguments with the names of others put over them.
func (a arguments) over(others arguments) arguments {
	a.named, a.order = maps.Clone(a.named), slices.Clone(a.order)
	for _, name := range others.order {
		a.set(name, others.named[name])
	}
	a.openNames = a.openNames || others.openNames
	return a
}

// either returns an argument that is given by its place or by its name; nil if it is not.
func (a *arguments) either(i int, name string) value {
	if v := argument(*a, i); v != nil {
		return v
	}
	return a.named[name]
}

// where is the place of a named argument, or of the call.
func (a *arguments) where(name string) *node {
	if n := a.nodes[name]; n != nil {
		return n
	}
	return a.at
}

// every returns all values, those by place first.
func (a *arguments) every() []value {
	out := slices.Clone(a.list)
	for _, name := range a.order {
		out = append(out, a.named[name])
	}
	return out
}

func (m *machine) arguments(n *node, in *scope) (a arguments) {
	a = arguments{at: n, nodes: map[string]*node{}}
	given := n.child("arguments")
	m.plain++
	defer func() { m.plain--; used(a.every()...) }()
	if given != nil && given.kind == "generator_expression" {
		a.list = []value{m.eval(given, in)}
		return a
	}
	for _, p := range given.parts() {
		switch p.kind {
		case "keyword_argument":
			name := m.text(p.child("name"))
			a.nodes[name] = p
			a.set(name, m.eval(p.child("value"), in))
		case "list_splat":
			items, known := m.items(m.eval(p.first(), in))
			a.list = append(a.list, items...)
			a.openList = a.openList || !known
		case "dictionary_splat":
			d, ok := m.eval(p.first(), in).(*dict)
			if !ok {
				a.openNames = true
				continue
			}
			a.openNames = a.openNames || d.open
			for _, key := range d.keys {
				if name, ok := key.(text); ok {
					a.set(string(name), d.values[key])
				}
			}
		default:
			a.list = append(a.list, m.eval(p, in))
		}
	}
	return a
}

func (m *machine) call(n *node, in *scope) value {
	what := m.eval(n.child("function"), in)
	return m.apply(n, what, m.arguments(n, in), in)
}

// apply calls what is known, and reports a call of what is not where it may matter.
func (m *machine) apply(n *node, what value, a arguments, in *scope) value {
	if !m.step() {
		return &unknown{}
	}
	switch what := what.(type) {
	case *builtin:
		return m.builtin(n, what.name, a, in)
	case *function:
		return m.callFunction(n, what, a)
	case *class:
		return m.callClass(n, what, a)
	case *bound:
		return m.method(n, what.of, what.name, a)
	case *decorator:
		return m.decorate(n, what, a)
	case *mold:
		return m.callMold(n, what, a)
	case *factory:
		return m.callFactory(n, what)
	case *groupMold:
		return m.callGroupMold(n, what, a)
	case *symbol:
		return m.callSymbol(n, what, a)
	case *unknown:
		if v, ok := m.callOption(n, what, a, in); ok {
			return v
		}
	}
	m.mystery(n, a)
	return &unknown{}
}

// callOption calls the first of several things that a name may stand for, if all of them make tasks.
func (m *machine) callOption(n *node, what *unknown, a arguments, in *scope) (value, bool) {
	if len(what.options) == 0 {
		return nil, false
	}
	for _, o := range what.options {
		s, ok := o.(*symbol)
		if !ok || !isOperatorName(last(s.path)) {
			return nil, false
		}
	}
	return m.apply(n, &symbol{"either." + last(what.options[0].(*symbol).path)}, a, in), true //nolint:forcetypeassert // looked at above
}

func last(path string) string { return path[strings.LastIndexByte(path, '.')+1:] }

// mystery reports a call of something that is not known, when a DAG or task is handed to it or it is given what
// DAGs, tasks and groups are made with.
func (m *machine) mystery(n *node, a arguments) {
	if slices.ContainsFunc(a.every(), m.matters) {
		m.blur(a.every())
		m.undecided(n, fmt.Sprintf("what %q does with a DAG or its tasks is not known", m.callee(n)), "make tasks and edges in the file itself")
		return
	}
	for _, name := range []string{"dag_id", "task_id", "group_id"} {
		if _, ok := a.named[name]; ok {
			m.undecided(n, fmt.Sprintf("what %q makes of %q is not known", m.callee(n), name), "make DAGs and tasks with classes of Airflow")
			return
		}
	}
}

// blur marks what code that is not followed may have changed: the DAG and the groups around, and those that it is given.
func (m *machine) blur(given []value) {
	m.openGroups()
	if d := m.current(); d != nil {
		d.blurred = true
	}
	for _, v := range given {
		switch v := v.(type) {
		case *dag:
			v.blurred, v.root.open = true, true
		case *group:
			v.open = true
			if v.dag != nil {
				v.dag.blurred = true
			}
		case *task:
			if v.dag != nil {
				v.dag.blurred = true
			}
		case *xcom:
			for _, t := range v.tasks {
				if t.dag != nil {
					t.dag.blurred = true
				}
			}
		case *list:
			m.blur(slices.DeleteFunc(slices.Clone(v.items), func(v value) bool { _, nested := v.(*list); return nested }))
		}
	}
}

// openGroups marks the groups around as ones that may have tasks that are not known.
func (m *machine) openGroups() {
	for _, g := range m.groups {
		g.open = true
	}
	if d := m.current(); d != nil {
		d.root.open = true
	}
}

func (m *machine) callee(n *node) string {
	if f := n.child("function"); f != nil {
		return m.brief(f)
	}
	return m.brief(n)
}

// matters is true for DAGs and tasks, and for lists of them.
func (m *machine) matters(v value) bool {
	switch v := v.(type) {
	case *dag, *task, *group, *xcom:
		return true
	case *list:
		return slices.ContainsFunc(v.items, func(v value) bool { _, nested := v.(*list); return !nested && m.matters(v) })
	}
	return false
}

// callSymbol calls something imported.
func (m *machine) callSymbol(n *node, what *symbol, a arguments) value {
	switch kind := meaning(what.path); kind {
	case isDAG:
		return m.newDAG(n, a, true)
	case isGroup:
		return m.newGroup(n, a, false)
	case isOpenGroup:
		return m.dbtGroup(n, a)
	case isLabel:
		return &label{}
	case isXCom:
		return m.xcomOf(a)
	case isChain, isChainLinear, isCross:
		m.chains(n, kind, a)
		return none{}
	case isDagDecorator, isTaskDecorator, isGroupDecorator, isSetup, isTeardown, isResult, isAssetDecorator, isMultiDecorator:
		return m.decorate(n, &decorator{kind: kind}, a)
	case isOperator:
		return m.newTask(n, operator{name: last(what.path), path: what.path, certain: true}, a)
	}
	switch {
	case isOperatorName(last(what.path)):
		return m.newTask(n, operator{name: last(what.path), path: what.path}, a)
	case strings.HasPrefix(what.path, "importlib.import_module"):
		m.undecided(n, fmt.Sprintf("what %q imports is not looked at", m.brief(n)), "import with an import statement")
	case what.path == "typing.cast" && len(a.list) == 2:
		return a.list[1]
	case what.path == "sys.exit":
		return none{}
	case what.path == "os.path.basename" && isFile(argument(a, 0)):
		return text(path.Base(m.mod.File))
	case what.path == "os.path.splitext":
		if s, ok := argument(a, 0).(text); ok {
			ext := path.Ext(string(s))
			return &list{kind: '(', items: []value{text(strings.TrimSuffix(string(s), ext)), text(ext)}}
		}
	case !neutral(what.path):
		return m.foreign(n, what, a)
	case !lookingOnly(what.path) && isLower(last(what.path)) && slices.ContainsFunc(a.every(), func(v value) bool { return len(producers(v)) > 0 || m.matters(v) }):
		m.lost(n)
	}
	return &instance{path: what.path, args: a.list, named: a.named, open: a.openList || a.openNames}
}

// isFile is true for the path of the file itself: its folder is not known, its name is.
func isFile(v value) bool {
	s, ok := v.(*symbol)
	return ok && s.path == "__file__"
}

// lookingOnly reports whether functions of a module do no more than look at what they are given.
func lookingOnly(path string) bool {
	top, _, _ := strings.Cut(path, ".")
	return top == "logging" || top == "warnings" || top == "pprint" || top == "inspect"
}

func isLower(name string) bool { return name != "" && (name[0] < 'A' || name[0] > 'Z') }

// foreign is a call into a module that is not looked at. A class makes an object; a function within a DAG may make
// tasks, unless what it returns is used as a value that is none.
func (m *machine) foreign(n *node, what *symbol, a arguments) value {
	out := &instance{path: what.path, args: a.list, named: a.named, open: a.openList || a.openNames}
	if len(m.dags) == 0 || !isLower(last(what.path)) {
		m.mystery(n, a)
		return out
	}
	m.openGroups()
	switch {
	case slices.ContainsFunc(a.every(), m.matters):
		m.made++
		m.mystery(n, a)
	case m.plain > 0:
	default:
		m.pending = append(m.pending, &pending{at: n, what: m.callee(n), made: out, path: what.path})
	}
	return out
}

// pending is the call of a function that may make tasks, as long as nothing shows that it returns a plain value.
type pending struct {
	at         *node
	what, path string
	made       *instance
}

// used notes that values are used as plain ones.
func used(values ...value) {
	for _, v := range values {
		if i, ok := v.(*instance); ok {
			i.plain = true
		}
	}
}

// reportPending reports the functions that may have made tasks, once each.
func (m *machine) reportPending() {
	for _, p := range m.pending {
		if !p.made.plain && m.once("pending "+p.path) {
			m.undecided(p.at, fmt.Sprintf("whether %q, which is imported, makes tasks is not known", p.what), "call it outside of the DAG if it makes none, or make the tasks in the file itself")
		}
	}
}
