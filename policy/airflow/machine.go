// SPDX-License-Identifier: Apache-2.0

package airflow

import (
	"fmt"
)

// machine follows a file statement by statement. It knows three ways that code can be in: certain; maybe, where
// nothing reports whether the code runs; and guarded, where it runs but someone catches its exceptions. Only what is
// certain to happen is denied.
type machine struct {
	mod    *Module
	reader *Reader
	// roots are the folders that modules are looked for in, and modules those that were imported, by their path.
	roots   []string
	modules map[string]*pyModule
	imports int
	// edition is what the version of Airflow has.
	edition *edition
	global  *scope
	// maybe and guarded count how many parts around the code make it so.
	maybe, guarded int
	journals       []journal

	dags   []*dag // the with statements around: the innermost last
	groups []*group
	setups []*setting
	supers []*ancestor // those of the __init__ that is followed: the innermost last
	// made counts the DAGs, tasks, groups and edges, to see whether code made any.
	made int
	// said are the things that are reported once.
	said map[string]bool
	// pending are calls of functions that may make tasks, and plain counts how many arguments of calls are around.
	pending []*pending
	plain   int
	// factories are the functions with @dag.
	factories []*factory

	steps, depth, calls, tasks, edges int
	stopped                           bool
}

// flow is how a statement ends.
type flow struct {
	kind flowKind
	// maybe is set when it is not certain that it ends this way.
	maybe  bool
	result value
	// imports is set when an import that fails raised.
	imports bool
}

type flowKind int

const (
	goesOn flowKind = iota
	returns
	breaks
	continues
	raises
)

// step counts work. It is false when there was too much of it.
func (m *machine) step() bool {
	m.steps++
	if m.steps > maxSteps {
		m.stop(fmt.Sprintf("the file was followed for %d steps and not further", maxSteps), "keep what makes DAGs simple, or split the file")
	}
	return !m.stopped
}

// stop ends all work on the file.
func (m *machine) stop(message, hint string) {
	if !m.stopped {
		m.stopped = true
		m.mod.undecided(place{m.mod.source, wholeFile}, message, hint)
	}
}

// sure is true where code is certain to run, and its exceptions are certain to end the file.
func (m *machine) sure() bool { return m.maybe == 0 && m.guarded == 0 && !m.stopped }

// wrong reports what makes Airflow refuse the file: denied where that is certain.
func (m *machine) wrong(rule string, at *node, message, hint string) {
	m.wrongIf(m.sure(), rule, at, message, hint)
}

func (m *machine) wrongIf(certain bool, rule string, at *node, message, hint string) {
	if m.stopped {
		return
	}
	if certain && m.sure() {
		m.mod.deny(rule, placeOf(at), message, hint)
		return
	}
	m.undecided(at, message+", if this is what happens here", hint)
}

// undecided reports what cannot be found out.
func (m *machine) undecided(at *node, message, hint string) {
	if !m.stopped && m.once(fmt.Sprintf("%s %d %s", at.in.file, at.start, message)) {
		m.mod.undecided(placeOf(at), message, hint)
	}
}

func (m *machine) once(what string) bool {
	if m.said[what] {
		return false
	}
	m.said[what] = true
	return true
}

// maybeRun runs code that may or may not run, and reports if it made something that matters.
func (m *machine) maybeRun(at *node, why string, run func()) map[slot]value {
	before, outermost := m.made, m.maybe == 0
	m.maybe++
	left := m.attempt(run)
	m.maybe--
	if m.made > before && outermost {
		m.undecided(at, why, "let it depend on constants only, or make it a DAG or task of its own")
	}
	return left
}

// doubt is about the rest of a block, which may not run because something before may have ended it.
type doubt struct {
	m    *machine
	at   *node
	made int
	// depth is how often it was entered; outermost is set when nothing around was in doubt before.
	depth     int
	outermost bool
}

func (m *machine) doubt() *doubt { return &doubt{m: m} }

// begin makes everything maybe from here on.
func (d *doubt) begin(at *node) {
	if d.depth == 0 {
		d.at, d.made, d.outermost = at, d.m.made, d.m.maybe == 0
	}
	d.depth++
	d.m.maybe++
}

// end is the end of the block, and reports if the rest of it made something that matters.
func (d *doubt) end() {
	d.m.maybe -= d.depth
	if d.outermost && d.m.made > d.made {
		d.m.undecided(d.at, fmt.Sprintf("whether what comes after %q runs is not known, and DAGs depend on it", d.m.brief(d.at)), "let it depend on constants only")
	}
}

// follow runs the whole file.
func (m *machine) follow(root *node) {
	m.block(root, m.global)
	m.finish()
}

func (m *machine) text(n *node) string { return string(n.in.data[n.start:n.end]) }

// brief is the first line of a part of the file, for messages.
func (m *machine) brief(n *node) string {
	s := m.text(n)
	for i, c := range s {
		if c == '\n' {
			s = s[:i]
			break
		}
	}
	return shorten(s)
}
