// SPDX-License-Identifier: Apache-2.0

package trunkline_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write generated files again")

// adrHead is how the page of a decision begins: the number of the file, and a title.
var adrHead = regexp.MustCompile(`^# (\d{4})\. (\S.*)\n\n## Status\n\n(Accepted|Proposed|Superseded by \[\d{4}\]\([^)]+\))\.`)

const adrIndexHead = `<!-- Made by go test . -run TestDecisions -update. -->

# Decisions

What was decided, why, and what follows from it; one page each, short. A decision is not edited once it counts: a newer
one supersedes it, and its status says which. A new page takes the next free number and these headings: Status, Context,
Decision, Consequences.

| | decision | status |
| --- | --- | --- |
`

// TestDecisions holds the pages of docs/adr to their form, and the index to the pages; -update writes the index again.
func TestDecisions(t *testing.T) {
	pages, err := filepath.Glob("docs/adr/[0-9]*.md")
	if err != nil || len(pages) < 20 {
		t.Fatalf("found %d decisions: %v", len(pages), err)
	}
	var index strings.Builder
	index.WriteString(adrIndexHead)
	numbers := map[string]string{}
	for _, page := range pages {
		data, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		name := filepath.Base(page)
		head := adrHead.FindStringSubmatch(string(data))
		if head == nil || !strings.HasPrefix(name, head[1]+"-") {
			t.Errorf("%s: does not begin with \"# NUMBER. Title\", its own number, and a status that is Accepted, Proposed or Superseded by a link", page)
			continue
		}
		if other := numbers[head[1]]; other != "" {
			t.Errorf("%s and %s have the same number", page, other)
		}
		numbers[head[1]] = page
		rest := string(data)
		for _, heading := range []string{"\n## Context\n", "\n## Decision\n", "\n## Consequences\n"} {
			_, after, ok := strings.Cut(rest, heading)
			if !ok || strings.TrimSpace(after) == "" || strings.HasPrefix(strings.TrimSpace(after), "## ") {
				t.Errorf("%s: has no %q with something below it, in this order: Status, Context, Decision, Consequences", page, strings.TrimSpace(heading))
			}
			rest = after
		}
		fmt.Fprintf(&index, "| [%s](%s) | %s | %s |\n", head[1], name, head[2], head[3])
	}
	const file = "docs/adr/README.md"
	if *update {
		if err := os.WriteFile(file, []byte(index.String()), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	got, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(index.String(), string(got)); diff != "" {
		t.Errorf("%s is not current: run `make golden` (-want +got):\n%s", file, diff)
	}
}
