// SPDX-License-Identifier: Apache-2.0

package helm

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"text/template/parse"
)

// The names under which templates call the sandbox. They are missing from [known], so that a template that
// uses one of them itself does not parse.
const (
	enterName = "trunkline__enter"
	leaveName = "trunkline__leave"
	tickName  = "trunkline__tick"
	printName = "trunkline__print"
)

// maxBlocks bounds blocks and parentheses inside one another. Each takes stack when it is executed, and that many
// again for each template that is being executed.
const maxBlocks = 200

var errBlocks = fmt.Errorf("blocks and parentheses nest deeper than %d levels", maxBlocks)

// instrument puts calls of the sandbox into a parsed template: at its begin and end, in each round of a loop,
// and between a value and its being written. It collects the names of the functions that the template uses.
func instrument(tree *parse.Tree, used map[string]bool) error {
	in := instrumenter{tree: tree, used: used}
	in.list(tree.Root)
	if in.tooDeep {
		return errBlocks
	}
	tree.Root.Nodes = append([]parse.Node{in.call(enterName, tree.Root.Pos, in.deepest)}, tree.Root.Nodes...)
	tree.Root.Nodes = append(tree.Root.Nodes, in.call(leaveName, tree.Root.Pos, in.deepest))
	return nil
}

type instrumenter struct {
	tree    *parse.Tree
	used    map[string]bool
	depth   int
	deepest int
	tooDeep bool
}

// call makes an action that calls a function with numbers.
func (in *instrumenter) call(name string, pos parse.Pos, args ...int) parse.Node {
	command := in.command(name, pos)
	for _, n := range args {
		command.Args = append(command.Args, &parse.NumberNode{
			NodeType: parse.NodeNumber, Pos: pos, IsInt: true, Int64: int64(n), Text: strconv.Itoa(n),
		})
	}
	return &parse.ActionNode{NodeType: parse.NodeAction, Pos: pos, Pipe: &parse.PipeNode{
		NodeType: parse.NodePipe, Pos: pos, Cmds: []*parse.CommandNode{command},
	}}
}

func (in *instrumenter) command(name string, pos parse.Pos) *parse.CommandNode {
	ident := parse.NewIdentifier(name).SetPos(pos).SetTree(in.tree)
	return &parse.CommandNode{NodeType: parse.NodeCommand, Pos: pos, Args: []parse.Node{ident}}
}

func (in *instrumenter) list(l *parse.ListNode) {
	if l == nil {
		return
	}
	for _, n := range l.Nodes {
		in.node(n)
	}
}

func (in *instrumenter) node(n parse.Node) {
	if in.depth++; in.depth > maxBlocks {
		in.tooDeep = true
		return
	}
	in.deepest = max(in.deepest, in.depth)
	defer func() { in.depth-- }()
	switch n := n.(type) {
	case *parse.ActionNode:
		in.node(n.Pipe)
		if len(n.Pipe.Decl) == 0 {
			n.Pipe.Cmds = append(n.Pipe.Cmds, in.command(printName, n.Pos))
		}
	case *parse.IfNode:
		in.branch(&n.BranchNode)
	case *parse.WithNode:
		in.branch(&n.BranchNode)
	case *parse.RangeNode:
		in.branch(&n.BranchNode)
		n.List.Nodes = append([]parse.Node{in.call(tickName, n.Pos)}, n.List.Nodes...)
	case *parse.TemplateNode:
		if n.Pipe != nil {
			in.node(n.Pipe)
		}
	case *parse.PipeNode:
		for _, c := range n.Cmds {
			for _, arg := range c.Args {
				in.node(arg)
			}
		}
	case *parse.ChainNode:
		in.node(n.Node)
	case *parse.IdentifierNode:
		in.used[n.Ident] = true
	}
}

func (in *instrumenter) branch(b *parse.BranchNode) {
	in.node(b.Pipe)
	in.list(b.List)
	in.list(b.ElseList)
}

// place is how text/template says where: "template: chart/templates/job.yaml:14:20: executing "…" at <…>: ".
var place = regexp.MustCompile(`^template: ([^\s:]+:\d+)(?::\d+)?: (?:executing "[^"]*" at <[^\n]*?>: )?`)

// templateError returns an error of text/template the form that people search for: the innermost file and line,
// which is where the mistake is, and the message, without the chain of includes that led there.
func templateError(err error) error {
	inner, found := errors.AsType[*Error](err)
	if found && !isRoot(inner.Template) {
		return inner
	}
	message := err.Error()
	where := ""
	for {
		m := place.FindStringSubmatch(message)
		if m == nil {
			break
		}
		// A text given to tpl has no file: what called it is the better place.
		if where == "" || !isRoot(m[1]) {
			where = m[1]
		}
		message = message[len(m[0]):]
		if inner := called.FindString(message); inner != "" {
			message = message[len(inner):]
		}
	}
	switch {
	case where == "":
		return err
	case found:
		return &Error{Template: where, Message: inner.Message, err: inner.err}
	}
	return &Error{Template: where, Message: message, err: err}
}

// called is what text/template says about a function that failed.
var called = regexp.MustCompile(`^error calling \w+: (?:in the text given to tpl: )?`)

func isRoot(where string) bool { return len(where) > len(root) && where[:len(root)+1] == root+":" }

// Error is a template that failed.
type Error struct {
	// Template is the file and the line.
	Template string
	Message  string
	err      error
}

func (e *Error) Error() string { return "template " + e.Template + ": " + e.Message }

// Unwrap leads to a context's error, if the render was stopped.
func (e *Error) Unwrap() error { return e.err }
