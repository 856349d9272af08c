// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/text"

	"trunkline.dev/trunkline/flow/plan"
	"trunkline.dev/trunkline/flow/report"
)

// summaryTable prints how many lots there are of each dataset.
var summaryTable = columns[report.Summary]{
	names: []string{"Dataset", "Unit", "There", "Missing", "Earliest", "Latest", "Note"},
	fields: []string{
		"dataset", "temporalUnit", "earliest", "earliestFound", "earliestGap", "latest", "latestFound", "latestGap",
		"removed", "partial", "empty", "complete", "totalFound", "range", "rangeGap", "known",
	},
	row: func(s report.Summary, paint paintFunc) []string {
		if !s.Known {
			return []string{cell(s.Dataset), "", paint(text.FgYellow, "unknown"), "", "", "", "its store does not answer"}
		}
		missing := paint(text.FgGreen, "0")
		if s.RangeGap > 0 {
			missing = paint(text.FgRed, strconv.FormatInt(s.RangeGap, 10))
		}
		return []string{cell(s.Dataset), s.TemporalUnit, fmt.Sprintf("%d of %d", s.TotalFound, s.Range), missing, s.EarliestFound, s.LatestFound, summaryNote(s)}
	},
	values: func(s report.Summary) []string {
		n := func(i int64) string { return strconv.FormatInt(i, 10) }
		return []string{
			s.Dataset, s.TemporalUnit, s.Earliest, s.EarliestFound, n(s.EarliestGap), s.Latest, s.LatestFound, n(s.LatestGap),
			n(s.Removed), n(s.Partial), n(s.Empty), n(s.Complete), n(s.TotalFound), n(s.Range), n(s.RangeGap), strconv.FormatBool(s.Known),
		}
	},
	none: "no dataset has lots",
}

// summaryNote says where lots are missing, and how many are in states that are worth a look.
func summaryNote(s report.Summary) string {
	var missing, states []string
	say := func(to *[]string, n int64, what string) {
		if n > 0 {
			*to = append(*to, fmt.Sprintf("%d %s", n, what))
		}
	}
	if s.TotalFound > 0 {
		say(&missing, s.EarliestGap, "before")
		say(&missing, s.RangeGap-s.EarliestGap-s.LatestGap, "between")
		say(&missing, s.LatestGap, "after")
	}
	if len(missing) > 0 {
		states = append(states, "missing are "+strings.Join(missing, ", "))
	}
	say(&states, s.Empty, "empty")
	say(&states, s.Partial, "partial")
	say(&states, s.Removed, "removed")
	return strings.Join(states, "; ")
}

// lotTable prints lots, each with why it is there or not.
var lotTable = columns[report.Lot]{
	names:  []string{"Lot", "Start", "State", "Written", "Why"},
	fields: []string{"lot", "start", "state", "written", "status", "why"},
	row: func(l report.Lot, paint paintFunc) []string {
		why := l.Why
		if why == string(plan.IsThere) {
			why = "" // its state says it
		}
		if n := len(l.Refused); n > 0 {
			why = strings.TrimPrefix(why+"; "+l.Refused[n-1].String(), "; ")
		}
		return []string{l.Lot, l.Start.Format("2006-01-02 15:04"), paint(stateColour(l.Status), l.State), when(l.Written, time.DateTime), cell(why)}
	},
	values: func(l report.Lot) []string {
		return []string{l.Lot, l.Start.Format(time.RFC3339), l.State, when(l.Written, time.RFC3339), string(l.Status), cell(l.Why)}
	},
	none: "no lot has ended in this time",
}

// gapTable prints what is missing.
var gapTable = columns[report.Gap]{
	names:  []string{"Dataset", "First", "Last", "Lots", "Why"},
	fields: []string{"dataset", "first", "last", "lots", "status", "why", "causeOf", "causeLot", "causeStatus", "causeWhy"},
	row: func(g report.Gap, _ paintFunc) []string {
		why := g.Why
		if g.Cause != nil {
			why = fmt.Sprintf("%s %s: %s", g.Cause.Of, g.Cause.Lot, g.Cause.Why)
		}
		return []string{cell(g.Dataset), g.First, g.Last, strconv.FormatInt(g.Lots, 10), cell(why)}
	},
	values: func(g report.Gap) []string {
		out := []string{g.Dataset, g.First, g.Last, strconv.FormatInt(g.Lots, 10), string(g.Status), cell(g.Why), "", "", "", ""}
		if c := g.Cause; c != nil {
			copy(out[6:], []string{c.Of, c.Lot, string(c.Status), cell(c.Why)})
		}
		return out
	},
	none: "nothing is missing",
}

func when(t *time.Time, layout string) string {
	if t == nil {
		return ""
	}
	return t.Format(layout)
}

func stateColour(s plan.Status) text.Color {
	switch s {
	case plan.IsThere:
		return text.FgGreen
	case plan.IsFailed, plan.NoProducer, plan.NotComputable, plan.IsExternal:
		return text.FgRed
	default:
		return text.FgYellow
	}
}
