// SPDX-License-Identifier: Apache-2.0

package airflow

import (
	"fmt"
	"slices"
	"strings"

	"trunkline.dev/trunkline/api/v1alpha1"
)

// DAG is a DAG that Airflow finds in a file.
type DAG struct {
	// ID is the dag_id; empty when it is not known.
	ID       string
	Position v1alpha1.Position
	// Schedule is the cron expression or preset, when it is one that is written as a text.
	Schedule string
	Tasks    []Task
	Edges    []Edge
	// Uses are the assets of the DAG, as far as they are known.
	Uses []Use
	// origin is where the DAG is made when importing another file makes it: every file that imports that one has it.
	origin v1alpha1.Position
	// Certain is set when Airflow is certain to find the DAG.
	Certain bool
}

// Task is a task of a DAG.
type Task struct {
	// ID is the task_id with the ids of the groups around; empty when it is not known.
	ID       string
	Position v1alpha1.Position
	// Certain is set when the task is certain to be made.
	Certain bool
}

// Edge says that one task waits for another.
type Edge struct {
	// From runs before To; both are indexes of DAG.Tasks.
	From, To int
	Position v1alpha1.Position
	Certain  bool
}

// Check returns the problems of all files that one Airflow loads: those of each, and those between them.
func Check(modules []*Module) v1alpha1.Problems {
	var out v1alpha1.Problems
	type found struct {
		dag  *DAG
		file string
	}
	first := map[string]found{}
	for _, mod := range slices.SortedStableFunc(slices.Values(modules), func(a, b *Module) int { return strings.Compare(a.File, b.File) }) {
		out = append(out, mod.Problems...)
		for _, d := range mod.DAGs {
			if d.ID == "" || !d.Certain {
				continue
			}
			by, again := first[d.ID]
			if !again {
				first[d.ID] = found{d, mod.File}
				continue
			}
			if by.file == mod.File || d.origin != (v1alpha1.Position{}) && d.origin == by.dag.origin {
				continue
			}
			out = append(out, v1alpha1.Problem{
				Rule: RuleDagID, Position: d.Position, Severity: v1alpha1.Deny,
				Message: fmt.Sprintf("the dag_id %q is that of another file too", shorten(d.ID)),
				Hint:    "rename one of the DAGs",
				Trace:   []v1alpha1.Step{{Position: by.dag.Position, Message: fmt.Sprintf("the DAG %q of %q", shorten(d.ID), by.file)}},
			})
		}
	}
	out.Sort()
	return out
}

// finish judges what Airflow looks at when it has read the file.
func (m *machine) finish() {
	for _, name := range m.global.order {
		switch v := m.global.names[name].(type) {
		case *dag:
			v.registered = true
		case *unknown:
			for _, o := range v.options {
				if d, ok := o.(*dag); ok {
					d.perhaps = true
				}
			}
		}
	}
	if m.stopped {
		return
	}
	m.reportPending()
	ids := map[string]*dag{}
	for _, d := range m.mod.dags {
		m.finishDAG(d, ids)
	}
	for _, f := range m.factories {
		if !f.called && !f.perhaps && f.of.node.in == m.mod.source {
			name, ok := f.id.(text)
			if !ok {
				name = text(f.of.name)
			}
			m.mod.warn(RuleDagID, placeOf(f.of.node), fmt.Sprintf("the function with @dag for %q is never called in the file, so that Airflow finds no DAG", shorten(string(name))), "call it at the end of the file")
		}
	}
}

func (m *machine) finishDAG(d *dag, ids map[string]*dag) {
	if !d.registered && !d.perhaps {
		if d.sure && d.at.in == m.mod.source {
			m.mod.warn(RuleDagID, placeOf(d.at), fmt.Sprintf("the DAG %s is in no variable of the module, so that Airflow does not find it", d.name()), "give it to a variable of the module, or use it in a with statement")
		}
		return
	}
	if l := d.late; l != nil {
		if l.sure && d.registered && d.sure {
			m.mod.deny(RuleSchedule, placeOf(l.at), l.message, l.hint)
		} else {
			m.undecided(l.at, l.message+", if this is what happens here", l.hint)
		}
	}
	m.reportCycles(d)
	if !d.known || !d.sure {
		return
	}
	if other := ids[d.id]; other != nil {
		p := v1alpha1.Problem{
			Rule: RuleDagID, Severity: v1alpha1.Warn,
			Message: fmt.Sprintf("the dag_id %q is used twice in the file, and Airflow keeps one of the DAGs", shorten(d.id)),
			Hint:    "rename one of the DAGs",
			Trace:   []v1alpha1.Step{{Position: placeOf(other.at).position(), Message: fmt.Sprintf("the DAG %q is first made here", shorten(d.id))}},
		}
		m.mod.add(placeOf(d.at), p)
		return
	}
	ids[d.id] = d
}

// result is what the file has, for others.
func (m *machine) result() []*DAG {
	var out []*DAG
	for _, d := range m.mod.dags {
		if !d.registered && !d.perhaps {
			continue
		}
		made := &DAG{ID: d.id, Position: d.home.position(), origin: d.origin, Schedule: d.schedule, Certain: d.sure && d.registered}
		if !d.known {
			made.ID = ""
		}
		index := map[*task]int{}
		for _, t := range d.all {
			index[t] = len(made.Tasks)
			made.Tasks = append(made.Tasks, Task{ID: t.id, Position: placeOf(t.at).position(), Certain: t.sure})
		}
		for _, e := range d.edges {
			made.Edges = append(made.Edges, Edge{From: index[e.from], To: index[e.to], Position: placeOf(e.at).position(), Certain: e.sure})
		}
		made.Uses = d.usesOf()
		out = append(out, made)
	}
	return out
}
