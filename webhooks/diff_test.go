// SPDX-License-Identifier: Apache-2.0

package webhooks

import (
	"strings"
	"testing"
	"testing/synctest"

	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/plan"
	"trunkline.dev/trunkline/plan/preview"
)

// TestDiff: what the merge would make is compared with clusters for who may ask, and never for what a stranger wrote.
func TestDiff(t *testing.T) {
	for name, tc := range map[string]struct {
		reason, author, command string
		change                  func(p *Pull)
		says, not               string
	}{
		"All":      {"All that the change changes.", "olga", "diff", nil, "in the dev cluster", "of another project"},
		"One":      {"Of one environment.", "olga", "diff prod", nil, "in the prod cluster", "in the dev cluster"},
		"Nothing":  {"Where the change does nothing.", "olga", "diff staging", nil, "had nothing to do", "cluster"},
		"Stranger": {"A stranger may not.", "mallory", "diff", nil, "you may not", "cluster"},
		"Fork":     {"Clusters are not asked to try what comes from a fork.", "olga", "diff", func(p *Pull) { p.Fork = true }, "from a fork", "in the dev"},
		"Closed":   {"There is nothing to compare.", "olga", "diff", func(p *Pull) { p.State = Closed }, "not open", "in the dev"},
		"Use":      {"It takes one environment.", "olga", "diff dev prod", nil, "it takes an environment", "in the dev"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, platform())
				live := func(id catalog.ReleaseID, text string) preview.Release {
					return preview.Release{ID: id, Action: preview.Change, Steps: []preview.Step{{Action: plan.Update, Diff: "+" + text + "\n"}}}
				}
				w.live = []preview.Release{
					live(ordersDev, "in the dev cluster"), live(ordersProd, "in the prod cluster"),
					live(catalog.ReleaseID{Project: "revenue", Environment: "dev", Cluster: "one"}, "of another project"),
				}
				w.pull(1, "olga", image("img2"))
				if tc.change != nil {
					w.change(1, tc.change)
				}
				e := w.engine()
				w.during(e, func() {
					w.say(1, tc.author, "/trunkline "+tc.command)
					w.take(e, Hint{Pull: 1, Comment: true})
				})
				got := w.lastReply()
				if !strings.Contains(got, tc.says) || strings.Contains(got, tc.not) {
					t.Errorf("%s The reply is to say %q and not %q:\n%s", tc.reason, tc.says, tc.not, got)
				}
			})
		})
	}
}
