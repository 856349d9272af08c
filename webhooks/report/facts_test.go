// SPDX-License-Identifier: Apache-2.0

package report_test

import (
	"encoding/json"
	"strings"
	"testing"

	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/webhooks/report"
)

// TestFactsOfForks: of a fork no value is in the facts, no message of what failed, and no cost.
func TestFactsOfForks(t *testing.T) {
	r := hostileReview("plain")
	r.Secretless = true
	r.Plan.Releases[0].Err, r.Plan.Releases[0].Steps[0].Err = "hunter2", "hunter2"
	r.Plan.Releases[0].Steps[0].Diff = "@@ -1 +1 @@\n-password: hunter1\n+password: hunter2\n"
	r.Cost.Change = "hunter2"
	data, err := json.Marshal(report.FactsOf(r))
	if err != nil {
		t.Fatal(err)
	}
	if text := string(data); strings.Contains(text, "hunter") || !strings.Contains(text, "password") {
		t.Errorf("a value is in them, or not even its name:\n%s", text)
	}
}

// TestFactsForAReader: of a project that a reader does not see, nothing is left.
func TestFactsForAReader(t *testing.T) {
	r := hostileReview("secret")
	r.Findings[0].About.Project, r.Findings[1].About.Project = "secret", "secret"
	f := report.FactsOf(r)
	f.Groups = append(f.Groups, report.FactGroup{Title: "mine", Releases: []catalog.ReleaseID{{Project: "mine", Environment: "dev"}}})
	f.Head, f.Base, f.BaseRef = "h", "b", "main"
	mine := func(project, _ string) bool { return project == "mine" }
	data, err := json.Marshal(f.For(false, true, mine))
	if err != nil {
		t.Fatal(err)
	}
	if text := string(data); strings.Contains(text, "secret\"") || strings.Contains(text, "\"secret") || !strings.Contains(text, "mine") {
		t.Errorf("a reader of one project is told\n%s", text)
	}
	if s, visible := f.Summary().For(false, true, func(string, string) bool { return false }); visible {
		t.Errorf("who sees no project sees %+v", s)
	}
}
