// SPDX-License-Identifier: Apache-2.0

package airflow

// callFactory makes a DAG by calling a function with @dag.
func (m *machine) callFactory(n *node, f *factory) value {
	f.called = true
	options := f.options
	if options.at == nil {
		options.at = f.of.node
	}
	d := m.emptyDAG(f.of.node)
	d.defaults = options.named["default_args"]
	m.strange(isDAG, options)
	m.dates(options.at, options)
	m.nameDAG(options.where("dag_id"), d, f.id)
	m.checkSchedule(options.at, d, options)
	// The function gets stand-ins for its arguments, which have their values only when the DAG runs.
	inner := arguments{at: n}
	for _, p := range f.of.params {
		if p.stars == 0 {
			inner.set(p.name, &unknown{})
		}
	}
	m.within(d, func() { m.callFunction(n, f.of, inner) })
	return d
}

// assetDAG makes the DAG of one task that a function with @asset stands for.
func (m *machine) assetDAG(n *node, d *decorator, f *mold) value {
	options := d.args
	if options.at == nil {
		options.at = n
	}
	made := m.emptyDAG(n)
	var id value = text(f.name)
	names := []string{"dag_id", "name"}
	if d.kind == isMultiDecorator {
		names = names[:1]
	}
	for _, name := range names {
		v, found, known := options.get(name)
		if is, sure := truth(v); found && sure && !is {
			continue // empty, and so not given
		}
		if found || !known {
			id = v
			if v == nil {
				id = &unknown{}
			}
			break
		}
	}
	m.nameDAG(options.where("dag_id"), made, id)
	m.checkSchedule(options.at, made, options)
	m.within(made, func() { m.callMold(n, f, arguments{at: n}) })
	out := &instance{path: "airflow.sdk.Asset", named: map[string]value{"name": text(f.name)}}
	for _, name := range []string{"name", "uri"} {
		if v, found, _ := options.get(name); found && !isNone(v) {
			out.named[name] = v
		}
	}
	if d.kind == isMultiDecorator {
		made.uses = append(made.uses, m.uses(Outlet, options.where("outlets"), options.named["outlets"])...)
		return &instance{path: "airflow.sdk.Asset"}
	}
	made.uses = append(made.uses, m.uses(Outlet, options.where("uri"), out)...)
	return out
}

// within runs what a with statement of a DAG would have in it.
func (m *machine) within(d *dag, run func()) {
	groups := m.groups
	m.dags, m.groups = append(m.dags, d), nil
	run()
	m.dags, m.groups = m.dags[:len(m.dags)-1], groups
	d.registered = d.registered || d.automatic && m.maybe == 0
	d.perhaps = d.perhaps || d.automatic
}
