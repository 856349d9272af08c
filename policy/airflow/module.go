// SPDX-License-Identifier: Apache-2.0

package airflow

import (
	"bytes"
	"fmt"
	"sort"
	"unicode/utf8"

	"trunkline.dev/trunkline/api/v1alpha1"
)

// Module is what is known of a file: the DAGs that Airflow finds in it, and what is wrong with it.
type Module struct {
	// File is the path that the file has in the tree.
	File string
	// DAGs are those that Airflow finds, in the order of the file.
	DAGs []*DAG
	// Problems are those of the file by itself, sorted; Check adds those between files.
	Problems v1alpha1.Problems

	source *source
	dags   []*dag
	count  map[v1alpha1.Severity]int
	// entry is the place of the file's own at which code of another file runs that it imports; entries are the imports
	// that brought in each other file.
	entry   place
	entries map[*source]place
	said    map[string]bool
}

func newModule(file string, data []byte) *Module {
	src := newSource(file, data)
	return &Module{
		File: file, source: src, count: map[v1alpha1.Severity]int{}, entry: place{src, wholeFile},
		entries: map[*source]place{}, said: map[string]bool{},
	}
}

// forget lets go of what only reading the file needs.
func (m *Module) forget() {
	m.source, m.dags, m.entries, m.said, m.entry = nil, nil, nil, nil, place{}
}

// source is a file of Python.
type source struct {
	file  string
	data  []byte
	lines []int
}

func newSource(file string, data []byte) *source { return &source{file, data, lineStarts(data)} }

// place is where something begins in a file: its offset in bytes.
type place struct {
	in *source
	at int
}

// wholeFile is the offset of what concerns a file as a whole.
const wholeFile = -1

func placeOf(n *node) place { return place{n.in, n.start} }

// lineStarts returns the offset of each line. A carriage return alone ends a line too, as for Python.
func lineStarts(data []byte) []int {
	starts := []int{0}
	for i, c := range data {
		if c == '\n' || c == '\r' && (i+1 >= len(data) || data[i+1] != '\n') {
			starts = append(starts, i+1)
		}
	}
	return starts
}

// position is the place for people, who count lines and characters from 1.
func (at place) position() v1alpha1.Position {
	if at.at == wholeFile {
		return v1alpha1.Position{File: at.in.file}
	}
	offset := min(at.at, len(at.in.data))
	line := sort.SearchInts(at.in.lines, offset+1)
	text := bytes.TrimPrefix(at.in.data[at.in.lines[line-1]:offset], []byte("\xef\xbb\xbf"))
	return v1alpha1.Position{File: at.in.file, Line: line, Column: utf8.RuneCount(text) + 1}
}

// home is the place in the file itself that a place in a file that it imports is reported at: where that code was
// called, or imported.
func (m *Module) home(at place) place {
	switch {
	case at.in == m.source:
		return at
	case m.entry.at != wholeFile:
		return m.entry
	}
	return m.entries[at.in]
}

// add reports a problem at a place; what lies in another file is reported where the file leads there, once. Warnings are
// cut off apart from what denies, so that many of them hide nothing.
func (m *Module) add(at place, p v1alpha1.Problem) {
	p.Position = at.position()
	if home := m.home(at); home != at {
		p.Trace = append([]v1alpha1.Step{{Position: p.Position, Message: "in a file that is imported"}}, p.Trace...)
		p.Position = home.position()
		key := fmt.Sprint(p.Rule, home.at, p.Message)
		if m.said[key] {
			return
		}
		m.said[key] = true
	}
	m.count[p.Severity]++
	if m.count[p.Severity] <= maxProblems {
		m.Problems = append(m.Problems, p)
	}
}

func (m *Module) deny(rule string, at place, message, hint string) {
	m.add(at, v1alpha1.Problem{Rule: rule, Severity: v1alpha1.Deny, Message: message, Hint: hint})
}

func (m *Module) warn(rule string, at place, message, hint string) {
	m.add(at, v1alpha1.Problem{Rule: rule, Severity: v1alpha1.Warn, Message: message, Hint: hint})
}

func (m *Module) undecided(at place, message, hint string) { m.warn(RuleUndecided, at, message, hint) }
