// SPDX-License-Identifier: Apache-2.0

package report

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"trunkline.dev/trunkline/api/markdown"
	"trunkline.dev/trunkline/api/number"
	"trunkline.dev/trunkline/catalog/draw"
	"trunkline.dev/trunkline/plan"
	"trunkline.dev/trunkline/plan/preview"
	plantext "trunkline.dev/trunkline/plan/preview/report"
)

// maxClauses is how many things one sentence says.
const maxClauses = 4

// meaning says in a sentence what the change means: what goes first, then versions of datasets, then what comes, then
// counts of objects by kind.
func meaning(r Review, groups []plantext.Same) string {
	clauses := slices.Concat(r.byProject(preview.Remove, "%s is removed from %s"), datasets(r.Flow), r.byProject(preview.Create, "%s is deployed to %s for the first time"))
	if len(clauses) < 2 {
		clauses = append(clauses, r.kinds(groups)...)
	}
	if len(clauses) == 0 {
		return ""
	}
	if more := len(clauses) - maxClauses; more > 0 {
		clauses = append(clauses[:maxClauses], number.Count(more, "further change")+" below")
	}
	return capital(sentence(strings.Join(clauses, "; "))) + "\n\n"
}

// byProject says for each project in which environments something happens to it, in the order of these.
func (r Review) byProject(action preview.Action, format string) (out []string) {
	var projects []string
	in := map[string][]string{}
	for _, release := range r.inOrder() {
		if release.Action != action {
			continue
		}
		if in[release.ID.Project] == nil {
			projects = append(projects, release.ID.Project)
		}
		if !slices.Contains(in[release.ID.Project], release.ID.Environment) {
			in[release.ID.Project] = append(in[release.ID.Project], release.ID.Environment)
		}
	}
	slices.Sort(projects)
	for _, project := range projects {
		out = append(out, fmt.Sprintf(format, markdown.Code(project), names(in[project])))
	}
	return out
}

// inOrder are the releases in the order of environments.
func (r Review) inOrder() []preview.Release {
	order := map[string]int{}
	for i, e := range r.Environments {
		order[e.Name] = i - len(r.Environments) // those that are not listed are last
	}
	return slices.SortedStableFunc(slices.Values(r.Plan.Releases), func(a, b preview.Release) int {
		return cmp.Or(cmp.Compare(order[a.ID.Environment], order[b.ID.Environment]), a.ID.Compare(b.ID))
	})
}

// versions are those of a dataset before and after.
type versions struct{ was, is []string }

// datasets say what becomes of datasets and their versions.
func datasets(f *Flow) (out []string) {
	if f == nil {
		return nil
	}
	all := map[string]*versions{}
	collect := func(g *draw.Graph, to func(*versions) *[]string) {
		if g == nil {
			return
		}
		for _, n := range g.Nodes {
			name, version, ok := strings.Cut(n.ID, "@")
			if n.Kind != draw.Dataset || !ok || n.Missing {
				continue
			}
			if all[name] == nil {
				all[name] = &versions{}
			}
			list := to(all[name])
			*list = append(*list, version)
		}
	}
	collect(f.Before, func(v *versions) *[]string { return &v.was })
	collect(f.After, func(v *versions) *[]string { return &v.is })
	for _, gone := range []bool{true, false} { // what goes first
		for name, v := range sorted(all) {
			if clause, removes := v.clause(name); clause != "" && removes == gone {
				out = append(out, clause)
			}
		}
	}
	return out
}

// clause says what becomes of a dataset, and whether something of it goes.
func (v *versions) clause(name string) (text string, removes bool) {
	added, removed := without(v.is, v.was), without(v.was, v.is)
	project, dataset, _ := strings.Cut(name, "/")
	switch {
	case len(added) == 0 && len(removed) == 0:
		return "", false
	case len(v.was) == 0:
		return markdown.Code(project) + " gets the dataset " + ids(dataset, added), false
	case len(v.is) == 0:
		return "the dataset " + ids(name, removed) + " is removed", true
	case len(added) == 0:
		return fmt.Sprintf("%s is removed; %s stays", ids(name, removed), ids(dataset, v.is)), true
	case len(removed) == 0:
		return fmt.Sprintf("%s gets version %s of its dataset %s; %s stays for its readers",
			markdown.Code(project), names(added), markdown.Code(dataset), ids(dataset, v.was)), false
	default:
		return fmt.Sprintf("%s takes the place of %s", ids(name, added), ids(dataset, removed)), true
	}
}

func ids(name string, versions []string) string {
	list := make([]string, len(versions))
	for i, v := range versions {
		list[i] = name + "@" + v
	}
	return names(list)
}

func without(list, others []string) (out []string) {
	for _, s := range list {
		if !slices.Contains(others, s) && !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	slices.Sort(out)
	return out
}

// sorted goes through a map in the order of its keys.
func sorted[V any](m map[string]V) func(yield func(string, V) bool) {
	return func(yield func(string, V) bool) {
		keys := make([]string, 0, len(m))
		for k := range m {
			keys = append(keys, k)
		}
		slices.Sort(keys)
		for _, k := range keys {
			if !yield(k, m[k]) {
				return
			}
		}
	}
}

// deeds are what happens to objects, in the order in which it is said.
var deeds = []struct {
	action plan.Action
	word   string
}{{plan.Delete, "deleted"}, {plan.Create, "created"}, {plan.Adopt, "taken over"}, {plan.Update, "updated"}}

const (
	// maxKinds is how many kinds of object are told.
	maxKinds = 3
	// maxNamed is how many objects are named rather than counted, and maxFields how many fields of each.
	maxNamed, maxFields = 3, 3
)

// kinds name the objects of releases that change if they are few, and count them by kind otherwise: what is the same in
// several environments once.
func (r Review) kinds(groups []plantext.Same) (out []string) {
	n := map[plan.Action]map[string]int{}
	named := map[plan.Action][]string{}
	for _, same := range groups {
		for _, e := range plantext.Effects(same[0]) {
			if same[0].Action != preview.Change {
				continue
			}
			if n[e.Action] == nil {
				n[e.Action] = map[string]int{}
			}
			n[e.Action][e.Ref.Kind] += len(same.Projects())
			named[e.Action] = appendNew(named[e.Action], r.object(same[0], e))
		}
	}
	for _, d := range deeds {
		var kinds, parts []string
		for kind := range n[d.action] {
			kinds = append(kinds, kind)
		}
		slices.SortFunc(kinds, func(a, b string) int {
			return cmp.Or(cmp.Compare(n[d.action][b], n[d.action][a]), cmp.Compare(a, b))
		})
		total := 0
		for i, kind := range kinds {
			if total += n[d.action][kind]; i < maxKinds {
				parts = append(parts, objectsOf(n[d.action][kind], kind))
			}
		}
		if len(kinds) > maxKinds {
			parts = append(parts, "others")
		}
		if total <= maxNamed && len(named[d.action]) == total {
			parts = named[d.action]
		}
		verb := "are"
		if total == 1 {
			verb = "is"
		}
		if total > 0 {
			out = append(out, and(parts)+" "+verb+" "+d.word)
		}
	}
	return out
}

var (
	// digested is the end of a name that follows from the content of its object.
	digested = regexp.MustCompile(`-[0-9a-f]{8,10}$`)
	// changedField is a line of a difference, and the field that it is about.
	changedField = regexp.MustCompile(`^[+-]\s*(?:- )?([A-Za-z][A-Za-z0-9_.-]*):(?:\s|$)`)
)

// object names an object of a release, and the fields of it that change, as in "`CronJob report` (`schedule`)".
func (r Review) object(release preview.Release, e plantext.Effect) string {
	name := markdown.Code(e.Ref.Kind + " " + digested.ReplaceAllString(e.Ref.Name, ""))
	if e.Action != plan.Update || r.Secretless {
		return name
	}
	var fields []string
	for _, s := range release.Steps {
		if s.Ref != e.Ref {
			continue
		}
		for line := range strings.Lines(s.Diff) {
			// What is said of everything says nothing.
			if m := changedField.FindStringSubmatch(line); m != nil && !slices.Contains([]string{"name", "value", "key", "namespace"}, m[1]) {
				fields = appendNew(fields, markdown.Code(m[1]))
			}
		}
	}
	switch {
	case len(fields) == 0:
		return name
	case len(fields) > maxFields:
		fields = append(fields[:maxFields], "…")
	}
	return name + " (" + strings.Join(fields, ", ") + ")"
}

func appendNew(list []string, s string) []string {
	if slices.Contains(list, s) {
		return list
	}
	return append(list, s)
}

// objectsOf counts objects of a kind, as in "3 `Job` objects"; a single one is called by its kind.
func objectsOf(n int, kind string) string {
	text := number.Of(n) + " " + markdown.Code(kind)
	if n > 1 {
		text += " objects"
	}
	return text
}
