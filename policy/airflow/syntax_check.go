// SPDX-License-Identifier: Apache-2.0

package airflow

import (
	"fmt"
	"slices"
	"strings"
)

// syntaxChecks finds what the grammar of tree-sitter accepts and CPython does not. It leaves out what CPython refuses only in
// some versions, names of characters that do not exist (\N{…}), and "global" for a name that was used before.
type syntaxChecks struct {
	src   []byte
	found []finding
}

type finding struct {
	at            *node
	message, hint string
}

// context is what is around a part of the file.
type context struct {
	function, async, loop, class bool
	// as is set where "as" may be.
	as bool
	// blocks counts the loops, with and try statements around; CPython takes twenty in one function.
	blocks int
}

const maxStaticBlocks = 20

func (s *syntaxChecks) report(at *node, message, hint string) {
	if len(s.found) < maxProblems {
		s.found = append(s.found, finding{at, message, hint})
	}
}

func (s *syntaxChecks) text(n *node) string { return string(s.src[n.start:n.end]) }

func (s *syntaxChecks) walk(n *node, in context) {
	if s.definition(n, in) {
		return
	}
	around := in
	in = s.statement(n, in)
	s.expression(n, in.as)
	in.as = !n.named || n.kind != "as_pattern" && n.kind != "expression_statement" && n.kind != "binary_operator" && n.kind != "argument_list" &&
		n.kind != "assignment" && n.kind != "keyword_argument" && n.kind != "for_statement" && n.kind != "return_statement"
	around.as = in.as
	for _, c := range n.children {
		if c.field == "alternative" {
			s.walk(c, around) // what belongs to the else of a loop is not within the loop
		} else {
			s.walk(c, in)
		}
	}
}

// definition walks functions, lambdas and classes, whose parts are in different contexts.
func (s *syntaxChecks) definition(n *node, in context) bool {
	switch n.kind {
	case "function_definition", "lambda":
		s.parameters(n)
		for _, c := range n.children {
			if c.field == "body" {
				s.walk(c, context{function: true, async: n.has("async")})
			} else {
				s.walk(c, in)
			}
		}
		return true
	case "class_definition":
		for _, c := range n.children {
			if c.field == "body" {
				s.walk(c, context{class: true})
			} else {
				s.walk(c, in)
			}
		}
		return true
	}
	return false
}

// statement checks a statement, and returns the context of what is in it.
func (s *syntaxChecks) statement(n *node, in context) context {
	if !n.named {
		return in
	}
	switch n.kind {
	case "for_statement", "while_statement":
		in.loop = true
		in.blocks++
		s.async(n, in)
	case "with_statement":
		in.blocks++
		s.async(n, in)
	case "try_statement":
		in.blocks++
		if !n.has("except_clause") && !n.has("except_group_clause") && !n.has("finally_clause") {
			s.report(n, `"try" without "except" and "finally"`, "say what happens when something goes wrong")
		}
		s.handlers(n)
	case "return_statement":
		if !in.function {
			s.report(n, `"return" outside of a function`, "")
		}
	case "yield":
		if !in.function {
			s.report(n, `"yield" outside of a function`, "")
		}
	case "await":
		if !in.async {
			s.report(n, `"await" outside of a function with "async"`, "")
		}
	case "break_statement", "continue_statement":
		if !in.loop {
			s.report(n, fmt.Sprintf("%q outside of a loop", s.text(n)), "")
		}
	case "nonlocal_statement":
		if !in.function && !in.class {
			s.report(n, `"nonlocal" at the level of the module`, "")
		}
	case "generator_expression":
		in.async = true // it is what makes it asynchronous, wherever it is
	case "wildcard_import":
		if in.function {
			s.report(n, `"import *" within a function`, "import names, or import at the level of the module")
		}
	case "print_statement":
		s.print(n)
	case "exec_statement":
		s.exec(n)
	case "expression_statement":
		s.expressionStatement(n)
	case "future_import_statement":
		s.future(n)
	case "import_from_statement":
		s.importFrom(n)
	}
	if in.blocks > maxStaticBlocks && (n.kind == "for_statement" || n.kind == "while_statement" || n.kind == "with_statement" || n.kind == "try_statement") {
		s.report(n, fmt.Sprintf("more than %d loops, with and try statements in each other", maxStaticBlocks), "move the inner ones into a function")
	}
	return in
}

// handlers checks that an "except" for everything is the last of a try statement.
func (s *syntaxChecks) handlers(n *node) {
	var all *node
	for _, c := range n.children {
		if c.kind != "except_clause" {
			continue
		}
		if all != nil {
			s.report(all, `an "except" for everything is not the last one`, "put it after the others")
			return
		}
		if !slices.ContainsFunc(c.children, func(of *node) bool { return of.named && of.kind != "block" && of.kind != "comment" }) {
			all = c
		}
	}
}

func (s *syntaxChecks) async(n *node, in context) {
	if n.has("async") && !in.async {
		s.report(n, `"async" outside of a function with "async"`, "")
	}
}

// importFrom checks the names of an import.
func (s *syntaxChecks) importFrom(n *node) {
	if last := n.children[len(n.children)-1]; last.kind == "," {
		s.report(last, "a comma after the last name that is imported", "put the names into parentheses, or take the comma away")
	}
	for _, name := range n.all("name") {
		if name.kind == "aliased_import" {
			name = name.child("name")
		}
		if len(name.parts()) > 1 {
			s.report(name, fmt.Sprintf("%q is no name of a module", shorten(s.text(name))), "put all but the last part before \"import\"")
		}
	}
}

// print refuses the print of Python 2. With parentheses right after the word it may be the function.
func (s *syntaxChecks) print(n *node) {
	first := n.child("argument")
	if n.has("chevron") || first == nil || s.src[first.start] == '(' {
		return
	}
	s.report(n, `"print" is a function`, "write print(…)")
}

func (s *syntaxChecks) exec(n *node) {
	if code := n.child("code"); code != nil && s.src[code.start] != '(' {
		s.report(n, `"exec" is a function`, "write exec(…)")
	}
}

func (s *syntaxChecks) expressionStatement(n *node) {
	first := n.first()
	if first == nil {
		return
	}
	switch first.kind {
	case "named_expression":
		s.report(first, `":=" as a statement of its own needs parentheses`, `write "=" to give a value to a name`)
	case "list_splat":
		if len(n.parts()) == 1 && !n.has(",") {
			s.report(first, `"*" cannot stand at the beginning of a statement`, "")
		}
	}
}

// module checks that imports from __future__ come first.
func (s *syntaxChecks) module(root *node) {
	first := true
	for i, n := range root.parts() {
		if n.kind == "future_import_statement" {
			if !first {
				s.report(n, "an import from __future__ that is not at the beginning of the file", "put it first")
			}
			continue
		}
		inner := n.first()
		first = first && i == 0 && n.kind == "expression_statement" && inner != nil && (inner.kind == "string" || inner.kind == "concatenated_string")
	}
}

func (s *syntaxChecks) future(n *node) {
	for _, name := range n.all("name") {
		feature := s.text(name)
		if name.kind == "aliased_import" {
			feature = s.text(name.child("name"))
		}
		switch feature {
		case "nested_scopes", "generators", "division", "absolute_import", "with_statement", "print_function", "unicode_literals", "barry_as_FLUFL", "generator_stop", "annotations":
		default:
			s.report(name, fmt.Sprintf("%q is no feature of __future__", shorten(feature)), "")
		}
	}
}

// parameters checks the parameters of a function or lambda.
func (s *syntaxChecks) parameters(function *node) {
	list := function.child("parameters")
	if list == nil {
		return
	}
	seen := map[string]bool{}
	optional, afterStar, afterKeywords := false, false, false
	for _, p := range list.parts() {
		name, hasDefault := p, false
		switch p.kind {
		case "typed_parameter":
			name = p.first()
		case "default_parameter", "typed_default_parameter":
			name, hasDefault = p.child("name"), true
		}
		if afterKeywords {
			s.report(p, `a parameter after "**"`, `put the parameter with "**" last`)
		}
		switch name.kind {
		case "list_splat_pattern", "keyword_separator":
			if afterStar {
				s.report(p, `more than one "*" in the parameters`, "")
			}
			afterStar = true
		case "dictionary_splat_pattern":
			afterKeywords = true
		case "tuple_pattern":
			s.report(p, "a parameter cannot be a tuple", "take the tuple apart within the function")
		}
		if name.kind == "keyword_separator" || name.kind == "positional_separator" {
			continue
		}
		if name.kind == "identifier" && !afterStar {
			if optional && !hasDefault {
				s.report(p, fmt.Sprintf("the parameter %q has no default and follows one that has", s.text(name)), "give it a default, or put it before")
			}
			optional = optional || hasDefault
		}
		bare := strings.TrimLeft(s.text(name), "* ")
		if seen[bare] {
			s.report(p, fmt.Sprintf("two parameters have the name %q", shorten(bare)), "rename one of them")
		}
		seen[bare] = true
	}
}
