// SPDX-License-Identifier: Apache-2.0

package webhooks

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"trunkline.dev/trunkline/access"
	"trunkline.dev/trunkline/plan/previews"
	"trunkline.dev/trunkline/policy"
	"trunkline.dev/trunkline/webhooks/report"
)

// acts are what may be asked for of a preview, with what is answered.
var acts = map[previews.Act]string{
	previews.Up:     "the pull request gets a preview",
	previews.Down:   "its preview is removed, and it gets none until someone asks for it",
	previews.Extend: "the time of its preview begins again",
	previews.Sleep:  "its preview goes to sleep; a push or /trunkline preview wake wakes it",
	previews.Wake:   "its preview wakes",
}

// askPreview takes what someone asks for of the preview of a pull request. It is done when the reply is written, in which it is
// remembered, and as often as that is lost: nothing comes of asking twice.
func (e *Engine) askPreview(ctx context.Context, p Pull, in Comment, who caller, c command) (report.Answer, error) {
	act := previews.Up
	if len(c.args) > 0 {
		act = previews.Act(c.args[0])
	}
	text, known := acts[act]
	switch {
	case !known || len(c.args) > 1:
		return report.Answer{Kind: report.WrongUse, What: "it takes one of up, down, extend, sleep and wake"}, nil
	case len(e.rules()) == 0:
		return report.Answer{Kind: report.Nothing, What: "no environment has previews; spec.preview of one declares them"}, nil
	case p.State != Open:
		return report.Answer{Kind: report.Nothing, What: "the pull request is not open"}, nil
	case p.Base.Ref != e.opts.Trunk.Branch():
		return report.Answer{Kind: report.Nothing, What: "only pull requests into the branch that runs have previews"}, nil
	}
	merge, err := e.opts.Repository.Merge(ctx, p, e.opts.Trunk.Tip())
	if err != nil {
		return report.Answer{}, err
	}
	if len(merge.Conflicts) > 0 {
		return report.Answer{Kind: report.Failed, What: "it cannot be merged, there are conflicts"}, nil
	}
	change, err := e.compared(ctx, e.opts.Trunk.Tip(), merge.Tree)
	if errors.Is(err, errNotReady) {
		return report.Answer{Kind: report.Failed, What: errNotReady.Error()}, nil
	}
	if err != nil {
		return report.Answer{}, err
	}
	return e.mayPreview(ctx, p, in, who, change, act, text)
}

// mayPreview answers who may ask for it: owners of what the pull request changes, and its author if they may write.
func (e *Engine) mayPreview(ctx context.Context, p Pull, in Comment, who caller, c *change, act previews.Act, text string) (report.Answer, error) {
	base := c.base.Catalog()
	owners, err := policy.Owners(base, c.paths)
	if err != nil {
		return report.Answer{Kind: report.Failed, What: "who owns what it changes is not known: " + err.Error()}, nil //nolint:nilerr // it is the answer
	}
	people, err := e.people(ctx, []string{who.Login}, owners)
	if err != nil {
		return report.Answer{}, err
	}
	author := who.author && !p.Fork && (who.permission == Write || who.permission == Admin)
	login := who.Login
	who.Person = people[0]
	switch {
	case !author && !who.mayAct(owners):
		return report.Answer{Kind: report.NotAllowed, Who: slices.Concat(owners, []string{"who administers the repository"})}, nil
	case edited(in):
		return report.Answer{Kind: report.Failed, What: wasEdited}, nil
	}
	declared, err := e.guard(ctx, base, login)
	if err != nil {
		return report.Answer{}, err
	}
	for _, project := range changedProjects(base, c.paths) {
		if no := declared.denies(access.Preview, project, ""); no != nil {
			return *no, nil
		}
	}
	if p.Fork && act == previews.Up {
		logins, err := e.logins(ctx, p)
		if err != nil {
			return report.Answer{}, err
		}
		approved, err := e.approved(ctx, p, base, c.paths, logins)
		if err != nil {
			return report.Answer{}, err
		}
		if !approved {
			return report.Answer{Kind: report.Failed, What: fmt.Sprintf("it is a fork's: a review has to approve the head %s first, by %s", short(p.Head.SHA), approvers(owners))}, nil
		}
	}
	e.opts.Log.Info("preview asked for", "pull", p.Number, "act", string(act), "by", login)
	return report.Answer{Kind: report.Done, What: text, Acts: []string{actPrefix + string(act)}}, nil
}
