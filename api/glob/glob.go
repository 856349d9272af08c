// SPDX-License-Identifier: Apache-2.0

// Package glob matches names with patterns in which a star stands for any text.
//
// It is pure, and imports nothing of Trunkline.
package glob

import "strings"

// Match reports whether a name is of a pattern in which "*" stands for any text. What each part finds first is enough, so that no name
// takes longer than it is long for each star.
func Match(pattern, name string) bool {
	first, rest, stars := strings.Cut(pattern, "*")
	name, ok := strings.CutPrefix(name, first)
	if !stars {
		return ok && name == ""
	}
	for ok {
		part, more, again := strings.Cut(rest, "*")
		if !again {
			return strings.HasSuffix(name, part)
		}
		_, name, ok = strings.Cut(name, part)
		rest = more
	}
	return false
}
