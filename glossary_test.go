// SPDX-License-Identifier: Apache-2.0

package trunkline_test

import (
	"go/ast"
	"go/token"
	"os"
	"regexp"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// TestGlossary holds the messages of the program to the words that Vale holds docs and comments to: it reads comments of
// Go, and no strings.
func TestGlossary(t *testing.T) {
	data, err := os.ReadFile(".vale/Trunkline/Idiom.yml")
	if err != nil {
		t.Fatal(err)
	}
	var style struct{ Swap map[string]string }
	if err := yaml.Unmarshal(data, &style); err != nil {
		t.Fatal(err)
	}
	if len(style.Swap) == 0 {
		t.Fatal("Idiom.yml has no words: this test checks nothing")
	}
	words := map[*regexp.Regexp]string{}
	for old, instead := range style.Swap {
		words[regexp.MustCompile(`(?i)\b(?:`+old+`)\b`)] = instead
	}
	fset, all := sources(t)
	for _, s := range all {
		if s.test {
			continue
		}
		ast.Inspect(s.ast, func(n ast.Node) bool {
			text, ok := n.(*ast.BasicLit)
			if !ok || text.Kind != token.STRING || !strings.Contains(text.Value, " ") {
				return true
			}
			for word, instead := range words {
				if found := word.FindString(text.Value); found != "" {
					t.Errorf("%s: write %q instead of %q (glossary in CONTRIBUTING.md)", fset.Position(n.Pos()), instead, found)
				}
			}
			return true
		})
	}
}
