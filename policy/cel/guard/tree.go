// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"fmt"

	"github.com/google/cel-go/cel"
	celast "github.com/google/cel-go/common/ast"
	"github.com/google/cel-go/common/operators"
)

const (
	// MaxDepth bounds how deep an expression is nested.
	MaxDepth = 100
	// MaxTyped bounds how deep lists, maps and macros are in each other.
	MaxTyped = 32
)

// TooDeep says what nests too deep in an expression that was parsed, or nothing. The type checker takes the third power of how
// deep types are nested.
func TooDeep(tree *cel.Ast) string {
	problem := ""
	var visit func(e celast.Expr, all, typed int)
	visit = func(e celast.Expr, all, typed int) {
		if k := e.Kind(); k == celast.ComprehensionKind || k == celast.ListKind || k == celast.MapKind {
			typed++
		}
		switch {
		case problem != "":
			return
		case typed > MaxTyped:
			problem = fmt.Sprintf("the expression nests lists, maps and macros deeper than %d", MaxTyped)
			return
		case all > MaxDepth:
			problem = fmt.Sprintf("the expression is nested deeper than %d", MaxDepth)
			return
		}
		for _, child := range children(e) {
			visit(child, all+1, typed)
		}
	}
	visit(tree.NativeRep().Expr(), 0, 0)
	return problem
}

// UsesWhole reports whether a name is used otherwise than by its fields. Whoever has the variables of a policy as a whole could
// use one in its own expression, without an end.
func UsesWhole(tree *cel.Ast, name string) bool {
	named, selected := 0, 0
	visitAll(tree.NativeRep().Expr(), func(e celast.Expr) {
		switch {
		case e.Kind() == celast.IdentKind && e.AsIdent() == name:
			named++
		case selects(e, name, ""):
			selected++
		}
	})
	return named != selected
}

// Uses reports whether an expression may use a field of a name: it names the field, or the name as a whole. Without a field it
// reports whether the name is used at all.
func Uses(tree *cel.Ast, name, field string) bool {
	if field != "" && UsesWhole(tree, name) {
		return true
	}
	found := false
	visitAll(tree.NativeRep().Expr(), func(e celast.Expr) {
		if field == "" {
			found = found || e.Kind() == celast.IdentKind && e.AsIdent() == name
		} else {
			found = found || selects(e, name, field)
		}
	})
	return found
}

// selects tells the selection of a field of a name; of any if the field is empty.
func selects(e celast.Expr, name, field string) bool {
	var of celast.Expr
	var selected string
	switch e.Kind() {
	case celast.SelectKind:
		of, selected = e.AsSelect().Operand(), e.AsSelect().FieldName()
	case celast.CallKind:
		args := e.AsCall().Args()
		if e.AsCall().FunctionName() != operators.OptSelect || len(args) != 2 || args[1].Kind() != celast.LiteralKind {
			return false
		}
		of = args[0]
		selected, _ = args[1].AsLiteral().Value().(string)
	default:
		return false
	}
	return of.Kind() == celast.IdentKind && of.AsIdent() == name && (field == "" || selected == field)
}

func visitAll(e celast.Expr, visit func(celast.Expr)) {
	visit(e)
	for _, child := range children(e) {
		visitAll(child, visit)
	}
}

// children are the parts of an expression.
func children(e celast.Expr) []celast.Expr {
	switch e.Kind() {
	case celast.CallKind:
		call := e.AsCall()
		if call.IsMemberFunction() {
			return append([]celast.Expr{call.Target()}, call.Args()...)
		}
		return call.Args()
	case celast.SelectKind:
		return []celast.Expr{e.AsSelect().Operand()}
	case celast.ListKind:
		return e.AsList().Elements()
	case celast.MapKind:
		var out []celast.Expr
		for _, entry := range e.AsMap().Entries() {
			out = append(out, entry.AsMapEntry().Key(), entry.AsMapEntry().Value())
		}
		return out
	case celast.StructKind:
		var out []celast.Expr
		for _, field := range e.AsStruct().Fields() {
			out = append(out, field.AsStructField().Value())
		}
		return out
	case celast.ComprehensionKind:
		c := e.AsComprehension()
		return []celast.Expr{c.IterRange(), c.AccuInit(), c.LoopCondition(), c.LoopStep(), c.Result()}
	default:
		return nil
	}
}
