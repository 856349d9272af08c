// SPDX-License-Identifier: Apache-2.0

package migrate

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// layout says which units become workloads of which projects.
type layout struct {
	*migration

	projects map[string]*project
	// patterns are those of the namespaces of environments.
	patterns map[*environment]string
	used     map[*environment]bool
}

// project has the units of one namespace in each environment.
type project struct {
	name string
	// units are by environment.
	units     map[string][]*unit
	dependsOn map[string]bool
}

// layout makes projects of all units, and writes them.
func (m *migration) layout() (Result, error) {
	l := &layout{migration: m, projects: map[string]*project{}, patterns: map[*environment]string{}, used: map[*environment]bool{}}
	slices.SortStableFunc(m.units, func(a, b *unit) int {
		return cmp.Or(cmp.Compare(a.env.name, b.env.name), cmp.Compare(a.name, b.name))
	})
	l.gather()
	for _, e := range m.envs {
		l.patterns[e] = l.pattern(e)
	}
	for _, charts := range []bool{true, false} {
		for _, u := range m.units {
			if (u.chart != nil) == charts {
				l.place(u)
			}
		}
	}
	l.depend()
	for _, p := range l.projects {
		for env, units := range p.units {
			l.noteSuspended(units, env)
		}
	}
	files, err := l.files()
	return Result{Files: files, Projects: slices.Sorted(maps.Keys(l.projects))}, err
}

// gather has units in one namespace of a cluster be in one environment: two releases cannot share a namespace. It is the one
// that is called as the cluster, if there is that, so that the names of namespaces in others tell their environment.
func (l *layout) gather() {
	home := map[[2]string]*environment{}
	at := func(u *unit) [2]string { return [2]string{u.env.cluster, u.namespace} }
	for _, u := range l.units {
		if u.home == "" && (home[at(u)] == nil || u.env.name == u.env.cluster) {
			home[at(u)] = u.env
		}
	}
	for _, u := range l.units {
		if e := home[at(u)]; u.home == "" && e != u.env {
			l.note(u.of, "", fmt.Sprintf("it would be in the environment %q, but its namespace %q is in %q", u.env.name, u.namespace, e.name),
				"it is written into that one; move it to a namespace of its own if it belongs to the other")
			maps.Copy(e.kinds, u.env.kinds)
			u.env = e
		}
	}
}

// pattern finds how the namespaces of an environment are called, so that the names of projects are the same in all
// environments.
func (l *layout) pattern(e *environment) string {
	suffix, prefix, any := true, true, false
	for _, u := range l.units {
		if u.env != e || u.home != "" {
			continue
		}
		any = true
		suffix = suffix && strings.HasSuffix(u.namespace, "-"+e.name)
		prefix = prefix && strings.HasPrefix(u.namespace, e.name+"-")
	}
	switch {
	case any && suffix:
		return "<project>-<environment>"
	case any && prefix:
		return "<environment>-<project>"
	}
	return "<project>"
}

// projectOf is the name of a unit's project.
func (l *layout) projectOf(u *unit) string {
	switch {
	case u.home != "":
		return u.home
	case l.patterns[u.env] == "<project>-<environment>":
		return strings.TrimSuffix(u.namespace, "-"+u.env.name)
	case l.patterns[u.env] == "<environment>-<project>":
		return strings.TrimPrefix(u.namespace, u.env.name+"-")
	}
	return u.namespace
}

// place puts a unit into its project, by a name that no other workload has. The name of a chart's workload is that of
// its release, and stays.
func (l *layout) place(u *unit) {
	name := l.projectOf(u)
	p := l.projects[name]
	if p == nil {
		p = &project{name: name, units: map[string][]*unit{}, dependsOn: map[string]bool{}}
		l.projects[name] = p
	}
	if u.chart != nil {
		if other := p.find(u.name, func(o *unit) bool { return o.chart != u.chart || o.env == u.env }); other != nil {
			l.note(u.of, "", fmt.Sprintf("the release %q of %s in the namespace %q has another chart (%s)", u.name, other.env.name, other.namespace, other.chart.dir),
				"a workload has one blueprint in all environments: use one chart, or move one of them to another namespace")
			return
		}
	} else {
		base := u.name
		for i := 1; p.find(u.name, func(o *unit) bool {
			return o.chart != nil || o.env == u.env || (o.program == nil) != (u.program == nil)
		}) != nil; i++ {
			u.name = label(base + "-objects")
			if i > 1 {
				u.name = label(fmt.Sprintf("%s-objects-%d", base, i))
			}
		}
	}
	p.units[u.env.name] = append(p.units[u.env.name], u)
	l.used[u.env] = true
}

// find returns a unit of a name that a condition holds for; nil if there is none.
func (p *project) find(name string, is func(*unit) bool) *unit {
	for _, env := range slices.Sorted(maps.Keys(p.units)) {
		for _, u := range p.units[env] {
			if u.name == name && is(u) {
				return u
			}
		}
	}
	return nil
}

// level is the Pod Security Standard that the namespace of a project had; empty for none.
func (l *layout) level(p *project, env string) string {
	for _, u := range p.units[env] {
		if level := u.env.levels[u.namespace]; level != "" && level != "privileged" {
			return level
		}
	}
	return ""
}

// noteSuspended notes units that are suspended beside others of their project, which only a project as a whole can be.
func (l *layout) noteSuspended(units []*unit, env string) {
	running := slices.ContainsFunc(units, func(u *unit) bool { return !u.suspended })
	for _, u := range units {
		if u.suspended && running {
			l.note(u.of, "spec.suspend", fmt.Sprintf("other workloads of the same project are not suspended in %s, and a project is suspended as a whole", env),
				"suspend the project, or leave it out of the environment with exclude")
		}
	}
}

// depend makes the projects wait for each other as their units do.
func (l *layout) depend() {
	owner := map[string]map[string]bool{} // environment and key, and key alone, to projects
	for _, p := range l.projects {
		for env, units := range p.units {
			for _, u := range units {
				for _, key := range u.keys {
					for _, at := range []string{env + "\x00" + key, key} {
						if owner[at] == nil {
							owner[at] = map[string]bool{}
						}
						owner[at][p.name] = true
					}
				}
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(l.projects)) {
		p := l.projects[name]
		for _, env := range slices.Sorted(maps.Keys(p.units)) {
			for _, u := range p.units[env] {
				for _, need := range u.needs {
					if len(owner[env+"\x00"+need]) == 0 && len(owner[need]) > 0 {
						l.note(u.of, waits(u.of), fmt.Sprintf("%q is in another environment, and projects wait for each other within one", need), "")
						continue
					}
					l.dependOn(p, u, need, owner[env+"\x00"+need])
				}
			}
		}
	}
}

// waits is the field by which an object waits for others.
func waits(o Object) string {
	if o.GetKind() == "Application" {
		return "metadata.annotations"
	}
	return "spec.dependsOn"
}

func (l *layout) dependOn(p *project, u *unit, need string, owners map[string]bool) {
	if len(owners) == 0 {
		l.note(u.of, waits(u.of), fmt.Sprintf("%q is not among what is taken over", need), "")
	}
	for _, other := range slices.Sorted(maps.Keys(owners)) {
		switch {
		case other == p.name && len(owners) == 1:
			l.note(u.of, waits(u.of), fmt.Sprintf("%q is in the same project, %q, whose objects are applied together", need, p.name),
				"give objects that come first a lower wave, by the annotation trunkline.dev/wave")
		case other == p.name:
		case l.reaches(other, p.name):
			l.note(u.of, waits(u.of), fmt.Sprintf("the projects %q and %q would wait for each other", p.name, other),
				"move the workloads that come first into a project of their own, which is a namespace of their own")
		case !l.everywhere(p, l.projects[other]):
			l.note(u.of, waits(u.of), fmt.Sprintf("the project %q is not in all environments of %q", other, p.name), "deploy it there, too, and name it in dependsOn")
		default:
			p.dependsOn[other] = true
		}
	}
}

// everywhere reports whether a project is deployed where another is.
func (l *layout) everywhere(p, other *project) bool {
	for env := range p.units {
		if len(other.units[env]) == 0 {
			return false
		}
	}
	return true
}

// reaches reports whether a project waits for another, also by way of others.
func (l *layout) reaches(from, to string) bool {
	if from == to {
		return true
	}
	for next := range l.projects[from].dependsOn {
		if l.reaches(next, to) {
			return true
		}
	}
	return false
}
