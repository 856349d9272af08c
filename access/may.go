// SPDX-License-Identifier: Apache-2.0

package access

import (
	"fmt"
	"slices"
	"strings"

	"trunkline.dev/trunkline/api/v1alpha1"
)

// Decision is whether something may be done, and why.
type Decision struct {
	Allowed bool
	// Why says in words what decided.
	Why string
	// Who could do it, if the principal may not: some of those whom bindings name. It is for people who may see what the right is on.
	Who []string
}

// maxWho bounds how many are named who could.
const maxWho = 10

// May decides whether a principal may do something. What is not known is denied.
func (r *Rules) May(p Principal, right Right, s Scope) Decision {
	row, known := rowOf(right)
	switch {
	case !known:
		return Decision{Why: fmt.Sprintf("there is no right %q", right)}
	case p.Name == "":
		return Decision{Why: "whoever has no name may do nothing"}
	case row.need == anybody:
		return Decision{Allowed: true, Why: "who has signed on may"}
	}
	if why := p.Limits.excludes(right, s); why != "" {
		return Decision{Why: why}
	}
	if p.SignOn == ByHook {
		return Decision{Allowed: right == Sync, Why: "GitHub has the repository fetched, and nothing else"}
	}
	if d, decided := r.operator(p); decided {
		return d
	}
	return r.byBindings(p, row, s)
}

// operator decides for those whom the daemon's own configuration lets in, and for everybody where nothing is declared.
func (r *Rules) operator(p Principal) (Decision, bool) {
	switch {
	case p.Nameless():
		return Decision{Allowed: true, Why: "whoever runs the daemon may do everything"}, true
	case r != nil:
		return Decision{}, false
	case p.SignOn == ByToken:
		return Decision{Allowed: true, Why: "no Access is declared: whoever has a token of the daemon's configuration may do everything"}, true
	case p.SignOn == ByGitHub:
		return Decision{Allowed: true, Why: "no Access is declared: GitHub's own rights decide"}, true
	}
	return Decision{Why: "no Access is declared: only tokens of the daemon's configuration may do anything"}, true
}

func (r *Rules) byBindings(p Principal, row row, s Scope) Decision {
	given := map[side]v1alpha1.AccessRole{}
	for _, b := range slices.Concat(r.bindings, p.implied()) {
		if from, covers := b.covers(s); covers && row.gives(b.role) && b.of(p) {
			given[from] = b.role
		}
	}
	if role, ok := given[platformSide]; ok {
		return Decision{Allowed: true, Why: fmt.Sprintf("%s is %s", p, role)}
	}
	project, inProject := given[projectSide]
	environment, inEnvironment := given[environmentSide]
	switch {
	case row.need == whole:
	case inProject && inEnvironment:
		return Decision{Allowed: true, Why: fmt.Sprintf("%s is %s and %s", p, project, environment)}
	case row.need == either && (inProject || inEnvironment):
		return Decision{Allowed: true, Why: fmt.Sprintf("%s is %s", p, project+environment)}
	}
	missing := func(from side) bool {
		_, has := given[from]
		return from == platformSide || row.need != whole && !has
	}
	return Decision{Why: row.lacks(p, s, inProject, inEnvironment), Who: r.who(row, s, missing)}
}

// implied is the binding that a token of a project comes with: it works on its project, and on no other.
func (p Principal) implied() []binding {
	if p.SignOn != ByProjectToken {
		return nil
	}
	project, _, ok := strings.Cut(strings.TrimPrefix(p.Name, ProjectPrefix), "/")
	if !ok || !strings.HasPrefix(p.Name, ProjectPrefix) {
		return nil
	}
	return []binding{{role: v1alpha1.ProjectContributor, users: []string{p.Name}, projects: []string{project}}}
}

// ProjectPrefix begins the names of tokens of projects: "project:PROJECT/NAME".
const ProjectPrefix = "project:"

// lacks says what is missing.
func (r row) lacks(p Principal, s Scope, inProject, inEnvironment bool) string {
	names := func(of func(v1alpha1.AccessRole) bool) string {
		var out []string
		for _, role := range r.roles {
			if of(role) {
				out = append(out, string(role))
			}
		}
		return strings.Join(out, " or ")
	}
	called := func(what, name string) string {
		if name == "" {
			return "in all " + what + "s"
		}
		return fmt.Sprintf("in the %s %s", what, name)
	}
	var needs []string
	if roles := names(v1alpha1.AccessRole.OfProjects); roles != "" && !inProject {
		needs = append(needs, roles+" "+called("project", s.Project))
	}
	if roles := names(v1alpha1.AccessRole.OfEnvironments); roles != "" && !inEnvironment {
		needs = append(needs, roles+" "+called("environment", s.Environment))
	}
	joint := " or "
	if r.need == both {
		joint = " and "
	}
	if r.need == whole || len(needs) == 0 {
		needs = []string{strings.Join(append([]string{string(v1alpha1.PlatformAdmin)}, texts(r.roles)...), " or ")}
	}
	return fmt.Sprintf("to %s, %s has to be %s", r.what, p, strings.Join(needs, joint))
}

func texts(roles []v1alpha1.AccessRole) (out []string) {
	for _, role := range roles {
		out = append(out, string(role))
	}
	return out
}

// who names whom bindings give a right from one of the sides that are missing.
func (r *Rules) who(row row, s Scope, missing func(side) bool) []string {
	var out []string
	for _, b := range r.bindings {
		if from, covers := b.covers(s); !covers || !missing(from) || !row.gives(b.role) {
			continue
		}
		if len(b.teams) == 0 { // of a team its name says more
			out = append(out, b.users...)
		}
		for what, names := range map[string][]string{"group ": b.groups, "team ": b.teams} {
			for _, name := range names {
				if what == "team " || len(b.teams) == 0 {
					out = append(out, what+name)
				}
			}
		}
	}
	slices.Sort(out)
	out = slices.Compact(out)
	return out[:min(len(out), maxWho)]
}

// excludes says why a token is not for something; empty if it is.
func (l *Limits) excludes(right Right, s Scope) string {
	if l == nil {
		return ""
	}
	switch {
	case len(l.Rights) > 0 && !slices.Contains(l.Rights, right):
		return fmt.Sprintf("the token is not for %s", right)
	case len(l.Projects) > 0 && !slices.Contains(l.Projects, s.Project):
		return "the token is for other projects"
	case len(l.Environments) > 0 && !slices.Contains(l.Environments, s.Environment):
		return "the token is for other environments"
	}
	return ""
}
