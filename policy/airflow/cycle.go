// SPDX-License-Identifier: Apache-2.0

package airflow

import (
	"fmt"
	"slices"

	"trunkline.dev/trunkline/api/digraph"
	"trunkline.dev/trunkline/api/v1alpha1"
)

// cycles returns one cycle for each set of tasks that wait for each other over the edges that count: a shortest one
// through the task that is made first. There is none if and only if the edges that count have no cycle.
func cycles(tasks []*task, counts func(*edge) bool) [][]*edge {
	order := map[*task]int{}
	for i, t := range tasks {
		order[t] = i
	}
	groups := digraph.Cyclic(len(tasks), func(at int, yield func(int)) {
		for _, e := range tasks[at].down {
			if to, ok := order[e.to]; ok && counts(e) {
				yield(to)
			}
		}
	})
	var out [][]*edge
	for _, group := range groups {
		inside := func(e *edge) bool {
			to, ok := order[e.to]
			_, member := slices.BinarySearch(group, to)
			return ok && member && counts(e)
		}
		out = append(out, shortest(tasks[group[0]], inside))
	}
	return out
}

// shortest finds a shortest closed walk from a task to itself, or nil.
func shortest(from *task, counts func(*edge) bool) []*edge {
	came := map[*task]*edge{}
	queue := []*task{from}
	for len(queue) > 0 {
		at := queue[0]
		queue = queue[1:]
		for _, e := range at.down {
			if !counts(e) {
				continue
			}
			if e.to == from {
				walk := []*edge{e}
				for t := at; t != from; t = came[t].from {
					walk = append(walk, came[t])
				}
				slices.Reverse(walk)
				return walk
			}
			if came[e.to] == nil {
				came[e.to] = e
				queue = append(queue, e.to)
			}
		}
	}
	return nil
}

// reportCycles reports the cycles of a DAG: denied when each edge is certain, and undecided otherwise.
func (m *machine) reportCycles(d *dag) {
	sure := cycles(d.all, func(e *edge) bool { return e.sure })
	for _, c := range sure {
		m.reportCycle(d, c, true)
	}
	if len(sure) > 0 {
		return
	}
	for _, c := range cycles(d.all, func(*edge) bool { return true }) {
		m.reportCycle(d, c, false)
	}
}

func (m *machine) reportCycle(d *dag, c []*edge, sure bool) {
	p := v1alpha1.Problem{
		Rule: RuleCycle, Severity: v1alpha1.Deny,
		Message: fmt.Sprintf("%d tasks of the DAG %s wait for each other", len(c), d.name()),
		Hint:    "take one of these edges away",
	}
	if len(c) == 1 {
		p.Message = fmt.Sprintf("the task %s of the DAG %s waits for itself", c[0].from.name(), d.name())
	}
	if !sure || !d.sure || !d.registered {
		p.Rule, p.Severity = RuleUndecided, v1alpha1.Warn
		p.Message += ", if all of these edges are made"
	}
	for _, e := range c {
		p.Trace = append(p.Trace, v1alpha1.Step{
			Position: placeOf(e.at).position(),
			Message:  fmt.Sprintf("%s runs before %s", e.from.name(), e.to.name()),
		})
	}
	m.mod.add(placeOf(c[0].at), p)
}

// name is how messages call a task.
func (t *task) name() string {
	if t.known {
		return fmt.Sprintf("%q", shorten(t.id))
	}
	return fmt.Sprintf("the task of line %d", placeOf(t.at).position().Line)
}
