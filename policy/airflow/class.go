// SPDX-License-Identifier: Apache-2.0

package airflow

import (
	"fmt"
	"strings"
)

// classDefinition runs the body of a class.
func (m *machine) classDefinition(n *node, in *scope) *class {
	c := &class{name: m.text(n.child("name")), node: n, body: newScope(in)}
	c.body.put("\x00class", true)
	bases := n.child("superclasses")
	for _, b := range bases.parts() {
		if b.kind == "keyword_argument" {
			c.bases = append(c.bases, &unknown{})
			continue
		}
		if v := m.eval(b, in); !isObject(v) {
			c.bases = append(c.bases, v)
		}
	}
	c.plain = len(c.bases) == 0
	m.block(n.child("body"), c.body)
	return c
}

func isObject(v value) bool {
	b, ok := v.(*builtin)
	return ok && b.name == "object"
}

// operator is true for a class of the file that is a kind of task.
func (c *class) operator() bool {
	for _, b := range c.bases {
		switch b := b.(type) {
		case *symbol:
			if isOperatorName(last(b.path)) {
				return true
			}
		case *class:
			if b != c && b.operator() {
				return true
			}
		}
	}
	return false
}

// callClass makes an object of a class of the file.
func (m *machine) callClass(n *node, c *class, a arguments) value {
	if c.operator() {
		return m.ownTask(n, c, a)
	}
	for _, b := range c.bases {
		if s, ok := b.(*symbol); ok {
			if strings.HasPrefix(s.path, "airflow.") && meaning(s.path) == "" {
				return &unknown{} // a notifier, a hook, a timetable: none of them makes tasks
			}
			switch meaning(s.path) {
			case isDAG:
				return m.newDAG(n, a, c.body.names["__init__"] == nil)
			case isOpenGroup:
				if c.body.names["__init__"] == nil {
					return m.dbtGroup(n, a)
				}
				return m.newGroup(n, a, true)
			case isGroup:
				return m.newGroup(n, a, c.body.names["__init__"] != nil)
			}
		}
	}
	if m.touches(c.node.child("body"), c.body) {
		m.made++
		m.undecided(n, fmt.Sprintf("what an object of the class %q makes is not known", c.name), "make DAGs and tasks in plain functions")
		return &unknown{}
	}
	m.mystery(n, a)
	return &unknown{}
}

// ancestor is super() within the __init__ of a class of the file. It catches what that hands on.
type ancestor struct {
	caught []arguments
	// level is how uncertain it was that __init__ runs; maybe is set when the call is less certain than that.
	level int
	maybe bool
}

// ownTask makes a task of a class of the file. Its __init__ is followed up to what it hands on to the class of
// Airflow; when that cannot be done, the task_id is not known.
func (m *machine) ownTask(n *node, c *class, a arguments) *task {
	k := c.kind()
	if !k.naming {
		return m.newTask(n, k, a)
	}
	given := a
	const deepest = 20
	for range deepest {
		if f, ok := c.body.names["__init__"].(*function); ok {
			handed, ok := m.handsOn(n, f, given)
			if !ok {
				return m.newTask(n, k, a)
			}
			given = handed
		} else if c.body.names["__init__"] != nil || len(c.bases) != 1 {
			return m.newTask(n, k, a)
		}
		base, ok := c.bases[0].(*class)
		if !ok {
			break
		}
		c = base
	}
	k.naming = false
	// Airflow puts in the DAG and the group even where __init__ does not hand them on.
	for _, name := range []string{"dag", "task_group"} {
		if v, found := a.named[name]; found {
			given = given.over(arguments{})
			given.set(name, v)
		}
	}
	t := m.newTask(n, k, given)
	m.references(n, t, a)
	return t
}

// handsOn runs an __init__ to find the arguments of its one call of super().__init__.
func (m *machine) handsOn(n *node, f *function, a arguments) (arguments, bool) {
	if f.generator || f.altered || len(f.params) == 0 || len(a.list) > 0 || m.touches(f.node.child("body"), f.home) {
		return a, false
	}
	up := &ancestor{level: m.maybe + m.guarded}
	m.supers = append(m.supers, up)
	with := a
	with.list = []value{&unknown{}}
	m.callFunction(n, f, with)
	m.supers = m.supers[:len(m.supers)-1]
	if len(up.caught) != 1 || up.maybe {
		return a, false
	}
	handed := up.caught[0]
	handed.at, handed.nodes = n, a.nodes
	return handed, true
}
