// SPDX-License-Identifier: Apache-2.0

package airflow

import (
	"bytes"
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

	data  []byte
	lines []int
	dags  []*dag
	count map[v1alpha1.Severity]int
}

// place is where something begins in the file: its offset in bytes.
type place int

// wholeFile is the place of what concerns the file as a whole.
const wholeFile place = -1

func placeOf(n *node) place { return place(n.start) }

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

// position returns the place for people, who count lines and characters from 1.
func (m *Module) position(at place) v1alpha1.Position {
	if at == wholeFile {
		return v1alpha1.Position{File: m.File}
	}
	offset := min(int(at), len(m.data))
	line := sort.SearchInts(m.lines, offset+1)
	text := bytes.TrimPrefix(m.data[m.lines[line-1]:offset], []byte("\xef\xbb\xbf"))
	return v1alpha1.Position{File: m.File, Line: line, Column: utf8.RuneCount(text) + 1}
}

// add reports a problem. Warnings are cut off apart from what denies, so that many of them hide nothing.
func (m *Module) add(p v1alpha1.Problem) {
	m.count[p.Severity]++
	if m.count[p.Severity] <= maxProblems {
		m.Problems = append(m.Problems, p)
	}
}

func (m *Module) deny(rule string, at place, message, hint string) {
	m.add(v1alpha1.Problem{Rule: rule, Position: m.position(at), Severity: v1alpha1.Deny, Message: message, Hint: hint})
}

func (m *Module) warn(rule string, at place, message, hint string) {
	m.add(v1alpha1.Problem{Rule: rule, Position: m.position(at), Severity: v1alpha1.Warn, Message: message, Hint: hint})
}

func (m *Module) undecided(at place, message, hint string) { m.warn(RuleUndecided, at, message, hint) }
