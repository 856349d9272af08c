// SPDX-License-Identifier: Apache-2.0

package airflow

import "strings"

// ours is the package trunkline-airflow, whose classes and functions are known here as those of Airflow are.
const ours = "trunkline_airflow"

// isOpenGroup is a group whose tasks are made of a file that is not looked at: of a manifest of dbt.
const isOpenGroup = "DbtTaskGroup"

// ownMeaning says what a path of the package trunkline-airflow is; empty for what makes no tasks.
func ownMeaning(path string) string {
	rest, is := strings.CutPrefix(path, ours+".")
	if !is {
		return ""
	}
	module, name, within := strings.Cut(rest, ".")
	if !within {
		name = module
	}
	switch name {
	case "ContainerOperator", "SparkOperator", "ContainerSensor", "LotSensor":
		return isOperator
	case "DbtTaskGroup":
		return isOpenGroup
	}
	return ""
}

// dbtGroup makes a group of the package. Its tasks are not known, which is no reason to call the DAG undecided: the package makes them of a file, each
// with an id of its own below that of the group, without a cycle, and between a first and a last one.
func (m *machine) dbtGroup(n *node, a arguments) *group {
	id, found, known := a.get("group_id")
	if !found && len(a.list) > 0 {
		id, found = a.list[0], true
	}
	if !found && known && !a.openList {
		id = text("dbt")
	}
	g := m.makeGroup(n, a.where("group_id"), id, a, false, false)
	if g.dag == nil {
		return g
	}
	if !g.prefix {
		g.dag.blurred = true // any task of the DAG may have the name of a model
	}
	// Something stands for all that is in it, so that what comes before and after the group is in order.
	k := operator{name: isOpenGroup, path: ours + "." + isOpenGroup, certain: true}
	for _, end := range []struct{ argument, id string }{{"start_name", "start"}, {"end_name", "end"}} {
		given := arguments{at: n}
		given.set("task_id", text(end.id))
		if v, found, known := a.get(end.argument); found {
			given.set("task_id", v)
		} else if !known {
			given.set("task_id", &unknown{})
		}
		m.create(n, k, given, g.dag, g)
	}
	if len(g.children) == 2 {
		first, _ := g.children[0].(*task)
		last, _ := g.children[1].(*task)
		m.connect(n, first, last, true)
	}
	return g
}
