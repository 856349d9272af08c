// SPDX-License-Identifier: Apache-2.0

package subject

import (
	"math"
	"regexp/syntax"
)

// MaxPattern bounds a regular expression that a policy makes, in bytes.
const MaxPattern = 1000

// PatternSize estimates the size of the program that a regular expression is compiled to, without compiling it: a
// repetition is compiled as often as it repeats.
func PatternSize(pattern string) int {
	if len(pattern) > MaxPattern {
		return math.MaxInt32
	}
	tree, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return 1 // it is refused when it is compiled
	}
	return sizeOf(tree)
}

func sizeOf(r *syntax.Regexp) int {
	size := 1 + len(r.Rune)/2
	for _, sub := range r.Sub {
		size += sizeOf(sub)
	}
	if r.Op == syntax.OpRepeat {
		size *= max(1, r.Min, r.Max)
	}
	return size
}
