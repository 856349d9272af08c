// SPDX-License-Identifier: Apache-2.0

package airflow

import (
	"strings"
)

// comparison compares two values that are known.
func (m *machine) comparison(n *node, in *scope) value {
	operators := n.all("operators")
	var sides []*node
	for _, c := range n.parts() {
		if c.field != "operators" {
			sides = append(sides, c)
		}
	}
	values := make([]value, len(sides))
	for i, s := range sides {
		values[i] = m.eval(s, in)
	}
	if len(operators) != 1 || len(sides) != 2 {
		return &unknown{}
	}
	if is, known := compare(strings.Join(strings.Fields(m.text(operators[0])), " "), values[0], values[1]); known {
		return is
	}
	return &unknown{}
}

func compare(operator string, a, b value) (is, known bool) {
	if s, ok := a.(*symbol); ok && s.path == "__name__" && (operator == "==" || operator == "!=") {
		// Airflow returns each file a name of its own.
		if name, ok := b.(text); ok && name == "__main__" {
			return operator == "!=", true
		}
		return false, false
	}
	switch operator {
	case "in", "not in":
		is, known = contains(b, a)
		return is == (operator == "in"), known
	case "is", "is not":
		_, noA := a.(none)
		_, noB := b.(none)
		if (noA || noB) && (isConstant(a) || isPart(a)) && (isConstant(b) || isPart(b)) {
			return (noA && noB) == (operator == "is"), true
		}
		return false, false
	case "==", "!=":
		if isConstant(a) && isConstant(b) && typeName(a) == typeName(b) {
			return (a == b) == (operator == "=="), true
		}
		if _, no := a.(none); no && isConstant(b) {
			return operator == "!=", true
		}
		if _, no := b.(none); no && isConstant(a) {
			return operator == "!=", true
		}
		return false, false
	}
	x, ok := a.(int64)
	y, ok2 := b.(int64)
	if !ok || !ok2 {
		return false, false
	}
	switch operator {
	case "<":
		return x < y, true
	case "<=":
		return x <= y, true
	case ">":
		return x > y, true
	case ">=":
		return x >= y, true
	}
	return false, false
}

// isPart is true for values that are certainly not None.
func isPart(v value) bool {
	switch v.(type) {
	case *list, *dict, *dag, *task, *group, *xcom, *function, *class, *mold:
		return true
	}
	return false
}

func contains(in, v value) (is, known bool) {
	if !isConstant(v) {
		return false, false
	}
	switch in := in.(type) {
	case *dict:
		_, found, known := in.get(v)
		return found, known
	case text:
		s, ok := v.(text)
		return ok && strings.Contains(string(in), string(s)), ok
	case *list:
		for _, item := range in.items {
			if !isConstant(item) {
				return false, false
			}
			if item == v {
				return true, true
			}
		}
		return false, !in.open
	}
	return false, false
}
