// SPDX-License-Identifier: Apache-2.0

package webhooks

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"

	"trunkline.dev/trunkline/access"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/webhooks/report"
)

// guard is someone who asks in a comment, and what is declared of who may do what. It takes away from what GitHub's own rights give,
// and adds nothing.
type guard struct {
	rules *access.Rules
	who   access.Principal
}

// guard finds out what the accepted or base commit says of someone: what a pull request makes of it does not count.
func (e *Engine) guard(ctx context.Context, cat *catalog.Catalog, login string) (guard, error) {
	g := guard{access.New(cat.Granted()), access.Principal{Name: access.GitHubPrefix + login, SignOn: access.ByGitHub}}
	teams := g.rules.GitHubTeams()
	if len(teams) == 0 {
		return g, nil
	}
	of, err := e.rights().Teams(ctx, login, teams)
	if err != nil {
		return g, fmt.Errorf("reading the teams of %s: %w", login, err)
	}
	g.who.Teams = of
	return g, nil
}

// denies returns the answer to whom what is declared does not let do something; nil: it does.
func (g guard) denies(right access.Right, project, environment string) *report.Answer {
	d := g.rules.May(g.who, right, access.Scope{Project: project, Environment: environment})
	if d.Allowed {
		return nil
	}
	who := d.Who
	if len(who) == 0 {
		who = []string{"nobody whom a binding names"}
	}
	return &report.Answer{Kind: report.NotAllowed, What: d.Why, Who: who}
}

// projectsAt are the projects in whose folders something differs; an empty one stands for all, if none is.
func projectsAt(cat *catalog.Catalog, paths []string) []string {
	var out []string
	for p := range cat.Projects() {
		folder := path.Dir(p.Document.File)
		if slices.ContainsFunc(paths, func(changed string) bool { return folder == "." || strings.HasPrefix(changed, folder+"/") }) {
			out = append(out, p.Name)
		}
	}
	if len(out) == 0 {
		return []string{""}
	}
	return out
}
