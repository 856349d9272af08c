// SPDX-License-Identifier: Apache-2.0

package report

import (
	"slices"
	"strings"
	"time"

	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/catalog/draw"
	plantext "trunkline.dev/trunkline/plan/preview/report"
)

// Facts are what the full report on a pull request says, as values: the page behind the link and the one of the console are made of
// them. What may not be shown of a fork is not in them. All texts are of others.
type Facts struct {
	Outcome Outcome `json:"outcome"`
	// Verdict is what the merge does, in a sentence.
	Verdict string `json:"verdict"`
	Head    string `json:"head"`
	Base    string `json:"base,omitempty"`
	BaseRef string `json:"baseRef,omitempty"`
	// At is when the evaluation ended.
	At         time.Time `json:"at,omitzero"`
	Secretless bool      `json:"secretless,omitempty"`
	// Partial reports whether parts are left out that are about what a reader may not see.
	Partial   bool     `json:"partial,omitempty"`
	Trouble   string   `json:"trouble,omitempty"`
	Conflicts []string `json:"conflicts,omitempty"`
	// Denied are the problems that refuse the change, and Warned the others.
	Denied  []FactFinding `json:"denied,omitempty"`
	Warned  []FactFinding `json:"warned,omitempty"`
	Widened []string      `json:"widened,omitempty"`
	Holds   []FactHold    `json:"holds,omitempty"`
	// Lots, Resources and Data are what happens beside objects, a sentence each.
	Lots      []string `json:"lots,omitempty"`
	Resources []string `json:"resources,omitempty"`
	Data      []string `json:"data,omitempty"`
	// Cost is nil if it is not known, or not to be shown.
	Cost   *Cost       `json:"cost,omitempty"`
	Groups []FactGroup `json:"groups,omitempty"`
	// Cut counts the objects whose differences are left out for want of room.
	Cut      int      `json:"cut,omitempty"`
	Notes    []string `json:"notes,omitempty"`
	Unjudged []string `json:"unjudged,omitempty"`
	// Flow is the part of the graph around the change; nil if it does not change.
	Flow *draw.Graph `json:"-"`
}

// FactFinding is a problem of the merge.
type FactFinding struct {
	v1alpha1.Problem

	// Old reports whether it is in the base already.
	Old bool `json:"old,omitempty"`
}

// FactHold is a release that would not take the change at once.
type FactHold struct {
	Release catalog.ReleaseID `json:"release"`
	Reason  string            `json:"reason"`
}

// FactGroup is what happens to the objects of releases to which the same happens but for their names.
type FactGroup struct {
	Title string `json:"title"`
	// Releases are those of the group; what is shown is of the first.
	Releases []catalog.ReleaseID `json:"releases"`
	Err      string              `json:"error,omitempty"`
	Steps    []FactStep          `json:"steps,omitempty"`
}

// FactStep is what happens to an object.
type FactStep struct {
	Object string `json:"object"`
	Does   string `json:"does"`
	Note   string `json:"note,omitempty"`
	Err    string `json:"error,omitempty"`
	Diff   string `json:"diff,omitempty"`
}

// DiffLine is a line of a difference; Kind is "added", "removed", "at" for where it is, or "same".
type DiffLine struct{ Kind, Text string }

// FactsOf returns the facts of a review. Differences after the first four MiB are left out.
func FactsOf(r Review) Facts {
	plain := func(name string) string { return name }
	f := Facts{
		Outcome: r.outcome(), Verdict: title(r), Head: r.Head, Base: r.Base, BaseRef: r.BaseRef, At: r.At, Secretless: r.Secretless, Trouble: r.Trouble, Conflicts: r.Conflicts,
		Widened: r.Widened, Notes: r.Notes, Unjudged: r.Unjudged,
		Lots: plantext.Lots(r.Plan.Lots, plain), Resources: plantext.Resources(r.Plan.Resources, plain), Data: plantext.Data(r.Plan.Data, plain),
	}
	for _, finding := range r.Findings {
		one := FactFinding(finding)
		if finding.Severity == v1alpha1.Deny {
			f.Denied = append(f.Denied, one)
		} else {
			f.Warned = append(f.Warned, one)
		}
	}
	for _, rel := range r.Plan.Releases {
		if rel.Held.Hold != "" {
			f.Holds = append(f.Holds, FactHold{rel.ID, rel.Held.Reason})
		}
	}
	if !r.Secretless {
		f.Cost = r.Cost
	}
	if r.Flow != nil {
		f.Flow = r.Flow.After
	}
	room := fullLimit
	for _, g := range r.groups() {
		f.Groups = append(f.Groups, r.group(g, &room, &f.Cut))
	}
	return f
}

// group tells what happens to the objects of a group, with as much of the differences as there is room for.
func (r Review) group(g plantext.Same, room, cut *int) FactGroup {
	rel := g[0]
	out := FactGroup{Title: strings.Join(g.Projects(), ", ") + " in " + strings.ReplaceAll(g.Where(), "`", "") + ": " + string(rel.Action)}
	if len(g) > 1 {
		out.Title += ", the same but for names"
	}
	for _, one := range g {
		out.Releases = append(out.Releases, one.ID)
	}
	hidden := func(text string) string {
		if text != "" && r.Secretless {
			return "not shown for forks"
		}
		return text
	}
	out.Err = hidden(rel.Err)
	for _, s := range rel.Steps {
		step := FactStep{Object: s.Ref.String(), Does: string(s.Action), Note: s.Note, Err: hidden(s.Err), Diff: s.Diff}
		if s.Replaces != "" {
			step.Does += " in place of " + s.Replaces
		}
		if r.Secretless {
			step.Diff = plantext.WithoutValues(s.Diff)
		}
		if *room -= len(step.Diff); *room < 0 {
			*cut++
			step.Diff = ""
		}
		out.Steps = append(out.Steps, step)
	}
	return out
}

// For returns the facts as far as a reader sees what they are about: by project and environment, either of which may be empty. What
// is about the change as a whole is left out for those who do not see all, and so is what it costs for those who may not see that.
func (f Facts) For(whole, cost bool, sees func(project, environment string) bool) Facts {
	if !cost {
		f.Cost = nil
	}
	if whole {
		return f
	}
	seen := func(all []FactFinding) []FactFinding {
		return slices.DeleteFunc(slices.Clone(all), func(one FactFinding) bool {
			return one.About.Project == "" || !sees(one.About.Project, one.About.Environment) || len(one.Trace) > 0
		})
	}
	unseen := func(id catalog.ReleaseID) bool { return !sees(id.Project, id.Environment) }
	return Facts{
		Outcome: f.Outcome, Verdict: string(f.Outcome), Head: f.Head, Base: f.Base, BaseRef: f.BaseRef, At: f.At, Secretless: f.Secretless, Partial: true,
		Denied: seen(f.Denied), Warned: seen(f.Warned), Cut: f.Cut,
		Holds:  slices.DeleteFunc(slices.Clone(f.Holds), func(h FactHold) bool { return unseen(h.Release) }),
		Groups: slices.DeleteFunc(slices.Clone(f.Groups), func(g FactGroup) bool { return slices.ContainsFunc(g.Releases, unseen) }),
	}
}

// DiffLines are the lines of a difference.
func DiffLines(diff string) (out []DiffLine) {
	for line := range strings.Lines(diff) {
		out = append(out, DiffLine{kindOfLine(line), strings.TrimSuffix(line, "\n")})
	}
	return out
}

// kindOfLine is the class of a line of a difference.
func kindOfLine(line string) string {
	switch {
	case strings.HasPrefix(line, "+"):
		return "added"
	case strings.HasPrefix(line, "-"):
		return "removed"
	case strings.HasPrefix(line, "@@"):
		return "at"
	}
	return "same"
}
