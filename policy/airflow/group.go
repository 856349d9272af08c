// SPDX-License-Identifier: Apache-2.0

package airflow

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// group is a TaskGroup, or the root of a DAG, which has no id.
type group struct {
	// id has the ids of the groups around before it, own has not.
	id, own string
	known   bool
	sure    bool
	prefix  bool
	parent  *group
	dag     *dag
	at      *node
	// children are tasks and groups.
	children []any
	defaults value
	// open is set when code that is not followed may have put tasks into the group.
	open bool
	// up are tasks that the group was put after; they count while the group is empty.
	up []*task
}

// child is the id that something with this label has in the group.
func (g *group) child(label string) string {
	if g.prefix && g.id != "" {
		return g.id + "." + label
	}
	return label
}

// newGroup makes a TaskGroup. It is strange when a class of the file makes it.
func (m *machine) newGroup(n *node, a arguments, strange bool) *group {
	id, found, known := a.get("group_id")
	at := a.where("group_id")
	if !found && len(a.list) > 0 {
		id, found = a.list[0], true
	}
	if !found && known && !a.openList && !strange {
		m.wrong(RuleTaskID, n, "the TaskGroup has no group_id", `give it one: TaskGroup("…")`)
	}
	return m.makeGroup(n, at, id, a, strange, false)
}

func (m *machine) makeGroup(n, at *node, id value, a arguments, strange, suffixed bool) *group {
	d := m.current()
	if v, ok := a.named["dag"].(*dag); ok {
		d = v
	}
	m.made++
	g := &group{at: n, dag: d, prefix: true, sure: m.sure() && !strange, defaults: a.named["default_args"]}
	if v, found, known := a.get("prefix_group_id"); found || !known {
		is, ok := truth(v)
		g.prefix, strange = is, strange || !ok
	} else if len(a.list) > 1 {
		strange = true
	}
	if v, found := a.named["add_suffix_on_collision"]; found {
		is, ok := truth(v)
		suffixed, strange = is, strange || !ok
	}
	if d == nil {
		return g
	}
	g.parent = m.groupOf(d)
	if v, ok := a.named["parent_group"].(*group); ok {
		g.parent = v
	}
	g.parent.children = append(g.parent.children, g)
	name, ok := id.(text)
	if !ok || strange || !g.parent.known {
		if kind := typeName(id); kind != "" && kind != "None" && !ok {
			m.wrong(RuleTaskID, at, fmt.Sprintf("the group_id is a value of the type %s, not a text", kind), "")
		} else if m.maybe == 0 && g.parent.known {
			m.undecided(at, fmt.Sprintf("the id of the group in %q is not known", m.brief(n)), "write it as a constant")
		}
		d.blurred = true
		return g
	}
	m.nameGroup(at, g, string(name), suffixed)
	return g
}

func (m *machine) nameGroup(at *node, g *group, name string, suffixed bool) {
	d := g.dag
	if wrong, hint := badKey(name, maxGroupKey); wrong != "" {
		m.wrong(RuleTaskID, at, fmt.Sprintf("the group_id %q %s", shorten(name), wrong), hint)
	}
	g.own, g.known = name, true
	// The prefix of a group is that of the groups around it.
	g.id = g.parent.child(name)
	if by := d.used[g.id]; by != nil {
		if !suffixed {
			m.taken(at, d, g.id, by, g.sure)
			return
		}
		if d.blurred {
			g.known = false
			return
		}
		g.own = d.suffixedGroup(name)
		g.id = g.parent.child(g.own)
	}
	if !g.sure {
		d.blurred = true
	}
	for _, id := range []string{g.id, g.id + ".upstream_join_id", g.id + ".downstream_join_id"} {
		d.used[id] = &owner{g.at, g.sure, "the group"}
	}
}

// suffixedGroup returns a group of a function with @task_group a name that the DAG does not have, as Airflow does.
func (d *dag) suffixedGroup(name string) string {
	base, highest, found := suffix.ReplaceAllString(name, ""), 0, false
	for id := range d.used {
		if rest, ok := strings.CutPrefix(id, base+"__"); ok {
			if i, err := strconv.Atoi(rest); err == nil {
				highest, found = max(highest, i), true
			}
		}
	}
	if !found {
		return name + "__1"
	}
	return base + "__" + strconv.Itoa(highest+1)
}

// hidden reports whether the group may have tasks that are not known.
func (g *group) hidden() bool {
	if g.open {
		return true
	}
	return slices.ContainsFunc(g.children, func(c any) bool { inner, ok := c.(*group); return ok && inner.hidden() })
}

// members are the tasks in a group and in the groups in it. It is false when there may be others.
func (g *group) members() []*task {
	var out []*task
	for _, c := range g.children {
		switch c := c.(type) {
		case *task:
			out = append(out, c)
		case *group:
			out = append(out, c.members()...)
		}
	}
	return out
}

// roots are the tasks of a group with nothing of the group before them.
func (g *group) roots() []*task {
	inside := g.inside()
	var out []*task
	for _, t := range g.members() {
		free := true
		for _, e := range t.up {
			free = free && !inside[e.from]
		}
		if free {
			out = append(out, t)
		}
	}
	return out
}

func (g *group) inside() map[*task]bool {
	in := map[*task]bool{}
	for _, t := range g.members() {
		in[t] = true
	}
	return in
}

// leaves are the tasks of a group with nothing of the group after them. What only cleans up does not count: the
// tasks before it do.
func (g *group) leaves() []*task {
	inside := g.inside()
	var out []*task
	for _, t := range g.members() {
		free := true
		for _, e := range t.down {
			free = free && !inside[e.to]
		}
		switch {
		case free && !t.teardown:
			out = append(out, t)
		case free:
			out = appendWorking(out, t, inside, map[*task]bool{})
		}
	}
	return out
}

// appendWorking adds the tasks before a teardown that end the group's work.
func appendWorking(out []*task, teardown *task, inside, seen map[*task]bool) []*task {
	if seen[teardown] {
		return out
	}
	seen[teardown] = true
	for _, e := range teardown.up {
		t := e.from
		switch {
		case !inside[t] || t.setup:
		case t.teardown:
			out = appendWorking(out, t, inside, seen)
		default:
			last := true
			for _, o := range t.down {
				last = last && (o.to == teardown || !inside[o.to] || o.to.teardown)
			}
			if last {
				out = append(out, t)
			}
		}
	}
	return out
}

// ends are the tasks that stand for the end of a group: its leaves, or what it was put after while it is empty.
func (g *group) ends() []*task {
	for at := g; at != nil; at = at.parent {
		if leaves := at.leaves(); len(leaves) > 0 {
			return leaves
		}
		if len(at.up) > 0 {
			return at.up
		}
		if at.hidden() {
			return nil // it is not known to be empty
		}
	}
	return nil
}
