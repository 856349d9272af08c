// SPDX-License-Identifier: Apache-2.0

package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"trunkline.dev/trunkline/api/markdown"
	"trunkline.dev/trunkline/api/number"
	"trunkline.dev/trunkline/plan"
	"trunkline.dev/trunkline/plan/gate"
	"trunkline.dev/trunkline/plan/preview"
)

const (
	// maxColumns bounds the columns of a table, and maxNames how many names one row or heading begins with.
	maxColumns, maxNames = 8, 4
)

// Cell says in a cell what happens to one release; it is Markdown.
type Cell func(r preview.Release) string

// Table is a table in Markdown with a row for each project and a column for each environment, in at most so many bytes.
// Projects and environments to which the same happens share a row and a column; those that fail or are removed are first.
// It returns how many projects did not fit.
func Table(releases []preview.Release, environments []string, cell Cell, room int) (text string, left int) {
	g := newGrid(releases, environments, cell)
	if len(g.rows) == 0 {
		return "", 0
	}
	columns := g.columns()
	var b strings.Builder
	b.WriteString("| |")
	shown := columns[:min(len(columns), maxColumns)]
	for _, c := range shown {
		b.WriteString(" " + Names(c.names) + " |")
	}
	if more := len(columns) - len(shown); more > 0 {
		fmt.Fprintf(&b, " %d more |", more)
	}
	b.WriteString("\n|" + strings.Repeat(" --- |", 1+min(len(columns), maxColumns+1)) + "\n")
	for i, row := range g.merged() {
		cells := []string{boldNames(row.names)}
		for _, c := range shown {
			cells = append(cells, row.cells[c.at])
		}
		if len(columns) > len(shown) {
			cells = append(cells, "…")
		}
		line := "| " + strings.Join(cells, " | ") + " |"
		if b.Len()+len(line)+1 > room {
			for _, r := range g.merged()[i:] {
				left += len(r.names)
			}
			break
		}
		b.WriteString(line + "\n")
	}
	if b.Len() > room || left == len(g.rows) {
		return "", len(g.rows)
	}
	return b.String(), left
}

// grid is what happens to each project in each environment.
type grid struct {
	environments []string
	rows         []gridRow
}

type gridRow struct {
	names []string
	rank  int
	cells []string // by environment
}

func newGrid(releases []preview.Release, environments []string, cell Cell) grid {
	g := grid{environments: columnsOf(releases, environments)}
	rows := map[string]int{}
	in := map[string][][]preview.Release{}
	for _, r := range releases {
		if !shown(r) {
			continue
		}
		at := slices.Index(g.environments, r.ID.Environment)
		if in[r.ID.Project] == nil {
			in[r.ID.Project] = make([][]preview.Release, len(g.environments))
			rows[r.ID.Project] = rank(r)
		}
		in[r.ID.Project][at] = append(in[r.ID.Project][at], r)
		rows[r.ID.Project] = min(rows[r.ID.Project], rank(r))
	}
	for project, releases := range in {
		row := gridRow{names: []string{project}, rank: rows[project], cells: make([]string, len(g.environments))}
		for i, list := range releases {
			row.cells[i] = cellOf(list, cell)
		}
		g.rows = append(g.rows, row)
	}
	slices.SortFunc(g.rows, func(a, b gridRow) int {
		return cmp.Or(cmp.Compare(a.rank, b.rank), cmp.Compare(a.names[0], b.names[0]))
	})
	return g
}

// columnsOf returns the environments that something happens in: in their order, and those that are not listed by name.
func columnsOf(releases []preview.Release, environments []string) (out []string) {
	in := map[string]bool{}
	for _, r := range releases {
		if shown(r) {
			in[r.ID.Environment] = true
		}
	}
	for _, e := range environments {
		if in[e] {
			out = append(out, e)
			delete(in, e)
		}
	}
	listed := len(out)
	for e := range in {
		out = append(out, e)
	}
	slices.Sort(out[listed:])
	return out
}

// rank orders projects: what fails, what goes, the rest.
func rank(r preview.Release) int {
	switch {
	case r.Failed():
		return 0
	case r.Action == preview.Remove:
		return 1
	}
	return 2
}

// cellOf says what happens to the releases of a project in an environment: once, if it is the same on all clusters.
func cellOf(list []preview.Release, cell Cell) string {
	if len(list) == 0 {
		return ""
	}
	slices.SortStableFunc(list, func(a, b preview.Release) int { return a.ID.Compare(b.ID) })
	texts := make([]string, len(list))
	for i, r := range list {
		texts[i] = cell(r)
	}
	if len(slices.Compact(slices.Clone(texts))) == 1 {
		return texts[0]
	}
	for i, r := range list {
		texts[i] = markdown.Code(r.ID.Cluster) + " " + texts[i]
	}
	if more := len(texts) - maxColumns; more > 0 {
		texts = append(texts[:maxColumns], fmt.Sprintf("%d more clusters", more))
	}
	return strings.Join(texts, "<br>")
}

// column is the environments with the same cells in all rows, of which the one at a place stands for all.
type column struct {
	names []string
	at    int
}

func (g grid) columns() (out []column) {
	key := func(at int) string {
		var b strings.Builder
		for _, r := range g.rows {
			b.WriteString(r.cells[at] + "\n")
		}
		return b.String()
	}
	known := map[string]int{}
	for at, name := range g.environments {
		k := key(at)
		i, ok := known[k]
		if !ok {
			i = len(out)
			known[k] = i
			out = append(out, column{at: at})
		}
		out[i].names = append(out[i].names, name)
	}
	return out
}

// merged are the rows, those with the same cells as one.
func (g grid) merged() (out []gridRow) {
	known := map[string]int{}
	for _, r := range g.rows {
		k := fmt.Sprint(r.rank, "\n", strings.Join(r.cells, "\n"))
		i, ok := known[k]
		if !ok {
			known[k] = len(out)
			out = append(out, gridRow{names: slices.Clone(r.names), rank: r.rank, cells: r.cells})
			continue
		}
		out[i].names = append(out[i].names, r.names...)
	}
	return out
}

// Names lists someone else's names, the first of them as code.
func Names(names []string) string { return list(names, markdown.Code) }

func boldNames(names []string) string { return list(names, markdown.Bold) }

func list(names []string, format func(string) string) string {
	var parts []string
	for i, n := range names {
		if i == maxNames && len(names) > maxNames+1 {
			parts = append(parts, number.Of(len(names)-i)+" more")
			break
		}
		parts = append(parts, format(n))
	}
	if last := len(parts) - 1; last > 0 {
		return strings.Join(parts[:last], ", ") + " and " + parts[last]
	}
	return strings.Join(parts, "")
}

// Happens is the [Cell] that counts the objects that are created (+), updated (~), deleted (−), and that fail or are
// blocked (!), and says what holds them.
func Happens(r preview.Release) string {
	var parts []string
	switch {
	case r.Err != "":
		parts = append(parts, "**not known**")
	case r.Action == preview.Remove:
		parts = append(parts, "**removed**")
	case r.Action == preview.Create:
		parts = append(parts, "new")
	}
	if c := signed(r); c != "" {
		parts = append(parts, c)
	}
	if len(parts) == 0 {
		parts = append(parts, "–")
	}
	text := strings.Join(parts, " ")
	if h := Held(r.Held); h != "" {
		text += " · *" + h + "*"
	}
	return text
}

func signed(r preview.Release) string {
	n := map[string]int{}
	for _, s := range Effects(r) {
		switch {
		case s.Fails || s.Action == plan.Blocked:
			n["**!**"]++
		case s.Action == plan.Create:
			n["+"]++
		case s.Action == plan.Update || s.Action == plan.Adopt:
			n[`\~`]++
		case s.Action == plan.Delete:
			n["−"]++
		}
	}
	var parts []string
	for _, sign := range []string{"+", `\~`, "−", "**!**"} {
		if n[sign] > 0 {
			parts = append(parts, fmt.Sprintf("%s%d", sign, n[sign]))
		}
	}
	return strings.Join(parts, " ")
}

// holds are words for what holds a release.
var holds = map[gate.Rule]string{
	gate.Suspended: "suspended", gate.Unasked: "held until the cluster answers", gate.Quarantined: "held, since it failed before",
	gate.Protected: "held: the environment is protected", gate.ManyRemoved: "held until the removals are approved",
	gate.Unreviewed: "held until it is reviewed or approved",
	gate.Shrunk:     "held until the removals are approved", gate.Frozen: "held by a freeze", gate.Closed: "held by a deploy window",
	gate.Promotion: "held until it is promoted", gate.Depends: "held until what it needs is there",
	gate.Moving: "goes once it is healthy where it moves to",
}

// Held says in a few words what holds a release, and until when; empty if nothing does. It is Markdown.
func Held(v gate.Verdict) string {
	if v.Hold == "" {
		return ""
	}
	text, ok := holds[v.Hold]
	if !ok {
		text = "held by " + markdown.Code(string(v.Hold))
	}
	if !v.Until.IsZero() {
		text += " until " + When(v.Until)
	}
	return text
}

// When writes a time for people.
func When(t time.Time) string { return t.UTC().Format("Mon 2 Jan 15:04 UTC") }
