// SPDX-License-Identifier: Apache-2.0

package report

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"strconv"
	"strings"

	"trunkline.dev/trunkline/api/v1alpha1"
)

// The elements and attributes are those of the schema that Jenkins has for such reports, and no others: what other systems
// add to them is refused by some.
type (
	junitSuites struct {
		XMLName  xml.Name     `xml:"testsuites"`
		Name     string       `xml:"name,attr"`
		Tests    int          `xml:"tests,attr"`
		Failures int          `xml:"failures,attr"`
		Errors   int          `xml:"errors,attr"`
		Suites   []junitSuite `xml:"testsuite"`
	}
	junitSuite struct {
		Name     string      `xml:"name,attr"`
		Tests    int         `xml:"tests,attr"`
		Failures int         `xml:"failures,attr"`
		Errors   int         `xml:"errors,attr"`
		Skipped  int         `xml:"skipped,attr"`
		File     string      `xml:"file,attr,omitempty"`
		Cases    []junitCase `xml:"testcase"`
	}
	junitCase struct {
		Name    string       `xml:"name,attr"`
		Class   string       `xml:"classname,attr"`
		Failure *junitResult `xml:"failure,omitempty"`
		Skipped *junitResult `xml:"skipped,omitempty"`
		Out     string       `xml:"system-out,omitempty"`
	}
	junitResult struct {
		Type    string `xml:"type,attr"`
		Message string `xml:"message,attr"`
		Text    string `xml:",cdata"`
	}
)

// writeJUnit writes a suite for each file, because files have owners and rules have not, and a case for each problem.
// Errors are failures. Warnings are skipped cases: those are counted and shown, and fail nothing. When nothing is wrong there
// is a case that passes, since some systems take a report without cases for a broken one.
func writeJUnit(out *bytes.Buffer, r Report) error {
	all := junitSuites{Name: clean(r.Tool.name(), maxName) + " validate"}
	names := map[string]int{}
	last := ""
	for _, p := range r.Problems {
		if len(all.Suites) == 0 || p.Position.File != last {
			last = p.Position.File
			all.Suites = append(all.Suites, junitSuite{Name: suiteName(last), File: name(last)})
		}
		s := &all.Suites[len(all.Suites)-1]
		s.Tests++
		c := junitProblem(p)
		if c.Failure != nil {
			s.Failures++
		} else {
			s.Skipped++
		}
		id := c.Class + "\x00" + c.Name
		if names[id]++; names[id] > 1 {
			c.Name += " (" + strconv.Itoa(names[id]) + ")"
		}
		s.Cases = append(s.Cases, c)
	}
	if len(r.Problems) == 0 {
		all.Suites = []junitSuite{{Name: "declarations", Tests: 1, Cases: []junitCase{{
			Name: "declarations", Class: "declarations", Out: r.sentence(),
		}}}}
	}
	for _, s := range all.Suites {
		all.Tests += s.Tests
		all.Failures += s.Failures
	}
	data, err := xml.MarshalIndent(all, "", "  ")
	if err != nil {
		return fmt.Errorf("encoding XML: %w", err)
	}
	out.WriteString(xml.Header)
	out.Write(data)
	out.WriteByte('\n')
	return nil
}

func suiteName(file string) string {
	if file == "" {
		return "platform"
	}
	return name(file)
}

// junitProblem returns a problem as a case. Its name has no number of a line, so that it stays the same case from one build
// to the next.
func junitProblem(p v1alpha1.Problem) junitCase {
	c := junitCase{Name: ruleID(p.Rule), Class: suiteName(p.Position.File)}
	if p.Path != "" {
		c.Name += ": " + name(p.Path)
	}
	text := []string{"", word(p) + ": " + sentence(p)}
	if p.Position.File != "" {
		text = append(text, "at: "+place(p.Position))
	}
	text = append(text, details(p)...)
	result := &junitResult{Type: ruleID(p.Rule), Message: sentence(p), Text: strings.Join(text, "\n") + "\n"}
	if isWarning(p) {
		c.Skipped = result
	} else {
		c.Failure = result
	}
	return c
}
