// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestWordsOfAComment(t *testing.T) {
	for reason, tc := range map[string]struct {
		comment string
		want    []string
	}{
		"marks are taken away": {
			"<!-- memory -->\n### ✅ Trunkline: fine\n\n**Next:** in <code>a&#64;1</code>, rest. [why](https://example.org/x)\n| | dev |\n| --- | --- |\n| <b>a</b> | \\~1 |\n",
			[]string{"✅ Trunkline: fine", "", "Next: in a@1, rest.", "| | dev |", "| a | ~1 |"},
		},
		"what is folded is left out":         {"fine\n\n<details><summary>more</summary>\n\nx\n</details>\n", []string{"fine", "…"}},
		"what is drawn is left out":          {"a circle:\n\n```mermaid\nflowchart LR\n```\n", []string{"a circle:", "…"}},
		"an arrow is no tag":                 {"<code>a</code> <code>-&#62;</code> <code>b</code>", []string{"a -> b"}},
		"a comment that says nothing is one": {"<!-- memory -->\n", []string{""}},
	} {
		t.Run(reason, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, words(tc.comment)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestCommentKeepsTheIndentationOfALongLine(t *testing.T) {
	var out bytes.Buffer
	newStory(&out, 0, false, clock).comment("- " + strings.Repeat("long ", 20))
	want := "\n   │ - " + strings.TrimSpace(strings.Repeat("long ", 17)) + "\n   │   " + strings.TrimSpace(strings.Repeat("long ", 3)) + "\n"
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
