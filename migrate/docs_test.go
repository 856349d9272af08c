// SPDX-License-Identifier: Apache-2.0

package migrate_test

import (
	"bytes"
	"context"
	"os"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/migrate"
)

const page = "../docs/migrate.md"

// blocks are the fenced blocks of a page: of files, with the path as a comment in the first line, and of notes.
var blocks = regexp.MustCompile("(?m)^```yaml\n# ([a-z][^\n ]*\\.yaml)\n((?s:.*?))```$|^```text\n((?s:.*?))```$")

// TestPage takes the examples of the page over: what the page shows is what is written and said.
func TestPage(t *testing.T) {
	data, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	want := string(data)
	for title, take := range map[string]func(ctx context.Context, in migrate.Input) (migrate.Result, error){
		"## An example from Flux\n": migrate.Flux, "## An example from Argo CD\n": migrate.ArgoCD,
	} {
		t.Run(strings.TrimSpace(strings.Trim(title, "#")), func(t *testing.T) {
			from := strings.Index(want, title)
			if from < 0 {
				t.Fatalf("%s has no %q", page, title)
			}
			section := want[from:]
			if end := strings.Index(section[3:], "\n## "); end > 0 {
				section = section[:end+4]
			}
			tree := fstest.MapFS{}
			for _, b := range blocks.FindAllStringSubmatch(section, -1) {
				if b[1] != "" && !strings.HasPrefix(b[1], "trunkline") {
					tree[b[1]] = &fstest.MapFile{Data: []byte(b[2])}
				}
			}
			result, err := take(t.Context(), migrate.Input{Tree: tree, To: "trunkline", Platform: "acme", Owner: owner(section)})
			if err != nil {
				t.Fatal(err)
			}
			rendered(t, tree, result)
			got := blocks.ReplaceAllStringFunc(section, func(block string) string {
				b := blocks.FindStringSubmatch(block)
				if b[1] == "" {
					return "```text\n" + string(bytes.TrimRight(notes(result.Notes), "\n")) + "\n```"
				}
				for _, f := range result.Files {
					if f.Path == b[1] {
						return "```yaml\n# " + b[1] + "\n" + string(f.Data) + "```"
					}
				}
				return block
			})
			if *update {
				page := strings.Replace(want, section, got, 1)
				want = page
			} else if diff := cmp.Diff(section, got); diff != "" {
				t.Errorf("the page shows something else (-page +now); run with -update:\n%s", diff)
			}
		})
	}
	if *update {
		if err := os.WriteFile(page, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// owner is the one that a section's command sets.
func owner(section string) string {
	_, rest, _ := strings.Cut(section, "--set owner=")
	name, _, _ := strings.Cut(rest, "`")
	return name
}
