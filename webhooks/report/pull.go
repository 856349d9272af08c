// SPDX-License-Identifier: Apache-2.0

package report

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// Pull is a pull request as lists have it. All texts are of others.
type Pull struct {
	// Name is that of its preview, such as "pr-7".
	Name string `json:"name"`
	// Source is the included repository that it is of; empty: the platform's own.
	Source string `json:"source,omitempty"`
	Number int    `json:"number"`
	Title  string `json:"title"`
	Author string `json:"author,omitempty"`
	// URL is where it is at the forge.
	URL string `json:"url,omitempty"`
	// State is "open", "merged" or "closed".
	State string `json:"state"`
	Draft bool   `json:"draft,omitempty"`
	Fork  bool   `json:"fork,omitempty"`
	// Head is its newest commit, Branch the branch of that, and Base the branch that it is to be merged into.
	Head   string `json:"head"`
	Branch string `json:"branch,omitempty"`
	Base   string `json:"base"`
	// Updated is when anything about it changed last at the forge, and Closed when it was closed or merged.
	Updated time.Time `json:"updated,omitzero"`
	Closed  time.Time `json:"closed,omitzero"`
	// Report is what was found out last; nil: nothing was yet. It may be of an older head.
	Report *Summary `json:"report,omitempty"`
}

// Open reports whether it may still be merged.
func (p Pull) Open() bool { return p.State == "open" }

// Summary is the report on a pull request in a few values.
type Summary struct {
	Outcome Outcome   `json:"outcome"`
	Verdict string    `json:"verdict"`
	Head    string    `json:"head"`
	At      time.Time `json:"at,omitzero"`
	// Denied counts the problems that refuse it, Warned the others, and Holds the releases that would not take it at once.
	Denied int `json:"denied"`
	Warned int `json:"warned"`
	Holds  int `json:"holds"`
	// Cost is nil if it is not known, or not to be shown.
	Cost *CostSums `json:"cost,omitempty"`
	// Touches are the projects, each with the environments where something happens to it: of some hundred.
	Touches []Touch `json:"touches"`
}

// CostSums are sums a month, such as "214.60 EUR"; Change is signed.
type CostSums struct {
	Before string `json:"before"`
	After  string `json:"after"`
	Change string `json:"change"`
}

// Touch is a project that a pull request does something to.
type Touch struct {
	Project      string   `json:"project"`
	Environments []string `json:"environments"`
}

// maxTouches bounds how many projects a summary names.
const maxTouches = 200

// Summary returns the facts in a few values.
func (f Facts) Summary() Summary {
	s := Summary{Outcome: f.Outcome, Verdict: f.Verdict, Head: f.Head, At: f.At, Denied: len(f.Denied), Warned: len(f.Warned), Holds: len(f.Holds), Touches: []Touch{}}
	if f.Cost != nil {
		s.Cost = &CostSums{f.Cost.Before, f.Cost.After, f.Cost.Change}
	}
	in := map[string][]string{}
	for _, g := range f.Groups {
		for _, id := range g.Releases {
			in[id.Project] = append(in[id.Project], id.Environment)
		}
	}
	for _, finding := range slices.Concat(f.Denied, f.Warned) {
		if about := finding.About; about.Project != "" {
			in[about.Project] = append(in[about.Project], about.Environment)
		}
	}
	for project, environments := range in {
		slices.Sort(environments)
		environments = slices.DeleteFunc(slices.Compact(environments), func(name string) bool { return name == "" })
		s.Touches = append(s.Touches, Touch{project, environments})
	}
	slices.SortFunc(s.Touches, func(a, b Touch) int { return strings.Compare(a.Project, b.Project) })
	s.Touches = s.Touches[:min(len(s.Touches), maxTouches)]
	return s
}

// For returns a summary as far as a reader sees what it is about; false if that is nothing. Whoever does not see all is not told what
// it does as a whole.
func (s Summary) For(whole, cost bool, sees func(project, environment string) bool) (Summary, bool) {
	if !cost {
		s.Cost = nil
	}
	if whole {
		return s, true
	}
	s.Verdict, s.Denied, s.Warned, s.Holds = string(s.Outcome), 0, 0, 0
	touches := []Touch{}
	for _, t := range s.Touches {
		all := sees(t.Project, "")
		t.Environments = slices.DeleteFunc(slices.Clone(t.Environments), func(name string) bool { return !all && !sees(t.Project, name) })
		if all || len(t.Environments) > 0 {
			touches = append(touches, t)
		}
	}
	s.Touches = touches
	return s, len(touches) > 0
}

// ComparePulls orders pull requests: those that are open first, and then the newest first.
func ComparePulls(a, b Pull) int {
	rank := func(p Pull) int {
		if p.Open() {
			return 0
		}
		return 1
	}
	return cmp.Or(rank(a)-rank(b), b.Updated.Compare(a.Updated), b.Number-a.Number, strings.Compare(a.Name, b.Name))
}
