// SPDX-License-Identifier: Apache-2.0

package airflow

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// task is a task of a DAG, or one that has none yet.
type task struct {
	id    string
	known bool
	// sure is set when the task is certain to be made.
	sure     bool
	at       *node
	dag      *dag
	group    *group
	setup    bool
	teardown bool
	kind     operator
	up, down []*edge
	// uses are the assets that it reads and writes.
	uses []use
}

// operator is what makes tasks: a class of Airflow, of the file or of elsewhere.
type operator struct {
	name, path string
	// certain is set when its tasks have the task_id that is given.
	certain bool
	// naming is set when the class may choose the task_id itself.
	naming bool
	// flow is set for functions with @task, whose ids are made unique.
	flow bool
	// mapped is set for tasks that are expanded when the DAG runs; Airflow looks at their ids only then.
	mapped bool
}

// kind says what a class of the file makes.
func (c *class) kind() operator {
	k := operator{name: c.name, path: c.name}
	for _, b := range c.bases {
		switch b := b.(type) {
		case *symbol:
			k.certain = k.certain || meaning(b.path) == isOperator
		case *class:
			inner := b.kind()
			k.certain, k.naming = k.certain || inner.certain, k.naming || inner.naming
		}
	}
	if c.body.names["__init__"] != nil {
		k.naming = true
	}
	if c.altered || c.body.names["__new__"] != nil || len(c.node.child("superclasses").parts()) > 1 {
		k.certain = false
	}
	return k
}

// templated are the arguments whose XComs Airflow makes edges of, where that is known.
func (k operator) templated(argument string) bool {
	switch {
	case k.flow:
		return argument == "op_args" || argument == "op_kwargs"
	case !strings.HasPrefix(k.path, "airflow."):
		return false
	}
	switch k.name {
	case "BashOperator", "BashSensor":
		return argument == "bash_command" || argument == "env"
	case "PythonOperator", "BranchPythonOperator", "ShortCircuitOperator", "PythonVirtualenvOperator", "PythonSensor":
		return argument == "op_args" || argument == "op_kwargs" || argument == "templates_dict"
	}
	return false
}

// newTask makes a task of a class.
func (m *machine) newTask(n *node, k operator, a arguments) *task {
	if shipped(k.path) {
		m.strange(k.name, a)
	}
	d, g := m.belongs(a)
	t := m.create(n, k, a, d, g)
	m.references(n, t, a)
	return t
}

// belongs finds the DAG and the group that a new task is put into.
func (m *machine) belongs(a arguments) (*dag, *group) {
	d := m.current()
	if v, ok := a.named["dag"].(*dag); ok {
		d = v
	} else if v, found, known := a.get("dag"); !known || found && !isNone(v) {
		d = nil // some DAG that is not known
	}
	g, ok := a.named["task_group"].(*group)
	if !ok && d != nil {
		g = m.groupOf(d)
	}
	return d, g
}

func isNone(v value) bool { _, ok := v.(none); return ok }

// groupOf is the group that tasks of a DAG are put into here.
func (m *machine) groupOf(d *dag) *group {
	if n := len(m.groups); n > 0 && m.groups[n-1].dag == d {
		return m.groups[n-1]
	}
	return d.root
}

// create makes a task with its id, and puts it into its DAG.
func (m *machine) create(n *node, k operator, a arguments, d *dag, g *group) *task {
	t := &task{at: n, kind: k, sure: m.sure() && k.certain}
	m.tasks++
	if m.tasks > maxTasks {
		m.stop(fmt.Sprintf("the file makes more than %d tasks and was not followed further", maxTasks), "split it")
		return t
	}
	m.made++
	if i := len(m.setups); i > 0 {
		m.setups[i-1].tasks = append(m.setups[i-1].tasks, t)
	}
	t.uses = m.taskUses(a, d, g)
	label, known := m.label(n, k, a, d, g)
	if d == nil {
		t.id, t.known = label, known
		return t
	}
	if k.flow && known {
		label, known = d.unique(label, g)
	}
	m.place(t, d, g, label, known, a.where("task_id"))
	return t
}

// label finds the task_id among the arguments.
func (m *machine) label(n *node, k operator, a arguments, d *dag, g *group) (string, bool) {
	id, found, known := a.get("task_id")
	at := a.where("task_id")
	if !found {
		id, found, known = fromDefaults(a, d, g)
		known = known && !a.openNames
	}
	if k.naming {
		known, found = false, false
	}
	switch {
	case !found && (!known || len(a.list) > 0 || a.openList):
		m.unknownTaskID(at)
		return "", false
	case !found:
		if k.certain && !strings.HasPrefix(k.path, "airflow.providers.") || strings.HasPrefix(k.path, "airflow.providers.standard.") {
			m.wrong(RuleTaskID, n, fmt.Sprintf("the task of %q has no task_id", k.name), `give it one: task_id="…"`)
		} else {
			m.unknownTaskID(at)
		}
		return "", false
	}
	name, ok := id.(text)
	if ok {
		return string(name), true
	}
	if kind := typeName(id); kind != "" && !k.mapped && g != nil && g.id == "" && g.known {
		m.wrongIf(k.certain, RuleTaskID, at, fmt.Sprintf("the task_id is a value of the type %s, not a text", kind), "")
		return "", false
	}
	m.unknownTaskID(at)
	return "", false
}

// fromDefaults looks for a task_id in default_args: an odd place, but Airflow takes it.
func fromDefaults(a arguments, d *dag, g *group) (v value, found, known bool) {
	sources := []value{a.named["default_args"]}
	if d != nil {
		sources = append(sources, d.defaults)
	}
	for ; g != nil; g = g.parent {
		sources = append(sources, g.defaults)
	}
	known = true
	for _, s := range sources {
		switch s := s.(type) {
		case nil, none:
		case *dict:
			if v, found, ok := s.get(text("task_id")); found {
				return v, true, true
			} else if !ok {
				known = false
			}
		default:
			known = false
		}
	}
	return nil, false, known
}

func (m *machine) unknownTaskID(at *node) {
	if m.maybe == 0 {
		m.undecided(at, fmt.Sprintf("the task_id in %q is not known", m.brief(at)), "write it as a constant, or loop over a list that is written in the file")
	}
}

// place puts a task into a DAG and a group, under the id that it has there.
func (m *machine) place(t *task, d *dag, g *group, label string, known bool, at *node) {
	t.dag, t.group = d, g
	d.all = append(d.all, t)
	g.children = append(g.children, t)
	if !known || !g.known {
		d.blurred = true
		// Whatever comes before or after the label, Airflow refuses characters that it holds.
		if wrong, hint := badKey(label, maxKey); wrong != "" && label != "" && t.kind.certain && !t.kind.mapped {
			m.wrong(RuleTaskID, at, fmt.Sprintf("the task_id %q %s", shorten(label), wrong), hint)
		}
		return
	}
	t.id, t.known = g.child(label), true
	if !t.sure {
		d.blurred = true
	}
	switch wrong, hint := badKey(t.id, maxKey); {
	case wrong != "" && t.kind.mapped:
		m.mod.warn(RuleTaskID, placeOf(at), fmt.Sprintf("the task_id %q %s, which Airflow finds out when the task runs", shorten(t.id), wrong), hint)
	case wrong != "":
		m.wrongIf(t.kind.certain, RuleTaskID, at, fmt.Sprintf("the task_id %q %s", shorten(t.id), wrong), hint)
	}
	if by := d.used[t.id]; by != nil {
		m.taken(at, d, t.id, by, t.kind.certain)
		return
	}
	d.used[t.id] = &owner{t.at, t.sure, "the task"}
	d.tasks[t.id] = t
}

// adopt puts a task that has no DAG yet into one.
func (m *machine) adopt(n *node, d *dag, t *task) {
	m.place(t, d, m.groupOf(d), t.id, t.known, n)
}

var suffix = regexp.MustCompile(`__\d+$`)

// unique returns a task of a function with @task an id that the DAG does not have, as Airflow does: by a number
// after two underscores.
func (d *dag) unique(label string, g *group) (string, bool) {
	if !g.known {
		return label, false
	}
	full := g.child(label)
	if d.used[full] == nil {
		// Where the DAG may have tasks that are not known, one of them may have this id. It is taken either way.
		return label, true
	}
	if d.blurred || d.tasks[full] == nil {
		return label, false
	}
	prefix, highest := suffix.ReplaceAllString(full, "")+"__", 0
	for id := range d.tasks {
		if rest, ok := strings.CutPrefix(id, prefix); ok {
			if i, err := strconv.Atoi(rest); err == nil {
				highest = max(highest, i)
			}
		}
	}
	return suffix.ReplaceAllString(label, "") + "__" + strconv.Itoa(highest+1), true
}

// references makes edges of the XComs that a task is given.
func (m *machine) references(n *node, t *task, a arguments) {
	for _, name := range a.order {
		for _, from := range producers(a.named[name]) {
			m.connect(n, from, t, t.kind.templated(name))
		}
	}
	for _, v := range a.list {
		for _, from := range producers(v) {
			m.connect(n, from, t, t.kind.flow)
		}
	}
}

// producers are the tasks whose XComs are in a value.
func producers(v value) []*task {
	var out []*task
	seen := map[value]bool{}
	var visit func(v value)
	visit = func(v value) {
		switch v := v.(type) {
		case *xcom:
			for _, t := range v.tasks {
				if !slices.Contains(out, t) {
					out = append(out, t)
				}
			}
		case *list:
			if !seen[v] {
				seen[v] = true
				for _, item := range v.items {
					visit(item)
				}
			}
		case *dict:
			if !seen[v] {
				seen[v] = true
				for _, key := range v.keys {
					visit(v.values[key])
				}
			}
		}
	}
	visit(v)
	return out
}
