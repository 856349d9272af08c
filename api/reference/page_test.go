// SPDX-License-Identifier: Apache-2.0

package reference_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"trunkline.dev/trunkline/api/reference"
)

// TestPageOfAllFields keeps docs/fields.md: what trunkline explain says, to read in one piece.
func TestPageOfAllFields(t *testing.T) {
	golden(t, filepath.Join("..", "..", "docs", "fields.md"), page())
}

func page() string {
	var b strings.Builder
	b.WriteString(`<!-- Made by go test ./api/reference -update; what it says stands in the comments of api/v1alpha1. -->

# Every field

What ` + "`trunkline explain`" + ` says of each field, and ` + "`trunkline schema`" + ` tells your editor. [declarations.md](declarations.md) has
how they belong together.
`)
	for _, k := range reference.All() {
		fmt.Fprintf(&b, "\n## %s\n\n%s\n\n| field | written as | meaning | default |\n| --- | --- | --- | --- |\n", k.Name, k.Doc)
		rows(&b, "", k.Struct.Fields[2:])
		fmt.Fprintf(&b, "\n```yaml\n%s```\n", k.Example)
	}
	return b.String()
}

func rows(b *strings.Builder, at string, fields []*reference.Field) {
	for _, f := range fields {
		doc := f.Doc
		if f.Unit != "" {
			doc += " Unit: " + f.Unit + "."
		}
		fmt.Fprintf(b, "| `%s` | %s | %s | %s |\n", at+f.Name, cell(f.Form.String()), cell(doc), defaultCell(f))
		below := at + f.Name + "."
		for form := f.Form; form.Of != nil; form = form.Of {
			if form.Type == reference.List {
				below = strings.TrimSuffix(below, ".") + "[]."
			} else {
				below += "*."
			}
		}
		rows(b, below, f.Form.Fields())
	}
}

func defaultCell(f *reference.Field) string {
	if f.Required {
		return "**required**"
	}
	return cell(f.Default)
}

// cell keeps a text from ending its cell, or from being taken for HTML.
func cell(s string) string { return strings.NewReplacer("|", `\|`, "<", `\<`, "*", `\*`).Replace(s) }
