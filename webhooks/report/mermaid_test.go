// SPDX-License-Identifier: Apache-2.0

package report_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"trunkline.dev/trunkline/test/mermaidtest"
	"trunkline.dev/trunkline/webhooks/report"
)

// TestMermaidParses holds the diagrams of the goldens and of random reviews to Mermaid's own parser.
func TestMermaidParses(t *testing.T) {
	texts := map[string]string{}
	add := func(name, text string) {
		for i, block := range mermaidtest.Blocks(text) {
			texts[fmt.Sprintf("%s, diagram %d", name, i+1)] = block
		}
	}
	files, err := filepath.Glob("testdata/*.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		add(file, string(text))
	}
	goldens := len(texts)
	random := reviews()
	for seed := range 200 {
		r := random.Example(seed)
		add(fmt.Sprintf("comment %d", seed), comment(r))
		add(fmt.Sprintf("check %d", seed), report.Check(r).Text)
	}
	if goldens < 5 || len(texts) < goldens+20 {
		t.Fatalf("found %d diagrams in goldens, and %d in all: what writes them, or what finds them, has changed", goldens, len(texts))
	}
	mermaidtest.Check(t, texts)
}
