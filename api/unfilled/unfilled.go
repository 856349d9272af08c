// SPDX-License-Identifier: Apache-2.0

// Package unfilled finds in a text what other programs would replace, and Trunkline does not: variables and templates.
//
// It is pure, and may import nothing of Trunkline.
package unfilled

import "regexp"

// form has the forms of templates of Helm and Jinja, of variables of shells, of Kubernetes and of Windows, of templates of Ruby, and of
// placeholders that people fill in.
var form = regexp.MustCompile(`\{\{.*?\}\}|\$\{[^}]*\}|\$\([^)]*\)|\$[A-Za-z_][A-Za-z0-9_]*|<%.*?%>|<[A-Za-z][A-Za-z_-]*>|%[A-Z_]+%|@@?[A-Z_]+@@?|\{\{|\$\{`)

// Find returns the first part of a text that looks as if another program was to replace it; empty if there is none.
func Find(text string) string { return form.FindString(text) }
