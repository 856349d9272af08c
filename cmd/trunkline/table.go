package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"
	"unicode"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
	"golang.org/x/term"
	"k8s.io/apimachinery/pkg/util/duration"

	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/reconciler/status"
)

// width gives the columns of the terminal; 0 where there is none, and lines may be of any length.
func width(w io.Writer) int {
	f, ok := w.(*os.File)
	if !ok {
		return 0
	}
	columns, _, err := term.GetSize(int(f.Fd()))
	if err != nil {
		return 0
	}
	return columns
}

// printTable prints the state for people: the commit, a row for each release, and what is wrong in full. On a
// terminal (width > 0) it is coloured and fits the width.
func printTable(w io.Writer, p status.Platform, width int) error {
	paint := painter(width > 0)
	var b strings.Builder
	printSource(&b, p.Source, paint)
	if r := p.Replica; r != nil {
		fmt.Fprintf(&b, "%s      %s\n", paint(text.FgCyan, "replica"), plain(oneLine(replicaLine(*r))))
	}
	for _, c := range p.Clusters {
		if !c.Reachable {
			fmt.Fprintf(&b, "%s  cluster %s: %s\n", paint(text.FgRed, "UNREACHABLE"), c.Name, plain(oneLine(c.Message)))
		}
	}
	if len(p.Releases) > 0 {
		b.WriteString("\n" + releaseTable(p, width, paint) + "\n")
	}
	for _, r := range p.Releases {
		printCause(&b, r, paint)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func replicaLine(r status.Replica) string {
	line := r.Name
	switch {
	case r.Name == "":
		line = "not among the replicas yet"
	case r.Sharing:
		line += ", which shares the releases with the others"
	case r.Leader == r.Name:
		line += ", which leads"
	case r.Leader != "":
		line += ", which stands by for " + r.Leader
	}
	return strings.TrimSuffix(line+"; "+r.Message, "; ")
}

// plain takes control characters out of a text that comes from a repository or a cluster: a terminal would
// obey them.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		if r != '\n' && r != '\t' && !unicode.IsPrint(r) {
			return '\uFFFD'
		}
		return r
	}, s)
}

func printSource(b *strings.Builder, s status.Source, paint paintFunc) {
	if s.Accepted != nil {
		fmt.Fprintf(b, "%s     %s  %s\n", paint(text.FgGreen, "accepted"), commitName(s.Accepted), plain(oneLine(s.Accepted.Subject)))
	} else {
		b.WriteString("no commit is accepted yet\n")
	}
	if s.Refused() {
		fmt.Fprintf(b, "%s      %s  %s\n", paint(text.FgRed, "refused"), s.Head.Short(), plain(oneLine(s.Head.Subject)))
	}
	warnings := 0
	for _, problem := range s.Problems {
		if problem.Severity == v1alpha1.Deny {
			fmt.Fprintf(b, "%s\n", indent(plain(problem.String())))
		} else {
			warnings++
		}
	}
	if warnings > 0 {
		fmt.Fprintf(b, "%s     %d; see them with -o json\n", paint(text.FgYellow, "warnings"), warnings)
	}
	if s.Error != "" {
		fmt.Fprintf(b, "%s   %s\n", paint(text.FgRed, "repository"), plain(oneLine(s.Error)))
	}
	if s.Notice != "" {
		fmt.Fprintf(b, "%s       %s\n", paint(text.FgYellow, "notice"), plain(oneLine(s.Notice)))
	}
}

// printCause prints the end of the log that tells why a release is not healthy, and what could not be looked at.
func printCause(b *strings.Builder, r status.Release, paint paintFunc) {
	if r.Cause == nil || len(r.Cause.Log)+len(r.Cause.Notes) == 0 {
		return
	}
	fmt.Fprintf(b, "\n%s  %s (%s)\n", plain(r.String()), plain(oneLine(r.Cause.Object)), plain(oneLine(r.Cause.Code)))
	for _, line := range r.Cause.Log {
		fmt.Fprintf(b, "  %s %s\n", paint(text.FgHiBlack, "log |"), plain(oneLine(line)))
	}
	for _, note := range r.Cause.Notes {
		fmt.Fprintf(b, "  note: %s\n", plain(oneLine(note)))
	}
}

func commitName(c *status.Commit) string {
	if c.Hash == "" {
		return "(no commit)"
	}
	return c.Short()
}

func indent(s string) string { return "  " + strings.ReplaceAll(s, "\n", "\n  ") }

// releaseTable prints a row for each release. Where the messages do not fit beside the rows, they stand below
// them: a message that is cut off is the one that was needed.
func releaseTable(p status.Platform, width int, paint paintFunc) string {
	all := releaseRows(p, 0, paint, true)
	if width == 0 || text.LongestLineLen(all) <= width {
		return all
	}
	var below strings.Builder
	for _, r := range p.Releases {
		if message := releaseMessage(r); message != "" {
			fmt.Fprintf(&below, "\n%s\n%s", plain(r.String()), indent(trimLines(text.WrapSoft(message, max(width-2, 20)))))
		}
	}
	return releaseRows(p, width, paint, false) + "\n" + below.String()
}

func releaseMessage(r status.Release) string {
	message := r.Message
	if r.Held != nil {
		message = strings.TrimPrefix(fmt.Sprintf("%s; %s is held: %s", message, status.Short(r.Held.Commit), r.Held.Reason), "; ")
	}
	for _, d := range r.Drifts {
		if !d.Corrected {
			message = strings.TrimPrefix(fmt.Sprintf("%s; %s of %s was changed by %s", message, strings.Join(d.Fields, ", "), d.Object, who(d.Manager)), "; ")
		}
	}
	if len(r.Kept) > 0 {
		message = strings.TrimPrefix(message+"; kept: "+strings.Join(r.Kept, ", "), "; ")
	}
	return plain(oneLine(message))
}

func releaseRows(p status.Platform, width int, paint paintFunc, messages bool) string {
	t := table.NewWriter()
	t.SetStyle(plainStyle())
	header := table.Row{"Project", "Environment", "Cluster", "Commit", "Result", "Health", "Age"}
	if messages {
		header = append(header, "Message")
	}
	t.AppendHeader(header)
	for _, r := range p.Releases {
		row := table.Row{
			plain(r.Project), plain(r.Environment), plain(r.Cluster), plain(status.Short(r.Commit)),
			paint(resultColour(r.Result), plain(string(r.Result))), paint(healthColour(r.Health), plain(string(r.Health))),
			age(p.Time, r.Since),
		}
		if messages {
			row = append(row, releaseMessage(r))
		}
		t.AppendRow(row)
	}
	if width > 0 {
		t.SetAllowedRowLength(width)
	}
	return strings.TrimRight(trimLines(t.Render()), "\n")
}

// trimLines takes away the blanks that fill up the last column.
func trimLines(s string) string {
	lines := strings.Split(s, "\n")
	for i, l := range lines {
		lines[i] = strings.TrimRight(l, " ")
	}
	return strings.Join(lines, "\n")
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

func age(now, since time.Time) string {
	if since.IsZero() {
		return ""
	}
	return duration.HumanDuration(now.Sub(since))
}

type paintFunc func(text.Color, string) string

func painter(colours bool) paintFunc {
	if !colours {
		return func(_ text.Color, s string) string { return s }
	}
	return func(c text.Color, s string) string { return text.Colors{c}.Sprint(s) }
}

func resultColour(r status.Result) text.Color {
	switch r {
	case status.Applied:
		return text.FgGreen
	case status.Failed:
		return text.FgRed
	default:
		return text.FgYellow
	}
}

func healthColour(h status.Health) text.Color {
	switch h {
	case status.Healthy:
		return text.FgGreen
	case status.Unhealthy, status.Stalled:
		return text.FgRed
	default:
		return text.FgYellow
	}
}

// plainStyle is that of all tables: columns with space between.
func plainStyle() table.Style {
	return table.Style{
		Box:     table.BoxStyle{PaddingRight: "   ", UnfinishedRow: "…"},
		Format:  table.FormatOptions{Header: text.FormatUpper},
		Options: table.OptionsNoBordersAndSeparators,
	}
}
