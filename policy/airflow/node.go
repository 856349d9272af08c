// SPDX-License-Identifier: Apache-2.0

package airflow

import (
	"errors"
	"sync"

	sitter "github.com/tree-sitter/go-tree-sitter"
	python "github.com/tree-sitter/tree-sitter-python/bindings/go"
)

// node is a part of a Python file as the grammar sees it. Nodes are made once from the tree of the parser, whose
// memory is C's and is freed at once.
type node struct {
	// kind is the name of the grammar's rule, or the text of a token.
	kind string
	// field is the name that the parent has for the node; often empty.
	field string
	// named is false for tokens such as "(" and ">>".
	named bool
	// missing is set for a token that the parser put in to go on after an error.
	missing bool
	// broken is set when the parser had to fix something in the node, which may be no node itself.
	broken bool
	// in is the file; start and end are offsets in it.
	in         *source
	start, end int
	children   []*node
}

var (
	errTooLong = errors.New("reading it takes too many steps")
	errTooBig  = errors.New("it has too many parts, or parts too deep in each other")
)

// grammar is the Python grammar with the names of its rules, which are asked for once: each name is a call to C.
type grammar struct {
	language *sitter.Language
	kinds    []string
	fields   []string
}

// theGrammar is made once, and never changes.
var theGrammar = sync.OnceValue(func() grammar {
	g := grammar{language: sitter.NewLanguage(python.Language())}
	for i := range g.language.NodeKindCount() {
		g.kinds = append(g.kinds, g.language.NodeKindForId(uint16(i)))
	}
	for i := range g.language.FieldCount() + 1 {
		g.fields = append(g.fields, g.language.FieldNameForId(uint16(i)))
	}
	return g
})

// grow parses a file to its tree of nodes. Errors in the file are nodes of the kind "ERROR"; an error of this
// function says that a bound was hit.
func grow(of *source, src []byte) (*node, error) {
	g := theGrammar()
	parser := sitter.NewParser()
	defer parser.Close()
	if err := parser.SetLanguage(g.language); err != nil {
		return nil, err
	}
	tree := parser.ParseWithOptions(chunks(src), nil, watched(len(src)))
	if tree == nil {
		return nil, errTooLong
	}
	defer tree.Close()
	if tree.RootNode().DescendantCount() > maxNodes {
		return nil, errTooBig
	}
	return g.convert(of, tree)
}

// chunks hands the file to the parser in parts: the binding copies the rest of the file for each call, and keeps
// the copies until the end.
func chunks(src []byte) func(int, sitter.Point) []byte {
	const size = 4096
	reads := 0
	return func(at int, _ sitter.Point) []byte {
		reads++
		if at >= len(src) || reads > 100+len(src)/16 {
			return nil
		}
		return src[at:min(at+size, len(src))]
	}
}

// watched returns options that stop the parser after too many steps. A small file needs none, and does without: the
// binding never frees what it notes down for the callback.
func watched(size int) *sitter.ParseOptions {
	if size <= 32<<10 {
		return nil
	}
	calls := 0
	return &sitter.ParseOptions{ProgressCallback: func(sitter.ParseState) bool {
		calls++
		return calls > maxParserCalls
	}}
}

// convert walks the parser's tree without recursion.
func (g grammar) convert(of *source, tree *sitter.Tree) (*node, error) {
	cursor := tree.Walk()
	defer cursor.Close()
	arena := make([]node, tree.RootNode().DescendantCount())
	used := 0
	broken := tree.RootNode().HasError()
	var path []*node
	for {
		if used == len(arena) {
			arena, used = make([]node, 256), 0
		}
		n := &arena[used]
		used++
		n.in = of
		g.fill(n, cursor, broken)
		if len(path) > 0 {
			parent := path[len(path)-1]
			parent.children = append(parent.children, n)
		}
		if len(path) > maxDepth {
			return nil, errTooBig
		}
		path = append(path, n)
		if cursor.GotoFirstChild() {
			continue
		}
		for !cursor.GotoNextSibling() {
			if !cursor.GotoParent() {
				return path[0], nil
			}
			path = path[:len(path)-1]
		}
		path = path[:len(path)-1]
	}
}

func (g grammar) fill(n *node, cursor *sitter.TreeCursor, broken bool) {
	at := cursor.Node()
	n.kind = "ERROR"
	if id := int(at.KindId()); id < len(g.kinds) {
		n.kind = g.kinds[id]
	}
	if id := int(cursor.FieldId()); id < len(g.fields) {
		n.field = g.fields[id]
	}
	n.named = at.IsNamed()
	if broken {
		n.missing, n.broken = at.IsMissing(), at.HasError()
	}
	start, end := at.ByteRange()
	n.start, n.end = int(start), int(end)
}

// child returns the child of a field, or nil.
func (n *node) child(field string) *node {
	if n == nil {
		return nil
	}
	for _, c := range n.children {
		if c.field == field {
			return c
		}
	}
	return nil
}

// all returns the children of a field.
func (n *node) all(field string) []*node {
	var out []*node
	for _, c := range n.children {
		if c.field == field {
			out = append(out, c)
		}
	}
	return out
}

// parts returns the named children; those are what a rule is made of, without its punctuation.
func (n *node) parts() []*node {
	if n == nil {
		return nil
	}
	out := make([]*node, 0, len(n.children))
	for _, c := range n.children {
		if c.named && c.kind != "comment" {
			out = append(out, c)
		}
	}
	return out
}

// first returns the first named child, or nil.
func (n *node) first() *node {
	for _, c := range n.children {
		if c.named && c.kind != "comment" {
			return c
		}
	}
	return nil
}

// has reports whether a token or rule is among the children.
func (n *node) has(kind string) bool {
	for _, c := range n.children {
		if c.kind == kind {
			return true
		}
	}
	return false
}
