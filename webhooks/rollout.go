// SPDX-License-Identifier: Apache-2.0

package webhooks

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/plan/gate"
	"trunkline.dev/trunkline/plan/preview"
	"trunkline.dev/trunkline/promotion"
	"trunkline.dev/trunkline/reconciler/status"
	"trunkline.dev/trunkline/webhooks/report"
)

// followed is what is known of a pull request that was merged, and what the forge was told of it.
type followed struct {
	// review is what the merge did; nil while it is not known.
	review *report.Review
	// began is when the merge was accepted; zero if it was not yet.
	began time.Time
	// builds are those of the merge, by release.
	builds map[catalog.ReleaseID]promotion.BuildID
	// looked reports whether the forge was asked for what an earlier process told it.
	looked      bool
	comment     Comment
	substance   string
	deployments map[string]Deployment
	done        bool
}

const (
	// followFor is how long a merge is followed: what has failed until then is a matter of the status.
	followFor = 24 * time.Hour
	// followEvery is how often a merge is looked at although nothing is known to have changed.
	followEvery = time.Minute
	// settle is how long changes of the board are collected before they are told: a roll-out changes it many times.
	settle = time.Second
)

// rollout tells what becomes of a merge, until all of its releases are done.
func (e *Engine) rollout(ctx context.Context, p Pull, s *pullState) (time.Duration, error) {
	if err := e.abandonCheck(ctx, p, s, "Not evaluated: the pull request was merged before"); err != nil {
		return 0, err
	}
	f := &s.followed
	if f.done || p.Base.Ref != e.opts.Trunk.Branch() || p.MergeCommit == "" {
		return 0, e.letGo(ctx, p.Number)
	}
	if err := e.recall(ctx, p, f); err != nil {
		return 0, err
	}
	if f.done {
		return 0, e.letGo(ctx, p.Number)
	}
	if f.review == nil {
		r, err := e.merged(ctx, p)
		if err != nil {
			return 0, fmt.Errorf("finding out what merging pull request #%d did: %w", p.Number, err)
		}
		f.review = &r
		f.builds = e.buildsOf(ctx, p, r.Plan.Releases)
	}
	if len(f.review.Plan.Releases) == 0 {
		f.done = true
		return 0, e.letGo(ctx, p.Number)
	}
	if err := e.tell(ctx, p, f); err != nil {
		return 0, err
	}
	if f.done || e.opts.Now().Sub(p.Closed) > followFor {
		f.done = true
		return 0, e.letGo(ctx, p.Number)
	}
	e.mu.Lock()
	e.following[p.Number] = releasesOf(f.review)
	e.mu.Unlock()
	return followEvery, nil
}

// letGo ends the work on a pull request that was merged.
func (e *Engine) letGo(ctx context.Context, number int) error {
	if err := e.opts.Repository.Forget(ctx, number); err != nil {
		return fmt.Errorf("forgetting pull request #%d: %w", number, err)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.following, number)
	e.heads.forget(number)
	if s := e.pulls[number]; s != nil && s.followed.done {
		s.followed.review = nil // the rest is small, and says that there is nothing to do
		s.ended.Store(true)
	}
	return nil
}

// recall asks the forge for what it was told of the merge before.
func (e *Engine) recall(ctx context.Context, p Pull, f *followed) error {
	if f.looked {
		return nil
	}
	comment, err := e.findComment(ctx, p.Number, report.IsMerged)
	if err != nil {
		return fmt.Errorf("looking for the comment on the merge of #%d: %w", p.Number, err)
	}
	deployments, err := e.opts.Forge.DeploymentsOf(ctx, p.MergeCommit)
	if err != nil {
		return fmt.Errorf("looking for the deployments of #%d: %w", p.Number, err)
	}
	f.comment, f.deployments = comment, map[string]Deployment{}
	for _, d := range deployments {
		f.deployments[d.Environment] = d
	}
	// The comment comes after the deployments: with it, all of them are there.
	f.done = comment.ID != 0 && len(deployments) > 0
	for _, d := range deployments {
		f.done = f.done && d.State == DeploySuccess
	}
	f.looked = true
	return nil
}

// merged finds out what a merge did, and what of that the pull request's comment did not show.
func (e *Engine) merged(ctx context.Context, p Pull) (report.Review, error) {
	commit, err := e.opts.Repository.Commit(ctx, p.MergeCommit, p.Base.Ref, nil)
	if err != nil {
		return report.Review{}, err
	}
	r := report.Review{}
	before, err := e.before(ctx, p, commit)
	if err != nil {
		return report.Review{}, err
	}
	if before != "" {
		c, err := e.evaluateOwn(ctx, before, commit.Tree, nil)
		if err != nil {
			return report.Review{}, err
		}
		if r, err = reviewOf(c, e.opts.Now()); err != nil {
			return report.Review{}, err
		}
	}
	reviewed, shown, err := e.shown(ctx, p)
	if err != nil {
		return report.Review{}, err
	}
	r.Unreviewed, r.Unshown = reviewed.Unreviewed(r.Plan.Releases), !shown
	r.Secretless = p.Fork
	r.Head, r.Base, r.Merged, r.BaseRef = p.Head.SHA, before, p.MergeCommit, p.Base.Ref
	return r, nil
}

// buildsOf returns which builds a merge made of its releases. Those that cannot be told are left out: nothing depends on them.
func (e *Engine) buildsOf(ctx context.Context, p Pull, releases []preview.Release) map[catalog.ReleaseID]promotion.BuildID {
	_, runs := e.opts.Trunk.Accepted()
	commit, err := e.opts.Repository.Commit(ctx, p.MergeCommit, p.Base.Ref, nil)
	if err != nil || runs == nil {
		return nil
	}
	out := map[catalog.ReleaseID]promotion.BuildID{}
	for _, rel := range releases {
		project, known := runs.Catalog().Project(rel.ID.Project)
		if !known {
			continue
		}
		declared, err := promotion.Read(commit.Tree, project.Document.File, project.Name)
		if err != nil {
			continue
		}
		if build, err := declared.Build(rel.ID.Environment); err == nil {
			out[rel.ID] = build
		}
	}
	return out
}

func releasesOf(r *report.Review) map[catalog.ReleaseID]bool {
	ids := map[catalog.ReleaseID]bool{}
	for _, rel := range r.Plan.Releases {
		ids[rel.ID] = true
	}
	return ids
}

// tell writes what became of a merge into its comment and its deployments.
func (e *Engine) tell(ctx context.Context, p Pull, f *followed) error {
	accepted, _ := e.opts.Trunk.Accepted()
	there := false
	if accepted != "" {
		var err error
		if there, err = e.opts.Repository.Contains(ctx, accepted, p.MergeCommit); err != nil {
			return fmt.Errorf("looking for the merge of #%d in what runs: %w", p.Number, err)
		}
	}
	now := e.opts.Now()
	if there && f.began.IsZero() {
		f.began = now
	}
	r := *f.review
	r.Rollout = rolloutOf(p, r.Plan.Releases, there, e.opts.Board.Release)
	r.Rollout.Began = f.began
	for i := range r.Rollout.Releases {
		r.Rollout.Releases[i].Build = f.builds[r.Rollout.Releases[i].ID].Short()
	}
	if r.Rollout.Ended = ended(r.Rollout, now); !r.Rollout.Ended.IsZero() {
		f.done = true
	}
	if err := e.tellDeployments(ctx, p, f, r.Rollout); err != nil {
		f.done = false
		return fmt.Errorf("writing the deployments of #%d: %w", p.Number, err)
	}
	if err := e.tellComment(ctx, p, f, r); err != nil {
		f.done = false
		return fmt.Errorf("writing the comment on the merge of #%d: %w", p.Number, err)
	}
	return nil
}

// rolloutOf says how far the releases of a merge are. It is a pure function.
func rolloutOf(p Pull, releases []preview.Release, accepted bool, board func(catalog.ReleaseID) (status.Release, bool)) *report.Rollout {
	out := &report.Rollout{Commit: p.MergeCommit, MergedBy: p.MergedBy}
	for _, rel := range releases {
		r := report.RolledOut{ID: rel.ID, State: "waiting", Reason: "the merge was not accepted yet"}
		if accepted {
			seen, ok := board(rel.ID)
			r = rolledOut(rel, seen, ok)
		}
		out.Releases = append(out.Releases, r)
	}
	return out
}

// rolledOut classes the state of one release.
func rolledOut(rel preview.Release, seen status.Release, ok bool) report.RolledOut {
	r := report.RolledOut{ID: rel.ID, State: string(seen.Result), Reason: seen.Message}
	switch {
	case !ok && rel.Action == preview.Remove:
		r.State, r.Done = "removed", true
	case !ok:
		r.State, r.Reason = "waiting", "nothing is known of it yet"
	case seen.Held != nil && seen.Held.Rule == string(gate.Quarantined):
		r.State, r.Failed, r.Reason, r.RolledBackTo = "rolled back", true, seen.Held.Reason, seen.Commit
	case seen.Held != nil:
		r.State, r.Reason, r.Held = "held", seen.Held.Reason, true
	case seen.Result == status.Failed:
		r.Failed = true
	case seen.Result == status.Suspended:
		r.State, r.Held = string(seen.Result), true
	case seen.Result != status.Applied:
	case seen.Health == status.Healthy:
		r.State, r.Reason, r.Done, r.Since = string(seen.Health), "", true, seen.Since
	default:
		r.State = string(seen.Health)
		r.Failed = seen.Health == status.Unhealthy || seen.Health == status.Stalled
	}
	return r
}

// ended returns now if all releases are done, and nothing otherwise: what has failed may still come right.
func ended(r *report.Rollout, now time.Time) time.Time {
	for _, rel := range r.Releases {
		if !rel.Done {
			return time.Time{}
		}
	}
	return now
}

// tellComment writes the comment on the merge, if it says something else than before.
func (e *Engine) tellComment(ctx context.Context, p Pull, f *followed, r report.Review) error {
	body := report.Merged(r)
	if digest(body) == f.substance {
		return nil
	}
	switch {
	case f.comment.ID == 0:
		made, err := e.opts.Forge.CreateComment(ctx, p.Number, body)
		if err != nil {
			f.looked = false // it may have been made all the same
			return err
		}
		f.comment = made
	case f.comment.Body != body:
		err := e.opts.Forge.EditComment(ctx, f.comment.ID, body)
		if errors.Is(err, ErrNotFound) {
			f.comment = Comment{} // someone deleted it: it is made again
		}
		if err != nil {
			return err
		}
	}
	f.comment.Body, f.substance = body, digest(body)
	return nil
}

// tellDeployments brings the deployments up to date, one for each environment.
func (e *Engine) tellDeployments(ctx context.Context, p Pull, f *followed, r *report.Rollout) error {
	of := map[string][]report.RolledOut{}
	for _, rel := range r.Releases {
		of[rel.ID.Environment] = append(of[rel.ID.Environment], rel)
	}
	for _, name := range slices.Sorted(maps.Keys(of)) {
		want := deploymentStatus(of[name])
		want.LogURL, want.EnvironmentURL = e.opts.Links.Console, e.opts.Links.Console
		d, made := f.deployments[name]
		if !made {
			d = Deployment{SHA: p.MergeCommit, Environment: name, Description: fmt.Sprintf("Merge of #%d", p.Number), Production: e.protected(name)}
			var err error
			if d, err = e.opts.Forge.CreateDeployment(ctx, d); err != nil {
				f.looked = false
				return err
			}
			f.deployments[name] = d
		}
		if d.State == want.State && d.Said == want.Description {
			continue
		}
		if err := e.opts.Forge.SetDeploymentStatus(ctx, d.ID, want); err != nil {
			return err
		}
		d.State, d.Said = want.State, want.Description
		f.deployments[name] = d
	}
	return nil
}

// protected reports whether an environment is, so that the forge shows it as one of production.
func (e *Engine) protected(environment string) bool {
	_, runs := e.opts.Trunk.Accepted()
	if runs == nil {
		return false
	}
	env, ok := runs.Catalog().Environments[environment]
	return ok && env.Spec.Protected
}

// deploymentStatus sums up the releases of an environment.
func deploymentStatus(releases []report.RolledOut) DeploymentStatus {
	var done, failed, held int
	first := ""
	for _, r := range releases {
		switch {
		case r.Done:
			done++
			continue
		case r.Failed:
			if failed++; failed == 1 {
				first = r.ID.String() + ": " + r.Reason
			}
		case r.Held:
			held++
		}
		if first == "" && r.Reason != "" {
			first = r.ID.String() + ": " + r.Reason
		}
	}
	s := DeploymentStatus{State: DeployInProgress, Description: fmt.Sprintf("%d of %d healthy", done, len(releases))}
	switch {
	case failed > 0:
		s.State = DeployFailure
	case done == len(releases):
		s.State = DeploySuccess
	case done+held == len(releases):
		s.State = DeployQueued
	}
	if first != "" {
		s.Description += "; " + first
	}
	s.Description = cut(s.Description, maxDescription)
	return s
}

// maxDescription is GitHub's bound of the description of a deployment's status, in characters.
const maxDescription = 140

func cut(s string, limit int) string {
	runes := []rune(s)
	if len(runes) <= limit {
		return s
	}
	return string(runes[:limit-1]) + "…"
}

// follow has merges looked at when the board says that something about their releases changed.
func (e *Engine) follow(ctx context.Context) {
	var after int64
	for {
		select {
		case <-ctx.Done():
			return
		case <-e.opts.Board.Changed(after):
		}
		changes := e.opts.Board.Changes(after, maxChanges)
		if changes.Lost {
			after = 0
			continue
		}
		after = changes.Revision
		e.wake(changes.Changes)
	}
}

// maxChanges is how many changes of the board are read at once.
const maxChanges = 1000

// wake has the merges looked at that something changed for: one of their releases, or what is accepted.
func (e *Engine) wake(changes []status.Change) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for number, releases := range e.following {
		for _, c := range changes {
			if c.Overview != nil || c.Release != nil && releases[c.Release.ReleaseID] || c.Removed != nil && releases[*c.Removed] {
				e.queue.work.AddAfter(key{pull: number}, settle)
				break
			}
		}
	}
}
