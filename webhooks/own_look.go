// SPDX-License-Identifier: Apache-2.0

package webhooks

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/evaluate"
	"trunkline.dev/trunkline/plan/previews"
	"trunkline.dev/trunkline/plan/stay"
	"trunkline.dev/trunkline/policy"
	"trunkline.dev/trunkline/webhooks/report"
)

// wishOf finds out what a head would have as its preview, by what the base declares. Approvals are of this head.
func (e *Engine) wishOf(ctx context.Context, p Pull, c *change, outcome report.Outcome, logins []string, asked string) (wish, error) {
	base := c.base.Catalog()
	w := wish{verdict: verdictOf(outcome)}
	var err error
	if w.owners, err = policy.Owners(base, c.paths); err != nil {
		w.owners = nil // whoever administers the repository may
	}
	if w.environment, w.label, err = e.choose(ctx, p, base, c.paths); err != nil {
		return w, err
	}
	if p.Fork {
		if w.approved, err = e.approved(ctx, p, base, c.paths, logins); err != nil || !w.approved {
			return w, err
		}
	}
	environment := cmp.Or(w.environment, asked)
	if environment == "" || w.verdict != previews.Passed {
		return w, nil
	}
	return w, e.make(ctx, p, c, environment, &w)
}

func verdictOf(o report.Outcome) previews.Verdict {
	switch o {
	case report.Passed:
		return previews.Passed
	case report.Refused, report.Conflict:
		return previews.Refused
	case report.Untouched:
		return previews.Untouched
	case report.Unknown, report.Running: // no verdict
	}
	return ""
}

// choose returns the environment that the base has previews made after for such a pull request, or the label that it lacks for one.
func (e *Engine) choose(ctx context.Context, p Pull, base *catalog.Catalog, paths []string) (environment, label string, err error) {
	var teams []string
	for _, env := range base.Environments {
		if env.Spec.Preview != nil {
			teams = append(teams, env.Spec.Preview.Authors...)
		}
	}
	in := stay.Pull{Author: p.Author, Labels: p.Labels, Branch: p.Base.Ref, Trunk: e.opts.Trunk.Branch(), Draft: p.Draft, Paths: paths}
	if len(teams) > 0 && p.Author != "" {
		people, err := e.people(ctx, []string{p.Author}, teams)
		if err != nil {
			return "", "", err
		}
		for _, name := range teams {
			if strings.Contains(name, "/") && people[0].OneOf([]string{name}) {
				in.Teams = append(in.Teams, name)
			}
		}
	}
	environment, label = stay.Choose(base, in)
	return environment, label, nil
}

// approved reports whether people who may have approved just this head of a fork: for each path that it changes, one of those
// who own what it is of, or who administers the repository. Whoever made it approves nothing.
func (e *Engine) approved(ctx context.Context, p Pull, base *catalog.Catalog, paths, logins []string) (bool, error) {
	var may []caller
	owners, err := policy.Owners(base, paths)
	if err != nil {
		owners = nil
	}
	for _, login := range logins[1:] { // the first is who made it
		if strings.EqualFold(login, p.HeadOwner) || strings.EqualFold(login, p.Author) {
			continue
		}
		permission, err := e.permission(ctx, login)
		if err != nil {
			return false, fmt.Errorf("reading what %s may do: %w", login, err)
		}
		people, err := e.people(ctx, []string{login}, owners)
		if err != nil {
			return false, err
		}
		may = append(may, caller{Person: people[0], permission: permission})
	}
	if len(may) == 0 {
		return false, nil
	}
	owned := false
	for _, path := range paths {
		owners, err := policy.Owners(base, []string{path})
		if err != nil {
			return false, nil //nolint:nilerr // nobody knows who may
		}
		if len(owners) == 0 {
			continue
		}
		owned = true
		if !slices.ContainsFunc(may, func(c caller) bool { return c.mayAct(owners) }) {
			return false, nil
		}
	}
	return owned || slices.ContainsFunc(may, func(c caller) bool { return c.permission == Admin }), nil
}

// make makes what is to be put.
func (e *Engine) make(ctx context.Context, p Pull, c *change, environment string, w *wish) error {
	made, err := evaluate.NewPreview(ctx, evaluate.PreviewInput{
		Pull: e.id(p.Number), Environment: environment, Base: c.base, Head: c.head, Renderer: e.opts.Renderer, Cost: e.terms(c.base),
	})
	if refusal, ok := errors.AsType[*evaluate.PreviewError](err); ok {
		w.verdict, w.refused = previews.Refused, refusal.Error()
		return nil
	}
	if err != nil {
		return fmt.Errorf("making the preview: %w", err)
	}
	if w.refused = e.refusal(made); w.refused != "" {
		w.verdict = previews.Refused
		return nil
	}
	if made.Estimate.Missing() == 0 {
		w.monthly = made.Estimate.Total().In(made.Estimate.Currency()).Amount()
	}
	w.made = made
	w.runs = deployed{head: p.Head.SHA, of: made.Of, hosts: made.Hosts, reads: reads(c.head.Catalog(), made.Projects)}
	for _, r := range made.Releases {
		w.runs.releases = append(w.runs.releases, r.ID)
	}
	return nil
}

// refusal says why a preview is not put; empty: nothing is wrong with it.
func (e *Engine) refusal(made *evaluate.Preview) string {
	if made.Problems.Denied() {
		for _, p := range made.Problems {
			if p.Severity == v1alpha1.Deny {
				return p.Message
			}
		}
	}
	for _, r := range made.Releases {
		if r.Rendered.Err != nil {
			return r.ID.String() + " cannot be rendered"
		}
	}
	for _, location := range made.Data {
		if err := e.opts.Data.Check(location); err != nil {
			return "its data could not be removed again: " + err.Error()
		}
	}
	return ""
}

// reads are the other projects whose datasets some projects read.
func reads(c *catalog.Catalog, projects []string) (out []string) {
	for _, name := range projects {
		p, ok := c.Project(name)
		if !ok {
			continue
		}
		for _, w := range p.Spec.Workloads {
			for _, read := range w.Reads {
				if of, _, other := strings.Cut(read.Dataset, "/"); other && !slices.Contains(projects, of) && !slices.Contains(out, of) {
					out = append(out, of)
				}
			}
		}
	}
	slices.Sort(out)
	return out
}
