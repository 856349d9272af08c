// SPDX-License-Identifier: Apache-2.0

package access

import (
	"strings"

	"trunkline.dev/trunkline/api/v1alpha1"
)

// Page is the table of all roles and rights, in Markdown.
func Page() string {
	var b strings.Builder
	b.WriteString("| right | to |")
	for _, role := range v1alpha1.AccessRoles() {
		b.WriteString(" `" + string(role) + "` |")
	}
	b.WriteString(" needs |\n| --- | --- |" + strings.Repeat(" :-: |", len(v1alpha1.AccessRoles())) + " --- |\n")
	for _, row := range table() {
		b.WriteString("| `" + string(row.right) + "` | " + row.what + " |")
		for _, role := range v1alpha1.AccessRoles() {
			mark := " "
			if row.gives(role) || row.need == anybody {
				mark = " ✓ "
			}
			b.WriteString(mark + "|")
		}
		b.WriteString(" " + row.need.String() + " |\n")
	}
	return b.String()
}
