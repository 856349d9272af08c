// SPDX-License-Identifier: Apache-2.0

package scaffold

import (
	"path"
	"regexp"
	"strings"

	"trunkline.dev/trunkline/api/v1alpha1"
)

// linesOf finds lines in a message, which move when others are put in before them.
var linesOf = regexp.MustCompile(`:\d+(:\d+)?|\bline \d+`)

// NewProblems returns the problems that were not there before. That a problem has moved with its lines does not make it
// new.
func NewProblems(before, after v1alpha1.Problems) v1alpha1.Problems {
	type key struct{ rule, file, path, message, severity string }
	of := func(p v1alpha1.Problem) key {
		return key{p.Rule, p.Position.File, p.Path, linesOf.ReplaceAllString(p.Message, ""), string(p.Severity)}
	}
	count := map[key]int{}
	for _, p := range before {
		count[of(p)]++
	}
	var out v1alpha1.Problems
	for _, p := range after {
		if k := of(p); count[k] > 0 {
			count[k]--
		} else {
			out = append(out, p)
		}
	}
	return out
}

// within reports whether a folder is another, or below it.
func within(folder, root string) bool {
	folder, root = path.Clean(folder), path.Clean(root)
	return root == "." || folder == root || strings.HasPrefix(folder, root+"/")
}
