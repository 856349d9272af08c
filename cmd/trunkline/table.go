// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"slices"
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

// width returns the columns of the terminal; 0 where there is none, and lines may be of any length.
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

// printTable prints the state for people: the commit, a row for each release, those first that need someone to look at
// them, and what is wrong in full. On a terminal (width > 0) it is coloured and fits the width.
func printTable(w io.Writer, p status.Platform, width int) error {
	paint := painter(width > 0)
	p.Releases = slices.Clone(p.Releases)
	slices.SortStableFunc(p.Releases, func(a, b status.Release) int { return cmp.Compare(urgency(a), urgency(b)) })
	var b strings.Builder
	printSource(&b, p.Source, width, paint)
	if r := p.Replica; r != nil {
		fmt.Fprintf(&b, "%s      %s\n", paint(text.FgCyan, "replica"), fitting(width)(13, replicaLine(*r)))
	}
	for _, c := range p.Clusters {
		if !c.Reachable {
			fmt.Fprintf(&b, "%s  %s\n", paint(text.FgRed, "UNREACHABLE"), fitting(width)(13, fmt.Sprintf("cluster %s: %s", c.Name, c.Message)))
		}
		if c.Warning != "" {
			fmt.Fprintf(&b, "%s      %s\n", paint(text.FgYellow, "WARNING"), fitting(width)(13, fmt.Sprintf("cluster %s: %s", c.Name, c.Warning)))
		}
	}
	if len(p.Releases) > 0 {
		b.WriteString("\n" + releaseTable(p, width, paint) + "\n")
	}
	for _, r := range p.Releases {
		printCause(&b, r, width, paint)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// urgency orders releases by how much they need someone: 0 is the most.
func urgency(r status.Release) int {
	switch {
	case r.Result == status.Failed || r.Health == status.Unhealthy:
		return 0
	case r.Result == status.Retrying || r.Health == status.Stalled:
		return 1
	case r.Drifted() || r.Held != nil && r.Held.Person || r.Lots != nil && !r.Lots.Fine() || r.Resources != nil && !r.Resources.Fine() || r.Dags != nil && !r.Dags.Fine():
		return 2
	case !r.Fine():
		return 3
	default:
		return 4
	}
}

// environmentOf names the environment of a release, and says of a preview what it is.
func environmentOf(r status.Release) string {
	switch p := r.Preview; {
	case p == nil:
		return r.Environment
	case p.Asleep:
		return r.Environment + " (preview, asleep)"
	}
	return r.Environment + " (preview)"
}

func replicaLine(r status.Replica) string {
	line := r.Name
	switch {
	case r.Name == "":
		line = "not one of the replicas yet"
	case r.Sharing:
		line += ", which shares the releases with other replicas"
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

func printSource(b *strings.Builder, s status.Source, width int, paint paintFunc) {
	fit := fitting(width)
	if s.Accepted != nil {
		fmt.Fprintf(b, "%s     %s  %s\n", paint(text.FgGreen, "accepted"), commitName(s.Accepted), fit(23, s.Accepted.Subject))
		if s.Accepted.Parts != "" {
			fmt.Fprintf(b, "joins        %s\n", fit(13, partsFor(*s.Accepted)))
		}
	} else {
		b.WriteString("no commit is accepted yet\n")
	}
	if s.Refused() {
		fmt.Fprintf(b, "%s      %s  %s\n", paint(text.FgRed, "refused"), s.Head.Short(), fit(23, s.Head.Subject))
	}
	warnings := 0
	for _, problem := range s.Problems {
		if problem.Severity == v1alpha1.Deny {
			fmt.Fprintf(b, "%s\n", indent(fitLines(plain(problem.String()), width-2)))
		} else {
			warnings++
		}
	}
	if warnings > 0 {
		fmt.Fprintf(b, "%s     %d; see them with -o json\n", paint(text.FgYellow, "warnings"), warnings)
	}
	for _, one := range s.Sources {
		printIncluded(b, one, width, paint)
	}
	if s.Error != "" {
		fmt.Fprintf(b, "%s   %s\n", paint(text.FgRed, "repository"), fit(13, s.Error))
	}
	if s.Configuration != "" {
		fmt.Fprintf(b, "%s       %s\n", paint(text.FgRed, "config"), fit(13, s.Configuration))
	}
	if s.Notice != "" {
		fmt.Fprintf(b, "%s       %s\n", paint(text.FgYellow, "notice"), fit(13, s.Notice))
	}
	if s.Notifications != "" {
		fmt.Fprintf(b, "%s     %s\n", paint(text.FgRed, "not told"), fit(13, s.Notifications))
	}
	if s.Images != "" {
		fmt.Fprintf(b, "%s       %s\n", paint(text.FgYellow, "images"), fit(13, s.Images))
	}
}

// fitting returns what puts a text into one line beside a label of some columns, or into as many as it takes on a terminal.
func fitting(width int) func(label int, s string) string {
	return func(label int, s string) string {
		s = cell(s)
		if width == 0 {
			return s
		}
		return strings.ReplaceAll(fitLines(s, width-label), "\n", "\n"+strings.Repeat(" ", label))
	}
}

// fitLines breaks lines that are longer than a width.
func fitLines(s string, width int) string {
	if width <= 0 {
		return s
	}
	return trimLines(text.WrapSoft(s, max(width, 15)))
}

// printCause prints the end of the log that shows why a release is not healthy, and notes on what could not be read.
func printCause(b *strings.Builder, r status.Release, width int, paint paintFunc) {
	if r.Cause == nil || len(r.Cause.Log)+len(r.Cause.Notes) == 0 {
		return
	}
	fmt.Fprintf(b, "\n%s\n", fitLines(cell(fmt.Sprintf("%s %s (%s)", r, r.Cause.Object, r.Cause.Code)), width))
	for _, line := range r.Cause.Log {
		fmt.Fprintf(b, "  %s %s\n", paint(text.FgHiBlack, "log |"), fitting(width)(8, line))
	}
	for _, note := range r.Cause.Notes {
		fmt.Fprintf(b, "  note: %s\n", fitting(width)(8, note))
	}
}

// printIncluded prints what is to be known of a repository that the platform includes: nothing while all is well.
func printIncluded(b *strings.Builder, s status.Included, width int, paint paintFunc) {
	fit := fitting(width)
	label := func(word string) string { return fmt.Sprintf("source %s %s", s.Name, word) }
	if s.Accepted == nil {
		fmt.Fprintf(b, "%s\n", fit(0, paint(text.FgRed, label("is not known"))+": what runs of it is left as it is"))
	}
	if s.Refused() {
		fmt.Fprintf(b, "%s\n", fit(0, paint(text.FgRed, label("refused"))+"  "+s.Head.Short()+"  "+s.Head.Subject))
		for _, problem := range s.Problems {
			if problem.Severity == v1alpha1.Deny {
				fmt.Fprintf(b, "%s\n", indent(fitLines(plain(problem.String()), width-2)))
			}
		}
	}
	if s.Error != "" {
		fmt.Fprintf(b, "%s\n", fit(0, paint(text.FgRed, label("cannot be read"))+": "+s.Error))
	}
	if s.Notice != "" {
		fmt.Fprintf(b, "%s\n", fit(0, paint(text.FgYellow, label("notice"))+": "+s.Notice))
	}
}

// heldCommit is the commit that is held, of the repository that declares the release.
func heldCommit(r status.Release) string {
	own := status.Release{Commit: r.Held.Commit, Parts: r.Held.Parts, Source: r.Source}
	return status.Short(own.Own())
}

// partsFor names the commits that one joins: the platform's and those of its sources.
func partsFor(c status.Commit) string {
	var names []string
	for i, part := range strings.Fields(c.Parts) {
		name := "platform"
		if i > 0 {
			name, part, _ = strings.Cut(part, "=")
		}
		names = append(names, name+" "+status.Short(part))
	}
	return strings.Join(names, ", ")
}

// commitName is the commit of the platform's own repository, which people know.
func commitName(c *status.Commit) string {
	if c.Hash == "" {
		return "(no commit)"
	}
	return status.Short(c.Of(""))
}

func indent(s string) string { return "  " + strings.ReplaceAll(s, "\n", "\n  ") }

// releaseTable prints a row for each release. Where the messages do not fit beside the rows, they stand below
// them: a message that is cut off is the one that was needed. Where the rows do not fit either, the names come last.
func releaseTable(p status.Platform, width int, paint paintFunc) string {
	all := releaseRows(p, 0, paint, true)
	if width == 0 || text.LongestLineLen(all) <= width {
		return all
	}
	var below strings.Builder
	for _, r := range p.Releases {
		if message := releaseMessage(r); message != "" {
			fmt.Fprintf(&below, "\n%s\n%s", fitLines(plain(r.String()), width), indent(trimLines(text.WrapSoft(message, max(width-2, 20)))))
		}
	}
	rows := releaseRows(p, 0, paint, false)
	if text.LongestLineLen(rows) > width {
		rows = narrowRows(p, width, paint)
	}
	return rows + "\n" + below.String()
}

// narrowRows prints a line for each release with its name at the end, which alone may be cut off.
func narrowRows(p status.Platform, width int, paint paintFunc) string {
	t := table.NewWriter()
	t.SetStyle(plainStyle())
	t.Style().Box.PaddingRight = "  "
	t.AppendHeader(table.Row{"Result", "Health", "Age", "Commit", "Release"})
	for _, r := range p.Releases {
		t.AppendRow(table.Row{
			paint(resultColour(r.Result), plain(string(r.Result))), paint(healthColour(r.Health), plain(string(r.Health))), age(p.Time, r.Since),
			plain(status.Short(r.Own())), plain(r.String()),
		})
	}
	lines := strings.Split(strings.TrimRight(trimLines(t.Render()), "\n"), "\n")
	for i, l := range lines {
		lines[i] = text.Snip(l, width, "…")
	}
	return strings.Join(lines, "\n")
}

func releaseMessage(r status.Release) string {
	message := r.Message
	if r.Held != nil {
		message = strings.TrimPrefix(fmt.Sprintf("%s; %s is held: %s", message, heldCommit(r), r.Held.Reason), "; ")
	}
	for _, d := range r.Drifts {
		if !d.Corrected {
			message = strings.TrimPrefix(fmt.Sprintf("%s; %s", message, changed(d)), "; ")
		}
	}
	for _, d := range r.Instead {
		message = strings.TrimPrefix(fmt.Sprintf("%s; %s of %s is not as declared: an admission webhook or policy changed it", message, d.Field, d.Object), "; ")
	}
	if r.Resources != nil {
		message = strings.Trim(message+"; "+r.Resources.String(), "; ")
	}
	if r.Dags != nil {
		message = strings.Trim(message+"; "+r.Dags.String(), "; ")
	}
	if r.Lots != nil {
		message = strings.Trim(message+"; "+r.Lots.String(), "; ")
	}
	if len(r.Kept) > 0 {
		message = strings.TrimPrefix(message+"; kept: "+strings.Join(r.Kept, ", "), "; ")
	}
	return plain(oneLine(message))
}

// changed says what someone did to an object.
func changed(d status.Drift) string {
	if d.What != "" {
		return fmt.Sprintf("%s was %s by %s", d.Object, d.What, who(d.Manager))
	}
	return fmt.Sprintf("%s of %s was changed by %s", strings.Join(d.Fields, ", "), d.Object, who(d.Manager))
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
			plain(r.Project), plain(environmentOf(r)), plain(r.Cluster), plain(status.Short(r.Own())),
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
