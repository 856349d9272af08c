// SPDX-License-Identifier: Apache-2.0

package web

import (
	"bytes"
	"html/template"
	"slices"
	"strconv"
	"strings"
	"time"

	"trunkline.dev/trunkline/api/number"
	"trunkline.dev/trunkline/catalog/draw"
	"trunkline.dev/trunkline/console"
	"trunkline.dev/trunkline/reconciler/status"
	"trunkline.dev/trunkline/webhooks/report"
)

const (
	// maxPullRows bounds a list of pull requests, and maxTouched how many projects are named of each.
	maxPullRows, maxTouched = 200, 12
	// maxDiff bounds the differences on a page, in bytes.
	maxDiff = 1 << 20
)

// pullsPage is what the page of pull requests shows.
type pullsPage struct {
	// None reports that this daemon works on none.
	None   bool
	State  string
	States []string
	Rows   []pullRow
	// More is how many are not shown, and Open how many are open.
	More, Open int
}

// pullRow is a pull request in a list.
type pullRow struct {
	Name, Path, Number, Title, Author string
	// Link is where it is at the forge; empty: that is not known.
	Link  string
	State badge
	// Result is what was found out, and Verdict what it does; Stale reports that this is of an older head.
	Result  badge
	Verdict string
	Stale   bool
	// Counts says how many problems there are, and what is held.
	Counts string
	// Change is the difference in cost, a month; empty: it is not known, or not the viewer's to see.
	Change  string
	Touches []touched
	More    int
	Preview *badge
	Updated moment
	Head    string
}

type touched struct {
	Project, Path, Environments string
}

func showPulls(a *ask) (shown, error) {
	state := a.choice("state", "open", "ended", "all")
	v := pullsPage{None: a.Pulls == nil, State: state, States: []string{"open", "ended", "all"}}
	if !v.None {
		v.rows(a.sight.Pulls(a.Pulls.Pulls()), state, a.state, a.now)
	}
	return shown{Title: "Pull requests", View: v}, nil
}

// rows are those pull requests that are in a state.
func (v *pullsPage) rows(all []report.Pull, state string, p *status.Platform, now time.Time) {
	previews := previewBadges(p)
	for i := range all {
		open := all[i].Open()
		if open {
			v.Open++
		}
		if state == "open" && !open || state == "ended" && open {
			continue
		}
		if len(v.Rows) == maxPullRows {
			v.More++
			continue
		}
		v.Rows = append(v.Rows, pullRowOf(&all[i], previews, now))
	}
}

// previewBadges says how each preview is, by its name.
func previewBadges(p *status.Platform) map[string]badge {
	out := map[string]badge{}
	for i := range p.Releases {
		r := &p.Releases[i]
		if r.Preview == nil {
			continue
		}
		b := badgeOf(r)
		if r.Preview.Asleep {
			b = badge{idle, "asleep"}
		}
		if known, ok := out[r.Environment]; !ok || b.Mood.rank() < known.Mood.rank() {
			out[r.Environment] = b
		}
	}
	return out
}

func pullRowOf(p *report.Pull, previews map[string]badge, now time.Time) pullRow {
	row := pullRow{
		Name: p.Name, Path: pullPath(p.Name), Number: p.Source + "#" + strconv.Itoa(p.Number), Title: line(p.Title, 160), Author: line(p.Author, 60), Link: external(p.URL),
		State: pullState(p), Updated: at(now, p.Updated), Head: status.Short(p.Head), Result: badge{unsure, "not evaluated yet"},
	}
	if b, ok := previews[p.Name]; ok {
		row.Preview = &b
	}
	s := p.Report
	if s == nil {
		return row
	}
	row.Result, row.Verdict, row.Stale = outcomeBadge(s.Outcome), line(s.Verdict, maxMessage), s.Head != p.Head
	var counts []string
	for _, c := range []struct {
		n    int
		what string
	}{{s.Denied, "problem"}, {s.Warned, "warning"}, {s.Holds, "hold"}} {
		if c.n > 0 {
			counts = append(counts, number.Count(c.n, c.what))
		}
	}
	row.Counts = strings.Join(counts, ", ")
	if s.Cost != nil {
		row.Change = s.Cost.Change
	}
	row.More = max(0, len(s.Touches)-maxTouched)
	for _, t := range s.Touches[:len(s.Touches)-row.More] {
		row.Touches = append(row.Touches, touched{t.Project, projectPath(t.Project), strings.Join(t.Environments, ", ")})
	}
	return row
}

func pullPath(name string) string { return join("pulls", name) }

// pullState reports whether it may still be merged.
func pullState(p *report.Pull) badge {
	switch {
	case p.Open() && p.Draft:
		return badge{idle, "draft"}
	case p.Open():
		return badge{busy, "open"}
	case p.State == "merged":
		return badge{good, "merged"}
	default:
		return badge{idle, "closed"}
	}
}

// outcomeBadge says what was found out about a pull request.
func outcomeBadge(o report.Outcome) badge {
	switch o {
	case report.Passed:
		return badge{good, "passed"}
	case report.Refused:
		return badge{bad, "refused"}
	case report.Conflict:
		return badge{bad, "conflicts"}
	case report.Untouched:
		return badge{idle, "changes nothing here"}
	case report.Running:
		return badge{busy, "being evaluated"}
	default:
		return badge{warn, "could not be evaluated"}
	}
}

// pullPage is what the page of a pull request shows.
type pullPage struct {
	pullRow

	Author, Branch, Base, BaseShort, At string
	Fork                                bool
	// Facts is nil if there is no report.
	Facts   *report.Facts
	When    moment
	Groups  []pullGroup
	Cut     int
	Picture template.HTML
	// Preview is the environment of the pull request; nil: it has none now.
	Preview *previewRow
	// Commands are comments that can be written on it.
	Commands []pullCommand
}

type pullGroup struct {
	report.FactGroup

	ID       string
	Releases []link
	Steps    []pullStep
}

type pullStep struct {
	report.FactStep

	Lines []report.DiffLine
}

type pullCommand struct{ ID, Text, What string }

func showPull(a *ask) (shown, error) {
	p, err := a.sight.Pull(a.Pulls, a.request.PathValue("pull"))
	if err != nil {
		return shown{}, err
	}
	v := pullPageOf(p, a.state, a.now)
	for _, row := range previewsPageOf(a.state, a.Catalog(), a.now).Rows {
		if row.Name == p.Name {
			v.Preview = &row
		}
	}
	v.Commands = pullCommands(p.Pull, v.Preview)
	return shown{Title: "Pull request " + v.Number, View: v, Style: graphStyle}, nil
}

// pullPageOf returns what the page shows of a pull request as the viewer sees it.
func pullPageOf(p console.PullReport, state *status.Platform, now time.Time) pullPage {
	v := pullPage{
		pullRow: pullRowOf(&p.Pull, previewBadges(state), now), Author: line(p.Author, 60), Branch: line(p.Branch, 120), Base: line(p.Base, 120), Fork: p.Fork, Facts: p.Facts,
	}
	if p.Facts == nil {
		return v
	}
	v.When, v.BaseShort, v.At, v.Cut = at(now, p.Facts.At), status.Short(p.Facts.Base), status.Short(p.Facts.Head), p.Facts.Cut
	known := map[string]string{}
	for i := range state.Releases {
		known[state.Releases[i].String()] = releasePath(state.Releases[i].ReleaseID)
	}
	room := maxDiff
	for i, g := range p.Facts.Groups {
		shown := pullGroup{FactGroup: g, ID: "group-" + strconv.Itoa(i)}
		for _, id := range g.Releases {
			shown.Releases = append(shown.Releases, link{id.String(), known[id.String()]}) // one that is new has no page yet
		}
		for _, s := range g.Steps {
			step := pullStep{FactStep: s}
			if room -= len(s.Diff); room >= 0 {
				step.Lines = report.DiffLines(s.Diff)
			} else if s.Diff != "" {
				v.Cut++
			}
			shown.Steps = append(shown.Steps, step)
		}
		v.Groups = append(v.Groups, shown)
	}
	if p.Facts.Flow != nil {
		var out bytes.Buffer
		if draw.Write(&out, draw.SVG, *p.Facts.Flow, draw.Options{Inline: true, Link: func(n *draw.Node) string { return nodeAddress(n, "") }}) == nil {
			v.Picture = template.HTML(out.String()) //nolint:gosec // the SVG is drawn here, and escapes all texts
		}
	}
	return v
}

// pullCommands are the comments that do something for a pull request, as docs/pull-requests.md has them.
func pullCommands(p report.Pull, preview *previewRow) []pullCommand {
	if !p.Open() {
		return nil
	}
	all := []pullCommand{{Text: "/trunkline retry", What: "evaluate it again"}, {Text: "/trunkline diff", What: "compare it with what the clusters hold now"}}
	switch {
	case preview == nil:
		all = append(all, pullCommand{Text: "/trunkline preview up", What: "make its preview"})
	case preview.Asleep:
		all = append(all, pullCommand{Text: "/trunkline preview wake", What: "wake its preview"})
	default:
		all = append(all, pullCommand{Text: "/trunkline preview sleep", What: "put its preview to sleep"})
	}
	if preview != nil {
		all = append(all, pullCommand{Text: "/trunkline preview extend", What: "keep its preview for longer"}, pullCommand{Text: "/trunkline preview down", What: "remove its preview"})
	}
	for i := range all {
		all[i].ID = "command-" + strconv.Itoa(i)
	}
	return all
}

// pullsOf are the open pull requests that do something to a project.
func (a *ask) pullsOf(project string) (out []pullRow) {
	if a.Pulls == nil {
		return nil
	}
	previews := previewBadges(a.state)
	for _, p := range a.sight.Pulls(a.Pulls.Pulls()) {
		touches := p.Report != nil && slices.ContainsFunc(p.Report.Touches, func(t report.Touch) bool { return t.Project == project })
		if p.Open() && touches && len(out) < maxNeeds {
			out = append(out, pullRowOf(&p, previews, a.now))
		}
	}
	return out
}
