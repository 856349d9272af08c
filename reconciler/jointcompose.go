// SPDX-License-Identifier: Apache-2.0

package reconciler

import (
	"context"
	"errors"
	"slices"
	"strings"

	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/plan/compose"
	"trunkline.dev/trunkline/reconciler/git"
	"trunkline.dev/trunkline/reconciler/status"
)

// compose joins the commits of a state; it returns why they cannot be kept together if that is seen from what they are.
func (j *jury) compose(ctx context.Context, s compose.State) (parts git.Composition, commit string, refused *refusal, err error) {
	f := j.f
	c, err := f.platform(ctx, s[""])
	if err != nil {
		return parts, "", nil, err
	}
	for _, one := range c.Sources() {
		if err := f.Sources.Check(LineOf(one)); err != nil && s[""] != j.accepted[""] {
			return parts, "", &refusal{problem(c, one.Name, err, "url"), []string{""}}, nil
		}
	}
	parts = partsWith(c, s[""], f.dir(), func(name string) string { return s[name] })
	if len(c.Sources()) == 0 {
		return parts, s[""], nil, nil // nothing of it has to be free for sources
	}
	commit, err = f.Sources.Store.Compose(ctx, parts)
	if wrong, ok := errors.AsType[*git.ComposeError](err); ok {
		if wrong.Source == "" {
			return parts, "", &refusal{v1alpha1.Problems{{
				Rule: catalog.RuleSource, Position: v1alpha1.Position{File: placeOf(wrong.Place, s[""])}, Severity: v1alpha1.Deny, Message: wrong.Error(),
				Hint: "keep the place free where the repositories are that the platform includes",
			}}, []string{""}}, nil
		}
		return parts, "", &refusal{problem(c, wrong.Source, wrong, "path"), []string{wrong.Source}}, nil
	}
	if limit, ok := errors.AsType[*git.LimitError](err); ok {
		return parts, "", &refusal{denial(s[""], "all repositories of the platform together are too much: "+limit.Error(), "include less of them, by their paths"), s.Moved(j.accepted)}, nil
	}
	return parts, commit, nil, err
}

func placeOf(place, commit string) string {
	if place == "" {
		return "commit " + status.Short(commit)
	}
	return place
}

// problem is what is wrong with how a platform includes a repository.
func problem(c *catalog.Catalog, name string, err error, field string) v1alpha1.Problems {
	return v1alpha1.Problems{{
		Rule: catalog.RuleSource, Position: c.SourcePosition(name, field), Severity: v1alpha1.Deny, Message: err.Error(),
		Hint: "the daemon reads the sources that its configuration has, each at the address that it has there",
	}}
}

// refuse remembers that a state is refused.
func (j *jury) refuse(s compose.State, problems v1alpha1.Problems, blamed []string) {
	if j.f.joint.refused == nil {
		j.f.joint.refused = map[string]*refusal{}
	}
	j.f.joint.refused[s.Key()] = &refusal{problems, blamed}
	j.asked[s.Key()] = true
	j.f.Log.Info("commits of several repositories do not go together", "state", strings.TrimSpace(s.Key()), "problems", len(problems), "first", problems[0].String())
}

// blame names the repositories in whose files something is that denies.
func (j *jury) blame(problems v1alpha1.Problems) (names []string) {
	for _, p := range problems {
		if p.Severity == v1alpha1.Deny {
			names = append(names, partOf(p.Position.File))
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// partOf names the repository that a file of a joint tree is of; empty for the platform's own.
func partOf(file string) string {
	below, ok := strings.CutPrefix(file, catalog.SourcesDir+"/")
	if !ok {
		return ""
	}
	name, _, _ := strings.Cut(below, "/")
	return name
}
