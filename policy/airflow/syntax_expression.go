// SPDX-License-Identifier: Apache-2.0

package airflow

import (
	"fmt"
	"regexp"
	"strings"
)

// annotation refuses the bounds of type parameters where there is none.
func (s *syntaxChecks) annotation(n *node) {
	if of := n.child("type"); of != nil && of.first() != nil && of.first().kind == "constrained_type" {
		s.report(of, `":" is not expected in an annotation`, "")
	}
}

// expression checks a part of an expression; as is set where "as" may be.
func (s *syntaxChecks) expression(n *node, as bool) {
	if !n.named {
		return
	}
	switch n.kind {
	case "identifier":
		if text := s.text(n); text == "async" || text == "await" {
			s.report(n, fmt.Sprintf("%q is a word of Python and no name", text), "use another name")
		}
	case "argument_list":
		s.arguments(n)
		if len(n.children) > 1 && n.children[1].kind == "," {
			s.report(n.children[1], "a comma where an argument is expected", "take it away")
		}
	case "keyword_argument", "pair", "parenthesized_expression", "return_statement":
		s.noStars(n)
		if n.kind == "keyword_argument" {
			s.keyword(n.child("name"))
		}
	case "integer":
		s.integer(n)
	case "assignment", "augmented_assignment":
		s.assignment(n)
	case "list_comprehension", "set_comprehension", "generator_expression", "list_splat":
		s.noStars(n)
	case "as_pattern":
		if !as {
			s.report(n, `"as" is not expected here`, "")
		}
	case "typed_parameter", "typed_default_parameter":
		s.annotation(n)
		s.keyword(n.child("name"))
	case "delete_statement":
		for _, target := range n.parts() {
			s.target(target, "deleted")
		}
	case "for_statement", "for_in_clause":
		s.target(n.child("left"), "given a value")
	case "named_expression":
		s.keyword(n.child("name"))
	case "with_item":
		s.noStars(n)
		if item := n.first(); item != nil && item.kind == "as_pattern" {
			if alias := item.child("alias"); alias != nil && alias.first() != nil {
				s.target(alias.first(), "given a value")
			}
		}
	case "concatenated_string":
		s.concatenated(n)
	case "string":
		s.escapes(n)
	case "comparison_operator":
		if n.has("<>") {
			s.report(n, `"<>" is no operator`, `write "!="`)
		}
	case "default_parameter":
		s.keyword(n.child("name"))
	}
}

// noStars refuses "*" before a value where only one value can be. For the grammar it belongs to the value alone, and
// not to an expression that begins with it.
func (s *syntaxChecks) noStars(n *node) {
	for _, c := range n.parts() {
		if c.kind == "list_splat" || c.kind == "list_splat_pattern" || c.kind == "dictionary_splat" {
			s.report(c, `"*" where only one value can be`, "")
		}
	}
}

// keyword refuses to give values to the constants that look like names.
func (s *syntaxChecks) keyword(name *node) {
	if name != nil && s.text(name) == "__debug__" {
		s.report(name, `"__debug__" cannot be given a value`, "")
	}
}

// arguments checks a call: no keyword twice, and nothing by place after what has a name.
func (s *syntaxChecks) arguments(n *node) {
	names := map[string]bool{}
	named, unpacked := false, false
	parts := n.parts()
	for _, a := range parts {
		switch a.kind {
		case "keyword_argument":
			name := s.text(a.child("name"))
			if names[name] {
				s.report(a, fmt.Sprintf("the argument %q is given twice", shorten(name)), "take one of them away")
			}
			names[name], named = true, true
		case "dictionary_splat":
			unpacked = true
		case "list_splat":
			if unpacked {
				s.report(a, `"*" after "**" in a call`, `put it before "**"`)
			}
		case "generator_expression":
			// In parentheses of its own it is an argument like any other.
		default:
			if named {
				s.report(a, "an argument without a name after one with a name", "put it before, or give it a name")
			} else if unpacked {
				s.report(a, `an argument without a name after "**"`, `put it before "**"`)
			}
		}
	}
}

var badInteger = regexp.MustCompile(`^0[0-9_]*[1-9]|[lL]$|__|_$`)

func (s *syntaxChecks) integer(n *node) {
	text := s.text(n)
	hex := len(text) > 1 && strings.ContainsAny(text[1:2], "xXoObB")
	if hex && !strings.Contains(text, "__") && !strings.HasSuffix(text, "_") && !strings.ContainsAny(text, "lL") || !badInteger.MatchString(text) {
		return
	}
	if strings.ContainsAny(text, "jJ") {
		return
	}
	s.report(n, fmt.Sprintf("%q is no number", shorten(text)), "numbers have no leading zeros and no suffix; octal ones begin with 0o")
}

// assignment checks what is on the left of "=".
func (s *syntaxChecks) assignment(n *node) {
	left, right := n.child("left"), n.child("right")
	s.annotation(n)
	switch {
	case left.kind == "list_splat_pattern":
		s.report(left, `what has "*" and is given a value has to be in a list`, "write a comma after it")
	case right == nil:
	case right.kind == "augmented_assignment" || right.kind == "assignment" && right.child("type") != nil:
		s.report(right, fmt.Sprintf("%q is no value", shorten(s.text(right))), "")
	case right.kind == "list_splat":
		s.report(right, `"*" where only one value can be`, "")
	}
	if n.kind == "augmented_assignment" || n.child("type") != nil {
		switch left.kind {
		case "tuple_pattern", "list_pattern", "pattern_list":
			if left.kind == "tuple_pattern" && len(left.parts()) == 1 && !left.has(",") {
				return // a name in parentheses
			}
			s.report(left, "several targets where only one can be", "")
			return
		}
	}
	s.target(left, "given a value")
}

// target checks what is given a value, or deleted.
func (s *syntaxChecks) target(n *node, verb string) {
	if n == nil {
		return
	}
	switch n.kind {
	case "identifier":
		s.keyword(n)
	case "true", "false", "none", "integer", "float", "string", "concatenated_string", "call", "binary_operator", "unary_operator",
		"comparison_operator", "boolean_operator", "not_operator", "lambda", "conditional_expression", "dictionary", "set", "ellipsis",
		"list_comprehension", "generator_expression", "dictionary_comprehension", "set_comprehension", "await":
		s.report(n, fmt.Sprintf("%q cannot be %s", shorten(s.text(n)), verb), "only names, attributes and items can")
	case "pattern_list", "tuple_pattern", "list_pattern", "tuple", "list", "expression_list", "parenthesized_expression":
		stars := 0
		for _, c := range n.parts() {
			if c.kind == "list_splat_pattern" {
				stars++
			}
			s.target(c, verb)
		}
		if stars > 1 {
			s.report(n, `more than one "*" among what is given a value`, "")
		}
	}
}

// concatenated refuses to put text and bytes together.
func (s *syntaxChecks) concatenated(n *node) {
	binary, text := false, false
	for _, part := range n.parts() {
		if isBytes(s.text(part)) {
			binary = true
		} else {
			text = true
		}
	}
	if binary && text {
		s.report(n, "text and bytes cannot be put together", "")
	}
}

func isBytes(literal string) bool {
	prefix, _, _ := strings.Cut(strings.ReplaceAll(literal, `"`, "'"), "'")
	return strings.ContainsAny(prefix, "bB")
}

var badEscape = regexp.MustCompile(`\\(?:x[0-9a-fA-F]?(?:[^0-9a-fA-F]|$)|u[0-9a-fA-F]{0,3}(?:[^0-9a-fA-F]|$)|U[0-9a-fA-F]{0,7}(?:[^0-9a-fA-F]|$)|N(?:[^{]|$|\{\}))`)

// escapes refuses escapes that are cut off, in strings where escapes mean something.
func (s *syntaxChecks) escapes(n *node) {
	literal := s.text(n)
	at := strings.IndexAny(literal, `"'`)
	prefix := strings.ToLower(literal[:at])
	if strings.ContainsAny(prefix, "r") || !strings.Contains(literal, `\`) {
		return
	}
	binary := strings.Contains(prefix, "b")
	// Two backslashes are one character, and must not be taken for the beginning of what follows them.
	plain := strings.ReplaceAll(literal, `\\`, "  ")
	for _, found := range badEscape.FindAllString(plain, -1) {
		if binary && found[1] != 'x' || strings.Contains(prefix, "f") && found[1] == 'N' {
			continue
		}
		s.report(n, fmt.Sprintf("the escape %q in a string is cut off", shorten(strings.TrimRight(found, "'\""))), `write two backslashes for the character itself, or r"…"`)
		return
	}
	if binary {
		for _, c := range []byte(literal) {
			if c >= 0x80 {
				s.report(n, "bytes hold only ASCII characters", "write others as escapes")
				return
			}
		}
	}
}
