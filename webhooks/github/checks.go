// SPDX-License-Identifier: Apache-2.0

package github

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"unicode/utf8"

	"github.com/google/go-github/v60/github"

	"trunkline.dev/trunkline/webhooks"
)

const (
	// maxAnnotations is how many annotations a request may have; maxText and maxTitle how many characters the texts of a
	// check, and maxDescription that of a status or a deployment.
	maxAnnotations = 50
	maxText        = 65535
	maxTitle       = 255
	maxDescription = 140
	// maxMessage is how many bytes the message of an annotation may have.
	maxMessage = 64 << 10
)

func hash(number int) string { return "#" + strconv.Itoa(number) }

func short(sha string) string { return clip(oneLine(sha), 12) }

// FindCheck implements [webhooks.Checks].
func (r *Repository) FindCheck(ctx context.Context, sha, name string) (out webhooks.Check, found bool, err error) {
	if r.client.app == nil {
		return r.findStatus(ctx, sha, name)
	}
	err = r.call(ctx, fmt.Sprintf("looking for the check %q of %s", name, short(sha)), func(api *github.Client) error {
		return pages(func(o github.ListOptions) (bool, *github.Response, error) {
			list, resp, err := api.Checks.ListCheckRunsForRef(ctx, r.owner, r.name, sha, &github.ListCheckRunsOptions{
				CheckName: &name, AppID: &r.client.config.appID, Filter: new("all"), ListOptions: o,
			})
			if err != nil {
				return false, resp, err
			}
			for _, k := range list.CheckRuns { // ids grow
				if !found || k.GetID() > out.ID {
					out, found = checkOf(k), true
				}
			}
			return true, resp, nil
		})
	})
	return out, found, err
}

func checkOf(k *github.CheckRun) webhooks.Check {
	out := webhooks.Check{
		ID: k.GetID(), Name: k.GetName(), SHA: k.GetHeadSHA(), ExternalID: k.GetExternalID(), DetailsURL: k.GetDetailsURL(),
		Title: k.GetOutput().GetTitle(), Summary: k.GetOutput().GetSummary(), Text: k.GetOutput().GetText(),
	}
	switch {
	case k.GetStatus() == "queued":
		out.State = webhooks.Queued
	case k.GetStatus() != "completed":
		out.State = webhooks.InProgress
	case k.GetConclusion() == "success":
		out.State = webhooks.Success
	case k.GetConclusion() == "neutral", k.GetConclusion() == "skipped":
		out.State = webhooks.Neutral
	default: // whoever concluded it, and however: it has not passed
		out.State = webhooks.Failure
	}
	return out
}

// CreateCheck implements [webhooks.Checks].
func (r *Repository) CreateCheck(ctx context.Context, c webhooks.Check) (int64, error) {
	if r.client.app == nil {
		return r.createStatus(ctx, c)
	}
	first, rest := batch(c)
	o := github.CreateCheckRunOptions{Name: first.Name, HeadSHA: first.SHA, ExternalID: optional(first.ExternalID), DetailsURL: optional(first.DetailsURL), Output: output(first)}
	o.Status, o.Conclusion = states(first.State)
	var id int64
	err := r.call(ctx, fmt.Sprintf("creating the check %q of %s", c.Name, short(c.SHA)), func(api *github.Client) error {
		made, _, err := api.Checks.CreateCheckRun(ctx, r.owner, r.name, o)
		id = made.GetID()
		return err
	})
	if err != nil {
		// It may be there all the same: an answer that is lost is not a request that is lost.
		if found, ok := r.foundAfter(ctx, err, c); ok {
			id, err = found, nil
		}
	}
	if err != nil || rest == nil {
		return id, err
	}
	rest.ID = id
	return id, r.UpdateCheck(ctx, *rest)
}

// foundAfter looks for a check whose creation failed without an answer.
func (r *Repository) foundAfter(ctx context.Context, err error, c webhooks.Check) (int64, bool) {
	if !lost(err) || c.ExternalID == "" {
		return 0, false
	}
	found, ok, err := r.FindCheck(ctx, c.SHA, c.Name)
	return found.ID, err == nil && ok && found.ExternalID == c.ExternalID
}

// lost reports whether a request failed in a way that leaves open whether it was carried out.
func lost(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.Class == Transient && (e.Status == 0 || e.Status >= 500)
}

// batch splits a check into what fits in one request and the rest; nil: nothing is left. The state is final with the last.
func batch(c webhooks.Check) (first webhooks.Check, rest *webhooks.Check) {
	if len(c.Annotations) <= maxAnnotations {
		return c, nil
	}
	left := c
	left.Annotations = c.Annotations[maxAnnotations:]
	c.Annotations = c.Annotations[:maxAnnotations]
	if c.State.Final() {
		c.State = webhooks.InProgress
	}
	return c, &left
}

// UpdateCheck implements [webhooks.Checks].
func (r *Repository) UpdateCheck(ctx context.Context, c webhooks.Check) error {
	if r.client.app == nil {
		_, err := r.createStatus(ctx, c)
		return err
	}
	for {
		first, rest := batch(c)
		o := github.UpdateCheckRunOptions{Name: first.Name, ExternalID: optional(first.ExternalID), DetailsURL: optional(first.DetailsURL), Output: output(first)}
		o.Status, o.Conclusion = states(first.State)
		sent := ctx
		if len(first.Annotations) == 0 {
			sent = twice(ctx) // annotations would be there twice
		}
		err := r.call(ctx, fmt.Sprintf("updating the check %q of %s", c.Name, short(c.SHA)), func(api *github.Client) error {
			_, _, err := api.Checks.UpdateCheckRun(sent, r.owner, r.name, c.ID, o)
			return err
		})
		if err != nil || rest == nil {
			return err
		}
		c = *rest
	}
}

// states are the status and the conclusion of a state.
func states(s webhooks.CheckState) (status, conclusion *string) {
	if !s.Final() {
		return new(string(s)), nil
	}
	return new("completed"), new(string(s))
}

// output is what people read of a check; nil: nothing yet.
func output(c webhooks.Check) *github.CheckRunOutput {
	if c.Title == "" && c.Summary == "" && c.Text == "" && len(c.Annotations) == 0 {
		return nil
	}
	o := &github.CheckRunOutput{
		Title: new(clip(orDash(c.Title, c.Name), maxTitle)), Summary: new(clip(c.Summary, maxText)), Text: optional(clip(c.Text, maxText)),
	}
	for _, a := range c.Annotations {
		o.Annotations = append(o.Annotations, &github.CheckRunAnnotation{
			Path: new(a.Path), StartLine: new(max(a.Line, 1)), EndLine: new(max(a.EndLine, a.Line, 1)), AnnotationLevel: new(string(a.Level)),
			Title: optional(clip(a.Title, maxTitle)), Message: new(clipBytes(orDash(a.Message, a.Title), maxMessage)),
		})
	}
	return o
}

func orDash(texts ...string) string {
	for _, t := range texts {
		if t != "" {
			return t
		}
	}
	return "–"
}

// clipBytes cuts a text to a number of bytes, between characters.
func clipBytes(s string, most int) string {
	if len(s) <= most {
		return s
	}
	for most > 0 && !utf8.RuneStart(s[most]) {
		most--
	}
	return s[:most]
}

func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// findStatus is FindCheck where only a token is configured: a commit status, which has no external id and no long text.
func (r *Repository) findStatus(ctx context.Context, sha, name string) (out webhooks.Check, found bool, err error) {
	err = r.call(ctx, fmt.Sprintf("looking for the status %q of %s", name, short(sha)), func(api *github.Client) error {
		return pages(func(o github.ListOptions) (bool, *github.Response, error) {
			list, resp, err := api.Repositories.ListStatuses(ctx, r.owner, r.name, sha, &o) // the newest first
			for _, s := range list {
				if s.GetContext() == name {
					out, found = statusOf(sha, s), true
					return false, resp, err
				}
			}
			return true, resp, err
		})
	})
	return out, found, err
}

func statusOf(sha string, s *github.RepoStatus) webhooks.Check {
	out := webhooks.Check{ID: s.GetID(), Name: s.GetContext(), SHA: sha, DetailsURL: s.GetTargetURL(), Title: s.GetDescription(), Brief: true}
	switch s.GetState() {
	case "success":
		out.State = webhooks.Success
	case "pending":
		out.State = webhooks.InProgress
	default:
		out.State = webhooks.Failure
	}
	return out
}

// createStatus writes a commit status: of each there is a new one, of which the last counts.
func (r *Repository) createStatus(ctx context.Context, c webhooks.Check) (id int64, err error) {
	state := "pending"
	switch c.State {
	case webhooks.Success, webhooks.Neutral:
		state = "success"
	case webhooks.Failure:
		state = "failure"
	case webhooks.Queued, webhooks.InProgress: // pending
	}
	err = r.call(ctx, fmt.Sprintf("setting the status %q of %s", c.Name, short(c.SHA)), func(api *github.Client) error {
		made, _, err := api.Repositories.CreateStatus(twice(ctx), r.owner, r.name, c.SHA, &github.RepoStatus{
			State: &state, Context: &c.Name, Description: optional(clip(oneLine(c.Title), maxDescription)), TargetURL: optional(c.DetailsURL),
		})
		id = made.GetID()
		return err
	})
	return id, err
}
