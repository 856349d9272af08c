// SPDX-License-Identifier: Apache-2.0

package webhooks

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"trunkline.dev/trunkline/plan/preview"
	"trunkline.dev/trunkline/plan/previews"
	"trunkline.dev/trunkline/webhooks/report"
)

// tellOwn brings the deployment and the line of the comment up to date.
func (e *Engine) tellOwn(ctx context.Context, p Pull, s *pullState, f fate) error {
	if err := e.tellOwnDeployment(ctx, p, s, f); err != nil {
		return err
	}
	if s.own.review == nil {
		return nil
	}
	r := *s.own.review
	r.Preview = e.ownLine(p, s, f)
	return e.writeComment(ctx, p, s, r)
}

// tellOwnDeployment writes the deployment of the newest head into its preview. It stays there while the pull request is open:
// when it was made is since when there is a preview, also for another process.
func (e *Engine) tellOwnDeployment(ctx context.Context, p Pull, s *pullState, f fate) error {
	o := &s.own
	if f.want == nil || o.put == "" {
		if f.keep != nil || len(o.deployments) == 0 {
			return nil
		}
		text := "There is no preview"
		if f.none != nil && reasons[f.none.Reason] != "" {
			text += ": " + reasons[f.none.Reason]
		}
		return e.setOwnDeployment(ctx, o, 0, DeploymentStatus{State: DeployInactive, Description: cut(text, maxDescription)})
	}
	if len(o.deployments) == 0 || o.deployments[0].SHA != f.want.Head {
		d := Deployment{SHA: f.want.Head, Environment: e.id(p.Number).Preview(), Description: fmt.Sprintf("Preview of #%d", p.Number), Transient: true}
		// Its time is ordered among those of replies, so that it has to be the forge's too: in whole seconds, by its clock.
		made, err := e.opts.Forge.CreateDeployment(ctx, d)
		if err != nil {
			o.recalled = false // it may have been made all the same
			return err
		}
		o.deployments = slices.Insert(o.deployments, 0, made)
	}
	status := e.ownStatus(o, f.want)
	if err := e.setOwnDeployment(ctx, o, 0, status); err != nil {
		return err
	}
	if len(o.deployments) > 1 {
		return e.setOwnDeployment(ctx, o, 1, DeploymentStatus{State: DeployInactive, Description: "A newer push came"})
	}
	return nil
}

func (e *Engine) setOwnDeployment(ctx context.Context, o *own, i int, status DeploymentStatus) error {
	d := &o.deployments[i]
	if d.State == status.State && (d.Said == status.Description || i > 0) {
		return nil
	}
	if err := e.opts.Forge.SetDeploymentStatus(ctx, d.ID, status); err != nil && !errors.Is(err, ErrNotFound) {
		return err
	}
	d.State, d.Said = status.State, status.Description
	return nil
}

// ownStatus sums up what the releases of a preview are doing.
func (e *Engine) ownStatus(o *own, want *previews.Preview) DeploymentStatus {
	s := deploymentStatus(e.ownReleases(o))
	s.EnvironmentURL, s.LogURL = e.ownURL(o), e.opts.Links.Console
	if want.Asleep {
		s.State, s.Description, s.EnvironmentURL = DeployInactive, "It sleeps; /trunkline preview wake wakes it", ""
	}
	return s
}

func (e *Engine) ownReleases(o *own) (out []report.RolledOut) {
	for _, id := range o.runs.releases {
		seen, ok := e.opts.Board.Release(id)
		out = append(out, rolledOut(preview.Release{ID: id, Action: preview.Create}, seen, ok))
	}
	return out
}

// ownURL is where people see a preview.
func (e *Engine) ownURL(o *own) string {
	if len(o.runs.hosts) > 0 {
		return "https://" + o.runs.hosts[0] + "/"
	}
	return e.opts.Links.Console
}

// reasons are why there is no preview, where one could be expected. All other reasons are silent.
var reasons = map[previews.Reason]string{
	previews.ByFork:        "it is a fork's, and this head was not approved",
	previews.ByCommand:     "someone asked for none; /trunkline preview up makes one",
	previews.ByTTL:         "nobody used it for long; /trunkline preview extend makes it again",
	previews.ByCap:         "it has cost what one may",
	previews.ByUnknownCost: "it is not known what it would cost, and there is a bound",
	previews.ByLimit:       "there are as many as there may be; it gets one once another is gone",
}

// ownLine is what the comment says of a preview; nil: nothing.
func (e *Engine) ownLine(p Pull, s *pullState, f fate) *report.PreviewEnvironment {
	line := &report.PreviewEnvironment{Name: e.id(p.Number).Preview(), State: "not there"}
	o := &s.own
	switch {
	case f.want != nil && o.put != "":
		e.describe(o, f.want, line)
	case f.want != nil:
		line.State = "being made"
	case f.keep != nil && f.keep.Reason != previews.Unknown && o.runs.head != "":
		line.State, line.Reason = "still at "+short(o.runs.head), o.looked.refused
	case f.remove != nil && f.none == nil:
		line.State = "being removed"
	case f.none == nil:
		return nil
	case f.none.Reason == previews.ByFork:
		line.State, line.Reason = "waiting for approval", "it is a fork's, and gets one once "+approvers(o.looked.owners)+" approved just this head in a review"
	case f.none.Reason == previews.ByVerdict && o.looked.refused != "":
		line.Reason = o.looked.refused
	case f.none.Reason == previews.ByDeclaration && o.looked.label != "":
		line.Reason = fmt.Sprintf("the label %q makes one", o.looked.label)
	case reasons[f.none.Reason] == "":
		return nil
	default:
		line.Reason = reasons[f.none.Reason]
	}
	return line
}

// maxApprovers is how many of those who may approve are told.
const maxApprovers = 5

func approvers(owners []string) string {
	if len(owners) == 0 {
		return "who administers the repository"
	}
	if len(owners) > maxApprovers {
		owners = append(slices.Clone(owners[:maxApprovers]), "others")
	}
	return strings.Join(owners, ", ")
}

// describe says how a preview is.
func (e *Engine) describe(o *own, want *previews.Preview, line *report.PreviewEnvironment) {
	line.URL, line.From, line.Reads, line.Expires = e.ownURL(o), o.runs.of, o.runs.reads, want.Expires
	if want.Asleep {
		line.State, line.URL = "asleep", ""
		line.Reason = "/trunkline preview wake wakes it"
		return
	}
	line.Sleeps = want.Sleeps
	status := e.ownStatus(o, want)
	switch status.State {
	case DeploySuccess:
		line.State, line.Since = "healthy", e.since(o)
	case DeployFailure:
		line.State, line.Reason = "failing", status.Description
	default:
		line.State = "being deployed"
	}
}

// since is when the last of its releases came to be as it is.
func (e *Engine) since(o *own) (at time.Time) {
	for _, id := range o.runs.releases {
		if seen, ok := e.opts.Board.Release(id); ok && seen.Since.After(at) {
			at = seen.Since
		}
	}
	return at
}
