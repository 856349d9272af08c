// SPDX-License-Identifier: Apache-2.0

// Package number writes numbers for people.
//
// It is pure, and imports nothing of Trunkline.
package number

import "strconv"

// Of returns a number with commas between its thousands, as in "1,234".
func Of(n int) string {
	s, sign := strconv.Itoa(n), ""
	if n < 0 {
		s, sign = s[1:], "-"
	}
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return sign + s
}

// Count says how many there are of something, as in "1,234 releases".
func Count(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return Of(n) + " " + what
}
