// SPDX-License-Identifier: Apache-2.0

package report_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/mattn/go-runewidth"

	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/policy/report"
)

func TestParseFormat(t *testing.T) {
	for _, f := range report.Formats() {
		if got, err := report.ParseFormat(string(f)); got != f || err != nil {
			t.Errorf("the format %q is read as %q (%v)", f, got, err)
		}
	}
	for _, name := range []string{"", "TEXT", "xml\n"} {
		_, err := report.ParseFormat(name)
		want := fmt.Sprintf("unknown format %q; choose one of text, json, sarif, github, junit", name)
		if err == nil || err.Error() != want {
			t.Errorf("the format %q: %v, want %s", name, err, want)
		}
	}
}

func TestUnknownFormatWritesNothing(t *testing.T) {
	var b bytes.Buffer
	err := report.Write(&b, "yaml", realistic(), report.Options{})
	if err == nil || !strings.Contains(err.Error(), "choose one of text, json, sarif, github, junit") || b.Len() > 0 {
		t.Errorf("got %v and %d bytes, want an error that names the formats, and none", err, b.Len())
	}
}

type broken struct{}

var errBoom = errors.New("boom")

func (broken) Write([]byte) (int, error) { return 0, errBoom }

func TestWriterThatFails(t *testing.T) {
	for _, f := range report.Formats() {
		if err := report.Write(broken{}, f, realistic(), report.Options{}); !errors.Is(err, errBoom) {
			t.Errorf("%s: %v, want the writer's error", f, err)
		}
	}
}

// TestTextFits holds lines to the width of the terminal, as far as their words do.
func TestTextFits(t *testing.T) {
	for _, width := range []int{60, 80, 100, 120} {
		for l := range strings.Lines(write(t, report.Text, realistic(), report.Options{Width: width})) {
			l = strings.TrimSuffix(l, "\n")
			if strings.Contains(l, "trunkline policy explain") {
				continue // a command is to be copied whole
			}
			if got := (&runewidth.Condition{}).StringWidth(l); got > width {
				t.Errorf("%d columns in a terminal of %d: %s", got, width, l)
			}
		}
	}
}

// large is many problems in a tree of many files.
func large(files, each int) (report.Report, map[string]int) {
	text := tree[orders]
	reads := map[string]int{}
	r := report.Report{Rules: rules, Source: func(file string) ([]byte, error) {
		reads[file]++
		return []byte(text), nil
	}}
	for i := range files {
		for j := range each {
			p := v1alpha1.Problem{
				Rule: fmt.Sprintf("rule-%d", (i+j)%60), Position: at(orders, "prd"), Path: fmt.Sprintf("spec.environments[%d]", j),
				Severity: v1alpha1.Deny, Message: `there is no environment "prd"`, Hint: `did you mean "prod"?`,
				Trace: []v1alpha1.Step{{Position: at(orders, "clean@2}"), Message: "orders/clean writes orders/clean@2"}},
			}
			p.Position.File = fmt.Sprintf("projects/p%05d/project.yaml", i)
			p.Trace[0].Position.File = fmt.Sprintf("projects/p%05d/project.yaml", (i+1)%files)
			r.Problems = append(r.Problems, p)
		}
	}
	return r, reads
}

func TestEachFileIsReadOnce(t *testing.T) {
	for _, f := range report.Formats() {
		r, reads := large(50, 4)
		write(t, f, r, report.Options{})
		for file, n := range reads {
			if n != 1 {
				t.Errorf("%s reads %s %d times", f, file, n)
			}
		}
		if needs := f == report.Text || f == report.SARIF; needs && len(reads) != 50 {
			t.Errorf("%s reads %d files of 50", f, len(reads))
		}
	}
}

func TestWithoutSource(t *testing.T) {
	r := realistic()
	r.Source = nil
	without := write(t, report.Text, r, report.Options{})
	r.Source = func(string) ([]byte, error) { return nil, errBoom }
	if diff := cmp.Diff(without, write(t, report.Text, r, report.Options{})); diff != "" {
		t.Errorf("a file that cannot be read is as none\n-none +fails:\n%s", diff)
	}
	r.Source = func(string) ([]byte, error) { return bytes.Repeat([]byte("x\n"), 5<<20), nil }
	if diff := cmp.Diff(without, write(t, report.Text, r, report.Options{})); diff != "" {
		t.Errorf("a file of 10 MiB is not quoted\n-none +large:\n%s", diff)
	}
	if strings.Contains(without, " | ") || !strings.Contains(without, "= 3. rates/fetch writes rates/fx@1") {
		t.Errorf("without source lines are quoted, or the steps are missing:\n%s", without)
	}
}

func BenchmarkWrite(b *testing.B) {
	for _, f := range report.Formats() {
		b.Run(string(f), func(b *testing.B) {
			r, _ := large(2500, 4)
			b.ReportAllocs()
			for b.Loop() {
				if err := report.Write(io.Discard, f, r, report.Options{Width: 100}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkOneLongLine is what a hostile file costs: a megabyte on one line, and problems all over it.
func BenchmarkOneLongLine(b *testing.B) {
	line := []byte(strings.Repeat("[", 1<<20))
	r := report.Report{Source: func(string) ([]byte, error) { return line, nil }}
	for i := range 10_000 {
		r.Problems = append(r.Problems, v1alpha1.Problem{
			Rule: fmt.Sprintf("rule-%d", i), Position: v1alpha1.Position{File: "x.json", Line: 1, Column: 100*i + 1}, Message: "x", Severity: v1alpha1.Deny,
		})
	}
	for _, f := range report.Formats() {
		b.Run(string(f), func(b *testing.B) {
			for b.Loop() {
				if err := report.Write(io.Discard, f, r, report.Options{Width: 100}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// TestRemarks: what was not evaluated, and other remarks, are in every format that people or programs read, and carry no
// control sequences into a terminal or a log.
func TestRemarks(t *testing.T) {
	r := nothing()
	r.Unchecked = []string{"whether an owner approved it, since it is not known who did"}
	r.Notes = []string{"ConfigMap a/b\x1b[2J\n::error::x moves"}
	for _, tc := range []struct {
		format report.Format
		want   []string
	}{
		{report.Text, []string{"\nnot checked: whether an owner approved it, since it is not known who did\nnote: ConfigMap a/b"}},
		{report.JSON, []string{`"unjudged": [`, `"notes": [`, `a/b\u001b[2J\n`}},
		{report.GitHub, []string{"\n::notice title=trunkline validate::not checked: whether", "\n::notice title=trunkline validate::note: ConfigMap a/b"}},
	} {
		got := "\n" + write(t, tc.format, r, report.Options{})
		for _, want := range tc.want {
			if !strings.Contains(got, want) {
				t.Errorf("%s: there is no %q in:\n%s", tc.format, want, got)
			}
		}
		if strings.Contains(got, "\x1b") || strings.Contains(got, "\n::error") {
			t.Errorf("%s: a note gives commands:\n%s", tc.format, got)
		}
	}
}

// TestSecretsAreNotQuoted: a line with a secret is quoted by no problem, whatever that is about.
func TestSecretsAreNotQuoted(t *testing.T) {
	at := v1alpha1.Position{File: "a.yaml", Line: 1, Column: 1}
	for _, format := range []report.Format{report.Text, report.GitHub, report.JSON, report.SARIF, report.JUnit} {
		var out bytes.Buffer
		err := report.Write(&out, format, report.Report{
			Problems: v1alpha1.Problems{
				{Rule: "a", Severity: v1alpha1.Deny, Position: at, Message: "another"},
				{Rule: "b", Severity: v1alpha1.Warn, Position: at, Message: "a secret", Confidential: true},
			},
			Source: func(string) ([]byte, error) { return []byte("env: {DB_PASSWORD: hunter2}\nowner: a\n"), nil },
		}, report.Options{})
		if err != nil || bytes.Contains(out.Bytes(), []byte("hunter2")) || !bytes.Contains(out.Bytes(), []byte("a secret")) {
			t.Errorf("%v: %v\n%s", format, err, out.String())
		}
	}
}
