// SPDX-License-Identifier: Apache-2.0

package report_test

import (
	"encoding/json"
	"errors"
	"regexp"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/policy/report"
)

// words are pieces of what someone may write who wants the report to say something else.
var words = rapid.SampledFrom([]string{
	"orders", "a b", " ", "  ", "é", "東京", "🚚", "e\u0301", "\n", "\r\n", "\r", "\t", "\x00", "\x1b[2J", "\x1b]8;;x\x07", "\x7f", "\u009b31m",
	"\u0085", "\u2028", "\u202e", "\u2066", "\u200b", "\ufeff", "\u00a0", "\U000E0041", "%", "%0A", ":", ",", "::", "\n::error::x", "::set-output name=a::b",
	"##", "##[error]", "##vso[x]", "#", "[", "](x)", "]", "]]>", "<b>", "&amp;", `"`, "'", `\`, "{", "}", "|", "`", "/", "//", "..", "error[x]: y",
	"\nerror: y", strings.Repeat("x", 90), strings.Repeat("w ", 60), "line 12", ":3:4",
})

// hostileText joins some of them.
func hostileText() *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		return strings.Join(rapid.SliceOfN(words, 0, 6).Draw(t, "words"), "")
	})
}

func position() *rapid.Generator[v1alpha1.Position] {
	files := rapid.OneOf(hostileText(), rapid.SampledFrom([]string{"a.yaml", "b.py", "c/d.json"}))
	return rapid.Custom(func(t *rapid.T) v1alpha1.Position {
		return v1alpha1.Position{
			File: files.Draw(t, "file"), Line: rapid.IntRange(0, 5).Draw(t, "line"),
			Column: rapid.OneOf(rapid.IntRange(0, 12), rapid.IntRange(0, 500)).Draw(t, "column"),
		}
	})
}

func problem() *rapid.Generator[v1alpha1.Problem] {
	text := hostileText()
	return rapid.Custom(func(t *rapid.T) v1alpha1.Problem {
		return v1alpha1.Problem{
			Rule:     rapid.OneOf(text, rapid.SampledFrom([]string{"", "dag-cycle", "decode"})).Draw(t, "rule"),
			Position: position().Draw(t, "position"),
			Path:     text.Draw(t, "path"), Message: text.Draw(t, "message"), Hint: text.Draw(t, "hint"),
			Severity: rapid.SampledFrom([]v1alpha1.Severity{v1alpha1.Deny, v1alpha1.Warn, "other"}).Draw(t, "severity"),
			Trace: rapid.SliceOfN(rapid.Custom(func(t *rapid.T) v1alpha1.Step {
				return v1alpha1.Step{Position: position().Draw(t, "at"), Message: text.Draw(t, "step")}
			}), 0, 20).Draw(t, "trace"),
		}
	})
}

// anyReport is a report of which nothing can be relied on.
func anyReport() *rapid.Generator[report.Report] {
	text := hostileText()
	return rapid.Custom(func(t *rapid.T) report.Report {
		source := strings.Join(rapid.SliceOfN(text, 0, 8).Draw(t, "source"), "\n")
		r := report.Report{
			Problems: rapid.SliceOfN(problem(), 0, 30).Draw(t, "problems"),
			Rules: map[string]report.Rule{
				"dag-cycle": {Title: text.Draw(t, "title"), Help: text.Draw(t, "help")}, text.Draw(t, "id"): {Title: text.Draw(t, "other")},
			},
			Source: func(file string) ([]byte, error) {
				if strings.HasPrefix(file, "o") {
					return nil, errors.New("the file cannot be read")
				}
				return []byte(source), nil
			},
			Summary: report.Summary{Revision: text.Draw(t, "revision"), Base: text.Draw(t, "base"), Projects: rapid.IntRange(0, 2000).Draw(t, "projects")},
		}
		r.Problems.Sort()
		return r
	})
}

var (
	sgr     = regexp.MustCompile("\x1b\\[[0-9;]*m")
	header  = regexp.MustCompile(`(?m)^(error|warning)(\[|: )`)
	command = regexp.MustCompile(`##[A-Za-z]*\[`)
)

// harmlessBytes fails when a text holds what a terminal or a log obeys.
func harmlessBytes(t *rapid.T, what, text string) {
	if !utf8.ValidString(text) {
		t.Fatalf("%s is not UTF-8: %q", what, text)
	}
	for _, r := range text {
		if r != '\n' && !unicode.IsPrint(r) {
			t.Fatalf("%s has %U in it: %q", what, r, text)
		}
	}
	if at := command.FindString(text); at != "" {
		t.Fatalf("%s has the command %q in it: %q", what, at, text)
	}
}

func TestNothingGetsThrough(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := anyReport().Draw(t, "report")
		for _, f := range report.Formats() {
			var b, again strings.Builder
			width := rapid.SampledFrom([]int{0, 10, 40, 80}).Draw(t, "width")
			if err := report.Write(&b, f, r, report.Options{Width: width}); err != nil {
				t.Fatalf("%s: %v", f, err)
			}
			if err := report.Write(&again, f, r, report.Options{Width: width}); err != nil || again.String() != b.String() {
				t.Fatalf("%s: the same report is written differently", f)
			}
			harmlessBytes(t, string(f), b.String())
			if f == report.GitHub {
				continue // commands are what it is made of
			}
			for l := range strings.Lines(b.String()) {
				if strings.HasPrefix(strings.TrimLeft(l, " "), "::") {
					t.Fatalf("%s has a line that GitHub takes for a command: %q", f, l)
				}
			}
		}
	})
}

func TestTextHasOneHeaderForEachProblem(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := anyReport().Draw(t, "report")
		want, seen := 0, map[[2]string]int{}
		for _, p := range r.Problems {
			key := [2]string{p.Rule, "error"}
			if p.Severity == v1alpha1.Warn {
				key[1] = "warning"
			}
			if seen[key]++; seen[key] <= 12 {
				want++
			}
		}
		width := rapid.SampledFrom([]int{0, 60, 100}).Draw(t, "width")
		var plain, coloured strings.Builder
		if err := errors.Join(report.Write(&plain, report.Text, r, report.Options{Width: width}),
			report.Write(&coloured, report.Text, r, report.Options{Width: width, Color: true})); err != nil {
			t.Fatal(err)
		}
		if got := len(header.FindAllString(plain.String(), -1)); got != want {
			t.Fatalf("%d headers for %d problems:\n%s", got, want, plain.String())
		}
		// A line that is painted to its end may have had spaces there.
		bare := sgr.ReplaceAllString(coloured.String(), "")
		if diff := cmp.Diff(trimmedLines(plain.String()), trimmedLines(bare)); diff != "" {
			t.Fatalf("colours change the text\n-want +got:\n%s", diff)
		}
	})
}

func trimmedLines(s string) []string {
	lines := strings.Split(s, "\n")
	for i, l := range lines {
		lines[i] = strings.TrimRight(l, " ")
	}
	return lines
}

func TestJSONKeepsEverything(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := anyReport().Draw(t, "report")
		var b strings.Builder
		if err := report.Write(&b, report.JSON, r, report.Options{}); err != nil {
			t.Fatal(err)
		}
		var got struct{ Problems v1alpha1.Problems }
		if err := json.Unmarshal([]byte(b.String()), &got); err != nil {
			t.Fatalf("%v:\n%s", err, b.String())
		}
		want := r.Problems
		if len(want) == 0 {
			want = v1alpha1.Problems{}
		}
		for i := range want {
			if len(want[i].Trace) == 0 {
				want[i].Trace = nil
			}
		}
		if diff := cmp.Diff(want, got.Problems); diff != "" {
			t.Fatalf("-want +got:\n%s", diff)
		}
	})
}
