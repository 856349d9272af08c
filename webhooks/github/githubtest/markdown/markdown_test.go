// SPDX-License-Identifier: Apache-2.0

package markdown_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/webhooks/github/githubtest/markdown"
)

func TestRender(t *testing.T) {
	cases := map[string]struct {
		reason, source string
		has, lacks     []string
		mentions       []string
		references     []string
	}{
		"Table":          {"Tables are drawn.", "| a | b |\n| --- | --- |\n| 1 | 2 |", []string{"<table>", "<td>1</td>"}, nil, nil, nil},
		"Details":        {"Details fold.", "<details><summary>more</summary>\n\n**bold**\n</details>", []string{"<details><summary>more</summary>", "<strong>bold</strong>"}, nil, nil, nil},
		"Script":         {"Scripts are taken out.", "<script>alert(1)</script><img src=x onerror=alert(1)><a href=\"javascript:alert(1)\">x</a>", nil, []string{"<script", "onerror", "javascript"}, nil, nil},
		"Style":          {"Styles and classes are.", `<div style="position:fixed" class="merge-box" id="x">y</div>`, []string{"<div>y</div>"}, []string{"style=", "class=", "id="}, nil, nil},
		"Form":           {"So are forms and frames.", `<form action="/x"><button>Merge</button></form><iframe src="x"></iframe>`, nil, []string{"<form", "<button", "<iframe"}, nil, nil},
		"Mention":        {"People are mentioned.", "hello @alice and @acme/finance, not me@example.com", nil, nil, []string{"alice", "acme/finance"}, nil},
		"MentionInHTML":  {"Also in HTML.", "<details><summary>@bob</summary></details>", nil, nil, []string{"bob"}, nil},
		"MentionInCode":  {"But not in code.", "`@alice` and\n\n```\n@bob\n```\n", nil, []string{"mention"}, nil, nil},
		"Escaped":        {"What is escaped in Markdown is found all the same.", `\@alice &#64;bob`, nil, nil, []string{"alice", "bob"}, nil},
		"Broken":         {"A word joiner keeps it apart.", "@\u2060alice", nil, nil, nil, nil},
		"Reference":      {"Pull requests are linked.", "see #7 and acme/data#8", nil, nil, nil, []string{"#7", "acme/data#8"}},
		"Mermaid":        {"A diagram is a picture.", "```mermaid\nflowchart LR\n a[\"x\"] --> b\n```", []string{"<svg", "<tspan"}, []string{"flowchart LR"}, nil, nil},
		"BrokenMermaid":  {"One that does not parse is an error, as at GitHub.", "```mermaid\nflowchart LR\n a[\n```", []string{"Unable to render"}, []string{"<svg"}, nil, nil},
		"HostileMermaid": {"Nothing gets out of a picture.", "```mermaid\nflowchart LR\n a[\"</svg><script>x</script>\"]\n```", []string{"&lt;script&gt;"}, []string{"<script"}, nil, nil},
		"Alert":          {"A notice is one.", "> [!CAUTION]\n> - **Removed:** x", []string{`<blockquote class="alert caution">`, `<p class="title">Caution</p>`, "<li>"}, []string{"[!"}, nil, nil},
		"AlertWithText":  {"Its text follows.", "> [!NOTE]\n> Look.", []string{`<blockquote class="alert note">`, "<p>Look.</p>"}, []string{"[!"}, nil, nil},
		"NoAlert":        {"A quotation with a word before it is none.", "> see [!NOTE]", []string{"[!NOTE]"}, []string{"class="}, nil, nil},
		"Difference":     {"A difference has colours, and nothing gets out of it.", "```diff\n@@ -1 +1 @@\n-a\n+<b>@all\n c\n```", []string{`<span class="add">+&lt;b&gt;@all`, `<span class="del">-a`, `<span class="at">@@`}, []string{"<b>"}, nil, nil},
		"Fence":          {"A code block is not a picture.", "```yaml\na: <b>\n```", []string{"a: &lt;b&gt;"}, []string{"<svg"}, nil, nil},
		"NoPlaceholder":  {"A text cannot be taken for a placeholder.", "0; 1;\n\n```mermaid\nflowchart LR\n a\n```", []string{"0; 1;", "<svg"}, nil, nil, nil},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			page, err := markdown.Render(tc.source)
			if err != nil {
				t.Fatal(err)
			}
			for _, want := range tc.has {
				if !strings.Contains(page.HTML, want) {
					t.Errorf("%s There is no %s in %s", tc.reason, want, page.HTML)
				}
			}
			for _, not := range tc.lacks {
				if strings.Contains(page.HTML, not) {
					t.Errorf("%s There is %s in %s", tc.reason, not, page.HTML)
				}
			}
			if d := cmp.Diff(tc.mentions, page.Mentions); d != "" {
				t.Errorf("%s %s", tc.reason, d)
			}
			if d := cmp.Diff(tc.references, page.References); d != "" {
				t.Errorf("%s %s", tc.reason, d)
			}
		})
	}
}

func FuzzRender(f *testing.F) {
	for _, s := range []string{"@a", "<details>", "```mermaid\ngraph\n a-->b\n```", "[x](javascript:y)", "<svg onload=x>", "|a|\n|-|\n|@b|", "&#64;x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, source string) {
		if len(source) > 4000 {
			return
		}
		page, err := markdown.Render(source)
		if err != nil {
			t.Fatal(err)
		}
		lower := strings.ToLower(page.HTML)
		for _, bad := range []string{"<script", "<iframe", "<form", "<object", "<style"} {
			if strings.Contains(lower, bad) {
				t.Errorf("%q became %s", source, page.HTML)
			}
		}
	})
}
