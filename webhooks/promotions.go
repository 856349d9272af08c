// SPDX-License-Identifier: Apache-2.0

package webhooks

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/promotion"
	"trunkline.dev/trunkline/reconciler/status"
)

// maxPromotions is how many pull requests are opened at a time, so that a change of all projects is no flood.
const maxPromotions = 20

// promoter is what is known of the promotions that environments declare. It is lost with the process, and then a soak may take
// longer, by as much as it is lost.
type promoter struct {
	// seen has for each project and environment since when which build is declared, as far as it was looked at.
	seen map[string]sighting
	// proposed has the builds for which there is a pull request, or was.
	proposed map[string]string
}

// sighting is a build, and when it was seen first.
type sighting struct {
	build promotion.BuildID
	at    time.Time
}

// promotions opens the pull requests of promotions that environments declare, from time to time.
func (e *Engine) promotions(ctx context.Context) {
	p := &promoter{seen: map[string]sighting{}, proposed: map[string]string{}}
	e.poll(ctx, e.opts.Poll, func() {
		if err := e.promoteDue(ctx, p); err != nil && ctx.Err() == nil {
			e.opts.Log.Warn("cannot promote by the rules of environments; it is tried again", "err", err.Error())
		}
	})
}

// firstLook is how often it is looked whether a commit was accepted, before the first was.
const firstLook = time.Second

// poll does something that is about the accepted commit as soon as there is one, and then again after each pause, until ctx ends.
func (e *Engine) poll(ctx context.Context, pause time.Duration, do func()) {
	for {
		wait := firstLook
		if _, runs := e.opts.Trunk.Accepted(); runs != nil {
			do()
			wait = pause
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
	}
}

// promoteDue opens or updates a pull request for each build that is to be promoted now.
func (e *Engine) promoteDue(ctx context.Context, p *promoter) error {
	commit, runs := e.opts.Trunk.Accepted()
	if runs == nil {
		return nil
	}
	c := runs.Catalog()
	left := maxPromotions
	var failed []error
	for _, to := range slices.Sorted(maps.Keys(c.Environments)) {
		env := c.Environments[to]
		if !env.Spec.Promotion.Automatic || env.Spec.PromotesFrom == "" {
			continue
		}
		for project := range c.Projects() {
			if !e.opens(c.SourceOf(project.Document.File)) {
				continue // its file is in another repository
			}
			on := subject{project: project, environment: to, catalog: c, commit: commit, declared: promotion.Of(c.Tree(), project.Document)}
			if left == 0 || ctx.Err() != nil {
				return errors.Join(failed...) // the rest with the next look
			}
			opened, err := e.promoteIfDue(ctx, p, on, env.Spec.PromotesFrom, time.Duration(env.Spec.Soak))
			if err != nil {
				failed = append(failed, fmt.Errorf("promoting %s to %s: %w", project.Name, to, err))
			}
			if opened || err != nil { // GitHub was asked
				left--
			}
		}
	}
	return errors.Join(failed...)
}

// promoteIfDue opens or updates the pull request for one project, if its build is to be promoted now.
func (e *Engine) promoteIfDue(ctx context.Context, p *promoter, on subject, from string, soak time.Duration) (opened bool, err error) {
	if !on.declared.In(from) || !on.declared.In(on.environment) || !on.declared.Differ(from, on.environment) {
		return false, nil
	}
	name := on.project.Name + "/" + on.environment
	build, err := on.declared.Build(from)
	target, failed := on.declared.Build(on.environment)
	if err := errors.Join(err, failed); err != nil {
		e.opts.Log.Warn("cannot tell which build there is to promote", "project", on.project.Name, "environment", on.environment, "err", err.Error())
		return false, nil
	}
	if p.seen[name].build != build {
		// The board may tell of the state before: it is asked with the next look.
		p.seen[name] = sighting{build, e.opts.Now()}
		return false, nil
	}
	q := promotion.Question{Now: e.opts.Now(), Soak: soak, Build: build, Target: target}
	for _, id := range releasesIn(on.catalog, on.project, from) {
		q.Sources = append(q.Sources, e.source(ctx, on, id, p.seen[name]))
	}
	key := string(build + " " + target)
	if !promotion.Decide(q).Promote || p.proposed[name] == key {
		return false, nil
	}
	change, err := on.declared.Promote(from, on.environment)
	if err != nil {
		e.opts.Log.Warn("cannot promote a build by the rule of its environment", "project", on.project.Name, "environment", on.environment, "err", err.Error())
		p.proposed[name] = key
		return false, nil
	}
	if _, err := e.opts.Forge.Propose(ctx, e.promotionOf(on, from, change, promotionWords{})); err != nil {
		return false, err
	}
	p.proposed[name] = key
	return true, nil
}

// source is what the board tells of a release whose declared build was seen before.
func (e *Engine) source(ctx context.Context, on subject, id catalog.ReleaseID, s sighting) promotion.Source {
	r, known := e.opts.Board.Release(id)
	out := promotion.Source{Release: id.String()}
	if !known || !inPlace(r) {
		return out
	}
	out.Build, out.Healthy, out.Since = s.build, r.Health == status.Healthy, r.Since
	// A commit that changes no object, such as one of a DAG file, is not the one that the release is at.
	if s.at.After(out.Since) && e.buildAt(ctx, on, id.Environment, r.Commit) != s.build {
		out.Since = s.at
	}
	return out
}

// buildAt returns the build that a commit declares; empty if that cannot be told.
func (e *Engine) buildAt(ctx context.Context, on subject, environment, commit string) promotion.BuildID {
	if commit == "" {
		return ""
	}
	c, err := e.opts.Repository.Commit(ctx, commit, e.opts.Trunk.Branch(), nil)
	if err != nil {
		return ""
	}
	then, err := promotion.Read(c.Tree, on.declared.File, on.project.Name)
	if err != nil {
		return ""
	}
	build, err := then.Build(environment)
	if err != nil {
		return ""
	}
	return build
}

// nothingLeft is said where a promotion is closed. It names nothing: anybody who may push can name a branch as they like.
const nothingLeft = "Closed: there is nothing to promote any more.\n"

// tidy closes the open promotions for which there is nothing to promote any more.
func (e *Engine) tidy(ctx context.Context, open []Pull) error {
	_, runs := e.opts.Trunk.Accepted()
	if runs == nil {
		return nil
	}
	for _, p := range open {
		rest, ours := strings.CutPrefix(p.Head.Ref, promoteBranch)
		name, to, _ := strings.Cut(rest, "/")
		if !ours || p.Fork || p.Base.Ref != e.opts.Trunk.Branch() || promotable(runs.Catalog(), e.opts.Source, name, to) {
			continue
		}
		if err := e.opts.Forge.Withdraw(ctx, p.Head.Ref, p.Base.Ref, nothingLeft); err != nil {
			return fmt.Errorf("closing pull request #%d: %w", p.Number, err)
		}
	}
	return nil
}

// opens reports whether the engine opens pull requests for what a source declares: it is of its repository, and a branch of that runs. What
// is followed by a tag or a commit is moved by no pull request.
func (e *Engine) opens(source string) bool {
	return source == e.opts.Source && e.opts.Trunk.Branch() != ""
}

// promotable reports whether there is something to promote in a repository.
func promotable(c *catalog.Catalog, source, name, to string) bool {
	project, ok := c.Project(name)
	env, known := c.Environments[to]
	if !ok || !known {
		return false
	}
	if c.SourceOf(project.Document.File) != source {
		return false // its file has moved to another repository
	}
	declared := promotion.Of(c.Tree(), project.Document)
	from := env.Spec.PromotesFrom
	return declared.In(from) && declared.In(to) && declared.Differ(from, to)
}
