// SPDX-License-Identifier: Apache-2.0

package report_test

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/policy/report"
)

// parsed is a workflow command as GitHub's runner takes it apart.
type parsed struct {
	name       string
	properties map[string]string
	data       string
}

// runner takes a line of a log apart as GitHub's runner does: the order of its replacements is part of it.
func runner(line string) (parsed, bool) {
	rest, ok := strings.CutPrefix(strings.TrimLeftFunc(line, unicode.IsSpace), "::")
	if !ok {
		return parsed{}, false
	}
	info, data, ok := strings.Cut(rest, "::")
	if !ok {
		return parsed{}, false
	}
	name, list, _ := strings.Cut(info, " ")
	c := parsed{name: name, properties: map[string]string{}, data: unescape(data, "%0D", "\r", "%0A", "\n", "%25", "%")}
	for pair := range strings.SplitSeq(list, ",") {
		if key, value, ok := strings.Cut(pair, "="); ok {
			c.properties[key] = unescape(value, "%0D", "\r", "%0A", "\n", "%3A", ":", "%2C", ",", "%25", "%")
		}
	}
	return c, true
}

func unescape(s string, pairs ...string) string {
	for p := range slices.Chunk(pairs, 2) {
		s = strings.ReplaceAll(s, p[0], p[1])
	}
	return s
}

// printed is what becomes of the characters of a text that cannot be printed.
func printed(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return unicode.ReplacementChar
	}, s)
	return regexp.MustCompile(`##([A-Za-z]*\[)`).ReplaceAllString(s, "#\uFFFD$1")
}

func TestGitHubRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := anyReport().Draw(t, "report")
		var b strings.Builder
		if err := report.Write(&b, report.GitHub, r, report.Options{}); err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n")
		var errs, warns []v1alpha1.Problem
		for _, p := range r.Problems {
			if p.Severity == v1alpha1.Warn {
				warns = append(warns, p)
			} else {
				errs = append(errs, p)
			}
		}
		shown := slices.Concat(errs[:min(10, len(errs))], warns[:min(10, len(warns))])
		if len(lines) != len(shown)+1 {
			t.Fatalf("%d lines for %d problems and a summary:\n%s", len(lines), len(shown), b.String())
		}
		for i, p := range shown {
			c, ok := runner(lines[i])
			wantName := "error"
			if p.Severity == v1alpha1.Warn {
				wantName = "warning"
			}
			if !ok || c.name != wantName {
				t.Fatalf("%q is the command %q, want %q", lines[i], c.name, wantName)
			}
			if got, want := c.properties["file"], printed(p.Position.File); got != want {
				t.Fatalf("the file is %q, want %q", got, want)
			}
			if got := c.properties["line"]; p.Position.File != "" && p.Position.Line > 0 && got != fmt.Sprint(p.Position.Line) {
				t.Fatalf("the line is %q, want %d", got, p.Position.Line)
			}
			for key := range c.properties {
				if !slices.Contains([]string{"file", "line", "col", "endColumn", "title"}, key) {
					t.Fatalf("there is a property %q in %q", key, lines[i])
				}
			}
			if want := printed(strings.Join(strings.Fields(p.Message), " ")); want != "" && strings.Split(c.data, "\n")[0] != want {
				t.Fatalf("the message is %q, want %q", strings.Split(c.data, "\n")[0], want)
			}
		}
		last, isCommand := runner(lines[len(lines)-1])
		if left := len(r.Problems) > len(shown); isCommand != left || isCommand && last.name != "notice" {
			t.Fatalf("the last line is %q, and problems are left out: %v", lines[len(lines)-1], left)
		}
	})
}

// junitMay are the attributes of each element in the schema that Jenkins has (junit-10.xsd).
var junitMay = map[string][]string{
	"testsuites": {"name", "time", "tests", "failures", "errors"},
	"testsuite":  {"name", "tests", "failures", "errors", "time", "skipped", "file"},
	"testcase":   {"name", "classname"},
	"failure":    {"type", "message"},
	"skipped":    {"type", "message"},
	"system-out": {},
}

func TestJUnitRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := anyReport().Draw(t, "report")
		var b strings.Builder
		if err := report.Write(&b, report.JUnit, r, report.Options{}); err != nil {
			t.Fatal(err)
		}
		count, seen := map[string]int{}, map[string]bool{}
		d := xml.NewDecoder(strings.NewReader(b.String()))
		for {
			token, err := d.Token()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatalf("%v:\n%s", err, b.String())
			}
			e, ok := token.(xml.StartElement)
			if !ok {
				continue
			}
			count[e.Name.Local]++
			attributes := map[string]string{}
			for _, a := range e.Attr {
				if !slices.Contains(junitMay[e.Name.Local], a.Name.Local) {
					t.Fatalf("%s has an attribute %s", e.Name.Local, a.Name.Local)
				}
				attributes[a.Name.Local] = a.Value
			}
			if id := attributes["classname"] + "\x00" + attributes["name"]; e.Name.Local == "testcase" {
				if seen[id] {
					t.Fatalf("two cases are called %q", id)
				}
				seen[id] = true
			}
		}
		want := map[string]int{"testsuites": 1, "testsuite": count["testsuite"]}
		for _, p := range r.Problems {
			want["testcase"]++
			if p.Severity == v1alpha1.Warn {
				want["skipped"]++
			} else {
				want["failure"]++
			}
		}
		if len(r.Problems) == 0 {
			want["testcase"], want["system-out"] = 1, 1
		}
		if diff := cmp.Diff(want, count); diff != "" {
			t.Fatalf("-want +got:\n%s", diff)
		}
	})
}
