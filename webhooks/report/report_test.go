// SPDX-License-Identifier: Apache-2.0

package report_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/api/markdown/markdowntest"
	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/catalog/draw"
	"trunkline.dev/trunkline/plan"
	"trunkline.dev/trunkline/plan/gate"
	"trunkline.dev/trunkline/plan/preview"
	"trunkline.dev/trunkline/webhooks/report"
)

// bare is a text without our marks of code.
func bare(text string) string {
	return strings.NewReplacer("<b>", "", "</b>", "", "<code>", "", "</code>", "", "&#64;", "@").Replace(text)
}

func problem(rule, file string, line int, message string) v1alpha1.Problem {
	return v1alpha1.Problem{Rule: rule, Severity: v1alpha1.Deny, Position: v1alpha1.Position{File: file, Line: line}, Message: message}
}

func release(project, env string, action preview.Action, steps ...preview.Step) preview.Release {
	return preview.Release{ID: id(project, env, "one"), Action: action, Steps: steps}
}

func step(kind, name string, action plan.Action) preview.Step {
	return preview.Step{Ref: ref("", kind, "n", name), Action: action}
}

// TestTheFirstLines: the verdict, and the one thing that is to be done or what the change means.
func TestTheFirstLines(t *testing.T) {
	old := report.Finding{Problem: problem("limit", "a.yaml", 1, "too many"), Old: true}
	for _, tc := range []struct {
		reason  string
		outcome report.Outcome
		change  func(*report.Review)
		verdict string
		next    string
	}{
		{"What goes is said first.", report.Passed, func(r *report.Review) {
			r.Plan.Releases = []preview.Release{release("a", "prod", preview.Remove), release("b", "dev", preview.Create), release("b", "prod", preview.Create), release("c", "dev", preview.Change, step("Service", "s", plan.Update))}
		}, "✅ Trunkline: this merge removes 1, creates 2 and changes 1 releases", "a is removed from prod; b is deployed to dev and prod for the first time."},
		{"One release is one.", report.Passed, func(r *report.Review) { r.Plan.Releases = []preview.Release{release("a", "prod", preview.Remove)} }, "✅ Trunkline: this merge removes 1 release", "a is removed from prod."},
		{"Objects are named where they are few and nothing else is to be said, and counted by kind where they are more.", report.Passed, func(r *report.Review) {
			r.Plan.Releases = []preview.Release{release("a", "dev", preview.Change, step("Service", "s", plan.Update), step("Service", "t", plan.Update), step("Service", "u", plan.Update), step("Service", "v", plan.Update), step("Job", "j", plan.Create), step("ConfigMap", "c", plan.Delete))}
		}, "✅ Trunkline: this merge changes 1 release", "ConfigMap c is deleted; Job j is created; 4 Service objects are updated."},
		{"What changes of an object is said, and no name that says nothing.", report.Passed, func(r *report.Review) {
			s := step("Job", "j-0a1b2c3d", plan.Update)
			s.Diff = "@@ -1 +1 @@\n-  name: j\n-  cpu: 1\n+  cpu: 2\n+  - memory: 1Gi\n   same: x\n"
			r.Plan.Releases = []preview.Release{release("a", "dev", preview.Change, s)}
		}, "✅ Trunkline: this merge changes 1 release", "Job j (cpu, memory) is updated."},
		{"What happens everywhere alike is counted once.", report.Passed, func(r *report.Review) {
			r.Plan.Releases = []preview.Release{release("a", "dev", preview.Change, step("Service", "s", plan.Update)), release("a", "prod", preview.Change, step("Service", "s", plan.Update))}
		}, "✅ Trunkline: this merge changes 2 releases", "Service s is updated."},
		{
			"A version more.", report.Passed, func(r *report.Review) { r.Flow = &report.Flow{Before: flowOf("1"), After: flowOf("1", "2")} },
			"✅ Trunkline: this merge changes no release", "revenue gets version 2 of its dataset revenue-daily; revenue-daily@1 stays for its readers.",
		},
		{
			"A version in place of another.", report.Passed, func(r *report.Review) { r.Flow = &report.Flow{Before: flowOf("1"), After: flowOf("2")} },
			"✅ Trunkline: this merge changes no release", "revenue/revenue-daily@2 takes the place of revenue-daily@1.",
		},
		{"A dataset less, and one more.", report.Passed, func(r *report.Review) {
			r.Flow = &report.Flow{Before: &draw.Graph{Nodes: []draw.Node{{ID: "a/x@1", Kind: draw.Dataset}}}, After: &draw.Graph{Nodes: []draw.Node{{ID: "a/y@1", Kind: draw.Dataset}}}}
		}, "✅ Trunkline: this merge changes no release", "The dataset a/x@1 is removed; a gets the dataset y@1."},
		{"More than a sentence holds is counted.", report.Passed, func(r *report.Review) {
			for i := range 1200 {
				r.Plan.Releases = append(r.Plan.Releases, release(fmt.Sprintf("p%04d", i), "dev", preview.Remove))
			}
		}, "✅ Trunkline: this merge removes 1,200 releases", "p0000 is removed from dev; p0001 is removed from dev; p0002 is removed from dev; p0003 is removed from dev; 1,196 further changes below."},
		{"A refusal begins with what to do.", report.Refused, func(r *report.Review) {
			p := problem("limit", "a.yaml", 3, "too many")
			p.Hint = "use fewer"
			r.Findings = []report.Finding{old, {Problem: p}}
		}, "❌ Trunkline: refused, 2 problems to fix", "**Next:** in a.yaml:3, use fewer."},
		{"A file that cannot be read is before all that follows from it.", report.Refused, func(r *report.Review) {
			r.Findings = []report.Finding{{Problem: problem("limit", "a.yaml", 3, "too many")}, {Problem: problem("syntax", "b.yaml", 1, "this is no YAML")}}
		}, "❌ Trunkline: refused, 2 problems to fix", "**Next:** in b.yaml:1, this is no YAML."},
		{"A release that fails refuses too.", report.Refused, func(r *report.Review) {
			r.Plan.Releases = []preview.Release{{ID: id("a", "dev", "one"), Action: preview.Fail, Err: "it does not render"}}
		}, "❌ Trunkline: refused, 1 problem to fix", "**Next:** fix a/dev@one: it does not render."},
		{
			"A cluster that is silent.", report.Refused, func(r *report.Review) { r.Plan.Troubles = []preview.Trouble{{Cluster: "eu", Err: "timeout"}} },
			"❌ Trunkline: refused, 1 problem to fix", "**Next:** the cluster eu did not answer; then comment `/trunkline retry`.",
		},
		{
			"Conflicts are named.", report.Conflict, func(r *report.Review) { r.Conflicts = []string{"a.yaml", "b.yaml"} },
			"❌ Trunkline: this cannot be merged, there are conflicts", "**Next:** merge main into the branch, and resolve a.yaml and b.yaml.",
		},
		{
			"What is unknown does not pass.", report.Unknown, func(r *report.Review) { r.Trouble = "the daemon was stopped" },
			"❌ Trunkline: what this merge does is not known", "**Next:** comment `/trunkline retry`. The daemon was stopped. It does not pass as long as that is not known.",
		},
		{
			"An outcome that nobody knows is unknown.", "odd", func(*report.Review) {},
			"❌ Trunkline: what this merge does is not known", "**Next:** comment `/trunkline retry`. It does not pass as long as that is not known.",
		},
		{"Nothing of ours.", report.Untouched, func(*report.Review) {}, "✅ Trunkline: nothing of the platform changes", "<sub>"},
		{"Not done yet.", report.Running, func(*report.Review) {}, "⏳ Trunkline: being evaluated", "<sub>"},
	} {
		t.Run(tc.reason, func(t *testing.T) {
			r := base(tc.outcome)
			tc.change(&r)
			lines := strings.Split(bare(comment(r)), "\n")
			if diff := cmp.Diff([]string{"### " + tc.verdict, ""}, lines[1:3]); diff != "" {
				t.Errorf("the verdict, -want +got:\n%s", diff)
			}
			if got := lines[3]; got != tc.next && (tc.next != "<sub>" || !strings.HasPrefix(got, "<sub>")) {
				t.Errorf("then comes\n%s\nwant\n%s", got, tc.next)
			}
			if c := report.Check(r); "### "+strings.TrimSpace(tc.verdict[:len("✅")])+" Trunkline: "+strings.ToLower(c.Title[:1])+c.Title[1:] != lines[1] {
				t.Errorf("the check says %q", c.Title)
			}
		})
	}
}

// TestDangers: each is above the table, also of a change that passes.
func TestDangers(t *testing.T) {
	note := step("PersistentVolumeClaim", "data", plan.Delete)
	note.Note = "it stays"
	failing := step("Service", "s", plan.Adopt)
	failing.Err = "conflict"
	held := release("a", "prod", preview.Change, step("Service", "s", plan.Update))
	held.Held = gate.Verdict{Hold: gate.Shrunk, Reason: "9 of its 10 objects would be deleted"}
	frozen := held
	frozen.Held = gate.Verdict{Hold: gate.Frozen, Reason: "until tomorrow"}
	var removals []preview.Release
	for p := range strings.FieldsSeq("a b c d e f g") {
		removals = append(removals, release(p, "dev", preview.Remove))
	}
	for _, tc := range []struct {
		reason string
		change func(*report.Review)
		want   []string
	}{
		{"None is no box.", func(r *report.Review) {
			r.Plan.Releases = []preview.Release{release("a", "dev", preview.Change, step("Service", "s", plan.Delete))}
		}, nil},
		{
			"Data, with what is known of it.", func(r *report.Review) { r.Plan.Releases = []preview.Release{release("a", "dev", preview.Change, note)} },
			[]string{"> - **Data may be lost:** PersistentVolumeClaim n/data is deleted (it stays), in dev"},
		},
		{"What others made.", func(r *report.Review) {
			r.Plan.Releases = []preview.Release{release("a", "dev", preview.Change, step("Service", "s", plan.Adopt)), release("a", "prod", preview.Change, failing)}
		}, []string{"> - **Taken over:** Service n/s, which others made, in dev"}},
		{"Rights.", func(r *report.Review) { r.Widened = []string{"orders may use the account admin"} }, []string{"> - **Rights widen:** orders may use the account admin"}},
		{
			"A hold that a person ends, and none that time does.", func(r *report.Review) { r.Plan.Releases = []preview.Release{held, frozen} },
			[]string{"> - **Waits for a person:** prod: a: 9 of its 10 objects would be deleted"},
		},
		{"A cost that jumps.", func(r *report.Review) {
			r.Cost = &report.Cost{Before: "1 EUR", After: "9 EUR", Change: "+8", Jumps: true}
		}, []string{"> - **The cost jumps:** +8 a month, to 9 EUR"}},
		{"A fork is not told of costs.", func(r *report.Review) {
			r.Secretless, r.Cost = true, &report.Cost{Before: "1 EUR", After: "9 EUR", Change: "+8", Jumps: true}
		}, nil},
		{"Many of a kind are counted.", func(r *report.Review) { r.Plan.Releases = removals }, []string{
			"> - **Removed:** a from dev, with all of its objects", "> - **Removed:** b from dev, with all of its objects", "> - **Removed:** c from dev, with all of its objects",
			"> - **Removed:** d from dev, with all of its objects", "> - **Removed:** e from dev, with all of its objects", "> - **Removed:** 2 more, see below",
		}},
	} {
		t.Run(tc.reason, func(t *testing.T) {
			r := base(report.Passed)
			tc.change(&r)
			var got []string
			text := bare(comment(r))
			for l := range strings.Lines(text) {
				if strings.HasPrefix(l, "> - ") {
					got = append(got, strings.TrimSpace(l))
				}
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			if box, table := strings.Index(text, "> [!CAUTION]"), strings.Index(text, "| | "); box > table && table >= 0 || (box >= 0) != (len(tc.want) > 0) {
				t.Errorf("the box is at %d, the table at %d", box, table)
			}
		})
	}
}

// TestHowFarOffEstimatesWere: an estimate says how good the last ones were, where that is known.
func TestHowFarOffEstimatesWere(t *testing.T) {
	r := base(report.Passed)
	r.Cost = &report.Cost{Before: "1 EUR", After: "9 EUR", Change: "+8"}
	if text := comment(r); strings.Contains(text, "estimates from") {
		t.Errorf("it is not known:\n%s", text)
	}
	r.Cost.Accuracy = "estimates from 2026-08 to 2026-10 were 12 % low"
	if text := comment(r); !strings.Contains(text, "a month (+8); estimates from 2026-08 to 2026-10 were 12 % low.") {
		t.Errorf("it is known:\n%s", text)
	}
}

// TestOnlyTheFooterTellsTheTime: an evaluation at another time changes one line.
func TestOnlyTheFooterTellsTheTime(t *testing.T) {
	r := usual()
	was := strings.Split(comment(r), "\n")
	r.At, r.Took = r.At.Add(time.Hour), 3*time.Second
	is := strings.Split(comment(r), "\n")
	changed := 0
	for i := range was {
		if was[i] != is[i] {
			changed++
			if !strings.HasPrefix(was[i], "<sub>") {
				t.Errorf("this changed: %s", was[i])
			}
		}
	}
	if changed != 1 || len(was) != len(is) {
		t.Errorf("%d lines changed", changed)
	}
}

// TestFlowIsReduced: what is too large to be drawn or read is drawn in part, and said to be.
func TestFlowIsReduced(t *testing.T) {
	chain := func(n int, prefix string, change draw.Change) (g draw.Graph) {
		for i := range n {
			g.Nodes = append(g.Nodes, draw.Node{ID: fmt.Sprintf("%s%d/w", prefix, i), Kind: draw.Workload, Change: change})
			if i > 0 {
				g.Edges = append(g.Edges, draw.Edge{From: g.Nodes[i-1].ID, To: g.Nodes[i].ID, Kind: draw.After})
			}
		}
		return g
	}
	for _, tc := range []struct {
		reason string
		change func() (before, after draw.Graph)
		want   string
		nodes  int
	}{
		{"A small one is drawn as it is.", func() (draw.Graph, draw.Graph) {
			after := chain(10, "p", "")
			after.Nodes[5].Change = draw.Touched
			return chain(10, "p", ""), after
		}, "", 10},
		{"Of a large one, what changes and its neighbours.", func() (draw.Graph, draw.Graph) {
			after := chain(1000, "p", "")
			after.Nodes[500].Change = draw.Touched
			return chain(1000, "p", ""), after
		}, "Only what changes, and what is next to it.", 3},
		{"Of many changes, only these.", func() (draw.Graph, draw.Graph) {
			after := chain(100, "p", "")
			for i := range 30 {
				after.Nodes[3*i].Change = draw.Touched
			}
			return chain(100, "p", ""), after
		}, "Only what changes.", 30},
		{"Very many are drawn by project.", func() (draw.Graph, draw.Graph) { return draw.Graph{}, chain(60, "p", "") }, "Only what changes, folded by project or owner.", 60},
		{"What is too much for a text is said to be left out.", func() (draw.Graph, draw.Graph) {
			after := chain(400, long(), "")
			for i := range after.Nodes {
				after.Nodes[i].Owner = fmt.Sprint(long(), i)
			}
			return draw.Graph{}, after
		}, "the data flow; [the full report", 0},
	} {
		t.Run(tc.reason, func(t *testing.T) {
			r := base(report.Passed)
			before, after := tc.change()
			r.Flow = &report.Flow{Before: &before, After: &after}
			text := comment(r)
			if !strings.Contains(text, tc.want) || strings.Contains(text, "Only what changes") != strings.HasPrefix(tc.want, "Only") {
				t.Errorf("it does not say %q:\n%s", tc.want, text)
			}
			if got := strings.Count(text, "[\"") - strings.Count(text, "subgraph"); got != tc.nodes {
				t.Errorf("%d nodes are drawn, want %d:\n%s", got, tc.nodes, text)
			}
			for _, p := range markdowntest.Problems(text, ours(1)) {
				t.Error(p)
			}
		})
	}
}

func TestAnnotations(t *testing.T) {
	step := func(file string, line int, message string) v1alpha1.Step {
		return v1alpha1.Step{Position: v1alpha1.Position{File: file, Line: line}, Message: message}
	}
	cycle := problem("dag-cycle", "a.yaml", 3, "a cycle")
	cycle.Hint, cycle.Trace = "break it", []v1alpha1.Step{step("a.yaml", 3, "a reads b"), step("b.yaml", 7, "b reads a"), step("b.yaml", 7, "once more")}
	warning := problem("limit", "a.yaml", 0, "too many")
	warning.Severity = v1alpha1.Warn
	for _, tc := range []struct {
		reason   string
		findings []report.Finding
		want     []report.Annotation
	}{
		{"All places of a cycle, each once.", []report.Finding{{Problem: cycle}}, []report.Annotation{
			{"a.yaml", 3, 3, report.Failure, "dag-cycle", "a cycle. Break it"}, {"b.yaml", 7, 7, report.Failure, "dag-cycle", "b reads a. It is a part of: a cycle"},
		}},
		{"A file as a whole is its first line; a warning is one.", []report.Finding{{Problem: warning}}, []report.Annotation{{"a.yaml", 1, 1, report.Warning, "limit", "too many"}}},
		{"What the base has too is a notice.", []report.Finding{{Problem: warning, Old: true}}, []report.Annotation{{"a.yaml", 1, 1, report.Notice, "limit", "too many"}}},
		{"A refusal stays one.", []report.Finding{{Problem: problem("limit", "a.yaml", 1, "x"), Old: true}}, []report.Annotation{{"a.yaml", 1, 1, report.Failure, "limit", "x"}}},
		{"A file that is not there, and a line that is not.", []report.Finding{{Problem: problem("limit", "gone.yaml", 1, "x")}, {Problem: problem("limit", "a.yaml", 11, "x")}, {Problem: problem("limit", "", 0, "x")}}, nil},
		{"Texts are plain, and have an end.", []report.Finding{{Problem: problem("limit", "a.yaml", 1, "a\n\x1b[2J\u202eb "+strings.Repeat("x", 9000))}}, []report.Annotation{
			{"a.yaml", 1, 1, report.Failure, "limit", "a \ufffd[2J\ufffdb " + strings.Repeat("x", 4000-1-len("a ?[2J?b ")) + "…"},
		}},
	} {
		t.Run(tc.reason, func(t *testing.T) {
			r := base(report.Refused)
			r.Findings, r.Lines = tc.findings, map[string]int{"a.yaml": 10, "b.yaml": 10}
			if diff := cmp.Diff(tc.want, report.Check(r).Annotations); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestMergedSaysHowFarItIs(t *testing.T) {
	done, failed, going := report.RolledOut{State: "healthy", Done: true}, report.RolledOut{State: "failed", Failed: true, Done: true}, report.RolledOut{State: "progressing"}
	for _, tc := range []struct {
		reason string
		states []report.RolledOut
		ended  bool
		want   string
	}{
		{"Nothing is known yet.", nil, false, "⏳ Trunkline: deployment is about to begin"},
		{"There was nothing to do.", nil, true, "✅ Trunkline: merged, and nothing had to be deployed"},
		{"It goes on.", []report.RolledOut{done, going}, false, "⏳ Trunkline: deploying, 1 of 2 releases done"},
		{"It failed, whatever else goes on.", []report.RolledOut{failed, going}, false, "❌ Trunkline: 1 of 2 releases failed"},
		{"The only one failed.", []report.RolledOut{failed}, true, "❌ Trunkline: the release failed"},
		{"All is well.", []report.RolledOut{done, done}, true, "✅ Trunkline: all 2 releases deployed, and healthy"},
		{"One is well.", []report.RolledOut{done}, true, "✅ Trunkline: deployed, and healthy"},
		{"It ended, and something is not done: that is not well.", []report.RolledOut{done, going}, true, "⏳ Trunkline: deploying, 1 of 2 releases done"},
	} {
		t.Run(tc.reason, func(t *testing.T) {
			r := rollout(tc.states...)
			if tc.ended {
				r.Rollout.Ended = noon.Add(2 * time.Hour)
			}
			text := report.Merged(r)
			if got := strings.Split(text, "\n")[1]; got != "### "+tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
			if _, ours := report.ParseComment(text); !report.IsMerged(text) || ours {
				t.Error("it is not found again, or taken for the other comment")
			}
		})
	}
	if text := report.Merged(base(report.Passed)); !strings.Contains(text, "about to begin") {
		t.Errorf("without a roll-out it says\n%s", text)
	}
}

func TestReply(t *testing.T) {
	for _, tc := range []struct {
		reason string
		answer report.Answer
		want   string
		help   bool
	}{
		{"Help.", report.Answer{Kind: report.Help}, "Commands, each on a line of its own in a comment:", true},
		{"No such command.", report.Answer{Kind: report.UnknownCommand, Command: "dance"}, "/trunkline dance is no command that I know. These are:", true},
		{"Wrong arguments.", report.Answer{Kind: report.WrongUse, Command: "promote", What: "name a project"}, "/trunkline promote was not understood: name a project. These are:", true},
		{"Someone who may not.", report.Answer{Kind: report.NotAllowed, Command: "approve", What: "prod is protected", Who: []string{"team-data", "ada"}}, "/trunkline approve is not done, since you may not: prod is protected. Who may: team-data and ada.", false},
		{"Done.", report.Answer{Kind: report.Done, Command: "approve", What: "2 releases go on"}, "/trunkline approve is done: 2 releases go on.", false},
		{"A pull request.", report.Answer{Kind: report.Opened, Command: "promote orders --to prod", Link: "#43", URL: "https://trunkline.example.com/pull/43"}, "/trunkline promote orders --to prod opened [&#35;43](https://trunkline.example.com/pull/43).", false},
		{"Nothing to do.", report.Answer{Kind: report.Nothing, Command: "retry", What: "nothing has failed"}, "/trunkline retry had nothing to do: nothing has failed.", false},
		{"The head moved.", report.Answer{Kind: report.Outdated, Command: "approve"}, "/trunkline approve was for an older commit of this pull request, and does not count for the newest. Look at that, and comment again.", false},
		{"It failed.", report.Answer{Kind: report.Failed, Command: "diff", What: "the cluster eu did not answer"}, "/trunkline diff failed: the cluster eu did not answer.", false},
		{"A rule.", report.Answer{Kind: report.Explained, Command: "explain", Link: "dag-cycle", URL: "https://trunkline.example.com/rules/dag-cycle", What: "what is made from itself"}, "[dag-cycle](https://trunkline.example.com/rules/dag-cycle): what is made from itself.", false},
		{"A kind that nobody knows promises nothing.", report.Answer{Kind: "odd", Command: "approve"}, "/trunkline approve failed.", false},
	} {
		t.Run(tc.reason, func(t *testing.T) {
			tc.answer.To = 7
			text := report.Reply(tc.answer)
			lines := strings.Split(bare(text), "\n")
			if diff := cmp.Diff(tc.want, lines[1]); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			if help := strings.Contains(text, "| --- |"); help != tc.help {
				t.Errorf("the help is there: %v", help)
			}
			kind := tc.answer.Kind
			if kind == "odd" {
				kind = report.Failed
			}
			if a, ok := report.ParseReply(text); a.To != 7 || a.Kind != kind || !ok {
				t.Errorf("it is read as %+v, %v", a, ok)
			}
			for _, p := range markdowntest.Problems(text, ours(0)) {
				t.Error(p)
			}
		})
	}
	for _, kind := range []report.AnswerKind{report.UnknownCommand, report.WrongUse, report.NotAllowed, report.Done, report.Opened, report.Outdated, report.Failed, report.Explained} {
		text := report.Reply(report.Answer{Kind: kind, Command: evil, What: evil, Who: []string{evil}, URL: "javascript:x", Link: evil})
		for _, p := range markdowntest.Problems(text, ours(0)) {
			t.Errorf("%s: %s", kind, p)
		}
	}
	for _, body := range []string{"", "<!-- trunkline:reply x help -->\n", "<!-- trunkline:reply 1 odd -->\n", "<!-- trunkline:reply 1 -->\n", "<!-- trunkline:reply 1 done <b> -->\n", "<!-- trunkline:reply 1 done  -->\n", "hi\n<!-- trunkline:reply 1 help -->\n"} {
		if _, ok := report.ParseReply(body); ok {
			t.Errorf("this is no reply: %q", body)
		}
	}
}

// TestUnreviewed: what was shown is what may be applied.
func TestUnreviewed(t *testing.T) {
	reviewed := func(r report.Review) report.State {
		s, ok := report.ParseComment(strings.ReplaceAll(comment(r), "\n", "\r\n")) // as a forge may store it
		if !ok {
			t.Fatal("the comment is not found")
		}
		return s
	}
	usual, many := usual(), many(500)
	for _, tc := range []struct {
		reason string
		state  report.State
		plan   func() []preview.Release
		want   []string
	}{
		{"The same.", reviewed(usual), func() []preview.Release { return usual.Plan.Releases }, nil},
		{"What holds it, and what stays, is no part of it.", reviewed(usual), func() []preview.Release {
			r := convert("dev", "one")
			r.Held, r.Unchanged = gate.Verdict{Hold: gate.Frozen}, 99
			return []preview.Release{r}
		}, nil},
		{"Another difference.", reviewed(usual), func() []preview.Release {
			r := convert("dev", "one")
			r.Steps[0].Diff += "+x\n"
			return []preview.Release{convert("prod", "eu"), r}
		}, []string{"revenue/dev@one"}},
		{"The same in another release.", reviewed(usual), func() []preview.Release {
			r := convert("dev", "one")
			r.ID.Project = "other"
			return []preview.Release{r, {ID: id("still", "dev", "one"), Action: preview.Unchanged}}
		}, []string{"other/dev@one"}},
		{"Nothing was reviewed.", report.State{}, func() []preview.Release { return []preview.Release{convert("dev", "one")} }, []string{"revenue/dev@one"}},
		{"An evaluation that did not end was no review.", reviewed(func() report.Review { r := usual; r.Outcome = report.Unknown; return r }()), func() []preview.Release {
			return []preview.Release{convert("dev", "one")}
		}, []string{"revenue/dev@one"}},
		{"Very many.", reviewed(many), func() []preview.Release { return many.Plan.Releases }, nil},
		{"Of very many, those of an environment are known together.", reviewed(many), func() []preview.Release {
			return append([]preview.Release{many.Plan.Releases[0]}, many.Plan.Releases[2:]...)[:3]
		}, []string{"project-00001/dev@one", "project-00002/dev@one"}},
	} {
		t.Run(tc.reason, func(t *testing.T) {
			var got []string
			for _, id := range tc.state.Unreviewed(tc.plan()) {
				got = append(got, id.String())
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// TestFixedOnce: what a push fixes is struck through until the next, and what could not be found out fixes nothing.
func TestFixedOnce(t *testing.T) {
	a, b := report.Finding{Problem: problem("limit", "a.yaml", 1, "first")}, report.Finding{Problem: problem("limit", "a.yaml", 9, "second")}
	moved := a
	moved.Position.Line = 5
	var state report.State
	for _, push := range []struct {
		reason   string
		head     string
		outcome  report.Outcome
		findings []report.Finding
		want     []string
	}{
		{"Two problems.", "h1", report.Refused, []report.Finding{a, b}, nil},
		{"It goes on.", "h2", report.Running, nil, nil},
		{"It is not known.", "h2", report.Unknown, nil, nil},
		{"One is fixed, and the other one moved.", "h2", report.Refused, []report.Finding{moved}, []string{"second"}},
		{"The same commit again.", "h2", report.Refused, []report.Finding{moved}, []string{"second"}},
		{"The next push fixes the other one.", "h3", report.Passed, nil, []string{"first"}},
		{"Nothing is fixed any more.", "h4", report.Passed, nil, nil},
		{"It comes back.", "h5", report.Refused, []report.Finding{b}, nil},
		{"A push that touches nothing fixes it.", "h6", report.Untouched, nil, []string{"second"}},
	} {
		r := base(push.outcome)
		r.Head, r.Findings = push.head, push.findings
		text := report.Comment(r, state)
		var ok bool
		if state, ok = report.ParseComment(text); !ok {
			t.Fatal("the comment is not found")
		}
		var got []string
		for _, part := range strings.Split(text, "<del>")[1:] {
			text, _, _ := strings.Cut(part, "</del>")
			got = append(got, text[strings.LastIndex(text, " ")+1:])
		}
		if diff := cmp.Diff(push.want, got); diff != "" {
			t.Errorf("%s -want +got:\n%s", push.reason, diff)
		}
	}
}

// TestForgedState: whatever a comment says, it is read without harm, and says no more than it can.
func TestForgedState(t *testing.T) {
	good := comment(circular())
	for reason, tc := range map[string]struct {
		body    string
		ours    bool
		remains bool
	}{
		"It is ours.":                             {good, true, true},
		"The forge trims it.":                     {strings.TrimSpace(good), true, true},
		"Someone wrote below it.":                 {good + "hello\n", true, false},
		"Someone wrote above it.":                 {"hello\n" + good, false, false},
		"Nothing.":                                {"", false, false},
		"A quote of it.":                          {"> " + good, false, false},
		"No state.":                               {"<!-- trunkline:pull-request -->\n### x\n", true, false},
		"A state that is no base64.":              {"<!-- trunkline:pull-request -->\n<!-- trunkline:state:1 @@@ -->\n", true, false},
		"A state that is no packed text.":         {"<!-- trunkline:pull-request -->\n<!-- trunkline:state:1 AAAA -->\n", true, false},
		"A state that is very long.":              {"<!-- trunkline:pull-request -->\n<!-- trunkline:state:1 " + strings.Repeat("A", 1<<20) + " -->\n", true, false},
		"A state within, and another at the end.": {strings.Replace(good, "<!-- trunkline:state:1 ", "<!-- trunkline:state:2 ", 1), true, false},
	} {
		s, ours := report.ParseComment(tc.body)
		if ours != tc.ours || (s.Head != "") != tc.remains {
			t.Errorf("%s It is ours: %v; it remembers the head %q", reason, ours, s.Head)
		}
	}
}

func FuzzParseComment(f *testing.F) {
	f.Add(comment(circular()))
	f.Add(comment(usual()))
	f.Fuzz(func(t *testing.T, body string) {
		for _, text := range []string{body, "<!-- trunkline:pull-request -->\n<!-- trunkline:state:1 " + body + " -->\n"} {
			s, _ := report.ParseComment(text)
			again := report.Comment(base(report.Passed), s)
			for _, p := range markdowntest.Problems(again, ours(1)) {
				t.Error(p)
			}
			if len(again) > maxComment {
				t.Errorf("it has %d bytes", len(again))
			}
		}
	})
}
