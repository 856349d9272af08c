// SPDX-License-Identifier: Apache-2.0

package report

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"

	"trunkline.dev/trunkline/api/v1alpha1"
)

// Report is what was found, and what it takes to tell of it.
type Report struct {
	// Problems are sorted, as [v1alpha1.Problems.Sort] does.
	Problems v1alpha1.Problems
	// Rules has the rules by id. Only those that are broken are told of; a broken rule that is not here is told of by its id.
	Rules map[string]Rule
	// Source reads a file of the tree, for quoting its lines. Where it fails, or is nil, nothing is quoted.
	Source  func(file string) ([]byte, error)
	Summary Summary
	Tool    Tool
	// Unchecked lists what was not checked for want of input, as in "whether the files are there, since …".
	Unchecked []string
	// Notes are what else is to be known of the tree.
	Notes []string
}

// remarks are the sentences about what was not checked, and the notes.
func (r Report) remarks() (out []string) {
	for _, what := range r.Unchecked {
		out = append(out, "not checked: "+clean(what, maxMessage))
	}
	for _, note := range r.Notes {
		out = append(out, "note: "+clean(note, maxMessage))
	}
	return out
}

// Rule is what there is to say of a rule.
type Rule struct {
	// Title is one line, as in "the DAG has no cycles".
	Title string
	// Help is the rule's page, in Markdown.
	Help string
	// HelpURI is where the page can be read; empty when nowhere.
	HelpURI string
	// Severity is the one that the rule has unless the platform says otherwise; empty means [v1alpha1.Deny].
	Severity v1alpha1.Severity
}

// Summary says what was checked. How long it took is no part of it, so that reports are deterministic.
type Summary struct {
	// Revision is the commit, branch or folder that was checked.
	Revision string
	// Base is the commit that it was compared with; empty without one.
	Base string
	// Projects, Datasets, Workloads and Releases count what is declared, and Files the declarations' files.
	Projects, Datasets, Workloads, Releases, Files int
}

// Tool says who made the report.
type Tool struct {
	// Name is "trunkline" when it is empty.
	Name    string
	Version string
	// URI is where one can read about the tool; empty when nowhere.
	URI string
}

func (t Tool) name() string {
	if t.Name == "" {
		return "trunkline"
	}
	return t.Name
}

// Format is a way to write a report.
type Format string

const (
	// Text is for people at a terminal.
	Text Format = "text"
	// JSON is for programs, and has everything; the package comment documents it.
	JSON Format = "json"
	// SARIF is version 2.1.0 of it, within the limits of GitHub code scanning.
	SARIF Format = "sarif"
	// GitHub is workflow commands of GitHub Actions.
	GitHub Format = "github"
	// JUnit is the XML of test results that CI systems read.
	JUnit Format = "junit"
)

// Formats lists all formats.
func Formats() []Format { return []Format{Text, JSON, SARIF, GitHub, JUnit} }

// ParseFormat finds the format of a name.
func ParseFormat(name string) (Format, error) {
	if slices.Contains(Formats(), Format(name)) {
		return Format(name), nil
	}
	var known []string
	for _, f := range Formats() {
		known = append(known, string(f))
	}
	return "", fmt.Errorf("unknown format %q; choose one of %s", name, strings.Join(known, ", "))
}

// Options are how [Text] is laid out. The other formats have no options.
type Options struct {
	// Color marks what is important with the colours of a terminal.
	Color bool
	// Width is the number of columns to fit into, at least 40; 0 is for no terminal, and text is not wrapped.
	Width int
}

// Write writes the report. Nothing is written when the report cannot be made.
func Write(w io.Writer, format Format, r Report, opts Options) error {
	var out bytes.Buffer
	var err error
	switch format {
	case Text:
		writeText(&out, r, opts)
	case JSON:
		err = writeJSON(&out, r)
	case SARIF:
		err = writeSARIF(&out, r)
	case GitHub:
		writeGitHub(&out, r)
	case JUnit:
		err = writeJUnit(&out, r)
	default:
		_, err = ParseFormat(string(format))
	}
	if err != nil {
		return fmt.Errorf("making the report: %w", err)
	}
	if _, err := w.Write(out.Bytes()); err != nil {
		return fmt.Errorf("writing the report: %w", err)
	}
	return nil
}
