// SPDX-License-Identifier: Apache-2.0

package airflow

import (
	"fmt"
	"maps"
	"slices"
)

// decorator is one of Airflow's decorators with its options, which waits for its function.
type decorator struct {
	kind string
	args arguments
	dag  *dag
}

// mold is a function with @task: each call makes a task.
type mold struct {
	name    string
	options arguments
	// preset are the values that partial() gave.
	preset          []value
	setup, teardown bool
	// mapped is set for one call of expand().
	mapped bool
}

// factory is a function with @dag: each call makes a DAG.
type factory struct {
	of      *function
	options arguments
	id      value
	called  bool
	// perhaps is set when it was handed to something that may call it.
	perhaps bool
}

// groupMold is a function with @task_group: each call makes a group.
type groupMold struct {
	of      *function
	options arguments
	preset  map[string]value
}

// decorated runs a definition and its decorators, the lowest first.
func (m *machine) decorated(n *node, in *scope) {
	definition := n.child("definition")
	var names []*node
	for _, c := range n.parts() {
		if c.kind == "decorator" {
			names = append(names, c)
		}
	}
	decorators := make([]value, len(names))
	for i, c := range names {
		decorators[i] = m.eval(c.first(), in)
	}
	name := m.text(definition.child("name"))
	if definition.kind == "class_definition" {
		c := m.classDefinition(definition, in)
		c.plain, c.altered = false, true
		m.set(in, name, c)
		return
	}
	var v value = m.define(definition, in)
	for i, d := range slices.Backward(decorators) {
		v = m.decorateWith(names[i], d, v, in)
	}
	m.set(in, name, v)
}

func (m *machine) decorateWith(n *node, d, v value, in *scope) value {
	switch d := d.(type) {
	case *decorator:
		return m.decorate(n, d, arguments{at: n, list: []value{v}})
	case *symbol:
		if meaning(d.path) != "" {
			return m.apply(n, d, arguments{at: n, list: []value{v}}, in)
		}
		if harmless(d.path) {
			return v
		}
	case *instance:
		if harmless(d.path) {
			return v
		}
	case *builtin:
		if d.name == "staticmethod" {
			return v
		}
	case *function:
		if f, ok := v.(*function); ok {
			m.opaque(n, f)
		}
	}
	if f, ok := v.(*function); ok {
		altered := *f
		altered.altered = true
		return &altered
	}
	if f, ok := v.(*factory); ok {
		f.perhaps = true
	}
	return &unknown{}
}

// harmless are decorators that leave a function as it is.
func harmless(path string) bool {
	switch path {
	case "functools.lru_cache", "functools.cache", "functools.wraps", "typing.no_type_check", "typing.final":
		return true
	}
	return false
}

// decorate returns a decorator its options, or its function.
func (m *machine) decorate(n *node, d *decorator, a arguments) value {
	if len(a.list) == 1 && len(a.named) == 0 && !a.openNames {
		switch v := a.list[0].(type) {
		case *function:
			return m.wrap(n, d, v)
		case *mold:
			if d.kind == isAssetDecorator || d.kind == isMultiDecorator {
				return m.assetDAG(n, d, v)
			}
			return d.mark(v)
		case *unknown, *instance, *symbol, *class:
			return &unknown{}
		}
	}
	merged := d.args.over(a)
	merged.at, merged.nodes = n, a.nodes
	merged.list = append(slices.Clone(d.args.list), a.list...)
	merged.openNames = merged.openNames || a.openList
	return &decorator{kind: d.kind, args: merged, dag: d.dag}
}

// mark is @setup and @teardown on top of @task.
func (d *decorator) mark(v *mold) value {
	marked := *v
	marked.setup = marked.setup || d.kind == isSetup
	marked.teardown = marked.teardown || d.kind == isTeardown
	return &marked
}

// wrap returns a decorator its function.
func (m *machine) wrap(n *node, d *decorator, f *function) value {
	options := d.args
	switch d.kind {
	case isDagDecorator:
		made := &factory{of: f, options: options, id: text(f.name)}
		if id, found, known := options.get("dag_id"); found {
			made.id = id
		} else if !known {
			made.id = &unknown{}
		} else if len(options.list) > 0 {
			if id, ok := options.list[0].(text); !ok || id != "" {
				made.id = options.list[0]
			}
		}
		m.factories = append(m.factories, made)
		return made
	case isAssetDecorator, isMultiDecorator:
		return m.assetDAG(n, d, &mold{name: f.name})
	case isGroupDecorator:
		return &groupMold{of: f, options: options}
	}
	if d.dag != nil {
		options = options.over(arguments{})
		options.set("dag", d.dag)
	}
	return &mold{name: f.name, options: options, setup: d.kind == isSetup, teardown: d.kind == isTeardown}
}

// callMold makes a task by calling a function with @task.
func (m *machine) callMold(n *node, f *mold, a arguments) value {
	given := f.taskArguments(n, a)
	d, g := m.belongs(given)
	t := m.create(n, operator{name: f.name, certain: true, flow: true, mapped: f.mapped}, given, d, g)
	t.setup, t.teardown = f.setup, f.teardown
	m.references(n, t, given)
	values := append(slices.Clone(f.preset), a.every()...)
	for _, v := range values {
		for _, from := range producers(v) {
			m.connect(n, from, t, true)
		}
	}
	return &xcom{tasks: []*task{t}}
}

// taskArguments are the options of the decorator, with the name of the function for the task_id.
func (f *mold) taskArguments(n *node, _ arguments) arguments {
	given := arguments{at: n, nodes: f.options.nodes}.over(f.options)
	if _, found := given.named["task_id"]; !found {
		if given.openNames {
			given.set("task_id", &unknown{})
		} else {
			given.set("task_id", text(f.name))
		}
	}
	return given
}

// moldMethod is override, partial and expand of a function with @task.
func (m *machine) moldMethod(n *node, f *mold, name string, a arguments) value {
	changed := *f
	switch name {
	case "override":
		changed.options = f.options.over(a)
		changed.options.nodes = a.nodes
		return &changed
	case "partial":
		changed.preset = append(slices.Clone(f.preset), a.every()...)
		return &changed
	case "expand", "expand_kwargs":
		changed.mapped = true
		return m.callMold(n, &changed, a)
	}
	return &unknown{}
}

// callGroupMold makes a group by calling a function with @task_group.
func (m *machine) callGroupMold(n *node, f *groupMold, a arguments) value {
	options := f.options
	at := options.where("group_id")
	if at == nil {
		at = n
	}
	var id value = text(f.of.name)
	if v, found, known := options.get("group_id"); found {
		id = v
	} else if !known {
		id = &unknown{}
	}
	g := m.makeGroup(n, at, id, options, false, true)
	if g.dag == nil {
		m.opaque(n, f.of)
		return &unknown{}
	}
	inner := a.over(arguments{})
	for _, name := range slices.Sorted(maps.Keys(f.preset)) {
		inner.set(name, f.preset[name])
	}
	m.groups = append(m.groups, g)
	result := m.callFunction(n, f.of, inner)
	m.groups = m.groups[:len(m.groups)-1]
	if isNone(result) {
		return g
	}
	return result
}

func (m *machine) groupMoldMethod(n *node, f *groupMold, name string, a arguments) value {
	changed := *f
	switch name {
	case "override":
		changed.options = f.options.over(a)
		changed.options.nodes = a.nodes
		return &changed
	case "partial":
		changed.preset = maps.Clone(f.preset)
		if changed.preset == nil {
			changed.preset = map[string]value{}
		}
		maps.Copy(changed.preset, a.named)
		return &changed
	case "expand", "expand_kwargs":
		// The arguments are stand-ins for one item each; what they come from is before all of the group.
		inner := arguments{at: n}
		for _, p := range f.of.params {
			if _, found := f.preset[p.name]; !found && p.stars == 0 && (name == "expand_kwargs" || a.named[p.name] != nil) {
				inner.set(p.name, &xcom{tasks: producers(&list{kind: '[', items: a.every()})})
			}
		}
		return m.callGroupMold(n, f, inner)
	}
	m.undecided(n, fmt.Sprintf("what %q does is not known", m.brief(n)), "")
	return &unknown{}
}
