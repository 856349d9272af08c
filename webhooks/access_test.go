// SPDX-License-Identifier: Apache-2.0

package webhooks

import (
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/webhooks/report"
)

// TestDeclaredAccess: where Access is declared, a command needs what it says beside GitHub's own rights; and what a pull request makes
// of it does not count.
func TestDeclaredAccess(t *testing.T) {
	access := func(bindings string) files {
		return files{"access.yaml": head + "kind: Access\nmetadata: {name: acme}\nspec:\n  teams: [{name: orders, github: [acme/team-orders]}]\n  bindings:\n" + bindings}
	}
	elsewhere := func(bindings string) files {
		all := access(bindings)
		all["access.yaml"] = strings.Replace(all["access.yaml"], "acme/team-orders", "other/team-orders", 1)
		return all
	}
	const (
		admin    = "    - {role: platform-admin, users: [ada@acme.example]}\n"
		project  = "    - {role: project-contributor, teams: [orders], projects: [orders]}\n"
		prod     = "    - {role: environment-contributor, teams: [orders], environments: [prod]}\n"
		login    = "    - {role: environment-contributor, users: ['github:Olga'], environments: [prod]}\n"
		namesake = "    - {role: platform-admin, users: [olga]}\n"
	)
	for name, c := range map[string]struct {
		reason  string
		runs    files
		changes files
		want    report.AnswerKind
	}{
		"nothing":       {"GitHub's own rights are enough", nil, nil, report.Done},
		"both":          {"her team is bound on both sides", access(admin + project + prod), nil, report.Done},
		"by login":      {"a login is the same in large letters", access(admin + project + login), nil, report.Done},
		"one":           {"a role in the project is not enough", access(admin + project), nil, report.NotAllowed},
		"other teams":   {"a team of another organisation is none of hers, whatever it is called", elsewhere(admin + project + prod), nil, report.NotAllowed},
		"none":          {"nobody has bound her", access(admin), nil, report.NotAllowed},
		"a namesake":    {"who signs on elsewhere under her login is somebody else", access(namesake), nil, report.NotAllowed},
		"grants itself": {"a pull request gives nobody rights", access(admin), access(admin + project + prod), report.NotAllowed},
		"takes away":    {"nor does it lift what is declared", access(admin), files{"access.yaml": ""}, report.NotAllowed},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, platform().with(c.runs))
				w.pull(1, "olga", newImage().with(c.runs).with(c.changes))
				w.say(1, "olga", "/trunkline rollback orders --in prod")
				e := w.engine()
				w.during(e, func() { w.take(e, Hint{Pull: 1, Comment: true}) })
				if diff := cmp.Diff([]report.AnswerKind{c.want}, w.replies()); diff != "" {
					t.Errorf("%s (-want +got):\n%s", c.reason, diff)
				}
				if done := c.want == report.Done; done != (len(w.acts) == 1) {
					t.Errorf("%s: this was done: %v", c.reason, w.acts)
				}
			})
		})
	}
}
