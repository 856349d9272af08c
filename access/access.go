// SPDX-License-Identifier: Apache-2.0

// Package access decides who may do what. One function does, [Rules.May]: the API, the console, the commands and those of pull
// requests all ask it. What it decides by is declared (kind: Access); how people and machines prove who they are is in the
// packages below.
//
// It is pure. Of Trunkline it may import api.
package access

import (
	"slices"
	"strings"

	"trunkline.dev/trunkline/api/v1alpha1"
)

// Rules are who may do what. Nil: nothing is declared. They do not change, and may be used by several goroutines.
type Rules struct {
	bindings []binding
}

// binding is one that is declared, with its teams looked up.
type binding struct {
	role                          v1alpha1.AccessRole
	users, groups, github         []string
	projects, environments, teams []string
}

// New returns the rules that declarations make; nil if there are none.
func New(declared []*v1alpha1.Access) *Rules {
	if len(declared) == 0 {
		return nil
	}
	r := &Rules{}
	for _, d := range declared {
		for _, b := range d.Spec.Bindings {
			made := binding{role: b.Role, users: slices.Clone(b.Users), groups: slices.Clone(b.Groups), projects: b.Projects, environments: b.Environments, teams: b.Teams}
			for _, t := range d.Spec.Teams {
				if slices.Contains(b.Teams, t.Name) {
					made.users, made.groups, made.github = append(made.users, t.Users...), append(made.groups, t.Groups...), append(made.github, t.GitHub...)
				}
			}
			r.bindings = append(r.bindings, made)
		}
	}
	return r
}

// GitHubTeams are the teams of GitHub that bindings name.
func (r *Rules) GitHubTeams() []string {
	if r == nil {
		return nil
	}
	var out []string
	for _, b := range r.bindings {
		out = append(out, b.github...)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// of reports whether a binding is for a principal. Nobody is without a name, and a group without one is none.
func (b *binding) of(p Principal) bool {
	shares := func(a, b []string) bool {
		return slices.ContainsFunc(a, func(s string) bool { return s != "" && slices.Contains(b, s) })
	}
	named := slices.Contains(b.users, p.Name)
	if p.SignOn == ByGitHub { // whose logins are the same in large and small letters
		named = slices.ContainsFunc(b.users, func(u string) bool { return strings.EqualFold(u, p.Name) })
	}
	return p.Name != "" && named || shares(b.groups, p.Groups) || shares(b.github, p.Teams)
}

// on reports whether a list of names has one; what is of no one name is of all of them.
func on(names []string, name string) bool {
	return slices.Contains(names, all) || name != "" && slices.Contains(names, name)
}

// all stands for every name.
const all = "*"

// Scope is what a right is used on: a project in an environment, either of them, or neither: the platform, or whatever is of all.
type Scope struct{ Project, Environment string }

// side is from where a right comes.
type side int

const (
	platformSide side = iota
	projectSide
	environmentSide
)

// covers returns whether a binding is for a scope, and from which side.
func (b *binding) covers(s Scope) (side, bool) {
	switch {
	case b.role.OfProjects():
		return projectSide, on(b.projects, s.Project)
	case b.role.OfEnvironments():
		return environmentSide, on(b.environments, s.Environment)
	}
	return platformSide, true
}
