// SPDX-License-Identifier: Apache-2.0

package airflow

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"trunkline.dev/trunkline/api/v1alpha1"
)

// encodingLine is how Python lets a file name its encoding, in one of its first two lines.
var encodingLine = regexp.MustCompile(`(?m)\A(?:[ \t\f]*(?:#[^\r\n]*)?\r?\n)?[ \t\f]*#[^\r\n]*?coding[:=][ \t]*([-\w.]+)`)

// read returns the tree of the file, or nil if there is none to go on with; the module then has a problem that says
// why, unless Airflow would not look at the file either.
func (m *Module) read(src *source, imported bool) *node {
	data := src.data
	whole := place{src, wholeFile}
	if len(data) > maxFileBytes {
		m.undecided(whole, fmt.Sprintf("the file has more than %d bytes and was not looked at", maxFileBytes), "split the file, or take generated data out of it")
		return nil
	}
	severity := v1alpha1.Deny
	if !imported && !looksLikeDag(data) {
		severity = v1alpha1.Warn
	}
	fail := func(at place, message, hint string) *node {
		m.add(at, v1alpha1.Problem{Rule: RuleSyntax, Severity: severity, Message: message, Hint: hint})
		return nil
	}
	if found := encodingLine.FindSubmatch(data); found != nil {
		switch name := strings.ReplaceAll(strings.ToLower(string(found[1])), "_", "-"); name {
		case "utf-8", "utf8", "ascii", "us-ascii", "utf-8-sig":
		default:
			m.undecided(place{src, 0}, fmt.Sprintf("the file is in the encoding %q and was not looked at", shorten(name)), "write the file in UTF-8")
			return nil
		}
	}
	if at := bytes.IndexByte(data, 0); at >= 0 {
		return fail(place{src, at}, "the file holds a zero byte", "write the file as UTF-8 text")
	}
	if at := invalidUTF8(data); at >= 0 {
		return fail(place{src, at}, "the file is not UTF-8", "write the file in UTF-8")
	}
	flat, wrong := lex(data)
	if wrong != nil {
		if wrong.unsure {
			m.undecided(place{src, wrong.at}, wrong.message+", and was not looked at", wrong.hint)
			return nil
		}
		return fail(place{src, wrong.at}, wrong.message, wrong.hint)
	}
	root, err := grow(src, flat)
	if err != nil {
		m.undecided(whole, "the file was not looked at: "+err.Error(), "split the file")
		return nil
	}
	if bad, unsure := firstError(root); bad != nil {
		message, hint := explain(bad, flat)
		if unsure {
			m.undecided(placeOf(bad), message+", or was not understood", hint)
			return nil
		}
		return fail(placeOf(bad), message, hint)
	}
	checks := &syntaxChecks{src: flat}
	checks.module(root)
	checks.walk(root, context{})
	if len(checks.found) > 0 {
		for _, f := range checks.found {
			fail(placeOf(f.at), f.message, f.hint)
		}
		return nil
	}
	if severity == v1alpha1.Warn {
		return nil
	}
	return root
}

// looksLikeDag is how Airflow decides, unless it is configured otherwise, which files it reads at all.
func looksLikeDag(data []byte) bool {
	lower := bytes.ToLower(data)
	return bytes.Contains(lower, []byte("dag")) && bytes.Contains(lower, []byte("airflow"))
}

func invalidUTF8(data []byte) int {
	for i := 0; i < len(data); {
		if data[i] < utf8.RuneSelf {
			i++
			continue
		}
		r, size := utf8.DecodeRune(data[i:])
		if r == utf8.RuneError && size <= 1 {
			return i
		}
		i += size
	}
	return -1
}

// firstError finds the first part that fits no rule of the grammar, or that the parser made up, within one that
// is broken.
//
// Within annotations it is unsure: the grammar knows a language of types there, where Python takes any expression.
func firstError(n *node) (found *node, unsure bool) {
	if !n.broken {
		return nil, false
	}
	for _, c := range n.children {
		if c.missing || c.kind == "ERROR" && !c.broken {
			return c, odd(n)
		}
		if found, unsure := firstError(c); found != nil {
			return found, unsure || odd(n)
		}
	}
	if n.kind == "ERROR" {
		return n, odd(n)
	}
	// The parser put in the end of a statement, which is no node: what comes after it is what is wrong.
	for i, c := range n.children {
		if i > 0 && c.named && n.children[i-1].named {
			return &node{kind: "ERROR", start: c.start, end: c.end}, false
		}
	}
	return &node{kind: "ERROR", start: n.end, end: n.end}, false
}

// odd is true for parts where the grammar is known to take less than Python: brackets in annotations, which it reads
// as types, and a star in brackets.
func odd(n *node) bool {
	switch n.kind {
	case "type_parameter":
		return true
	case "subscript":
		return slices.ContainsFunc(n.children, func(c *node) bool { return c.kind == "list_splat" || c.kind == "ERROR" && c.has("*") })
	case "assignment", "typed_parameter", "typed_default_parameter":
		of := n.child("type")
		return of != nil && of.first() != nil && of.first().kind == "generic_type"
	}
	return false
}

// explain says what is wrong at an error of the parser.
func explain(n *node, src []byte) (message, hint string) {
	text := strings.TrimSpace(string(src[n.start:n.end]))
	switch {
	case n.missing && n.named:
		return fmt.Sprintf("%s is missing here", article(n.kind)), ""
	case n.missing:
		return fmt.Sprintf("%q is missing here", n.kind), fmt.Sprintf("write %q", n.kind)
	}
	switch first, _, _ := strings.Cut(text, "\n"); first {
	case "":
		return "something is missing here", ""
	case "=":
		return `"=" is not expected here`, `"==" compares, "=" gives a value to a name`
	default:
		return fmt.Sprintf("%q is not expected here", shorten(first)), "look for a colon, a comma, an operator or a quote that is missing before it"
	}
}

func article(kind string) string {
	word := strings.ReplaceAll(kind, "_", " ")
	if strings.ContainsRune("aeiou", rune(word[0])) {
		return "an " + word
	}
	return "a " + word
}

// shorten bounds what is repeated of a file in a message.
func shorten(s string) string {
	const most = 60
	if utf8.RuneCountInString(s) <= most {
		return s
	}
	return string([]rune(s)[:most-1]) + "…"
}
