// SPDX-License-Identifier: Apache-2.0

package airflow

import (
	"path"
	"strings"
)

// attribute returns an attribute of a value.
func (m *machine) attribute(of value, name string) value {
	switch of := of.(type) {
	case *symbol:
		if of.path == "__name__" {
			return &unknown{}
		}
		if meaning(of.path) == isTaskDecorator {
			return &decorator{kind: isTaskDecorator}
		}
		if meaning(of.path) == isOperator || isOperatorName(last(of.path)) {
			return &bound{of, name}
		}
		return symbolOf(of.path + "." + name)
	case *decorator:
		return of
	case *pyModule:
		if v, ok := of.scope.names[name]; ok {
			return v
		}
		return &unknown{}
	case *dag:
		return m.dagAttribute(of, name)
	case *task:
		return m.taskAttribute(of, name)
	case *xcom:
		if name == "operator" && len(of.tasks) == 1 {
			return of.tasks[0]
		}
		if name == "output" {
			return of
		}
		return &bound{of, name}
	case *group:
		if name == "group_id" && of.known {
			return text(of.id)
		}
		if name == "dag" && of.dag != nil {
			return of.dag
		}
		if (name == "children" || name == "used_group_ids") && of.dag != nil {
			of.dag.doubt()
			return &unknown{}
		}
		return &bound{of, name}
	case *class:
		return m.classAttribute(of, name)
	case *function:
		if name == "__name__" && !of.altered {
			return text(of.name)
		}
	case *mold:
		if name == "__name__" {
			return text(of.name)
		}
		return &bound{of, name}
	case text, *ancestor, *list, *dict, *namespace, *groupMold, *label, *partial:
		return &bound{of, name}
	case *instance:
		of.plain = true
		if of.path == "pathlib.Path" && len(of.args) == 1 && isFile(of.args[0]) {
			base := path.Base(m.mod.File)
			switch name {
			case "name":
				return text(base)
			case "stem":
				return text(strings.TrimSuffix(base, path.Ext(base)))
			}
		}
		return &instance{path: of.path + "." + name}
	}
	return &unknown{}
}

func (m *machine) dagAttribute(d *dag, name string) value {
	switch name {
	case "dag_id":
		if d.known {
			return text(d.id)
		}
		return &unknown{}
	case "task":
		return &decorator{kind: isTaskDecorator, dag: d}
	case "task_group":
		return d.root
	case "tasks", "roots", "leaves", "task_ids":
		return &unknown{}
	case "task_dict":
		d.doubt()
		return &unknown{}
	}
	return &bound{d, name}
}

func (m *machine) taskAttribute(t *task, name string) value {
	switch name {
	case "task_id", "node_id":
		if t.known {
			return text(t.id)
		}
		return &unknown{}
	case "output":
		return &xcom{tasks: []*task{t}}
	case "upstream_task_ids", "downstream_task_ids":
		if t.dag != nil {
			t.dag.doubt()
		}
		return &unknown{}
	case "dag":
		if t.dag != nil {
			return t.dag
		}
	case "task_group":
		if t.group != nil {
			return t.group
		}
	}
	return &bound{t, name}
}

func (m *machine) classAttribute(c *class, name string) value {
	if c.operator() && name == "partial" {
		return &bound{c, name}
	}
	v, ok := c.body.names[name]
	if !ok || !c.plain {
		return &unknown{}
	}
	return v
}

// setAttribute returns an attribute its value. Only few matter to what DAGs look like.
func (m *machine) setAttribute(at *node, of value, name string, v value) {
	switch of := of.(type) {
	case *task:
		switch name {
		case "task_id", "task_group":
			of.known, of.sure = false, false
			if of.dag != nil {
				of.dag.blurred = true
			}
			m.undecided(at, "a task whose "+name+" changes after it is made is not followed", "give it where the task is made")
		case "dag":
			if d, ok := v.(*dag); ok && of.dag == nil {
				m.adopt(at, d, of)
			}
		case "is_teardown":
			of.teardown = true
		case "is_setup":
			of.setup = true
		default:
			for _, from := range producers(v) {
				m.connect(at, from, of, of.kind.templated(name))
			}
		}
	case *dag:
		switch name {
		case "dag_id":
			of.known, of.id = false, ""
			m.unknownDagID(at)
		case "auto_register":
			of.automatic, of.perhaps = false, true
		}
	case *class:
		if m.maybe > 0 {
			v = &unknown{}
		}
		of.body.put(name, v)
	case *pyModule:
		m.set(of.scope, name, v)
	}
}

// subscript returns an item of a value.
func (m *machine) subscript(n *node, in *scope) value {
	of := m.eval(n.child("value"), in)
	keys := n.all("subscript")
	if len(keys) != 1 || keys[0].kind == "slice" {
		if l, ok := of.(*list); ok && len(keys) == 1 {
			return m.slice(keys[0], l, in)
		}
		return &unknown{}
	}
	key := m.eval(keys[0], in)
	used(of, key)
	switch of := of.(type) {
	case *list:
		i, ok := key.(int64)
		if !ok || of.open || of.kind == '{' {
			return &unknown{}
		}
		if i < 0 {
			i += int64(len(of.items))
		}
		if i >= 0 && i < int64(len(of.items)) {
			return of.items[i]
		}
	case *dict:
		if v, found, _ := of.get(key); found {
			return v
		}
	case *xcom:
		return of
	case *dag:
		if id, ok := key.(text); ok {
			if t := of.tasks[string(id)]; t != nil {
				return t
			}
		}
	case *group:
		if id, ok := key.(text); ok && of.dag != nil && of.known {
			if t := of.dag.tasks[of.child(string(id))]; t != nil {
				return t
			}
		}
	case *namespace:
		if name, ok := key.(text); ok {
			if v, ok := of.of.names[string(name)]; ok {
				return v
			}
		}
	}
	return &unknown{}
}

// slice returns a part of a list, for bounds that are constants.
func (m *machine) slice(n *node, l *list, in *scope) value {
	length := int64(len(l.items))
	bounds := [2]int64{0, length}
	place := 0
	for _, c := range n.children {
		if c.kind == ":" {
			place++
			continue
		}
		v, ok := m.eval(c, in).(int64)
		if !ok || place > 1 {
			return &unknown{}
		}
		if v < 0 {
			v += length
		}
		bounds[place] = min(max(v, 0), length)
	}
	if l.open || place > 1 {
		return &unknown{}
	}
	if bounds[0] > bounds[1] {
		bounds[0] = bounds[1]
	}
	return &list{kind: l.kind, items: append([]value(nil), l.items[bounds[0]:bounds[1]]...)}
}
