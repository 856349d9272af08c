// SPDX-License-Identifier: Apache-2.0

package webhooks

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"trunkline.dev/trunkline/access"
	"trunkline.dev/trunkline/promotion"
	"trunkline.dev/trunkline/webhooks/report"
)

// maxBack is how many commits are looked through for the build before.
const maxBack = 500

// rollback takes the releases of a project in an environment back, as "trunkline rollback" does, where the environment allows it,
// and opens a pull request that restores the build before.
func (e *Engine) rollback(ctx context.Context, p Pull, s *pullState, in Comment, who caller, c command) (report.Answer, error) {
	environment, rest, ok := c.flag("--in")
	if !ok || len(rest) != 1 {
		return report.Answer{Kind: report.WrongUse, What: "it takes a project and --in with an environment"}, nil
	}
	on, answer, err := e.subjectOf(ctx, s, in, who, access.Rollback, rest[0], environment)
	if answer != nil || err != nil {
		return orEmpty(answer), err
	}
	if !on.catalog.Environments[environment].Spec.RollsBackAtOnce() {
		proposal, what, err := e.restoring(ctx, on, who.Login)
		if err != nil {
			return report.Answer{Kind: report.Failed, What: err.Error()}, nil //nolint:nilerr // it is the answer
		}
		pull, err := e.opts.Forge.Propose(ctx, proposal)
		if err != nil {
			return failedOrAgain(err)
		}
		return restored(pull, what), nil
	}
	var failed []string
	for _, id := range on.releases {
		if err := e.opts.Hand.Rollback(ctx, id, who.Login, fmt.Sprintf("asked for in #%d", p.Number)); err != nil {
			failed = append(failed, err.Error())
		}
	}
	if len(failed) > 0 {
		return report.Answer{Kind: report.Failed, What: strings.Join(failed, "; ")}, nil
	}
	done := fmt.Sprintf("%s goes back in %s to the commit before, until a newer one changes it", on.project.Name, environment)
	proposal, what, err := e.restoring(ctx, on, who.Login)
	if err != nil {
		return report.Answer{Kind: report.Done, What: done + "; no pull request restores its declaration: " + err.Error()}, nil //nolint:nilerr // it is the answer
	}
	pull, err := e.opts.Forge.Propose(ctx, proposal)
	if err != nil {
		// What was done is not done again for the sake of the pull request.
		e.opts.Log.Warn("cannot open the pull request of a rollback", "pull", p.Number, "err", err.Error())
		return report.Answer{Kind: report.Done, What: done + "; the pull request that restores its declaration could not be opened, and the daemon's log says why"}, nil
	}
	return restored(pull, done+"; "+what), nil
}

func restored(pull Pull, what string) report.Answer {
	return report.Answer{Kind: report.Opened, What: what, URL: pull.URL, Link: fmt.Sprintf("#%d", pull.Number)}
}

// restoring returns the pull request that restores the build before, and what it does in words. Its error is for people.
func (e *Engine) restoring(ctx context.Context, on subject, by string) (Proposal, string, error) {
	now, err := on.declared.Build(on.environment)
	if err != nil {
		return Proposal{}, "", err
	}
	commit, before, err := e.buildBefore(ctx, on, now)
	if err != nil {
		return Proposal{}, "", err
	}
	change, ok, err := on.declared.Restore(before, on.environment)
	if err != nil {
		return Proposal{}, "", err
	}
	body := report.Restoration{Project: on.project.Name, Environment: on.environment, Commit: commit, By: by, Change: change}
	files := map[string]*string{}
	if ok {
		files[e.opts.Repository.Path(change.File)] = &change.Content
	} else {
		whole, err := on.declared.Files(before)
		if err != nil {
			return Proposal{}, "", err
		}
		for name, content := range whole {
			files[e.opts.Repository.Path(name)] = content
		}
		body.Whole = true
	}
	build := body.Change.After.Short()
	title := fmt.Sprintf("Roll %s back in %s to build %s", on.project.Name, on.environment, build)
	what := fmt.Sprintf("it restores the build %s in %s", build, on.environment)
	if body.Whole {
		what = fmt.Sprintf("it restores the build %s, in all environments, since more than images and parameters changed", build)
	}
	return Proposal{
		Branch: restoreBranch + on.project.Name + "/" + on.environment, Parent: on.commit, Base: e.opts.Trunk.Branch(), Files: files,
		Message: title + "\n\nThe build before is that of " + commit + ".\n", Title: title, Body: body.Body(), Again: true,
	}, what, nil
}

// buildBefore finds the newest commit before the accepted one in which the project has another build in the environment.
func (e *Engine) buildBefore(ctx context.Context, on subject, now promotion.BuildID) (string, *promotion.Declared, error) {
	c, err := e.opts.Repository.Commit(ctx, on.commit, e.opts.Trunk.Branch())
	for range maxBack {
		if err != nil {
			return "", nil, fmt.Errorf("the commits before cannot be read: %w", err)
		}
		if c.Parent == "" {
			break
		}
		if c, err = e.opts.Repository.Commit(ctx, c.Parent, e.opts.Trunk.Branch()); err != nil {
			continue
		}
		then, failed := promotion.Read(c.Tree, on.declared.File, on.project.Name)
		if errors.Is(failed, fs.ErrNotExist) {
			break
		}
		if failed != nil || !then.In(on.environment) {
			continue // it was refused, or not there yet
		}
		if build, failed := then.Build(on.environment); failed == nil && build != now {
			return c.SHA, then, nil
		}
	}
	return "", nil, fmt.Errorf("no build before %s is in the newest %d commits", now.Short(), maxBack)
}
