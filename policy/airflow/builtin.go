// SPDX-License-Identifier: Apache-2.0

package airflow

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

func isBuiltin(name string) bool {
	switch name {
	case "range", "len", "list", "tuple", "set", "frozenset", "dict", "str", "int", "float", "bool", "enumerate", "zip", "sorted", "reversed",
		"map", "filter", "print", "isinstance", "issubclass", "getattr", "setattr", "hasattr", "globals", "locals", "vars", "eval", "exec",
		"__import__", "any", "all", "sum", "min", "max", "repr", "type", "super", "iter", "next", "open", "id", "callable", "format", "abs",
		"round", "exit", "quit", "object", "compile", "property", "staticmethod", "classmethod", "bytes", "divmod", "pow", "hash", "ord", "chr",
		"Exception", "ValueError", "KeyError", "TypeError", "ImportError", "ModuleNotFoundError", "RuntimeError", "AttributeError", "NotImplementedError":
		return true
	}
	return false
}

// builtin calls a function that Python always has.
func (m *machine) builtin(n *node, name string, a arguments, in *scope) value {
	var first value
	if len(a.list) > 0 {
		first = a.list[0]
	}
	switch name {
	case "globals", "locals", "vars":
		if len(a.list) > 0 {
			return &unknown{}
		}
		if name == "globals" {
			return &namespace{in.module}
		}
		return &namespace{in}
	case "eval", "exec", "__import__", "compile":
		if m.maybe == 0 || len(m.dags) > 0 {
			m.undecided(n, fmt.Sprintf("what %q does is not looked at", m.brief(n)), "write it as code of the file")
		}
		return &unknown{}
	case "setattr":
		if s, ok := argument(a, 1).(text); ok && len(a.list) == 3 {
			m.setAttribute(n, first, string(s), a.list[2])
			return none{}
		}
		m.mystery(n, a)
	case "getattr":
		if s, ok := argument(a, 1).(text); ok && len(a.list) == 2 {
			return m.attribute(first, string(s))
		}
	case "print", "isinstance", "issubclass", "hasattr", "len", "type", "id", "callable", "repr", "str":
		return simple(name, first, a)
	case "map", "filter":
		return m.mapped(n, name, a, in)
	case "staticmethod", "classmethod", "property":
		return first
	case "super":
		if len(m.supers) > 0 {
			return m.supers[len(m.supers)-1]
		}
	case "open":
		return &instance{path: "builtins.open"}
	case "next":
		if items, known := m.items(first); known && len(items) > 0 {
			return items[0]
		}
	case "iter":
		return first
	}
	if v := m.sequence(name, first, a); v != nil {
		return v
	}
	return &unknown{}
}

func argument(a arguments, i int) value {
	if i < len(a.list) {
		return a.list[i]
	}
	return nil
}

// simple are the functions that only look at what they are given.
func simple(name string, first value, a arguments) value {
	switch name {
	case "print":
		return none{}
	case "len":
		switch v := first.(type) {
		case *list:
			if !v.open && v.kind != '{' {
				return int64(len(v.items))
			}
		case *dict:
			if !v.open {
				return int64(len(v.keys))
			}
		case text:
			return int64(len([]rune(string(v))))
		}
	case "str":
		if s, ok := display(first); ok && len(a.list) == 1 {
			return text(s)
		}
	}
	return &unknown{}
}

// sequence are the functions that make lists of lists. It returns nil for others.
func (m *machine) sequence(name string, first value, a arguments) value {
	switch name {
	case "range":
		return m.rangeOf(a)
	case "list", "tuple", "set", "frozenset", "sorted", "reversed":
		return m.listOf(name, first, a)
	case "dict":
		d := newDict()
		if first != nil {
			m.update(d, first)
		}
		d.open = d.open || a.openNames
		for _, key := range a.order {
			d.set(text(key), a.named[key])
		}
		return d
	case "enumerate":
		items, known := m.items(first)
		out := &list{kind: '[', open: !known}
		begin := int64(0)
		if s := argument(a, 1); s != nil {
			begin, known = s.(int64)
		} else if s, ok := a.named["start"]; ok {
			begin, known = s.(int64)
		}
		if !known {
			return &unknown{}
		}
		for i, item := range items {
			out.items = append(out.items, &list{kind: '(', items: []value{begin + int64(i), item}})
		}
		return out
	case "zip":
		return m.zip(a)
	case "int":
		switch v := first.(type) {
		case int64:
			return v
		case text:
			if i, err := strconv.ParseInt(string(v), 10, 64); err == nil && len(a.list) == 1 {
				return i
			}
		}
	case "bool":
		if is, known := truth(first); known {
			return is
		}
	case "any", "all":
		return m.anyOrAll(name == "any", first)
	}
	return nil
}

func (m *machine) listOf(name string, first value, a arguments) value {
	kind := map[string]byte{"list": '[', "sorted": '[', "reversed": '[', "tuple": '(', "set": '{', "frozenset": '{'}[name]
	if first == nil {
		return &list{kind: kind, open: a.openList}
	}
	items, known := m.items(first)
	l := &list{kind: kind, items: items, open: !known}
	switch name {
	case "reversed":
		slices.Reverse(l.items)
	case "sorted":
		if !sortValues(l.items) || len(a.named) > 0 {
			return &unknown{}
		}
	case "set", "frozenset":
		var once []value
		for _, v := range l.items {
			if !slices.ContainsFunc(once, func(o value) bool { return same(o, v) }) {
				once = append(once, v)
			}
			if len(once) > 200 {
				return &unknown{}
			}
		}
		l.items = once
	}
	return l
}

// sortValues sorts texts or numbers; it is false for others.
func sortValues(items []value) bool {
	numbers, texts := 0, 0
	for _, v := range items {
		switch v.(type) {
		case int64:
			numbers++
		case text:
			texts++
		}
	}
	if numbers != len(items) && texts != len(items) {
		return false
	}
	slices.SortStableFunc(items, func(a, b value) int {
		if x, ok := a.(int64); ok {
			if y, _ := b.(int64); x < y {
				return -1
			} else if x > y {
				return 1
			}
			return 0
		}
		x, _ := a.(text)
		y, _ := b.(text)
		return strings.Compare(string(x), string(y))
	})
	return true
}

func (m *machine) rangeOf(a arguments) value {
	bounds := make([]int64, len(a.list))
	for i, v := range a.list {
		var ok bool
		if bounds[i], ok = v.(int64); !ok {
			return &unknown{}
		}
	}
	var from, to int64
	by := int64(1)
	switch len(bounds) {
	case 1:
		to = bounds[0]
	case 2:
		from, to = bounds[0], bounds[1]
	case 3:
		from, to, by = bounds[0], bounds[1], bounds[2]
	default:
		return &unknown{}
	}
	const most = 1 << 31
	if by == 0 || max(from, to, by) > most || min(from, to, by) < -most || (to-from)/by > maxItems {
		return &unknown{}
	}
	out := &list{kind: '['}
	for i := from; by > 0 && i < to || by < 0 && i > to; i += by {
		out.items = append(out.items, i)
	}
	return out
}

func (m *machine) zip(a arguments) value {
	out := &list{kind: '[', open: a.openList}
	var columns [][]value
	for _, v := range a.list {
		items, known := m.items(v)
		if !known {
			return &unknown{}
		}
		columns = append(columns, items)
	}
	for i := 0; len(columns) > 0; i++ {
		row := &list{kind: '('}
		for _, c := range columns {
			if i >= len(c) {
				return out
			}
			row.items = append(row.items, c[i])
		}
		out.items = append(out.items, row)
	}
	return out
}

func (m *machine) anyOrAll(isAny bool, v value) value {
	items, known := m.items(v)
	if !known {
		return &unknown{}
	}
	for _, item := range items {
		is, known := truth(item)
		if !known {
			return &unknown{}
		}
		if is == isAny {
			return isAny
		}
	}
	return !isAny
}

func (m *machine) mapped(n *node, name string, a arguments, in *scope) value {
	items, known := m.items(argument(a, 1))
	if !known || len(a.list) != 2 || name == "filter" {
		m.mystery(n, a)
		if f, ok := argument(a, 0).(*function); ok {
			m.opaque(n, f)
		}
		return &unknown{}
	}
	out := &list{kind: '['}
	for _, item := range items {
		out.items = append(out.items, m.apply(n, a.list[0], arguments{at: n, list: []value{item}}, in))
	}
	return out
}
