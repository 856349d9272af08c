// SPDX-License-Identifier: Apache-2.0

package webhooks

import (
	"context"
	"errors"
	"fmt"

	"trunkline.dev/trunkline/access"
	"trunkline.dev/trunkline/promotion"
	"trunkline.dev/trunkline/reconciler/status"
	"trunkline.dev/trunkline/webhooks/report"
)

// promoteBranch begins the names of branches of promotions, and restoreBranch those of rollbacks; the project and the
// environment follow.
const promoteBranch, restoreBranch = "trunkline/promote/", "trunkline/rollback/"

// promote opens a pull request that moves the build of a project from the environment before.
func (e *Engine) promote(ctx context.Context, s *pullState, in Comment, who caller, c command) (report.Answer, error) {
	to, rest, ok := c.flag("--to")
	if !ok || len(rest) != 1 {
		return report.Answer{Kind: report.WrongUse, What: "it takes a project and --to with an environment"}, nil
	}
	on, answer, err := e.subjectOf(ctx, s, in, who, access.Deploy, rest[0], to)
	if answer != nil || err != nil {
		return orEmpty(answer), err
	}
	from := on.catalog.Environments[to].Spec.PromotesFrom
	if from == "" {
		return report.Answer{Kind: report.Failed, What: fmt.Sprintf("the environment %q is promoted from no other: it declares no promotesFrom", to)}, nil
	}
	change, err := on.declared.Promote(from, to)
	if err != nil {
		return report.Answer{Kind: report.Failed, What: err.Error()}, nil //nolint:nilerr // it is the answer
	}
	if len(change.Moved) == 0 {
		return report.Answer{Kind: report.Nothing, What: fmt.Sprintf("%s has the build %s in %s and in %s", on.project.Name, change.Before.Short(), from, to)}, nil
	}
	note := e.unproven(on, from)
	pull, err := e.opts.Forge.Propose(ctx, e.promotionOf(on, from, change, promotionWords{by: who.Login, note: note, again: true}))
	if err != nil {
		return failedOrAgain(err)
	}
	what := fmt.Sprintf("it moves the build %s of %s from %s to %s", change.After.Short(), on.project.Name, from, to)
	if note != "" {
		what += "; mind that " + note
	}
	return report.Answer{Kind: report.Opened, What: what, URL: pull.URL, Link: fmt.Sprintf("#%d", pull.Number)}, nil
}

func orEmpty(a *report.Answer) report.Answer {
	if a == nil {
		return report.Answer{}
	}
	return *a
}

// failedOrAgain answers with an error that trying again does not cure, and returns any other, so that it is tried again.
func failedOrAgain(err error) (report.Answer, error) {
	e, known := errors.AsType[interface {
		error
		Temporary() bool
	}](err)
	if known && !e.Temporary() {
		return report.Answer{Kind: report.Failed, What: "the pull request cannot be opened: " + e.Error()}, nil
	}
	return report.Answer{}, err
}

// unproven says what speaks against the build of an environment; empty: it is in place there, and healthy.
func (e *Engine) unproven(on subject, environment string) string {
	for _, id := range releasesIn(on.catalog, on.project, environment) {
		r, known := e.opts.Board.Release(id)
		if !known || !inPlace(r) || r.Health != status.Healthy {
			return id.String() + " is not healthy with it"
		}
	}
	return ""
}

// inPlace reports whether a release has the state that is declared for it.
func inPlace(r status.Release) bool { return r.Result == status.Applied && r.Held == nil }

// promotionWords are what the pull request of a promotion says beside what it moves.
type promotionWords struct {
	// by is who asked for it; empty: the environment's rule.
	by, note string
	again    bool
}

// promotionOf returns the pull request of a promotion.
func (e *Engine) promotionOf(on subject, from string, change promotion.Change, words promotionWords) Proposal {
	title := fmt.Sprintf("Promote %s to %s: build %s", on.project.Name, on.environment, change.After.Short())
	body := report.Promotion{
		Project: on.project.Name, From: from, To: on.environment, Change: change, By: words.by, Note: words.note,
	}
	return Proposal{
		Branch: promoteBranch + on.project.Name + "/" + on.environment, Parent: on.commit, Base: e.opts.Trunk.Branch(),
		Files:   map[string]*string{e.opts.Repository.Path(change.File): &change.Content},
		Message: title + "\n\nThe build is that of " + from + ".\n", Title: title, Body: body.Body(), Again: words.again,
	}
}
