// SPDX-License-Identifier: Apache-2.0

package report_test

import (
	"strings"
	"testing"

	"golang.org/x/net/html"

	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/catalog/draw"
	lots "trunkline.dev/trunkline/flow/plan"
	"trunkline.dev/trunkline/plan"
	"trunkline.dev/trunkline/plan/gate"
	"trunkline.dev/trunkline/plan/preview"
	"trunkline.dev/trunkline/webhooks/report"
)

// breakout is a text that gets out of wherever it is, if anything does.
const breakout = `"'></code></pre><script>alert(1)</script><img src=x onerror=alert(1)>&<a href="javascript:alert(1)">x</a>`

// hostileReview has the text in all of its places.
func hostileReview(text string) report.Review {
	return report.Review{
		Head: text, Base: text, BaseRef: text, Outcome: report.Refused, Trouble: text, Conflicts: []string{text}, Unjudged: []string{text}, Notes: []string{text}, Widened: []string{text},
		Findings: []report.Finding{{Problem: v1alpha1.Problem{
			Rule: text, Severity: v1alpha1.Deny, Message: text, Hint: text, Position: v1alpha1.Position{File: text, Line: 1},
			Trace: []v1alpha1.Step{{Message: text, Position: v1alpha1.Position{File: text, Line: 2}}},
		}}, {Problem: v1alpha1.Problem{Rule: text, Severity: v1alpha1.Warn, Message: text}}},
		Plan: preview.Preview{Lots: lots.Merged{Compute: []lots.Compute{{Environment: text, Arc: text, Lots: 2}}}, Releases: []preview.Release{{
			ID: catalog.ReleaseID{Project: text, Environment: text, Cluster: text}, Action: preview.Change, Held: gate.Verdict{Hold: gate.Frozen, Reason: text},
			Steps: []preview.Step{{Action: plan.Update, Diff: "@@ -1 +1 @@\n-a: " + text + "\n+b: " + text + "\n", Note: text, Err: text, Replaces: text}},
		}}},
		Flow: &report.Flow{After: &draw.Graph{Nodes: []draw.Node{{ID: text, Kind: "dataset", Project: text}}}},
		Cost: &report.Cost{Before: text, After: text, Change: text, Parts: []report.CostPart{{What: text, Change: text}}, Unknown: []string{text}},
	}
}

// TestPagesRunNothing: whatever texts others choose, the page has no element and no attribute that could run or load anything, and as
// many elements as with plain ones.
func TestPagesRunNothing(t *testing.T) {
	count := func(text string) (elements int) {
		page, err := report.Page(report.FactsOf(hostileReview(text)))
		if err != nil {
			t.Fatal(err)
		}
		tokens := html.NewTokenizer(strings.NewReader(string(page)))
		for {
			next := tokens.Next()
			if next == html.ErrorToken {
				return elements
			}
			if next == html.StartTagToken || next == html.SelfClosingTagToken {
				elements++
				token := tokens.Token()
				for _, a := range token.Attr {
					value := strings.ToLower(a.Val)
					if strings.HasPrefix(a.Key, "on") || a.Key == "href" || a.Key == "src" && !strings.HasPrefix(value, "data:image/svg+xml;base64,") {
						t.Errorf("<%s %s=%q>", token.Data, a.Key, a.Val)
					}
				}
				if token.Data == "script" || token.Data == "a" || token.Data == "iframe" || token.Data == "form" {
					t.Errorf("there is a <%s>", token.Data)
				}
			}
		}
	}
	if plain, hostile := count("plain"), count(breakout); plain != hostile || plain < 20 {
		t.Errorf("there are %d elements, and %d with plain text", hostile, plain)
	}
}

// TestPagesOfForks: of a fork no value is on the page, no message of what failed, and no cost.
func TestPagesOfForks(t *testing.T) {
	r := hostileReview("plain")
	r.Secretless = true
	r.Plan.Releases[0].Err, r.Plan.Releases[0].Steps[0].Err = "hunter2", "hunter2"
	r.Plan.Releases[0].Steps[0].Diff = "@@ -1 +1 @@\n-password: hunter1\n+password: hunter2\n"
	r.Cost.Change = "hunter2"
	page, err := report.Page(report.FactsOf(r))
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{string(page), report.Full(r)} {
		if strings.Contains(text, "hunter") || !strings.Contains(text, "password") {
			t.Errorf("a value is shown, or not even its name:\n%s", text)
		}
	}
}

// TestPagesAreWhole: what has no room in a comment is on the page and in its Markdown.
func TestPagesAreWhole(t *testing.T) {
	r := hostileReview("plain")
	r.Outcome, r.Findings = report.Passed, nil
	r.Plan.Releases[0].Steps = nil
	for range 300 {
		r.Plan.Releases[0].Steps = append(r.Plan.Releases[0].Steps, preview.Step{Action: plan.Update, Diff: "+" + strings.Repeat("x", 500) + "\n"})
	}
	r.Plan.Releases[0].Steps = append(r.Plan.Releases[0].Steps, preview.Step{Action: plan.Update, Diff: "+the last one\n"})
	page, err := report.Page(report.FactsOf(r))
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(report.Comment(r, report.State{}), "the last one") {
		t.Error("the comment has room for all of it, so that this shows nothing")
	}
	for _, text := range []string{string(page), report.Full(r)} {
		if !strings.Contains(text, "the last one") {
			t.Errorf("the last one of %d differences is not there, in %d bytes", len(r.Plan.Releases[0].Steps), len(text))
		}
	}
}
