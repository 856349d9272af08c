// SPDX-License-Identifier: Apache-2.0

package rego

import (
	"fmt"

	"github.com/open-policy-agent/opa/v1/ast"

	"trunkline.dev/trunkline/api/v1alpha1"
)

// maxLiteral bounds what the literals of a rule hold once the variables in them are written out. The engine writes them out
// when they are used, so "b := [a, a]; c := [b, b]; …" is as large as two to the power of its length.
const maxLiteral = 100_000

// literals finds rules whose literals are too large.
func literals(module *ast.Module, found func(at v1alpha1.Position, message string)) {
	ast.WalkRules(module, func(r *ast.Rule) bool {
		l := &literalSizes{defined: map[ast.Var][]*ast.Term{}, known: map[ast.Var]float64{}}
		ast.WalkExprs(r, func(e *ast.Expr) bool {
			if e.IsEquality() || e.IsAssignment() {
				l.define(e.Operand(0), e.Operand(1))
				l.define(e.Operand(1), e.Operand(0))
			}
			return false
		})
		largest := 0.0
		for name := range l.defined {
			largest = max(largest, l.ofVar(name))
		}
		for _, t := range []*ast.Term{r.Head.Key, r.Head.Value} {
			if t != nil {
				largest = max(largest, l.of(t))
			}
		}
		if largest > maxLiteral {
			found(place(r.Loc()), fmt.Sprintf("the rule %q makes literals of more than %d values, once those in them are written out", ruleName(r), maxLiteral))
		}
		return false
	})
}

// literalSizes are those of the variables of a rule.
type literalSizes struct {
	defined map[ast.Var][]*ast.Term
	known   map[ast.Var]float64
}

// define notes that the variables of one side of an equation may hold the other; a variable that stands for itself holds it
// whole, and the parts of a literal hold no more.
func (l *literalSizes) define(to, from *ast.Term) {
	if v, ok := to.Value.(ast.Var); ok {
		l.defined[v] = append(l.defined[v], from)
		return
	}
	if _, ok := from.Value.(ast.Var); ok {
		return
	}
	ast.WalkVars(to, func(v ast.Var) bool {
		l.defined[v] = append(l.defined[v], from)
		return false
	})
}

func (l *literalSizes) ofVar(v ast.Var) float64 {
	if size, ok := l.known[v]; ok {
		return size
	}
	l.known[v] = 1 // for a variable that is defined by itself
	size := 1.0
	for _, t := range l.defined[v] {
		size = max(size, l.of(t))
	}
	l.known[v] = size
	return size
}

func (l *literalSizes) of(t *ast.Term) float64 {
	size := 1.0
	switch v := t.Value.(type) {
	case ast.Var:
		return l.ofVar(v)
	case *ast.Array:
		v.Foreach(func(t *ast.Term) { size += l.of(t) })
	case ast.Set:
		v.Foreach(func(t *ast.Term) { size += l.of(t) })
	case ast.Object:
		v.Foreach(func(k, v *ast.Term) { size += l.of(k) + l.of(v) })
	}
	return size
}
