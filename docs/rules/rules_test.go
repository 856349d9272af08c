// SPDX-License-Identifier: Apache-2.0

package rules_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/docs/rules"
)

// declarations are the files that declare rules.
var declarations = []string{
	"../../api/v1alpha1/rule.go", "../../catalog/rules.go", "../../policy/rules.go", "../../policy/airflow/doc.go",
}

// declared finds the constants of rules in a file: those whose names begin with Rule.
func declared(t *testing.T, file string) (ids []string) {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(parsed, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		for i, name := range spec.Names {
			if !strings.HasPrefix(name.Name, "Rule") || i >= len(spec.Values) {
				continue
			}
			literal, ok := spec.Values[i].(*ast.BasicLit)
			if !ok {
				t.Errorf("%s: %s is not a plain text, so that this test cannot tell which rule it is", file, name.Name)
				continue
			}
			id, err := strconv.Unquote(literal.Value)
			if err != nil {
				t.Fatal(err)
			}
			ids = append(ids, id)
		}
		return true
	})
	if len(ids) == 0 {
		t.Errorf("%s declares no rules any more: this test holds nobody to anything there", file)
	}
	return ids
}

func all(t *testing.T) map[string]rules.Rule {
	t.Helper()
	known, err := rules.All()
	if err != nil {
		t.Fatal(err)
	}
	return maps.Clone(known)
}

// TestEveryRuleHasAPage holds constants and pages to each other.
func TestEveryRuleHasAPage(t *testing.T) {
	var ids []string
	for _, file := range declarations {
		ids = append(ids, declared(t, file)...)
	}
	slices.Sort(ids)
	if diff := cmp.Diff(ids, slices.Sorted(maps.Keys(all(t)))); diff != "" {
		t.Errorf("-constants that have no page, or are declared twice +pages of no constant:\n%s", diff)
	}
}

// sections takes a page apart into what stands below each of its headings; what comes before them is "".
func sections(page string) (names []string, text map[string]string) {
	text = map[string]string{}
	name, code := "", false
	for line := range strings.Lines(page) {
		code = code != strings.HasPrefix(line, "```")
		if heading, ok := strings.CutPrefix(line, "## "); ok && !code {
			name = strings.TrimSpace(heading)
			names = append(names, name)
			continue
		}
		text[name] += line
	}
	return names, text
}

// TestPagesHaveOneForm holds pages to what makes them quick to read.
func TestPagesHaveOneForm(t *testing.T) {
	const screen = 60
	said := map[string]string{} // a paragraph, and the page that has it
	for _, id := range slices.Sorted(maps.Keys(all(t))) {
		r := all(t)[id]
		names, text := sections(r.Page)
		if diff := cmp.Diff([]string{"Bad", "Good", "Silence it"}, names); diff != "" {
			t.Errorf("%s: the headings are others: -want +got:\n%s", id, diff)
		}
		if n := strings.Count(r.Page, "\n"); n > screen {
			t.Errorf("%s: the page has %d lines, and a screen %d", id, n, screen)
		}
		for _, name := range []string{"Bad", "Good"} {
			if !strings.Contains(text[name], "```") {
				t.Errorf("%s: there is no example below %q", id, name)
			}
		}
		if silent := strings.Contains(text["Silence it"], "annot be silenced"); silent != r.Fixed {
			t.Errorf("%s: the head says that it is fixed: %v; the text says that it cannot be silenced: %v", id, r.Fixed, silent)
		}
		for paragraph := range strings.SplitSeq(r.Page, "\n\n") {
			if strings.HasPrefix(paragraph, "#") || strings.HasPrefix(paragraph, "```") {
				continue
			}
			if other, ok := said[paragraph]; ok {
				t.Errorf("%s and %s say the same: %s", other, id, paragraph)
			}
			said[paragraph] = id
		}
	}
}
