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
