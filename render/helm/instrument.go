// SPDX-License-Identifier: Apache-2.0

package helm

import (
	"fmt"
	"strconv"
	"text/template/parse"
)

// The names under which templates call the sandbox. They are missing from [known], so that a template that
// uses one of them itself does not parse.
const (
	ownPrefix = "trunkline__"
	enterName = ownPrefix + "enter"
	leaveName = ownPrefix + "leave"
	tickName  = ownPrefix + "tick"
	printName = ownPrefix + "print"
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
