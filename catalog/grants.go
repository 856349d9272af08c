// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"

	"trunkline.dev/trunkline/api/v1alpha1"
)

// everything stands for all projects, or all environments, in a binding.
const everything = "*"

// Granted returns the declarations of who may do what, by name; nil if there is none. Of a declaration that is there but cannot
// be read nothing is known, so that the commit does not count.
func (c *Catalog) Granted() []*v1alpha1.Access {
	var out []*v1alpha1.Access
	if c.frame == nil {
		return nil
	}
	for _, name := range sortedKeys(c.Grants) {
		out = append(out, c.Grants[name])
	}
	return out
}

// checkGrants checks who is to have which role.
func (f *frame) checkGrants(k *checker) {
	for _, name := range sortedKeys(f.Grants) {
		spec := &f.Grants[name].Spec
		k.doc = k.c.first(docKey{v1alpha1.KindAccess, name})
		teams := map[string]bool{}
		for i, t := range spec.Teams {
			at := []any{"spec", "teams", i}
			if errs := validation.IsDNS1123Label(t.Name); len(errs) > 0 {
				k.at(RuleName, append(at, "name"), fmt.Sprintf("%q is not a valid name of a team: use lower-case letters, digits and dashes", t.Name), "")
			}
			if teams[t.Name] {
				k.at(v1alpha1.RuleDuplicate, append(at, "name"), fmt.Sprintf("the team %q is declared twice", t.Name), "")
			}
			teams[t.Name] = true
			if len(t.Users)+len(t.Groups)+len(t.GitHub) == 0 {
				k.at(v1alpha1.RuleInvalidValue, at, fmt.Sprintf("nobody is in the team %q", t.Name), "name users, groups, or teams of GitHub")
			}
			k.subjects(t.Users, append(at, "users"))
			k.subjects(t.Groups, append(at, "groups"))
			for j, team := range t.GitHub {
				if org, slug, ok := strings.Cut(team, "/"); !ok || org == "" || slug == "" || strings.ContainsAny(team, "@ ") {
					k.at(v1alpha1.RuleInvalidValue, append(at, "github", j), fmt.Sprintf("%q is not a team of GitHub", team), `write it like "acme/data"`)
				}
			}
		}
		for i := range spec.Bindings {
			f.checkBinding(k, &spec.Bindings[i], teams, []any{"spec", "bindings", i})
		}
	}
}

func (f *frame) checkBinding(k *checker, b *v1alpha1.AccessBinding, teams map[string]bool, at []any) {
	at = slices.Clip(at)
	if len(b.Users)+len(b.Groups)+len(b.Teams) == 0 {
		k.at(v1alpha1.RuleInvalidValue, at, fmt.Sprintf("nobody gets the role %q", b.Role), "name users, groups or teams")
	}
	k.subjects(b.Users, append(at, "users"))
	k.subjects(b.Groups, append(at, "groups"))
	for i, t := range b.Teams {
		if !teams[t] {
			k.unknown(v1alpha1.RuleInvalidValue, append(at, "teams", i), fmt.Sprintf("there is no team %q in this declaration", t), t,
				func() []string { return sortedKeys(teams) })
		}
	}
	for _, part := range []struct {
		field, what string
		names       []string
		takes       bool
	}{
		{"projects", "projects", b.Projects, b.Role.OfProjects()},
		{"environments", "environments", b.Environments, b.Role.OfEnvironments()},
	} {
		switch {
		case part.takes && len(part.names) == 0:
			k.at(v1alpha1.RuleInvalidValue, at, fmt.Sprintf("the role %q is of %s, and none is named", b.Role, part.what), `name them, or write "*" for all`)
		case !part.takes && len(part.names) > 0:
			k.at(v1alpha1.RuleInvalidValue, append(at, part.field), fmt.Sprintf("the role %q is not of %s", b.Role, part.what), "remove it, or choose another role")
		}
	}
	for i, e := range b.Environments {
		if e != everything {
			known(k, RuleEnvironment, "environment", e, f.Environments, append(at, "environments", i)...)
		}
	}
	for i, p := range b.Projects {
		if p != everything && len(validation.IsDNS1123Label(p)) > 0 {
			k.at(RuleName, append(at, "projects", i), fmt.Sprintf("%q is not a valid name of a project", p), `write "*" for all of them`)
		}
	}
}

// subjects refuses names that nobody can have: an empty one must never stand for anybody.
func (k *checker) subjects(names []string, at []any) {
	at = slices.Clip(at)
	for i, n := range names {
		if n == "" || n == everything || strings.TrimSpace(n) != n {
			k.at(v1alpha1.RuleInvalidValue, append(at, i), fmt.Sprintf("%q is nobody's name", n), "name each one; there is no name for everybody")
		}
	}
}
