// SPDX-License-Identifier: Apache-2.0

package airflow

import (
	"strings"
)

func unary(operator string, v value) value {
	switch v := v.(type) {
	case int64:
		switch operator {
		case "-":
			return -v
		case "+":
			return v
		case "~":
			return ^v
		}
	case float64:
		if operator == "-" {
			return -v
		}
	}
	return &unknown{}
}

// binary returns what an operator makes of two values. The arrows between tasks are the edges of the DAG.
func (m *machine) binary(n *node, operator string, left, right value) value {
	if operator == ">>" || operator == "<<" {
		if v, ok := m.arrow(n, operator == ">>", left, right); ok {
			return v
		}
	}
	switch operator {
	case "+":
		return m.plus(left, right)
	case "*":
		return m.times(left, right)
	case "%":
		return m.percent(left, right)
	case "|", "&":
		if both := together(operator, left, right); both != nil {
			return both
		}
		if a, ok := left.(*instance); ok && meaning(a.path) == isAsset {
			return a
		}
		if a, ok := left.(*dict); ok {
			if b, ok := right.(*dict); ok {
				d := newDict()
				m.update(d, a)
				m.update(d, b)
				return d
			}
		}
	}
	a, ok := left.(int64)
	b, ok2 := right.(int64)
	if !ok || !ok2 {
		return &unknown{}
	}
	const most = 1 << 31
	if a > most || a < -most || b > most || b < -most {
		return &unknown{}
	}
	switch {
	case operator == "-":
		return a - b
	case operator == "//" && b != 0:
		q := a / b
		if a%b != 0 && (a < 0) != (b < 0) {
			q--
		}
		return q
	}
	return &unknown{}
}

// plus adds numbers and puts texts and lists together.
func (m *machine) plus(left, right value) value {
	switch a := left.(type) {
	case text:
		if b, ok := right.(text); ok && len(a)+len(b) <= maxText {
			return a + b
		}
	case int64:
		const most = 1 << 31
		if b, ok := right.(int64); ok && a < most && a > -most && b < most && b > -most {
			return a + b
		}
	case *list:
		if b, ok := right.(*list); ok && a.kind == b.kind {
			out := &list{kind: a.kind}
			m.extend(out, a)
			m.extend(out, b)
			out.open = a.open || b.open
			return out
		}
	}
	return &unknown{}
}

func (m *machine) times(left, right value) value {
	if _, ok := left.(int64); ok {
		left, right = right, left
	}
	b, ok := right.(int64)
	if !ok || b > maxItems {
		return &unknown{}
	}
	switch a := left.(type) {
	case int64:
		const most = 1 << 31
		if a < most && a > -most && b > -most {
			return a * b
		}
	case text:
		if len(a)*int(b) <= maxText {
			return text(strings.Repeat(string(a), max(0, int(b))))
		}
	case *list:
		if len(a.items)*int(b) <= maxItems {
			out := &list{kind: a.kind, open: a.open}
			for range max(0, int(b)) {
				out.items = append(out.items, a.items...)
			}
			return out
		}
	}
	return &unknown{}
}

// percent formats a text the old way, for "%s" and "%d" alone.
func (m *machine) percent(left, right value) value {
	switch a := left.(type) {
	case int64:
		if b, ok := right.(int64); ok && b != 0 {
			r := a % b
			if r != 0 && (r < 0) != (b < 0) {
				r += b
			}
			return r
		}
	case text:
		args := []value{right}
		if l, ok := right.(*list); ok && l.kind == '(' {
			args = l.items
		}
		return formatOld(string(a), args)
	}
	return &unknown{}
}

func formatOld(format string, args []value) value {
	var b strings.Builder
	for i := 0; i < len(format); i++ {
		if format[i] != '%' {
			b.WriteByte(format[i])
			continue
		}
		i++
		if i < len(format) && format[i] == '%' {
			b.WriteByte('%')
			continue
		}
		if i >= len(format) || len(args) == 0 || format[i] != 's' && format[i] != 'd' {
			return &unknown{}
		}
		s, ok := display(args[0])
		if _, number := args[0].(int64); !ok || format[i] == 'd' && !number {
			return &unknown{}
		}
		b.WriteString(s)
		args = args[1:]
	}
	if len(args) > 0 || b.Len() > maxText {
		return &unknown{}
	}
	return text(b.String())
}

// boolean returns the value of "and" and "or", which is one of their sides.
func (m *machine) boolean(n *node, in *scope) value {
	left := m.eval(n.child("left"), in)
	or := m.text(n.child("operator")) == "or"
	is, known := truth(left)
	if known {
		if is == or {
			return left
		}
		return m.eval(n.child("right"), in)
	}
	var right value
	ways := m.maybeRun(n, "which side of this counts is not known, and DAGs depend on it", func() { right = m.eval(n.child("right"), in) })
	m.merge(ways, map[slot]value{})
	return either(left, right)
}

func (m *machine) conditional(n *node, in *scope) value {
	parts := n.parts()
	if len(parts) != 3 {
		return &unknown{}
	}
	if is, known := truth(m.eval(parts[1], in)); known {
		if is {
			return m.eval(parts[0], in)
		}
		return m.eval(parts[2], in)
	}
	var a, b value
	why := "which side of this counts is not known, and DAGs depend on it"
	one := m.maybeRun(n, why, func() { a = m.eval(parts[0], in) })
	two := m.maybeRun(n, why, func() { b = m.eval(parts[2], in) })
	m.merge(one, two)
	return either(a, b)
}
