// SPDX-License-Identifier: Apache-2.0

package console

import (
	"net/http"
	"slices"
	"strings"

	"trunkline.dev/trunkline/access"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/cost/usage"
	"trunkline.dev/trunkline/flow/plan"
	"trunkline.dev/trunkline/flow/report"
	"trunkline.dev/trunkline/reconciler/history"
	"trunkline.dev/trunkline/reconciler/status"
)

// allow decides whether a request may be made. Of what the caller may not see, it says what it says of what does not exist: it looks
// at names alone, and not at whether there is such a thing.
func (c *console) allow(route route, r *http.Request) error {
	right := route.right
	if route.rightOf != nil {
		right = route.rightOf(r)
	}
	rules, who := c.opts.Access(), principalOf(r.Context())
	scopeOf := named
	if route.scopeOf != nil {
		scopeOf = route.scopeOf
	}
	scope := scopeOf(r)
	if route.filtered {
		right = access.SignedOn
	}
	return allowed(rules, who, right, scope)
}

// allowed returns why someone may not do something; nil if they may.
func allowed(rules *access.Rules, who access.Principal, right access.Right, scope access.Scope) error {
	decision := rules.May(who, right, scope)
	if decision.Allowed {
		return nil
	}
	sees := rules.May(who, access.View, scope).Allowed
	if scope != (access.Scope{}) && !sees {
		return unseen()
	}
	detail := decision.Why
	if sees && len(decision.Who) > 0 {
		detail += "; who can: " + strings.Join(decision.Who, ", ")
	}
	return problemf(http.StatusForbidden, "%s", detail)
}

// unseen is the answer about what is not there, and about what the caller may not see.
func unseen() *Problem {
	return problemf(http.StatusNotFound, "there is no such thing, or it is not yours to see")
}

// sight is what a caller sees.
type sight struct {
	rules *access.Rules
	who   access.Principal
	// whole reports whether that is everything, and logs whether what runs have written is part of it everywhere.
	whole, logs bool
	// known are the scopes that were asked for before.
	known map[access.Scope]bool
}

func (c *console) sight(r *http.Request) *sight {
	s := &sight{rules: c.opts.Access(), who: principalOf(r.Context()), known: map[access.Scope]bool{}}
	s.whole = s.rules.May(s.who, access.View, access.Scope{}).Allowed
	s.logs = s.rules.May(s.who, access.ViewLogs, access.Scope{}).Allowed
	return s
}

// sees reports whether the caller sees a project in an environment; either may be empty.
func (s *sight) sees(project, environment string) bool {
	if s.whole {
		return true
	}
	scope := access.Scope{Project: project, Environment: environment}
	seen, known := s.known[scope]
	if !known {
		seen = s.rules.May(s.who, access.View, scope).Allowed
		s.known[scope] = seen
	}
	return seen
}

// node reports whether the caller sees a node of the graph, by its id.
func (s *sight) node(id string) bool {
	project, _, _ := strings.Cut(id, "/")
	return s.sees(project, "")
}

// in reports whether the caller sees a node of the graph in an environment.
func (s *sight) in(id, environment string) bool {
	project, _, _ := strings.Cut(id, "/")
	return s.sees(project, environment)
}

// SeenReason is why something waits for something upstream, or less of that where it names what its reader does not see.
func SeenReason(why string, sees func(id string) bool) string {
	for word := range strings.FieldsSeq(why) {
		if id := strings.Trim(word, ",;:()"); strings.Contains(id, "/") && !sees(id) {
			return "waits for something that is not yours to see"
		}
	}
	return why
}

// lot is one as far as a caller sees it: what it waits for may be another's.
func (s *sight) lot(l report.Lot, environment string) report.Lot {
	if l.Status == plan.Waits {
		l.Why = SeenReason(l.Why, func(id string) bool { return s.in(id, environment) })
	}
	return l
}

// snapshot is the state of the platform as far as a caller sees it.
func (c *console) snapshot(s *sight) status.Platform {
	return s.platform(c.opts.Board.Snapshot())
}

// platform is a state as far as a caller sees it.
func (s *sight) platform(p status.Platform) status.Platform {
	if s.whole && s.logs {
		return p
	}
	p.Releases = slices.DeleteFunc(slices.Clone(p.Releases), func(r status.Release) bool { return !s.sees(r.Project, r.Environment) })
	for i, r := range p.Releases {
		p.Releases[i] = s.release(r)
	}
	if s.whole {
		return p
	}
	p.Clusters = slices.DeleteFunc(slices.Clone(p.Clusters), func(cl status.Cluster) bool {
		return !slices.ContainsFunc(p.Releases, func(r status.Release) bool { return r.Cluster == cl.Name })
	})
	p.Source = s.source(p.Source)
	return p
}

// gaps are those of clusters in which the caller sees a release.
func (s *sight) gaps(p status.Platform, all []usage.Gap) []usage.Gap {
	if s.whole {
		return all
	}
	return slices.DeleteFunc(slices.Clone(all), func(g usage.Gap) bool {
		return !slices.ContainsFunc(p.Releases, func(r status.Release) bool { return r.Cluster == g.Cluster && s.sees(r.Project, r.Environment) })
	})
}

// release is one as far as a caller sees it: the end of a log needs a right of its own.
func (s *sight) release(r status.Release) status.Release {
	if s.logs || r.Cause == nil || len(r.Cause.Log) == 0 || s.rules.May(s.who, access.ViewLogs, access.Scope{Project: r.Project, Environment: r.Environment}).Allowed {
		return r
	}
	cause := *r.Cause
	cause.Log, r.Cause = nil, &cause
	return r
}

// source is what everybody may know of the repository who has signed on: which commit is accepted. What it says names others.
func (s *sight) source(of status.Source) status.Source {
	if s.whole {
		return of
	}
	out := status.Source{URL: of.URL, Branch: of.Branch}
	if of.Accepted != nil {
		out.Accepted = &status.Commit{Hash: of.Accepted.Hash, Time: of.Accepted.Time}
	}
	return out
}

// change is a change as far as a caller sees it; false if they see nothing of it.
func (s *sight) change(change status.Change) (status.Change, bool) {
	if change.Release != nil {
		seen := s.release(*change.Release)
		change.Release = &seen
	}
	switch {
	case s.whole:
	case change.Overview != nil:
		seen := *change.Overview
		seen.Source = s.source(seen.Source)
		change.Overview = &seen
	case change.Release != nil:
		return change, s.sees(change.Release.Project, change.Release.Environment)
	case change.Removed != nil:
		return change, s.sees(change.Removed.Project, change.Removed.Environment)
	default:
		return change, false // clusters belong to nobody in particular
	}
	return change, true
}

// events are those that a caller sees. What concerns no release is for those who see everything.
func (s *sight) events(all []history.Event) []history.Event {
	return slices.DeleteFunc(all, func(e history.Event) bool { return !s.sees(e.Release.Project, e.Release.Environment) })
}

// edges are those that begin where the caller sees something.
func (s *sight) edges(all []catalog.Edge) []catalog.Edge {
	return slices.DeleteFunc(all, func(e catalog.Edge) bool { return !s.node(e.From) })
}

// datasets are those of ids that the caller sees.
func (s *sight) datasets(ids []string) []string {
	return slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return !s.node(id) })
}
