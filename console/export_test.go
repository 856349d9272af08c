// SPDX-License-Identifier: Apache-2.0

package console

// Patterns lists the patterns of all routes.
func Patterns() []string {
	var out []string
	for _, r := range (&console{}).routes() {
		out = append(out, r.pattern)
	}
	return out
}

// Unguarded lists the patterns of the routes that need no right, those with "open " before them that say so.
func Unguarded() []string {
	var out []string
	for _, r := range (&console{}).routes() {
		switch {
		case r.open:
			out = append(out, "open "+r.pattern)
		case r.right == "" && r.rightOf == nil:
			out = append(out, r.pattern)
		}
	}
	return out
}
