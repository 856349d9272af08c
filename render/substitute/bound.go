// SPDX-License-Identifier: Apache-2.0

package substitute

import (
	"errors"
	"fmt"
	"strings"

	"github.com/fluxcd/pkg/envsubst/parse"
)

const (
	// maxDollars bounds the variables of one object: the library calls itself for each.
	maxDollars = 10000
	// maxBytes bounds the size of one object with its variables replaced.
	maxBytes = 4 << 20
	// maxWork bounds the comparisons of patterns, as in ${path##*/}, which try every part of a value.
	maxWork = 1 << 26
)

// bound refuses a text that would grow beyond measure, or take too long. The library itself has no bounds, and a
// replacement within a replacement multiplies.
func (v Vars) bound(s string) error {
	if strings.Count(s, "$") > maxDollars {
		return &Error{Err: fmt.Errorf("has more than %d dollar signs", maxDollars)}
	}
	tree, err := parse.Parse(s)
	if err != nil {
		return nil //nolint:nilerr // evaluating it says so
	}
	b := bounds{vars: v}
	if size := b.size(tree.Root); size > maxBytes || b.work > maxWork {
		return &Error{Err: errors.New("is too much to replace: an object has at most 4 MiB with its variables replaced")}
	}
	return nil
}

type bounds struct {
	vars Vars
	work int
}

// size is the most that a node can become; more than the limit is as good as the limit.
func (b *bounds) size(n parse.Node) int {
	switch n := n.(type) {
	case *parse.TextNode:
		return len(n.Value)
	case *parse.ListNode:
		sum := 0
		for _, child := range n.Nodes {
			sum = min(sum+b.size(child), maxBytes+1)
		}
		return sum
	case *parse.FuncNode:
		return b.function(n)
	}
	return 0
}

func (b *bounds) function(n *parse.FuncNode) int {
	args, last := 0, 0
	for _, arg := range n.Args {
		last = b.size(arg)
		args = min(args+last, maxBytes+1)
	}
	value, _ := b.vars.value(n.Param)
	size := len(value)
	switch n.Name {
	case "//":
		return min(size+(size+1)*last, maxBytes+1)
	case "/", "/#", "/%":
		return size + last
	case "#", "##", "%", "%%":
		b.work = min(b.work+size*(size+args), maxWork+1)
		return size
	}
	return max(size, args)
}
