// SPDX-License-Identifier: Apache-2.0

package report_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/api/markdown/markdowntest"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/plan/preview"
	"trunkline.dev/trunkline/webhooks/report"
)

var update = flag.Bool("update", false, "write the goldens again")

// ours is what may be in our texts.
func ours(headings int) markdowntest.Allowed {
	return markdowntest.Allowed{Headings: headings, Links: []string{"https://trunkline.example.com/", "https://pr-42.example.com"}, Comments: []string{" trunkline:pull-request ", " trunkline:state:1 ", " trunkline:merged ", " trunkline:reply "}}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s, -want +got:\n%s", file, diff)
	}
}

func comment(r report.Review) string { return report.Comment(r, report.State{}) }

func TestGoldens(t *testing.T) {
	change := func(r report.Review, f func(*report.Review)) report.Review {
		f(&r)
		return r
	}
	before, _ := report.ParseComment(comment(circular()))
	healthy := report.RolledOut{State: "healthy", Done: true, Took: 42 * time.Second}
	for name, text := range map[string]string{
		"usual.md":     comment(usual()),
		"dangerous.md": comment(dangerous()),
		"cycle.md":     comment(circular()),
		// The push after fixes the cycle: it is struck through once.
		"fixed.md":     report.Comment(change(usual(), func(r *report.Review) { r.Head = "aaaa1112222" }), before),
		"failing.md":   comment(failing()),
		"untouched.md": comment(base(report.Untouched)),
		"conflict.md": comment(change(base(report.Conflict), func(r *report.Review) {
			r.Conflicts = []string{"projects/orders/project.yaml", "trunkline.yaml"}
		})),
		"unknown.md": comment(change(base(report.Unknown), func(r *report.Review) {
			r.Trouble = "the repository could not be fetched: connection refused"
		})),
		"running.md": comment(base(report.Running)),
		// What is known when the time limit comes is told.
		"partial.md": comment(change(usual(), func(r *report.Review) {
			r.Outcome, r.Trouble = report.Unknown, "the evaluation took longer than 5 minutes; 3 releases were not rendered"
			r.Cost, r.Flow = nil, nil
		})),
		"fork.md": comment(change(usual(), func(r *report.Review) {
			r.Secretless, r.Preview = true, &report.PreviewEnvironment{Name: "pr-42", State: "waiting for approval", Reason: "a maintainer approves this head commit"}
		})),
		"many.md":     comment(many(10_000)),
		"warnings.md": comment(change(base(report.Passed), func(r *report.Review) { r.Findings = usual().Findings })),
		"hostile.md":  comment(hostile(report.Passed)),
		"direction.md": comment(change(base(report.Passed), func(r *report.Review) {
			r.Plan.Releases = []preview.Release{convert("dev", "one")}
			r.Plan.Releases[0].ID.Project = "שלום-😀"
			r.Notes = []string{"مرحبا orders " + long()}
		})),
		"unreviewed.md": report.Merged(change(rollout(healthy, healthy, healthy, healthy), func(r *report.Review) {
			r.Unreviewed = []catalog.ReleaseID{r.Rollout.Releases[0].ID, r.Rollout.Releases[1].ID}
		})),
		"merged.md":    report.Merged(change(rollout(healthy, healthy, healthy, healthy), func(r *report.Review) { r.Rollout.Ended = noon.Add(62 * time.Minute) })),
		"deploying.md": report.Merged(rollout(healthy, report.RolledOut{State: "held", Reason: "the deploy window of prod opens on Mon 08:00"}, report.RolledOut{State: "progressing"}, healthy)),
		"rollback.md": report.Merged(rollout(healthy, report.RolledOut{
			State: "failed", Failed: true, Took: 5 * time.Minute, Reason: `CronJob "convert": the pod's image cannot be pulled (ErrImagePull)`, RolledBackTo: "9d0e77c1122334455",
		}, healthy, healthy)),
	} {
		t.Run(name, func(t *testing.T) {
			golden(t, name, text)
			for _, p := range markdowntest.Problems(text, ours(1)) {
				t.Error(p)
			}
		})
	}
	for name, r := range map[string]report.Review{"check-usual.md": usual(), "check-cycle.md": circular()} {
		c := report.Check(r)
		text := "title: " + c.Title + "\n\n---- summary\n\n" + c.Summary + "\n---- text\n\n" + c.Text + "\n---- annotations\n\n"
		for _, a := range c.Annotations {
			text += fmt.Sprintf("%s %s:%d-%d %s: %s\n", a.Level, a.Path, a.Line, a.EndLine, a.Title, a.Message)
		}
		t.Run(name, func(t *testing.T) { golden(t, name, text) })
	}
}
