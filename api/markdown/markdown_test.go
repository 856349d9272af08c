// SPDX-License-Identifier: Apache-2.0

package markdown_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"trunkline.dev/trunkline/api/markdown"
	"trunkline.dev/trunkline/api/markdown/markdowntest"
)

func TestProse(t *testing.T) {
	for _, tc := range []struct{ reason, in, want string }{
		{"A sentence stays one.", "the budget doesn't allow it, and (so far) nobody asked.", "the budget doesn't allow it, and (so far) nobody asked."},
		{"Names are code, and need no quotes then.", `orders reads "rates/fx@1", which nobody writes`, `orders reads <code>rates/fx&#64;1</code>, which nobody writes`},
		{"Small numbers are plain.", "3 of 1,000 at 0.5", "3 of 1,000 at 0.5"},
		{"So are differences and times of day.", "+14.20 at 08:00, not 1:100:1", "+14.20 at 08:00, not <code>1:100:1</code>"},
		{"What a forge may take for a commit is not.", "defaced by 1234567 and deadbeef", "<code>defaced</code> by <code>1234567</code> and <code>deadbeef</code>"},
		{"Nobody is mentioned.", "ask @all", "ask <code>&#64;all</code>"},
		{"No issue is linked to.", "see #12 and GH-12, o/r#3", "see <code>&#35;12</code> and <code>GH-12</code>, <code>o/r&#35;3</code>"},
		{"No address is.", "at www.example.com", "at <code>www&#46;example.com</code>"},
		{"No list begins.", "1. first - second", "1&#46; first <code>-</code> second"},
		{"A verdict is a sign.", "✅ passed", "<code>&#9989;</code> passed"},
		{"Nothing is bold.", "**passed** _or_ ~not~", "<code>&#42;&#42;passed&#42;&#42;</code> <code>&#95;or&#95;</code> <code>&#126;not&#126;</code>"},
		{"What turns the direction keeps to itself.", "שלום is \u202egnp", `<code dir="auto">שלום</code> is <code>&#65533;gnp</code>`},
		{"Arrows and dashes join.", "a → b – c", "a → b – c"},
		{"Lines are one.", "a\n\n# b", "a <code>&#35;</code> b"},
		{"Nothing is said to be nothing.", " \n", "(no text)"},
		{"What is long is cut.", strings.Repeat("long ", 30), strings.TrimSpace(strings.Repeat("long ", 12)) + "…"},
	} {
		t.Run(tc.reason, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, markdown.Prose(tc.in, 60)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestCode(t *testing.T) {
	for _, tc := range []struct{ reason, in, want string }{
		{"A path is nearly as it is.", "projects/a/b.yaml:31", "<code>projects/a/b.yaml:31</code>"},
		{"An address begins nowhere.", "https://a.b", "<code>https&#58;//a.b</code>"},
		{"A cell does not end.", "a|b", "<code>a&#124;b</code>"},
		{"Code does not end.", "</code><b>`", "<code>&#60;/code&#62;&#60;b&#62;&#96;</code>"},
		{"No reference begins.", "&lt;", "<code>&#38;lt;</code>"},
		{"Bytes that are no text are seen.", "a\xff\x1b", "<code>a&#65533;&#65533;</code>"},
	} {
		t.Run(tc.reason, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, markdown.Code(tc.in)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestLink(t *testing.T) {
	for _, tc := range []struct{ reason, in, want string }{
		{"A page.", "https://a.example/x?y=1#z", "[text](https://a.example/x?y=1#z)"},
		{"No end of the link within.", "https://a.example/x)[y](https://evil.example", "[text](https://a.example/x%29%5By%5D%28https://evil.example)"},
		{"No script.", "javascript:alert(1)", "text"},
		{"No path of the forge's own.", "/logout", "text"},
		{"No password.", "https://u:p@a.example", "[text](https://a.example)"},
		{"Nothing.", "", "text"},
	} {
		t.Run(tc.reason, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, markdown.Link("text", tc.in)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestFence(t *testing.T) {
	for _, tc := range []struct {
		reason, in string
		room       int
		want       string
	}{
		{"A block.", "+a\n-b\n", 100, "```diff\n+a\n-b\n```\n"},
		{"A longer fence.", "+````\n", 100, "`````diff\n+````\n`````\n"},
		{"Cut at a line, which is said.", strings.Repeat("+line\n", 20), 70, "```diff\n" + strings.Repeat("+line\n", 6) + "(14 more lines)\n```\n"},
		{"No room for a line.", strings.Repeat("+line\n", 20), 30, ""},
	} {
		t.Run(tc.reason, func(t *testing.T) {
			got := markdown.Fence("diff", tc.in, tc.room)
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			if len(got) > tc.room {
				t.Errorf("it takes %d of %d", len(got), tc.room)
			}
		})
	}
}

// pieces are what texts are made of that would like to be more than text.
var pieces = []string{
	"a", "word", " ", " ", "\n", "\n\n", "`", "```", "~~~", "<", ">", "</code>", "</details>", "<!--", "-->", "@", "@all", "#", "#1", "# ", "GH-1", "|", "\\", "&", "&#64;",
	"*", "**", "_", "~", "[", "](", ")", "!", "https://e.example", "www.", ".", ":", "//", "- ", "1. ", "1) ", "+ ", "=", "---", "deadbeef", "1234567", "\x1b", "\u202e", "\u200b", "é", "ש", "😀", "\xff",
	"$", "$$", "%%", ":tada:", "a@b.example", "o/r#1", "> ", "    ", "\t", "[!NOTE]", "[^1]", "\"", "'", "(", "✅", "...", "’", "中", "⠀",
}

func hostile() *rapid.Generator[string] {
	return rapid.Map(rapid.SliceOfN(rapid.SampledFrom(pieces), 0, 14), func(l []string) string { return strings.Join(l, "") })
}

// check puts a text into every place of a document.
func check(text string) []string {
	document := "### Heading\n\n" + markdown.Prose(text, 200) + "\n\n- " + markdown.Prose(text, 50) + "\n- " + markdown.Code(text) + "\n\n| | " +
		markdown.Prose(text, 300) + " |\n| --- | --- |\n| " + markdown.Bold(text) + " | " + markdown.Code(text) + "<br>" + markdown.Prose(text, 300) + " |\n\n> " + markdown.Prose(text, 300) +
		"\n\n<details><summary>" + markdown.Code(text) + " " + markdown.Prose(text, 300) + "</summary>\n\n" + markdown.Fence("diff", text, 1000) + "\n</details>\n\n" +
		markdown.Link(markdown.Code(text), "https://ours.example/"+text) + "\n"
	problems := markdowntest.Problems(document, markdowntest.Allowed{Headings: 1, Links: []string{"https://ours.example/"}})
	if page, err := markdowntest.HTML(document); err != nil || strings.Count(page, "<li>") != 2 || strings.Count(page, "<td") != 2 || strings.Count(page, "<blockquote>") != 1 || strings.Count(page, "<pre>") > 1 {
		problems = append(problems, "the structure is another")
	}
	if len(problems) > 0 {
		problems = append(problems, document)
	}
	return problems
}

// TestNothingIsMoreThanText puts hostile texts into every place, and looks at what a forge makes of it.
func TestNothingIsMoreThanText(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		if problems := check(hostile().Draw(rt, "text")); len(problems) > 0 {
			rt.Fatal(strings.Join(problems, "\n"))
		}
	})
}

func FuzzText(f *testing.F) {
	for _, p := range pieces {
		f.Add(p)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if problems := check(text); len(problems) > 0 {
			t.Fatal(strings.Join(problems, "\n"))
		}
	})
}
