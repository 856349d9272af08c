// SPDX-License-Identifier: Apache-2.0

package airflow

import (
	"fmt"
	"slices"

	"trunkline.dev/trunkline/api/v1alpha1"
)

// cycles returns one cycle for each set of tasks that wait for each other over the edges that count: a shortest one
// through the task that is made first. There is none if and only if the edges that count have no cycle.
func cycles(tasks []*task, counts func(*edge) bool) [][]*edge {
	order := map[*task]int{}
	for i, t := range tasks {
		order[t] = i
	}
	component := components(tasks, order, counts)
	seen := map[int]bool{}
	var out [][]*edge
	for _, t := range tasks {
		c := component[order[t]]
		if seen[c] {
			continue
		}
		inside := func(e *edge) bool { return counts(e) && component[order[e.to]] == c }
		if found := shortest(t, inside); found != nil {
			seen[c] = true
			out = append(out, found)
		}
	}
	return out
}

// components numbers the strongly connected components (Tarjan 1972), with a stack of its own.
func components(tasks []*task, order map[*task]int, counts func(*edge) bool) []int {
	const unseen = -1
	number, low, component := make([]int, len(tasks)), make([]int, len(tasks)), make([]int, len(tasks))
	for i := range tasks {
		number[i], component[i] = unseen, unseen
	}
	type frame struct{ at, next int }
	var stack []int
	count, groups := 0, 0
	for root := range tasks {
		if number[root] != unseen {
			continue
		}
		work := []frame{{root, 0}}
		for len(work) > 0 {
			f := &work[len(work)-1]
			if f.next == 0 {
				number[f.at], low[f.at] = count, count
				count++
				stack = append(stack, f.at)
			}
			if f.next < len(tasks[f.at].down) {
				e := tasks[f.at].down[f.next]
				f.next++
				to, ok := order[e.to]
				switch {
				case !ok || !counts(e):
				case number[to] == unseen:
					work = append(work, frame{to, 0})
				case component[to] == unseen:
					low[f.at] = min(low[f.at], number[to])
				}
				// A task is numbered when it is first met, and next is more than 0 from then on.
				continue
			}
			if low[f.at] == number[f.at] {
				for {
					top := stack[len(stack)-1]
					stack = stack[:len(stack)-1]
					component[top] = groups
					if top == f.at {
						break
					}
				}
				groups++
			}
			done := f.at
			work = work[:len(work)-1]
			if len(work) > 0 {
				parent := work[len(work)-1].at
				low[parent] = min(low[parent], low[done])
			}
		}
	}
	return component
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
		Rule: RuleCycle, Position: m.mod.position(placeOf(c[0].at)), Severity: v1alpha1.Deny,
		Message: fmt.Sprintf("%d tasks of the DAG %s wait for each other", len(c), d.name()),
		Hint:    "take one of these edges away",
	}
	if len(c) == 1 {
		p.Message = fmt.Sprintf("the task %s of the DAG %s waits for itself", c[0].from.name(m), d.name())
	}
	if !sure || !d.sure || !d.registered {
		p.Rule, p.Severity = RuleUndecided, v1alpha1.Warn
		p.Message += ", if all of these edges are made"
	}
	for _, e := range c {
		p.Trace = append(p.Trace, v1alpha1.Step{
			Position: m.mod.position(placeOf(e.at)),
			Message:  fmt.Sprintf("%s runs before %s", e.from.name(m), e.to.name(m)),
		})
	}
	m.mod.add(p)
}

// name is how messages call a task.
func (t *task) name(m *machine) string {
	if t.known {
		return fmt.Sprintf("%q", shorten(t.id))
	}
	return fmt.Sprintf("the task of line %d", m.mod.position(placeOf(t.at)).Line)
}
