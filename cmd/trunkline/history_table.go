// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"

	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/reconciler/history"
	"trunkline.dev/trunkline/reconciler/status"
)

// printEvents prints events for people, a row for each. On a terminal (width > 0) it is coloured and fits the width.
func printEvents(w io.Writer, p history.Page, width int) error {
	if len(p.Events) == 0 {
		return println(w, "no events")
	}
	out := eventTable(p.Events, width, painter(width > 0))
	if p.Next != 0 {
		out += fmt.Sprintf("\n\nmore: --before %d", p.Next)
	}
	return println(w, out)
}

// eventTable prints what happened beside each row, or below it where that does not fit: a message that is cut off is the
// one that was needed.
func eventTable(events []history.Event, width int, paint paintFunc) string {
	all := eventRows(events, 0, paint, true)
	if width == 0 || text.LongestLineLen(all) <= width {
		return all
	}
	// The first line is the header, and every event has one.
	lines := strings.Split(eventRows(events, width, paint, false), "\n")
	var b strings.Builder
	b.WriteString(lines[0])
	for i, e := range events {
		b.WriteString("\n" + lines[i+1])
		if what := happened(e); what != "" {
			b.WriteString("\n" + indent(trimLines(text.WrapSoft(what, max(width-2, 20)))))
		}
	}
	return b.String()
}

func eventRows(events []history.Event, width int, paint paintFunc, messages bool) string {
	t := table.NewWriter()
	t.SetStyle(plainStyle())
	header := table.Row{"Time", "Kind", "Release", "Commit", "By"}
	if messages {
		header = append(header, "What")
	}
	t.AppendHeader(header)
	for _, e := range events {
		row := table.Row{
			e.Time.UTC().Format(time.DateTime), paint(kindColour(e.Kind), cell(string(e.Kind))), cell(releaseName(e.Release)),
			cell(status.Short(e.Commit)), cell(byWhom(e)),
		}
		if messages {
			row = append(row, happened(e))
		}
		t.AppendRow(row)
	}
	if width > 0 {
		t.SetAllowedRowLength(width)
	}
	return strings.TrimRight(trimLines(t.Render()), "\n")
}

// byWhom says who did it, and how they signed on.
func byWhom(e history.Event) string {
	if e.SignOn == "" {
		return e.By
	}
	return fmt.Sprintf("%s (%s)", e.By, e.SignOn)
}

// cell returns a text as it can stand in a table: in one line, and nothing that a terminal obeys.
func cell(s string) string { return plain(oneLine(s)) }

// releaseName is short where an event is about more than one release.
func releaseName(id catalog.ReleaseID) string {
	if id == (catalog.ReleaseID{}) {
		return ""
	}
	if id.Environment == "" && id.Cluster == "" {
		return id.Project
	}
	if id.Cluster == "" {
		return id.Project + "/" + id.Environment
	}
	return id.String()
}

// happened says in one line what there is to say of an event.
func happened(e history.Event) string {
	var parts []string
	if e.Object != "" {
		parts = append(parts, e.Object)
	}
	if len(e.Fields) > 0 {
		parts = append(parts, strings.Join(e.Fields, ", "))
	}
	var did []string
	if e.Applied > 0 {
		did = append(did, "applied "+strconv.Itoa(e.Applied))
	}
	if e.Pruned > 0 {
		did = append(did, "pruned "+strconv.Itoa(e.Pruned))
	}
	if len(did) > 0 {
		line := strings.Join(did, ", ")
		if e.Took > 0 {
			line += " in " + rounded(e.Took)
		}
		parts = append(parts, line)
	}
	message := e.Message
	if (e.Kind == history.LotMade || e.Kind == history.LotFailed) && e.Took > 0 {
		message += " in " + rounded(e.Took)
	}
	for _, s := range []string{message, e.Why} {
		if s != "" {
			parts = append(parts, s)
		}
	}
	return cell(strings.Join(parts, "; "))
}

// rounded rounds a duration to what people read.
func rounded(d time.Duration) string {
	switch {
	case d >= time.Minute:
		return d.Round(time.Second).String()
	case d >= time.Second:
		return d.Round(100 * time.Millisecond).String()
	default:
		return d.Round(time.Millisecond).String()
	}
}

func kindColour(k history.Kind) text.Color {
	switch k {
	case history.Accepted, history.Ran, history.Healthy, history.Corrected, history.Resumed, history.LotMade:
		return text.FgGreen
	case history.Refused, history.Failed, history.Unhealthy, history.Quarantined, history.LotFailed:
		return text.FgRed
	default:
		return text.FgYellow
	}
}
