// SPDX-License-Identifier: Apache-2.0

package webhooks

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"trunkline.dev/trunkline/access"
	"trunkline.dev/trunkline/plan/preview"
	"trunkline.dev/trunkline/webhooks/report"
)

// maxDiffed is how many releases are compared with clusters at once.
const maxDiffed = 50

// diff compares what the merge would make with what the clusters hold, as "trunkline diff" does.
func (e *Engine) diff(ctx context.Context, p Pull, who caller, c command) (report.Answer, error) {
	switch {
	case len(c.args) > 1:
		return report.Answer{Kind: report.WrongUse, What: "it takes an environment, or nothing for all"}, nil
	case !who.mayAsk():
		return report.Answer{Kind: report.NotAllowed, Who: []string{"the author", "who may write to the repository"}}, nil
	case p.State != Open || p.Base.Ref != e.opts.Trunk.Branch():
		return report.Answer{Kind: report.Nothing, What: "the pull request is not open, or not to be merged into the branch that runs"}, nil
	case p.Fork:
		// Clusters are not asked to try what a stranger wrote, and their values are not shown to one.
		return report.Answer{Kind: report.Failed, What: "what comes from a fork is not compared with clusters"}, nil
	case e.opts.Live == nil:
		return report.Answer{Kind: report.Failed, What: "this daemon does not compare with clusters"}, nil
	}
	limited, cancel := context.WithTimeout(ctx, e.opts.Limit)
	defer cancel()
	tip := e.opts.Trunk.Tip()
	merge, err := e.opts.Repository.Merge(limited, p, tip)
	if err != nil {
		return report.Answer{}, fmt.Errorf("merging %s into %s: %w", short(p.Head.SHA), short(tip), err)
	}
	if len(merge.Conflicts) > 0 {
		return report.Answer{Kind: report.Failed, What: "the pull request cannot be merged, there are conflicts"}, nil
	}
	change, err := e.evaluateOwn(limited, tip, merge.Tree)
	if err != nil {
		return report.Answer{}, err
	}
	r, err := reviewOf(change, e.opts.Now())
	if err != nil {
		return report.Answer{}, err
	}
	declared, err := e.guard(ctx, change.base.Catalog(), who.Login)
	if err != nil {
		return report.Answer{}, err
	}
	var patterns []string
	for _, rel := range r.Plan.Releases {
		if declared.denies(access.View, rel.ID.Project, rel.ID.Environment) != nil {
			continue // it is not shown what is there
		}
		if len(c.args) == 0 || rel.ID.Environment == c.args[0] {
			patterns = append(patterns, strings.Join([]string{rel.ID.Project, rel.ID.Environment, rel.ID.Cluster}, "/"))
		}
	}
	switch {
	case r.Outcome == report.Refused:
		return report.Answer{Kind: report.Failed, What: "the change is refused; fix that first"}, nil
	case len(patterns) == 0:
		return report.Answer{Kind: report.Nothing, What: "the change changes no release there"}, nil
	case len(patterns) > maxDiffed:
		return report.Answer{Kind: report.Failed, What: fmt.Sprintf("the change changes %d releases there, and the limit is %d: name an environment, or run \"trunkline diff\"", len(patterns), maxDiffed)}, nil
	}
	picked, err := preview.NewPicker(patterns...)
	if err != nil {
		return report.Answer{}, err
	}
	side, err := change.head.Side()
	if err != nil {
		return report.Answer{}, fmt.Errorf("rendering the change: %w", err)
	}
	found := preview.Preview{From: "what the clusters hold", To: "the merge"}
	found.Releases, found.Troubles = e.opts.Live.Diff(limited, side, picked)
	found.Releases = slices.DeleteFunc(found.Releases, func(r preview.Release) bool { return r.Action == preview.Unchanged && !r.Failed() })
	found.Sort()
	return report.Answer{Kind: report.Compared, Diff: &found}, nil
}
