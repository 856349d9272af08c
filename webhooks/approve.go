// SPDX-License-Identifier: Apache-2.0

package webhooks

import (
	"context"
	"fmt"

	"trunkline.dev/trunkline/access"
	"trunkline.dev/trunkline/policy"
	"trunkline.dev/trunkline/reconciler/status"
	"trunkline.dev/trunkline/webhooks/report"
)

const (
	// codeLength is how much of the digest of what is held people have to write, in characters.
	codeLength = 12
	// maxHeldShown is how many releases are listed before they are approved.
	maxHeldShown = 20
)

// approve confirms what is held in an environment, as "trunkline approve" does. Without the code of what is held, it is shown with
// that: an approval is good for exactly what was shown.
func (e *Engine) approve(ctx context.Context, p Pull, s *pullState, in Comment, who caller, c command) (report.Answer, error) {
	if len(c.args) < 1 || len(c.args) > 2 {
		return report.Answer{Kind: report.WrongUse, What: "it takes an environment, and then the code that the reply shows"}, nil
	}
	environment := c.args[0]
	held, digest := status.ToApprove(e.opts.Board.Snapshot().Releases, environment)
	if len(held) == 0 {
		return report.Answer{Kind: report.Nothing, What: fmt.Sprintf("nothing in %q waits for an approval", environment)}, nil
	}
	owners, denied, err := e.mayApprove(ctx, who, held)
	switch {
	case err != nil:
		return report.Answer{}, err
	case denied:
		return report.Answer{Kind: report.NotAllowed, Who: owners}, nil
	}
	_, runs := e.opts.Trunk.Accepted()
	if runs == nil {
		return report.Answer{}, errNotReady
	}
	declared, err := e.guard(ctx, runs.Catalog(), who.Login)
	if err != nil {
		return report.Answer{}, err
	}
	if no := declared.denies(access.Approve, "", environment); no != nil {
		return *no, nil
	}
	code := digest[:codeLength]
	switch {
	case len(c.args) == 1:
		return report.Answer{Kind: report.Confirm, Held: heldIn(held), Code: environment + " " + code}, nil
	case c.args[1] != code:
		return report.Answer{Kind: report.Failed, What: fmt.Sprintf("that is not the code of what is held in %q by now: comment \"/trunkline approve %s\", which shows it", environment, environment)}, nil
	}
	if why := s.doubt(in); why != "" {
		return report.Answer{Kind: report.Failed, What: why}, nil
	}
	if err := e.opts.Hand.Approve(environment, digest, who.Login, fmt.Sprintf("asked for in #%d", p.Number)); err != nil {
		return report.Answer{Kind: report.Failed, What: err.Error()}, nil //nolint:nilerr // it is the answer
	}
	return report.Answer{Kind: report.Done, What: fmt.Sprintf("%d releases in %s go on", len(held), environment)}, nil
}

// mayApprove reports whether someone may not approve for all releases that are held, and who may instead. What is
// declared no more has no owners: whoever administers the repository may.
func (e *Engine) mayApprove(ctx context.Context, who caller, held []status.Release) (owners []string, denied bool, err error) {
	_, runs := e.opts.Trunk.Accepted()
	if runs == nil {
		return nil, false, errNotReady
	}
	asked := map[string]bool{}
	for _, rel := range held {
		if asked[rel.Project] {
			continue
		}
		asked[rel.Project] = true
		var of []string
		if project, declared := runs.Catalog().Project(rel.Project); declared {
			if of, err = policy.Owners(runs.Catalog(), []string{project.Document.File}); err != nil {
				return nil, true, nil //nolint:nilerr // whose it is cannot be told
			}
		}
		people, err := e.people(ctx, []string{who.Login}, of)
		if err != nil {
			return nil, false, err
		}
		one := who
		one.Person = people[0]
		if !one.mayAct(of) {
			denied = true
			owners = union(owners, of)
		}
	}
	return owners, denied, nil
}

// heldIn says what is held, as far as there is room for it.
func heldIn(held []status.Release) (out []string) {
	for _, rel := range held[:min(len(held), maxHeldShown)] {
		out = append(out, rel.String()+": "+rel.Held.Reason)
	}
	if more := len(held) - len(out); more > 0 {
		out = append(out, fmt.Sprintf("%d more", more))
	}
	return out
}
