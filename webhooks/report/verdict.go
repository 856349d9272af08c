// SPDX-License-Identifier: Apache-2.0

package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"trunkline.dev/trunkline/api/markdown"
	"trunkline.dev/trunkline/api/number"
	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/plan/preview"
	plantext "trunkline.dev/trunkline/plan/preview/report"
	"trunkline.dev/trunkline/plan/resource"
)

// signs stand before a verdict. Nobody else's text has them outside of code.
var signs = map[Outcome]string{
	Passed: "✅", Untouched: "✅", Refused: "❌", Conflict: "❌", Unknown: "❌", Running: "⏳",
}

// heading is the verdict, the first that is read.
func heading(r Review) string {
	return "### " + signs[r.outcome()] + " Trunkline: " + title(r) + "\n\n"
}

// outcome is the verdict; one that is not known is that it is not known.
func (r Review) outcome() Outcome {
	if signs[r.Outcome] == "" {
		return Unknown
	}
	return r.Outcome
}

// title is the verdict in a line, for heading and check. All of its words are ours.
func title(r Review) string {
	switch r.outcome() {
	case Passed:
		return "this merge " + does(r.Plan) + makes(r.Plan) + computes(r.Plan)
	case Untouched:
		return "nothing of the platform changes"
	case Refused:
		if n := len(r.denied()) + failing(r.Plan); n > 0 {
			return "refused, " + number.Count(n, "problem") + " to fix"
		}
		return "refused"
	case Conflict:
		return "this cannot be merged, there are conflicts"
	case Running:
		return "being evaluated"
	default:
		return "what this merge does is not known"
	}
}

// does says what happens to releases, those that go first.
func does(p preview.Preview) string {
	var parts []string
	for _, w := range []struct {
		action preview.Action
		word   string
	}{{preview.Remove, "removes"}, {preview.Create, "creates"}, {preview.Change, "changes"}} {
		n := 0
		for _, r := range p.Releases {
			if r.Action == w.action {
				n++
			}
		}
		if n > 0 {
			parts = append(parts, w.word+" "+number.Of(n))
		}
	}
	if len(parts) == 0 {
		return "changes no release"
	}
	text := and(parts)
	if strings.HasSuffix(text, " 1") && len(parts) == 1 {
		return text + " release"
	}
	return text + " releases"
}

// makes says how many resources are made; empty if none are.
func makes(p preview.Preview) string {
	n := 0
	for _, c := range p.Resources {
		if c.Action == resource.Make {
			n++
		}
	}
	if n == 0 {
		return ""
	}
	return ", makes " + number.Count(n, "resource")
}

// computes says how many lots are to be computed; empty if none are.
func computes(p preview.Preview) string {
	n := 0
	for _, c := range p.Lots.Compute {
		n += int(c.Lots)
	}
	if n == 0 {
		return ""
	}
	return " and computes " + number.Count(n, "lot")
}

// denied are the findings that refuse.
func (r Review) denied() []Finding { return r.severe(v1alpha1.Deny) }

func (r Review) severe(s v1alpha1.Severity) (out []Finding) {
	for _, f := range r.Findings {
		if f.Severity == s {
			out = append(out, f)
		}
	}
	return out
}

// failing counts what is not known of a plan, or would fail.
func failing(p preview.Preview) int {
	n := len(p.Troubles)
	for _, r := range p.Releases {
		if r.Failed() {
			n++
		}
	}
	return n
}

// maxConflicts is how many paths are told of a conflict.
const maxConflicts = 10

// next is the one thing to do if it does not pass, or what the change means if it does.
func next(r Review, groups []plantext.Same) string {
	switch r.outcome() {
	case Refused:
		return "**Next:** " + r.fix() + "\n\n"
	case Conflict:
		return "**Next:** merge " + markdown.Code(r.BaseRef) + " into the branch, and resolve " + conflicts(r.Conflicts) + ".\n\n"
	case Unknown:
		text := "It does not pass as long as that is not known."
		if r.Trouble != "" {
			text = capital(sentence(markdown.Prose(r.Trouble, maxMessage))) + " " + text
		}
		return "**Next:** comment `/trunkline retry`. " + text + "\n\n"
	case Running:
		if r.Trouble != "" {
			return capital(sentence(markdown.Prose(r.Trouble, maxMessage))) + "\n\n"
		}
		return ""
	case Untouched:
		return ""
	default:
		return meaning(r, groups)
	}
}

func conflicts(paths []string) string {
	if len(paths) == 0 {
		return "what both sides changed"
	}
	var parts []string
	for i, p := range paths {
		if i == maxConflicts {
			parts = append(parts, fmt.Sprintf("%d more", len(paths)-i))
			break
		}
		parts = append(parts, markdown.Code(p))
	}
	return and(parts)
}

// fix is the thing to do first: what others follow from, and what this change made.
func (r Review) fix() string {
	denied := r.denied()
	slices.SortStableFunc(denied, func(a, b Finding) int { return cmp.Compare(urgency(a), urgency(b)) })
	if len(denied) > 0 {
		f := denied[0]
		do := f.Hint
		if do == "" {
			do = f.Message
		}
		text := sentence(markdown.Prose(do, maxMessage))
		if f.Position.File != "" {
			text = "in " + markdown.Code(place(f.Position)) + ", " + text
		}
		return text
	}
	for _, release := range r.Plan.Releases {
		err := release.Err
		for _, s := range release.Steps {
			err = cmp.Or(err, s.Err)
		}
		if err != "" {
			return "fix " + markdown.Code(release.ID.String()) + ": " + sentence(r.reason(err))
		}
	}
	for _, t := range r.Plan.Troubles {
		return "the cluster " + markdown.Code(t.Cluster) + " did not answer; then comment `/trunkline retry`."
	}
	if r.Trouble != "" {
		return sentence(markdown.Prose(r.Trouble, maxMessage))
	}
	return "see below."
}

// urgency orders findings: a file that cannot be read may make all others.
func urgency(f Finding) int {
	switch {
	case f.Old:
		return 2
	case f.Rule == "syntax":
		return 0
	}
	return 1
}

// place is a line of a file; columns are for editors.
func place(p v1alpha1.Position) string {
	p.Column = 0
	return p.String()
}

// sentence ends a text as one.
func sentence(s string) string {
	if strings.HasSuffix(s, ".") || strings.HasSuffix(s, "?") || strings.HasSuffix(s, "…") {
		return s
	}
	return s + "."
}

// capital begins a text as a sentence does.
func capital(s string) string {
	if s != "" && s[0] >= 'a' && s[0] <= 'z' {
		return strings.ToUpper(s[:1]) + s[1:]
	}
	return s
}

// names lists environments, clusters or projects.
func names(list []string) string { return plantext.Names(list) }
