// SPDX-License-Identifier: Apache-2.0

package report_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"trunkline.dev/trunkline/api/markdown/markdowntest"
	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/catalog/draw"
	"trunkline.dev/trunkline/plan"
	"trunkline.dev/trunkline/plan/gate"
	"trunkline.dev/trunkline/plan/preview"
	"trunkline.dev/trunkline/webhooks/report"
)

// comments are at most so long, and checks one less.
const maxComment = 65_536

// words are texts of someone else's.
var words = rapid.SampledFrom([]string{"", "a", "orders", "orders/clean@1", "a|b", "`", "```\n", "@all", "#1", "-", "1. x", "\n\n# x", "</details>", "-->", "www.x.y", "ééé", "שלום", "😀", "\x1b[2J\u202e", "deadbeefcafe", "✅ passed", evil, long()})

// reviews are reviews of any kind and size.
func reviews() *rapid.Generator[report.Review] {
	return rapid.Custom(func(t *rapid.T) report.Review {
		w := func(name string) string { return words.Draw(t, name) }
		list := func(name string) []string { return rapid.SliceOfN(words, 0, 4).Draw(t, name) }
		chance := func(name string) bool { return rapid.Bool().Draw(t, name) }
		// What is drawn once is repeated: long lists of things that are drawn one by one take too long.
		times := func(name string) int { return rapid.SampledFrom([]int{0, 1, 2, 30, 120}).Draw(t, name) }
		r := report.Review{
			Head: w("head"), Base: w("base"), BaseRef: w("ref"), Trouble: w("trouble"), Secretless: chance("fork"), Unchanged: times("unchanged"),
			Outcome:   rapid.SampledFrom([]report.Outcome{report.Passed, report.Refused, report.Untouched, report.Conflict, report.Unknown, report.Running, "", "odd"}).Draw(t, "outcome"),
			Conflicts: list("conflicts"), Unjudged: list("unjudged"), Widened: list("widened"), Notes: list("notes"),
			ReportURL: rapid.SampledFrom([]string{"", "https://trunkline.example.com/r", "javascript:alert(1)"}).Draw(t, "report"),
			RulesURL:  rapid.SampledFrom([]string{"", "https://trunkline.example.com/rules/"}).Draw(t, "rules"),
		}
		if chance("time") {
			r.At, r.Took = noon, time.Duration(rapid.IntRange(0, 1e12).Draw(t, "took"))
		}
		for _, e := range list("environments") {
			r.Environments = append(r.Environments, report.Environment{Name: e})
		}
		position := func() v1alpha1.Position {
			return v1alpha1.Position{File: w("file"), Line: rapid.IntRange(0, 9).Draw(t, "line")}
		}
		for range rapid.IntRange(0, 3).Draw(t, "findings") {
			f := report.Finding{Old: chance("old"), Problem: v1alpha1.Problem{
				Rule: w("rule"), Position: position(), Message: w("message"), Hint: w("hint"),
				Severity: rapid.SampledFrom([]v1alpha1.Severity{v1alpha1.Deny, v1alpha1.Warn}).Draw(t, "severity"),
			}}
			for range rapid.IntRange(0, 20).Draw(t, "trace") {
				f.Trace = append(f.Trace, v1alpha1.Step{Position: position(), Message: w("step")})
			}
			r.Findings = append(r.Findings, slices.Repeat([]report.Finding{f}, times("same"))...)
		}
		r.Lines = map[string]int{w("known"): 5}
		for range rapid.IntRange(0, 4).Draw(t, "releases") {
			release := preview.Release{
				ID:     id(w("project"), w("environment"), w("cluster")),
				Action: rapid.SampledFrom([]preview.Action{preview.Create, preview.Change, preview.Remove, preview.Fail, preview.Unchanged}).Draw(t, "action"),
				Held:   gate.Verdict{Hold: rapid.SampledFrom([]gate.Rule{"", gate.Protected, gate.Frozen, "odd"}).Draw(t, "hold"), Reason: w("reason")},
			}
			if chance("fails") {
				release.Err = w("error")
			}
			for range rapid.IntRange(0, 3).Draw(t, "steps") {
				step := preview.Step{
					Ref:    ref(w("group"), rapid.SampledFrom([]string{"Deployment", "PersistentVolumeClaim", evil}).Draw(t, "kind"), w("namespace"), w("name")),
					Action: rapid.SampledFrom([]plan.Action{plan.Create, plan.Update, plan.Delete, plan.Adopt, plan.Keep, plan.Blocked}).Draw(t, "deed"),
					Diff:   strings.Repeat("+"+w("diff")+"\n", times("lines")), Note: w("note"),
				}
				if chance("step fails") {
					step.Err = w("step error")
				}
				release.Steps = append(release.Steps, slices.Repeat([]preview.Step{step}, 1+times("objects")/10)...)
			}
			for i := range 1 + times("as many") {
				if i > 0 {
					release.ID.Project += "x"
				}
				r.Plan.Releases = append(r.Plan.Releases, release)
			}
		}
		if chance("trouble") {
			r.Plan.Troubles = []preview.Trouble{{Cluster: w("cluster"), Err: w("why")}}
		}
		if chance("flow") {
			g := func(name string) *draw.Graph {
				var g draw.Graph
				ids := list(name)
				for i, id := range ids {
					g.Nodes = append(g.Nodes, draw.Node{ID: id, Label: w("label"), Owner: w("owner")})
					if i > 0 {
						g.Edges = append(g.Edges, draw.Edge{From: ids[i-1], To: id, Kind: draw.Reads})
					}
				}
				return &g
			}
			r.Flow = &report.Flow{Before: g("before"), After: g("after")}
			if chance("cycle") {
				r.Flow.Cycles = slices.Repeat([][]string{list("cycle")}, times("cycles"))
			}
		}
		if chance("cost") {
			parts := slices.Repeat([]report.CostPart{{What: w("what"), Change: w("change")}}, times("parts"))
			r.Cost = &report.Cost{Before: w("before"), After: w("after"), Change: w("change"), Parts: parts, Once: parts, Unknown: list("unknown"), Jumps: chance("jumps")}
		}
		if chance("preview") {
			r.Preview = &report.PreviewEnvironment{Name: w("name"), URL: "https://pr-42.example.com/" + w("path"), State: w("state"), Reason: w("reason"), From: w("from"), Reads: list("reads"), Since: r.At}
		}
		if chance("rollout") {
			r.Rollout = &report.Rollout{Commit: w("commit"), MergedBy: w("by"), Began: r.At}
			for _, release := range r.Plan.Releases {
				r.Rollout.Releases = append(r.Rollout.Releases, report.RolledOut{ID: release.ID, State: w("state"), Done: chance("done"), Failed: chance("failed"), Reason: w("reason"), RolledBackTo: w("back")})
				if len(r.Rollout.Releases) > 20 {
					break
				}
			}
		}
		return r
	})
}

// verdicts are the only headings that there may be.
var verdicts = []string{"### ✅ Trunkline: ", "### ❌ Trunkline: ", "### ⏳ Trunkline: "}

func checkText(t interface{ Errorf(string, ...any) }, text string, headings int) {
	if len(text) > maxComment-1 {
		t.Errorf("it has %d bytes", len(text))
	}
	for _, p := range markdowntest.Problems(text, ours(headings)) {
		t.Errorf("%s", p)
	}
}

// TestAnything: whatever is to be said, it has an end, is well formed, begins with the verdict, links and mentions nobody,
// and is the same again. The comment is found again and remembers.
func TestAnything(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		r := reviews().Draw(rt, "review")
		previous, _ := report.ParseComment(comment(reviews().Draw(rt, "previous")))
		text := report.Comment(r, previous)
		checkText(rt, text, 1)
		_, body, _ := strings.Cut(text, "\n")
		if !slices.ContainsFunc(verdicts, func(v string) bool { return strings.HasPrefix(body, v) }) {
			rt.Errorf("it does not begin with a verdict: %.200s", body)
		}
		if passes, green := r.Outcome == report.Passed || r.Outcome == report.Untouched, strings.HasPrefix(body, "### ✅"); passes != green {
			rt.Errorf("%s, and the verdict is: %.80s", r.Outcome, body)
		}
		if !strings.Contains(text, "/trunkline help") {
			rt.Error("the footer is missing")
		}
		if diff := cmp.Diff(text, report.Comment(r, previous)); diff != "" {
			rt.Errorf("it is not the same again: %s", diff)
		}
		if _, ok := report.ParseComment(text); !ok {
			rt.Error("the comment is not found again")
		}
		check := report.Check(r)
		checkText(rt, check.Summary, 0)
		checkText(rt, check.Text, 0)
		if strings.ContainsAny(check.Title, "<>`@\n") || len(check.Title) > 140 || check.Title == "" {
			rt.Errorf("the title is %q", check.Title)
		}
		for _, a := range check.Annotations {
			if a.Line < 1 || a.EndLine < a.Line || a.EndLine > r.Lines[a.Path] || a.Message == "" && a.Title == "" {
				rt.Errorf("an annotation: %+v", a)
			}
		}
		checkText(rt, report.Merged(r), 1)
	})
}

// TestValuesOfForks: of a fork's objects no value is shown, wherever it is.
func TestValuesOfForks(t *testing.T) {
	const value = "hunter2"
	r := usual()
	r.Secretless = true
	for i := range r.Plan.Releases {
		release := &r.Plan.Releases[i]
		release.Err = "the template says " + value
		for k := range release.Steps {
			release.Steps[k].Diff = "-  a: " + value + "\n+  - b: |\n+    " + value + "\n+    " + value + ": x " + value + "\n"
			release.Steps[k].Err = value
		}
	}
	r.Plan.Troubles = []preview.Trouble{{Cluster: "one", Err: value}}
	r.Cost.Parts[0].Change = value
	check := report.Check(r)
	for what, text := range map[string]string{"comment": comment(r), "summary": check.Summary, "text": check.Text} {
		// Who writes a name of a field shows it.
		if got := strings.ReplaceAll(text, value+": …", ""); strings.Contains(got, value) {
			t.Errorf("the %s shows a value:\n%s", what, text)
		}
	}
}
