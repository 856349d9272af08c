// SPDX-License-Identifier: Apache-2.0

package console

import (
	"errors"
	"net/http"

	"trunkline.dev/trunkline/access"
	"trunkline.dev/trunkline/webhooks/report"
)

// Pulls are the pull requests that this daemon works on.
type Pulls interface {
	// Pulls returns those that are known: the open ones first, and then the newest first.
	Pulls() []report.Pull
	// Pull returns one by its name, such as "pr-7", and the report on it; nil if there is none yet. The error is [ErrNotFound] if it is not
	// known.
	Pull(name string) (report.Pull, *report.Facts, error)
}

// PullList are the pull requests that a caller sees.
type PullList struct {
	Items []report.Pull `json:"items"`
}

// PullReport is a pull request and the report on it.
type PullReport struct {
	report.Pull

	// Facts are what the report says; nil if there is none yet.
	Facts *report.Facts `json:"facts,omitempty"`
}

// pull is a pull request as far as the caller sees it: one that does something to a project of theirs. What is not known to do something
// to any project is seen by those who see everything.
func (s *sight) pull(p report.Pull) (report.Pull, bool) {
	if p.Report == nil {
		return p, s.whole
	}
	seen, visible := p.Report.For(s.whole, s.cost(), s.sees)
	p.Report = &seen
	return p, visible
}

// cost reports whether the caller may see what everything costs.
func (s *sight) cost() bool { return s.rules.May(s.who, access.ViewCost, access.Scope{}).Allowed }

// pulls are those of a list that the caller sees.
func (s *sight) pulls(all []report.Pull) []report.Pull {
	out := []report.Pull{}
	for _, p := range all {
		if p, visible := s.pull(p); visible {
			out = append(out, p)
		}
	}
	return out
}

// pulls lists pull requests.
func (c *console) pulls(w http.ResponseWriter, r *http.Request) error {
	q := newQuery(r)
	open := q.flag("open")
	if err := q.done(); err != nil {
		return err
	}
	out := PullList{Items: []report.Pull{}}
	if c.opts.Pulls != nil {
		for _, p := range c.sight(r).pulls(c.opts.Pulls.Pulls()) {
			if open == nil || *open == p.Open() {
				out.Items = append(out.Items, p)
			}
		}
	}
	c.answer(w, http.StatusOK, out)
	return nil
}

// pull answers with the report on a pull request.
func (c *console) pull(w http.ResponseWriter, r *http.Request) error {
	if err := newQuery(r).done(); err != nil {
		return err
	}
	seen, err := c.sight(r).reported(c.opts.Pulls, r.PathValue("pull"))
	if err != nil {
		return err
	}
	c.answer(w, http.StatusOK, seen)
	return nil
}

// reported is a pull request with the report on it, as far as the caller sees them.
func (s *sight) reported(pulls Pulls, name string) (PullReport, error) {
	if pulls == nil {
		return PullReport{}, unseen()
	}
	p, facts, err := pulls.Pull(name)
	if errors.Is(err, ErrNotFound) {
		return PullReport{}, unseen()
	}
	if err != nil {
		return PullReport{}, err
	}
	p, visible := s.pull(p)
	if !visible {
		return PullReport{}, unseen()
	}
	out := PullReport{Pull: p}
	if facts != nil {
		seen := facts.For(s.whole, s.cost(), s.sees)
		out.Facts = &seen
	}
	return out, nil
}

// Pulls are the pull requests that the caller sees.
func (s Sight) Pulls(all []report.Pull) []report.Pull {
	if s.s == nil {
		return nil
	}
	return s.s.pulls(all)
}

// Pull is a pull request with the report on it, as far as the caller sees them.
func (s Sight) Pull(pulls Pulls, name string) (PullReport, error) {
	if s.s == nil {
		return PullReport{}, unseen()
	}
	return s.s.reported(pulls, name)
}
