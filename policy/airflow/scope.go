// SPDX-License-Identifier: Apache-2.0

package airflow

import "slices"

// scope holds the names of the module, of a function that runs, or of a class.
type scope struct {
	names map[string]value
	// outer is where a name is looked for next; nil for the module.
	outer *scope
	// module is the scope of the module.
	module *scope
	// wild are the modules that all names were imported from, of the scope of a module.
	wild []string
	// elsewhere are the names that "global" and "nonlocal" send to another scope.
	elsewhere map[string]*scope
	// order remembers which names came first, so that results do not depend on the order of a map.
	order []string
}

func newScope(outer *scope) *scope {
	s := &scope{names: map[string]value{}, outer: outer}
	s.module = s
	if outer != nil {
		s.module = outer.module
	}
	return s
}

func (s *scope) lookup(name string) (value, bool) {
	for at := s; at != nil; at = at.outer {
		if to, ok := at.elsewhere[name]; ok {
			at = to
		}
		if v, ok := at.names[name]; ok {
			return v, true
		}
	}
	return nil, false
}

// home is the scope that a name is given its value in.
func (s *scope) home(name string) *scope {
	if to, ok := s.elsewhere[name]; ok {
		return to
	}
	return s
}

func (s *scope) put(name string, v value) {
	if _, ok := s.names[name]; !ok {
		s.order = append(s.order, name)
	}
	s.names[name] = v
}

// change is one name that was given a value while it was not certain that the code runs.
type change struct {
	in   *scope
	name string
	was  value
	had  bool
}

// journal collects the changes of names, to take them back.
type journal []change

// set returns a name its value, and notes down what it was.
func (m *machine) set(s *scope, name string, v value) {
	s = s.home(name)
	if n := len(m.journals); n > 0 {
		was, had := s.names[name]
		m.journals[n-1] = append(m.journals[n-1], change{s, name, was, had})
	}
	s.put(name, v)
}

func (m *machine) remove(s *scope, name string) {
	s = s.home(name)
	if was, had := s.names[name]; had {
		if n := len(m.journals); n > 0 {
			m.journals[n-1] = append(m.journals[n-1], change{s, name, was, had})
		}
		delete(s.names, name)
		s.order = slices.DeleteFunc(s.order, func(o string) bool { return o == name })
	}
}

// attempt runs code and takes back what it did to names. It returns the values that it left, for names it touched.
func (m *machine) attempt(run func()) map[slot]value {
	m.journals = append(m.journals, nil)
	run()
	top := len(m.journals) - 1
	done := m.journals[top]
	m.journals = m.journals[:top]
	left := map[slot]value{}
	for _, c := range done {
		left[slot{c.in, c.name}] = c.in.names[c.name] // nil for what was removed
	}
	for _, c := range slices.Backward(done) {
		if c.had {
			c.in.put(c.name, c.was)
		} else {
			delete(c.in.names, c.name)
			c.in.order = slices.DeleteFunc(c.in.order, func(o string) bool { return o == c.name })
		}
	}
	return left
}

// slot is a name in a scope.
type slot struct {
	in   *scope
	name string
}

// merge returns each name that one of several ways touched the value that all of them agree on.
func (m *machine) merge(ways ...map[slot]value) {
	touched := map[slot]bool{}
	var order []slot
	for _, way := range ways {
		for s := range way {
			if !touched[s] {
				touched[s] = true
				order = append(order, s)
			}
		}
	}
	slices.SortFunc(order, func(a, b slot) int {
		if a.name < b.name {
			return -1
		}
		return 1
	})
	for _, s := range order {
		var v value
		for i, way := range ways {
			here, ok := way[s]
			if !ok {
				here = s.in.names[s.name]
			}
			if here == nil {
				here = &unknown{}
			}
			if i == 0 {
				v = here
			} else {
				v = either(v, here)
			}
		}
		m.set(s.in, s.name, v)
	}
}
