// SPDX-License-Identifier: Apache-2.0

package report

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"trunkline.dev/trunkline/api/markdown"
	"trunkline.dev/trunkline/api/number"
	"trunkline.dev/trunkline/plan/preview"
	plantext "trunkline.dev/trunkline/plan/preview/report"
)

// maxParts is how many parts of the cost stand in the line.
const maxParts = 2

// table says for each project and environment what happens.
func table(r Review) section {
	return section{rank: 4, share: 35, write: func(room int) (string, string) {
		others := ""
		if r.Unchanged > 0 {
			others = number.Count(r.Unchanged, "other release") + " stay as they are.\n\n"
			if r.Unchanged == 1 {
				others = "1 other release stays as it is.\n\n"
			}
		}
		text, left := plantext.Table(r.Plan.Releases, r.environments(), plantext.Happens, room-len(others)-1)
		if text == "" {
			if len(r.Plan.Releases) == 0 {
				others = ""
			}
			return others, some(left, "project")
		}
		return text + "\n" + others, some(left, "project")
	}}
}

// computed says which lots merging computes, and which it makes nobody's.
func computed(r Review) section {
	return section{rank: 6, share: 15, write: func(room int) (string, string) {
		lines := plantext.Lots(r.Plan.Lots, markdown.Code)
		if len(lines) == 0 {
			return "", ""
		}
		for i := range lines {
			lines[i] = "- " + lines[i]
		}
		const head = "**Lots**\n\n"
		text, left := items(lines, room-len(head))
		if text == "" {
			return "", some(left, "dataset")
		}
		return head + text, some(left, "dataset")
	}}
}

// made says what merging does to what projects have made in the cloud.
func made(r Review) section {
	return section{rank: 6, share: 10, write: func(room int) (string, string) {
		lines := plantext.Resources(r.Plan.Resources, markdown.Code)
		if len(lines) == 0 {
			return "", ""
		}
		for i := range lines {
			lines[i] = "- " + lines[i]
		}
		const head = "**Resources**\n\n"
		text, left := items(lines, room-len(head))
		if text == "" {
			return "", some(left, "resource")
		}
		return head + text, some(left, "resource")
	}}
}

// accessed says what merging does to the rights on data that accounts need in the cloud.
func accessed(r Review) section {
	return section{rank: 6, share: 10, write: func(room int) (string, string) {
		lines := plantext.Data(r.Plan.Data, markdown.Code)
		if len(lines) == 0 {
			return "", ""
		}
		for i := range lines {
			lines[i] = "- " + lines[i]
		}
		const head = "**Data access**\n\n"
		text, left := items(lines, room-len(head))
		if text == "" {
			return "", some(left, "right")
		}
		return head + text, some(left, "right")
	}}
}

// groups are the releases, those to which the same happens as one.
func (r Review) groups() []plantext.Same {
	return plantext.Group(r.Plan.Releases, r.environments())
}

func (r Review) environments() []string {
	out := make([]string, len(r.Environments))
	for i, e := range r.Environments {
		out[i] = e.Name
	}
	return out
}

// cost is a line on what it costs. What a fork could ask about is not told.
func cost(r Review) section {
	c := r.Cost
	if c == nil || r.Secretless {
		return fixed(7, "", "")
	}
	text := "**Cost** " + amount(c.Before) + " → " + amount(c.After) + " a month (" + amount(c.Change) + ")"
	if c.Before == c.After {
		text = "**Cost** " + amount(c.After) + " a month, as before"
	}
	if parts := c.Parts[:min(len(c.Parts), maxParts)]; len(parts) > 0 {
		text += ": " + strings.Join(each(parts), ", ")
	}
	for _, once := range c.Once[:min(len(c.Once), maxParts)] {
		text += "; once " + once.text()
	}
	if n := len(c.Unknown); n > 0 {
		text += "; " + number.Count(n, "item") + " could not be estimated"
	}
	if c.Accuracy != "" {
		text += "; " + c.Accuracy
	}
	return fixed(7, "the cost", text+".\n\n")
}

func (p CostPart) text() string {
	return markdown.Prose(p.What, maxMessage) + " " + amount(p.Change)
}

// amount writes money, of which the currency is someone else's text, in at most so many characters.
func amount(text string) string {
	const most = 80
	return markdown.Prose(text, most)
}

func each(parts []CostPart) []string {
	out := make([]string, len(parts))
	for i, p := range parts {
		out[i] = p.text()
	}
	return out
}

// costs are all parts of the cost, if the line does not have them.
func costs(r Review) section {
	return section{rank: 11, share: 10, write: func(room int) (string, string) {
		c := r.Cost
		if c == nil || r.Secretless || len(c.Parts) <= maxParts && len(c.Once) <= maxParts && len(c.Unknown) == 0 {
			return "", ""
		}
		var lines []string
		for _, text := range each(c.Parts) {
			lines = append(lines, "- "+text)
		}
		for _, text := range each(c.Once) {
			lines = append(lines, "- once: "+text)
		}
		for _, text := range prose(c.Unknown) {
			lines = append(lines, "- not estimated: "+text)
		}
		text, left := listed("Cost by project", lines, room)
		return text, some(left, "part")
	}}
}

// own is a line on the pull request's own environment.
func own(r Review) section {
	p := r.Preview
	if p == nil {
		return fixed(6, "", "")
	}
	text := "**Preview** " + markdown.Link(markdown.Code(p.Name), p.URL) + " is " + markdown.Prose(p.State, maxMessage)
	if !p.Since.IsZero() {
		text += " since " + plantext.When(p.Since)
	}
	if p.Reason != "" {
		text += ": " + markdown.Prose(p.Reason, maxMessage)
	}
	if len(p.Reads) > 0 && p.From != "" {
		text += " · reads " + names(p.Reads) + " from " + markdown.Code(p.From)
	}
	var ends []string
	if !p.Sleeps.IsZero() {
		ends = append(ends, "sleeps at "+plantext.When(p.Sleeps))
	}
	if !p.Expires.IsZero() {
		ends = append(ends, "gone at "+plantext.When(p.Expires))
	}
	if len(ends) > 0 {
		text += " · " + strings.Join(ends, ", ")
	}
	return fixed(6, "the preview", text+"\n\n")
}

// diffs say what happens to each object, folded; equal environments are shown once.
func diffs(r Review, groups []plantext.Same) section {
	return section{rank: 12, share: 100, write: func(room int) (string, string) {
		if len(groups) == 0 {
			return "", ""
		}
		detail := plantext.Detail{Diffs: true, Values: !r.Secretless}
		if len(groups) == 1 {
			text, left := groups[0].Details(detail, room)
			return text, some(left, "difference")
		}
		summary := "What happens to objects: " + number.Count(len(groups), "difference")
		if r.Secretless {
			summary += ", without values"
		}
		room -= foldSize(summary)
		var b strings.Builder
		left := 0
		for i, g := range groups {
			text, n := g.Details(detail, room-b.Len())
			if text == "" {
				left += len(groups) - i
				break
			}
			b.WriteString(text)
			left += n
		}
		if b.Len() == 0 {
			return "", some(len(groups), "difference")
		}
		return fold(summary, b.String()), some(left, "difference")
	}}
}

// holds say why releases do not change at once.
func holds(r Review) section {
	return section{rank: 10, share: 10, write: func(room int) (string, string) {
		n := 0
		for _, release := range r.Plan.Releases {
			if release.Held.Hold != "" {
				n++
			}
		}
		if n == 0 {
			return "", ""
		}
		summary := "Held: " + number.Count(n, "release")
		text, left := plantext.Holds(r.Plan.Releases, room-foldSize(summary))
		if text == "" {
			return "", "why " + number.Count(n, "release") + " are held"
		}
		return fold(summary, text), some(left, "reason")
	}}
}

// notes are what else is to be known, and what could not be found out.
func notes(r Review) section {
	return section{rank: 10, share: 10, write: func(room int) (string, string) {
		var lines []string
		for _, text := range prose(r.Unjudged) {
			lines = append(lines, "- not judged: "+text)
		}
		for _, text := range prose(slices.Concat(r.Notes, r.Plan.Notes)) {
			lines = append(lines, "- "+text)
		}
		text, left := listed(number.Count(len(lines), "note"), lines, room)
		return text, some(left, "note")
	}}
}

// troubles are clusters that did not answer, and releases that fail, with the reason.
func troubles(r Review) section {
	return section{rank: 3, share: 20, write: func(room int) (string, string) {
		var lines []string
		for _, t := range r.Plan.Troubles {
			lines = append(lines, "- **cluster** "+markdown.Code(t.Cluster)+" · "+sentence(r.reason(t.Err)))
		}
		lines = append(lines, r.failures()...)
		text, left := items(lines, room)
		return text, some(left, "failure")
	}}
}

// failures tell which releases fail, those that do for the same reason once.
func (r Review) failures() (out []string) {
	var f found
	add := func(release preview.Release, what, err string) {
		f.add(markdown.Bold(release.ID.Project)+what+" · "+sentence(r.reason(err)), release.ID.Environment)
	}
	for _, release := range r.Plan.Releases {
		if release.Err != "" {
			add(release, "", release.Err)
		}
		for _, s := range release.Steps {
			if s.Err != "" {
				add(release, " "+markdown.Code(s.Ref.String()), s.Err)
			}
		}
	}
	for _, text := range f.order {
		out = append(out, "- "+names(f.in[text])+": "+text)
	}
	return out
}

// reason is an error, which may quote what a fork is not to see.
func (r Review) reason(text string) string {
	if r.Secretless {
		return "the reason is not shown for forks; `trunkline plan` shows it to who has the files"
	}
	return markdown.Prose(text, maxMessage)
}

// footer says what was evaluated, and when.
func footer(r Review) string {
	var parts []string
	if r.Head != "" && r.outcome() != Running {
		text := "for "
		if r.evaluated() {
			text = "evaluated "
		}
		text += markdown.Code(short(r.Head))
		if r.Base != "" {
			text += " merged into " + markdown.Code(markdown.Clip(r.BaseRef, 100)) + " at " + markdown.Code(short(r.Base))
		}
		parts = append(parts, text)
	}
	if !r.At.IsZero() && r.outcome() != Running {
		text := r.At.UTC().Format("2 Jan 15:04:05 UTC")
		if r.Took > 0 {
			text += " in " + lasted(r.Took)
		}
		parts = append(parts, text)
	}
	if report := markdown.Link("full report", r.ReportURL); report != "full report" {
		parts = append(parts, report)
	}
	if page := markdown.Link("in the console", r.PageURL); page != "in the console" {
		parts = append(parts, page)
	}
	parts = append(parts, "`/trunkline help`")
	return "<sub>" + strings.Join(parts, " · ") + "</sub>\n"
}

func short(commit string) string { return commit[:min(len(commit), 7)] }

// lasted writes a duration for people.
func lasted(d time.Duration) string {
	switch {
	case d < 10*time.Second:
		return fmt.Sprintf("%.1f s", d.Seconds())
	case d < 2*time.Minute:
		return fmt.Sprintf("%.0f s", d.Seconds())
	case d < 2*time.Hour:
		return fmt.Sprintf("%.0f min", d.Minutes())
	}
	return fmt.Sprintf("%.0f h", d.Hours())
}
