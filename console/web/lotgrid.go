// SPDX-License-Identifier: Apache-2.0

package web

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"trunkline.dev/trunkline/api/lot"
	"trunkline.dev/trunkline/api/number"
	"trunkline.dev/trunkline/flow/plan"
	"trunkline.dev/trunkline/flow/report"
)

// window is the time that a grid shows. However many lots a dataset has, it is of some thousands at most.
type window struct {
	From, Until time.Time
	// Row is how much of it is in a row; zero: a month.
	Row time.Duration
}

// windowOf is the window of lots of a unit that a time lies in: a year of days, a month of hours, or a week of what is shorter.
func windowOf(u lot.Unit, t time.Time) window {
	t = t.UTC()
	switch u {
	case lot.Daily:
		from := time.Date(t.Year(), 1, 1, 0, 0, 0, 0, time.UTC)
		return window{From: from, Until: from.AddDate(1, 0, 0)}
	case lot.Hourly:
		from := report.MonthOf(t)
		return window{From: from, Until: from.AddDate(0, 1, 0), Row: 24 * time.Hour}
	default:
		day := time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC)
		from := day.AddDate(0, 0, -(int(day.Weekday())+6)%7) // Monday
		return window{From: from, Until: from.AddDate(0, 0, 7), Row: 6 * time.Hour}
	}
}

// Title says which time it is.
func (w window) Title() string {
	if w.Row == 0 {
		return w.From.Format("2006")
	}
	if w.Row == 24*time.Hour {
		return w.From.Format("January 2006")
	}
	return w.From.Format("2 January") + " to " + w.Until.AddDate(0, 0, -1).Format("2 January 2006")
}

// grid is lots by the time that they are of.
type grid struct {
	// Step is how long a lot is, in seconds.
	Step int64
	// Columns are the headers, each over Span lots.
	Columns []string
	Span    int
	Rows    []gridRow
	// Legend are the kinds that there are in view, with how many there are of each.
	Legend []legend
}

type gridRow struct {
	// Label is for people, and Start when the first lot starts.
	Label, Start string
	Cells        []gridCell
}

// gridCell is a lot; without a sign, there is none.
type gridCell struct {
	Sign string
	// Class has the mood, and "chosen" if the lot is in the range that is asked for.
	Class string
}

type legend struct {
	lotKind
	Lots int
}

// gridOf is the grid of a dataset in a window.
func gridOf(v report.View, s plan.Series, w window, chosen report.Range) grid {
	g := grid{Step: int64(s.Unit.Duration() / time.Second), Span: 1}
	g.columns(s.Unit, w)
	counts := map[lotKind]int{}
	for start := w.From; start.Before(w.Until); {
		end := start.Add(w.Row)
		if w.Row == 0 {
			end = start.AddDate(0, 1, 0)
		}
		row := gridRow{Label: rowLabel(w, start), Start: start.Format(time.RFC3339)}
		for l := range lot.Range(s.Unit, start, end) {
			if l.Start.Before(s.Since) {
				row.Cells = append(row.Cells, gridCell{})
				continue
			}
			kind := kindOf(v.Lot(s.ID, l))
			counts[kind]++
			c := gridCell{Sign: kind.Sign, Class: string(kind.Mood)}
			if within(chosen, l.Start) {
				c.Class += " chosen"
			}
			row.Cells = append(row.Cells, c)
		}
		g.Rows = append(g.Rows, row)
		start = end
	}
	for kind, n := range counts {
		g.Legend = append(g.Legend, legend{kind, n})
	}
	slices.SortFunc(g.Legend, func(a, b legend) int { return cmp.Or(cmp.Compare(b.Lots, a.Lots), strings.Compare(a.Word, b.Word)) })
	return g
}

// within reports whether a time is in a range that is asked for; in none, nothing is.
func within(r report.Range, t time.Time) bool {
	return !r.From.IsZero() && !t.Before(r.From) && (r.Until.IsZero() || t.Before(r.Until))
}

// columns are the headers.
func (g *grid) columns(u lot.Unit, w window) {
	switch {
	case w.Row == 0:
		for n := range 31 {
			g.Columns = append(g.Columns, fmt.Sprint(n+1))
		}
	case u == lot.Hourly:
		for n := range 24 {
			g.Columns = append(g.Columns, fmt.Sprintf("%02d", n))
		}
	default:
		g.Span = u.PerDay() / 24
		for n := range 6 {
			g.Columns = append(g.Columns, fmt.Sprintf("+%d h", n))
		}
	}
}

func rowLabel(w window, start time.Time) string {
	switch {
	case w.Row == 0:
		return start.Format("Jan 2006")
	case w.Row == 24*time.Hour:
		return start.Format("Mon 2 Jan")
	case start.Hour() == 0:
		return start.Format("Mon 2 Jan 15:04")
	}
	return start.Format("15:04")
}

// yearRow is a year of a dataset, by its months.
type yearRow struct {
	Year   string
	Months []monthCell
}

// monthCell is a month; without a path, nothing of it is due.
type monthCell struct {
	Path, Name, Class, Text, Title string
}

// yearsOf are the years of a dataset, the newest first. Path makes the address of what is shown at a time.
func yearsOf(all []report.Month, w window, path func(time.Time) string) (out []yearRow) {
	for _, m := range slices.Backward(all) {
		year := m.Start.Format("2006")
		if len(out) == 0 || out[len(out)-1].Year != year {
			out = append(out, yearRow{Year: year, Months: make([]monthCell, 12)})
		}
		c := monthCell{Path: path(m.Start), Name: m.Start.Format("January 2006")}
		if missing := m.Missing(); missing == 0 {
			c.Class, c.Text, c.Title = "good", "✓", "all "+number.Of(int(m.Due))+" there"
		} else {
			c.Class, c.Text, c.Title = "bad", number.Of(int(missing)), number.Of(int(missing))+" of "+number.Of(int(m.Due))+" missing"
		}
		if m.Start.Before(w.Until) && w.From.Before(m.Start.AddDate(0, 1, 0)) {
			c.Class += " shown"
		}
		out[len(out)-1].Months[m.Start.Month()-1] = c
	}
	return out
}
