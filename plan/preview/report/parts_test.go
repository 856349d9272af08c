// SPDX-License-Identifier: Apache-2.0

package report_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/plan"
	"trunkline.dev/trunkline/plan/gate"
	"trunkline.dev/trunkline/plan/preview"
	"trunkline.dev/trunkline/plan/preview/report"
)

func release(project, env, cluster string, steps ...preview.Step) preview.Release {
	return preview.Release{ID: catalog.ReleaseID{Project: project, Environment: env, Cluster: cluster}, Action: preview.Change, Steps: steps}
}

// image is a step of a Deployment of a project in an environment.
func image(env, diff string) preview.Step {
	return preview.Step{Ref: ref("apps", "Deployment", "orders-"+env, "web"), Action: plan.Update, Reason: plan.Changed, Diff: diff}
}

func TestTable(t *testing.T) {
	until := time.Date(2026, 12, 7, 8, 0, 0, 0, time.UTC)
	created := preview.Step{Ref: ref("", "Service", "n", "s"), Action: plan.Create}
	held := func(r preview.Release) preview.Release {
		r.Held = gate.Verdict{Hold: gate.Closed, Until: until}
		return r
	}
	order := []string{"dev", "staging", "prod"}
	for _, tc := range []struct {
		reason   string
		releases []preview.Release
		room     int
		want     []string
		left     int
	}{
		{"Nothing is no table.", nil, 1000, nil, 0},
		{"What stays as it is has no row.", []preview.Release{{ID: catalog.ReleaseID{Project: "a"}, Action: preview.Unchanged, Unchanged: 3}}, 1000, nil, 0},
		{"Environments are in their order, and equal ones share a column.", []preview.Release{
			release("a", "prod", "one", created), release("a", "staging", "one", image("x", "")), release("a", "dev", "one", image("x", "")),
		}, 1000, []string{"| | dev and staging | prod |", "| a | \\~1 | +1 |"}, 0},
		{"One that is not listed comes last.", []preview.Release{release("a", "qa", "one", created), release("a", "prod", "one", image("x", ""))}, 1000, []string{"| | prod | qa |", "| a | \\~1 | +1 |"}, 0},
		{"Equal clusters are said once, others one by one.", []preview.Release{
			release("a", "dev", "one", created), release("a", "dev", "two", created), release("a", "prod", "one", created), release("a", "prod", "two", image("x", "")),
		}, 1000, []string{"| | dev | prod |", "| a | +1 | one +1<br>two \\~1 |"}, 0},
		{"Equal projects share a row.", []preview.Release{
			release("a", "dev", "one", created), release("b", "dev", "one", created), release("c", "dev", "one", image("x", "")),
		}, 1000, []string{"| | dev |", "| a and b | +1 |", "| c | \\~1 |"}, 0},
		{"What is removed or fails is first.", []preview.Release{
			release("a", "dev", "one", created), {ID: id("y", "dev"), Action: preview.Remove}, {ID: id("z", "dev"), Action: preview.Fail, Err: "boom"},
		}, 1000, []string{"| | dev |", "| z | **not known** |", "| y | **removed** |", "| a | +1 |"}, 0},
		{"What takes the place of another is updated.", []preview.Release{release("a", "dev", "one",
			preview.Step{Ref: ref("", "ConfigMap", "n", "c-bbbb2222"), Action: plan.Create, Replaces: "c-aaaa1111"}, preview.Step{Ref: ref("", "ConfigMap", "n", "c-aaaa1111"), Action: plan.Delete},
		)}, 1000, []string{"| | dev |", "| a | \\~1 |"}, 0},
		{"A hold is said, and until when.", []preview.Release{held(release("a", "prod", "one", created))}, 1000, []string{
			"| | prod |", "| a | +1 · *held by a deploy window until Mon 7 Dec 08:00 UTC* |",
		}, 0},
		{"What does not fit is counted in projects.", []preview.Release{release("a", "dev", "one", created), release("b", "dev", "one", image("x", "")), release("c", "dev", "one", image("x", ""))}, 100, []string{
			"| | dev |", "| a | +1 |",
		}, 2},
		{"Without any room it is all of them.", []preview.Release{release("a", "dev", "one", created)}, 10, nil, 1},
	} {
		t.Run(tc.reason, func(t *testing.T) {
			text, left := report.Table(tc.releases, order, report.Happens, tc.room)
			if len(text) > tc.room {
				t.Errorf("it has %d bytes, of at most %d", len(text), tc.room)
			}
			var got []string
			for l := range strings.Lines(text) {
				if !strings.HasPrefix(l, "| ---") {
					got = append(got, strings.NewReplacer("<b>", "", "</b>", "", "<code>", "", "</code>", "").Replace(strings.TrimSuffix(l, "\n")))
				}
			}
			if diff := cmp.Diff(tc.want, got); diff != "" || left != tc.left {
				t.Errorf("%d are left, want %d; -want +got:\n%s", left, tc.left, diff)
			}
		})
	}
}

func TestGroup(t *testing.T) {
	named := func(env, digest, diff string) preview.Step {
		return preview.Step{Ref: ref("batch", "Job", "orders-"+env, "clean-"+digest), Replaces: "clean-0000" + digest[4:], Action: plan.Create, Diff: diff}
	}
	for _, tc := range []struct {
		reason   string
		releases []preview.Release
		want     []string
	}{
		{"The same but for the names of environments.", []preview.Release{
			release("a", "prod", "one", image("prod", "-ns: a-prod\n+ns: b-prod\n")), release("a", "dev", "two", image("dev", "-ns: a-dev\n+ns: b-dev\n")),
		}, []string{"a/dev@two a/prod@one"}},
		{"Our own labels are no names.", []preview.Release{
			release("a", "prod", "one", image("prod", " trunkline.dev/project: a\n+x: y\n")), release("a", "dev", "one", image("dev", " trunkline.dev/project: a\n+x: y\n")),
		}, []string{"a/dev@one a/prod@one"}},
		{"A part of a word is no name.", []preview.Release{
			release("a", "prod", "one", image("prod", "+x: production\n")), release("a", "dev", "one", image("dev", "+x: deventory\n")),
		}, []string{"a/dev@one", "a/prod@one"}},
		{"Another value is another change.", []preview.Release{
			release("a", "prod", "one", image("prod", "+image: a:1\n")), release("a", "dev", "one", image("dev", "+image: a:2\n")),
		}, []string{"a/dev@one", "a/prod@one"}},
		{"Names of objects that end with a digest differ by it.", []preview.Release{
			release("a", "prod", "one", named("prod", "aaaa1111", "+name: clean-aaaa1111\n")), release("a", "dev", "one", named("dev", "bbbb2222", "+name: clean-bbbb2222\n")),
		}, []string{"a/dev@one a/prod@one"}},
		{"Projects share only what happens to them at the same places.", []preview.Release{
			release("a", "dev", "one", image("dev", "+app: a\n")), release("a", "prod", "one", image("prod", "+app: a\n")), release("b", "dev", "one", image("dev", "+app: b\n")),
			release("c", "dev", "one", image("dev", "+app: c\n")), release("d", "dev", "one", image("dev", "+app: other\n")),
		}, []string{"a/dev@one a/prod@one", "b/dev@one c/dev@one", "d/dev@one"}},
		{"A value that looks like such a name is a value.", []preview.Release{
			release("a", "prod", "one", image("prod", "+image: a:v-aaaa1111\n")), release("a", "dev", "one", image("dev", "+image: a:v-bbbb2222\n")),
		}, []string{"a/dev@one", "a/prod@one"}},
		{"Projects share what is the same, and only one of them does the rest.", []preview.Release{
			release("a", "dev", "one", image("dev", "+x\n")), release("b", "dev", "one", image("dev", "+x\n")), {ID: id("b", "prod"), Action: preview.Fail, Err: "boom"}, {ID: id("c", "prod"), Action: preview.Unchanged},
		}, []string{"a/dev@one b/dev@one", "b/prod@one"}},
	} {
		t.Run(tc.reason, func(t *testing.T) {
			var got []string
			for _, s := range report.Group(tc.releases, []string{"dev", "prod"}) {
				var ids []string
				for _, r := range s {
					ids = append(ids, r.ID.String())
				}
				got = append(got, strings.Join(ids, " "))
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// TestWithoutValues: of a fork's objects the names of fields are shown, and nothing of what they are.
func TestWithoutValues(t *testing.T) {
	step := image("dev", `@@ -1,9 +1,9 @@
 metadata:
-  name: SECRET
+  store.example.com/path: "SECRET"
   args:
   - SECRET
   - name: SECRET
   url: |
     SECRET SECRET: x
+    postgres://SECRET:SECRET@db
(SECRET)
`)
	step.Err = "it says SECRET"
	r := release("a", "dev", "one", step)
	r.Err = "template: SECRET"
	text, left := report.Same{r}.Details(report.Detail{Diffs: true}, 10_000)
	want := "@@ -1,9 +1,9 @@\n metadata:\n-  name: …\n+  store.example.com/path: …\n   args:\n  …\n   - name: …\n   url: …\n  …\n+ …\n( …\n"
	if !strings.Contains(text, "```diff\n"+want+"```") || left != 0 {
		t.Errorf("got\n%s\nwant\n%s", text, want)
	}
	if strings.Contains(text, "SECRET") {
		t.Errorf("a value is shown:\n%s", text)
	}
}

// TestPartsFit: whatever there is and however much room, a part is no longer than that.
func TestPartsFit(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		var releases []preview.Release
		word := rapid.SampledFrom([]string{"a", "dev", "x|y", "ééé", evil, strings.Repeat("long-", 100)})
		for range rapid.IntRange(0, 12).Draw(rt, "releases") {
			r := release(word.Draw(rt, "project"), word.Draw(rt, "environment"), word.Draw(rt, "cluster"))
			r.Held = gate.Verdict{Hold: gate.Rule(rapid.SampledFrom([]string{"", "freeze", "x"}).Draw(rt, "hold")), Reason: word.Draw(rt, "reason")}
			for range rapid.IntRange(0, 3).Draw(rt, "steps") {
				r.Steps = append(r.Steps, preview.Step{Ref: ref("", "Service", word.Draw(rt, "namespace"), word.Draw(rt, "name")), Action: plan.Update, Diff: strings.Repeat("+"+word.Draw(rt, "diff")+"\n", rapid.IntRange(0, 200).Draw(rt, "lines"))})
			}
			releases = append(releases, r)
		}
		room := rapid.IntRange(0, 5000).Draw(rt, "room")
		all := map[string]bool{}
		for _, r := range releases {
			if len(r.Steps) > 0 {
				all[r.ID.Project] = true
			}
		}
		fits := func(what, text string, left int) {
			if len(text) > room || left < 0 {
				rt.Errorf("%s has %d bytes, of at most %d, and leaves %d", what, len(text), room, left)
			}
		}
		table, left := report.Table(releases, nil, report.Happens, room)
		fits("the table", table, left)
		if left > len(all)+12 || table == "" && len(all) > 0 && left == 0 {
			rt.Errorf("of %d projects %d are left", len(all), left)
		}
		held, left := report.Holds(releases, room)
		fits("holds", held, left)
		for _, s := range report.Group(releases, nil) {
			text, left := s.Details(report.Detail{Diffs: true, Values: true}, room)
			fits("details", text, left)
			if text != "" {
				checkMarkdown(rt, "### x\n\n"+text)
			}
		}
		shuffled := slices.Clone(releases)
		slices.Reverse(shuffled)
		if ids := map[catalog.ReleaseID]bool{}; len(releases) > 0 {
			for _, r := range releases {
				ids[r.ID] = true
			}
			if again, _ := report.Table(shuffled, nil, report.Happens, room); len(ids) == len(releases) && again != table {
				rt.Errorf("the order of releases matters: %s", cmp.Diff(table, again))
			}
		}
	})
}

func TestNames(t *testing.T) {
	for n, want := range []string{"", "a0", "a0 and a1", "a0, a1 and a2", "a0, a1, a2 and a3", "a0, a1, a2, a3 and a4", "a0, a1, a2, a3 and 2 more"} {
		var names []string
		for i := range n {
			names = append(names, fmt.Sprintf("a%d", i))
		}
		got := strings.NewReplacer("<code>", "", "</code>", "").Replace(report.Names(names))
		if got != want {
			t.Errorf("%d names: %q, want %q", n, got, want)
		}
	}
}
