// SPDX-License-Identifier: Apache-2.0

package webhooks

import (
	"context"
	"fmt"

	"trunkline.dev/trunkline/access"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/policy"
	"trunkline.dev/trunkline/promotion"
	"trunkline.dev/trunkline/webhooks/report"
)

// subject is what a command about a project in an environment acts on: what runs, and never what a pull request would make.
type subject struct {
	project     *catalog.Project
	environment string
	releases    []catalog.ReleaseID
	catalog     *catalog.Catalog
	// commit is the accepted one, and declared the project in it.
	commit   string
	declared *promotion.Declared
}

// subjectOf finds what someone acts on, if they may: with the answer, there is nothing to act on.
func (e *Engine) subjectOf(ctx context.Context, s *pullState, in Comment, who caller, right access.Right, project, environment string) (subject, *report.Answer, error) {
	commit, runs := e.opts.Trunk.Accepted()
	if runs == nil {
		return subject{}, &report.Answer{Kind: report.Failed, What: errNotReady.Error()}, nil
	}
	on := subject{environment: environment, catalog: runs.Catalog(), commit: commit}
	var known bool
	if on.project, known = on.catalog.Project(project); known {
		on.releases = releasesIn(on.catalog, on.project, environment)
	}
	if len(on.releases) == 0 {
		return on, &report.Answer{Kind: report.Failed, What: fmt.Sprintf("there is no release of a project %q in an environment %q", project, environment)}, nil
	}
	if source := on.catalog.SourceOf(on.project.Document.File); source != "" {
		return on, &report.Answer{Kind: report.Failed, What: fmt.Sprintf("the project %q is declared by the source %q: it is changed in that repository", project, source)}, nil
	}
	on.declared = promotion.Of(on.catalog.Tree(), on.project.Document)
	owners, err := policy.Owners(on.catalog, []string{on.project.Document.File})
	if err != nil {
		return on, &report.Answer{Kind: report.Failed, What: "who owns the project cannot be told: " + err.Error()}, nil //nolint:nilerr // it is the answer
	}
	people, err := e.people(ctx, []string{who.Login}, owners)
	if err != nil {
		return on, nil, err
	}
	login := who.Login
	who.Person = people[0]
	if !who.mayAct(owners) {
		return on, &report.Answer{Kind: report.NotAllowed, Who: owners}, nil
	}
	declared, err := e.guard(ctx, on.catalog, login)
	if err != nil {
		return on, nil, err
	}
	if no := declared.denies(right, project, environment); no != nil {
		return on, no, nil
	}
	if why := s.doubt(in); why != "" {
		return on, &report.Answer{Kind: report.Failed, What: why}, nil
	}
	return on, nil, nil
}

func releasesIn(c *catalog.Catalog, p *catalog.Project, environment string) (ids []catalog.ReleaseID) {
	for _, id := range c.ReleasesOf(p) {
		if id.Environment == environment {
			ids = append(ids, id)
		}
	}
	return ids
}
