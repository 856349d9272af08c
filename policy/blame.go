// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"unicode"

	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/policy/airflow"
)

// maxPlaces is how many places of one mistake are named.
const maxPlaces = 20

// referring are the rules that are broken by a name that stands for nothing, or by a copy: however often that shows, it is one mistake.
var referring = []string{
	RuleRemoved, catalog.RuleDatasetOwner, catalog.RuleVersion, catalog.RuleEnvironment, catalog.RuleCluster, catalog.RuleBlueprint,
	catalog.RuleProject, catalog.RuleStore, catalog.RuleSize, catalog.RuleDeployed, catalog.RuleOverlap, catalog.RuleLotPlace,
}

// blame makes one problem of those that one mistake leads to, where the mistake is. With a base that is in what has changed.
func blame(problems v1alpha1.Problems, in Input) v1alpha1.Problems {
	b := blaming{changed: map[string]bool{}, base: in.Base, head: in.Catalog}
	for _, file := range in.Changed {
		b.changed[file] = true
	}
	problems = b.withoutConsequences(problems)
	if in.Base != nil {
		for i := range problems {
			problems[i] = b.moved(problems[i])
		}
	}
	problems = together(problems)
	for i := range problems {
		problems[i].Elsewhere, problems[i].Cause = nil, ""
	}
	problems.Sort()
	return problems
}

// blaming is what is known of a change.
type blaming struct {
	changed    map[string]bool
	base, head *catalog.Catalog
}

// withoutConsequences takes out what only follows from another problem.
func (b blaming) withoutConsequences(problems v1alpha1.Problems) v1alpha1.Problems {
	wrongNames, twice, broken := map[string]bool{}, map[string]bool{}, []string{}
	for _, p := range problems {
		switch {
		case p.Rule == catalog.RuleName && p.Path == "metadata.name" && p.About.Project != "", p.Rule == v1alpha1.RuleStray && p.About.Project != "":
			wrongNames[bare(p.About.Project)] = true
		case p.Rule == catalog.RuleDatasetOwner && p.Cause == "" && p.About.Dataset != "":
			twice[p.About.Project] = true
		case p.Rule == RuleBreaking && p.Severity == v1alpha1.Deny && p.About.Dataset != "":
			broken = append(broken, p.About.Project+"/"+p.About.Dataset)
		}
	}
	return slices.DeleteFunc(problems, func(p v1alpha1.Problem) bool {
		switch missing, found := strings.CutPrefix(p.Cause, missingProject); {
		case found && wrongNames[bare(missing)]:
			return true // it is there, by a name that is none
		case p.Rule == catalog.RuleDatasetOwner && !found && p.Cause != "":
			owner, _, _ := strings.Cut(p.Cause, "/")
			return twice[owner] // which of the two that have one name has lost its own is not known
		case slices.Contains([]string{RuleTrigger, RuleLots, RuleRetention}, p.Rule):
			return slices.ContainsFunc(broken, func(id string) bool { return names(p.Message, id) })
		}
		return false
	})
}

// names reports whether a message names a dataset, and not one whose id only begins like its.
func names(message, id string) bool {
	_, behind, found := strings.Cut(message, id)
	return found && !strings.ContainsFunc(behind[:min(len(behind), 1)], func(r rune) bool { return r == '-' || r == '.' || unicode.IsLetter(r) || unicode.IsDigit(r) })
}

// missingProject begins the cause of what is missing with a whole project.
const missingProject = "project "

// bare is a name without what makes it none: capital letters and signs.
func bare(name string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return unicode.ToLower(r)
		}
		return -1
	}, name)
}

// together makes one problem of those that have one cause: the first, with the places of the others.
func together(problems v1alpha1.Problems) v1alpha1.Problems {
	type cause struct {
		rule, text string
		severity   v1alpha1.Severity
	}
	first := map[cause]int{}
	var out v1alpha1.Problems
	more := map[int]int{}
	for _, p := range problems {
		if !slices.Contains(referring, p.Rule) {
			out = append(out, p)
			continue
		}
		key := cause{p.Rule, cmp.Or(p.Cause, p.Message), p.Severity}
		at, again := first[key]
		if !again {
			first[key] = len(out)
			out = append(out, p)
			continue
		}
		places := p.Trace
		if p.Position != out[at].Position {
			places = []v1alpha1.Step{{Position: p.Position, Message: needed(p)}}
		}
		if len(out[at].Trace)+len(places) <= maxPlaces {
			out[at].Trace = append(slices.Clip(out[at].Trace), places...)
		} else {
			more[at]++
		}
	}
	for at, n := range more {
		last := &out[at].Trace[len(out[at].Trace)-1]
		last.Message += fmt.Sprintf(", and in %d more places", n)
	}
	return out
}

// needed says what a problem is of, as a further place of another.
func needed(p v1alpha1.Problem) string {
	switch a := p.About; {
	case p.Rule == catalog.RuleOverlap, p.Rule == catalog.RuleLotPlace:
		return p.Message
	case a.Workload != "":
		return fmt.Sprintf("needed by %s/%s", a.Project, a.Workload)
	case a.Dataset != "":
		return fmt.Sprintf("needed by %s/%s", a.Project, a.Dataset)
	case a.Project != "":
		return "needed by " + a.Project
	case a.Environment != "":
		return "needed by the environment " + a.Environment
	}
	return "needed here"
}

// moved returns a problem where the change is to blame for it, and not its neighbour.
func (b blaming) moved(p v1alpha1.Problem) v1alpha1.Problem {
	other := p.Elsewhere
	if other == nil {
		other = b.gone(p)
	}
	switch {
	case b.changed[p.Position.File] && (other == nil || b.isNew(p.Position.File) || !b.isNew(other.Position.File)):
		return p
	case other != nil && b.changed[other.Position.File]:
		moved := *other
		moved.Rule, moved.Severity, moved.Elsewhere, moved.Hint = p.Rule, p.Severity, nil, cmp.Or(other.Hint, p.Hint)
		moved.Cause = p.Cause
		if slices.Contains(referring, p.Rule) {
			moved.Trace = append([]v1alpha1.Step{{Position: p.Position, Message: needed(p)}}, slices.DeleteFunc(slices.Clone(p.Trace), func(s v1alpha1.Step) bool {
				return s.Position.File == other.Position.File && s.Position.Line == 0 // where it was declared
			})...)
		}
		return moved
	case p.Rule == catalog.RuleCycle || p.Rule == airflow.RuleDagID:
		for i, s := range p.Trace {
			if !b.changed[s.Position.File] {
				continue
			}
			if p.Rule == airflow.RuleDagID {
				p.Trace = slices.Clone(p.Trace)
				p.Trace[i] = v1alpha1.Step{Position: p.Position, Message: "the other DAG"}
			}
			p.Position, p.Path, p.About = s.Position, "", v1alpha1.About{}
			return p
		}
	}
	return p
}

// isNew reports whether a file is not in the tree before the change: it is more to blame than one that was edited.
func (b blaming) isNew(file string) bool {
	_, err := fs.Stat(b.base.Tree(), file)
	return errors.Is(err, fs.ErrNotExist)
}

// gone returns a problem as it looks from what a change takes away, or takes something away from, and others name.
func (b blaming) gone(p v1alpha1.Problem) *v1alpha1.Problem {
	at, declared := map[string]v1alpha1.Kind{
		catalog.RuleStore: v1alpha1.KindEnvironment, catalog.RuleSize: v1alpha1.KindCluster, catalog.RuleDeployed: v1alpha1.KindProject,
	}[p.Rule]
	if declared {
		owner, _, _ := strings.Cut(p.Cause, "/")
		doc, found := b.head.Document(at, owner)
		if !found {
			return nil
		}
		path := []any{"spec", map[string]string{catalog.RuleStore: "stores", catalog.RuleSize: "sizes", catalog.RuleDeployed: "environments"}[p.Rule]}
		return &v1alpha1.Problem{
			Position: doc.Position(path...), Path: v1alpha1.FieldPath(path...), About: catalog.About(doc, path...), Message: p.Message,
		}
	}
	kind, name, found := strings.Cut(p.Cause, " ")
	if !found || p.Rule == catalog.RuleDatasetOwner {
		return nil
	}
	before, was := b.base.Document(v1alpha1.Kind(kind), name)
	if !was {
		return nil
	}
	return &v1alpha1.Problem{
		Position: v1alpha1.Position{File: before.File}, About: p.About,
		Message: fmt.Sprintf("the %s %q is removed or named differently, and is still needed", strings.ToLower(kind), name),
		Hint:    "rename it where it is named as well, or leave it until nothing names it",
	}
}
