// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"io"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/spf13/cobra"

	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/console/client"
	"trunkline.dev/trunkline/console/consoletest"
	"trunkline.dev/trunkline/docs/rules"
	"trunkline.dev/trunkline/flow/report"
	"trunkline.dev/trunkline/reconciler/history"
	"trunkline.dev/trunkline/reconciler/status"
)

func TestTableFitsTheTerminal(t *testing.T) {
	now := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	p := status.Platform{
		Time:   now,
		Source: status.Source{Accepted: &status.Commit{Hash: "0123456789", Subject: "One"}},
		Releases: []status.Release{
			{ReleaseID: catalog.ReleaseID{Project: "orders", Environment: "dev", Cluster: "one"}, Commit: "0123456789", Result: status.Applied, Health: status.Healthy, Since: now.Add(-time.Minute)},
			{
				ReleaseID: catalog.ReleaseID{Project: "rates", Environment: "prod", Cluster: "two"}, Result: status.Failed, Health: status.Unknown, Since: now.Add(-time.Hour),
				Message: "rendering \"rates/fetch\":\n template job.yaml:14: a name is needed", Kept: []string{"Secret rates-prod/key"},
			},
		},
	}
	const narrow = `accepted     01234567  One

PROJECT   ENVIRONMENT   CLUSTER   COMMIT     RESULT    HEALTH    AGE
rates     prod          two                  failed    unknown   60m
orders    dev           one       01234567   applied   healthy   60s

rates/prod@two
  rendering "rates/fetch": template job.yaml:14: a name is needed; kept: Secret
  rates-prod/key
`
	const wide = `accepted     01234567  One

PROJECT   ENVIRONMENT   CLUSTER   COMMIT     RESULT    HEALTH    AGE   MESSAGE
rates     prod          two                  failed    unknown   60m   rendering "rates/fetch": template job.yaml:14: a name is needed; kept: Secret rates-prod/key
orders    dev           one       01234567   applied   healthy   60s
`
	fits(t, narrow, wide, "\x1b[32mapplied", func(w io.Writer, width int) error { return printTable(w, p, width) })
}

// TestLongNamesDoNotHideWhatMatters: where the rows do not fit, names come last, and the worst release first.
func TestLongNamesDoNotHideWhatMatters(t *testing.T) {
	now := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	long := func(project string) catalog.ReleaseID {
		return catalog.ReleaseID{Project: project + "-with-a-long-name-of-its-own", Environment: "production-europe", Cluster: "eu-west-1-blue"}
	}
	p := status.Platform{
		Time: now, Source: status.Source{Accepted: &status.Commit{Hash: "0123456789", Subject: "A subject of a commit that is longer than a terminal is wide, by some words"}},
		Clusters: []status.Cluster{
			{Name: "eu-west-1-blue", Message: "dial tcp 10.0.0.1:6443: connection refused, and more words than fit into a line"},
			{Name: "us", Reachable: true, Warning: "charts are told Kubernetes v1.35.0, and it is v1.36.2"},
		},
		Releases: []status.Release{
			{ReleaseID: long("a"), Result: status.Applied, Health: status.Healthy, Since: now},
			{ReleaseID: long("b"), Result: status.Applied, Health: status.Progressing, Since: now},
			{ReleaseID: long("c"), Result: status.Applied, Health: status.Healthy, Since: now, Held: &status.Held{Rule: "removals", Reason: "many", Commit: "fed", Person: true}},
			{ReleaseID: long("d"), Result: status.Retrying, Health: status.Unknown, Since: now, Message: "timeout"},
			{ReleaseID: long("e"), Result: status.Applied, Health: status.Unhealthy, Since: now, Message: "the Job failed", Cause: &status.Cause{Object: "Job x/y", Code: "exit", Log: []string{strings.Repeat("log ", 40)}}},
		},
	}
	const want = `accepted     01234567  A subject of a commit that is longer than a terminal is
                       wide, by some words
UNREACHABLE  cluster eu-west-1-blue: dial tcp 10.0.0.1:6443: connection refused,
             and more words than fit into a line
WARNING      cluster us: charts are told Kubernetes v1.35.0, and it is v1.36.2

RESULT    HEALTH       AGE  COMMIT  RELEASE
applied   failed       0s           e-with-a-long-name-of-its-own/production-eu…
retrying  unknown      0s           d-with-a-long-name-of-its-own/production-eu…
applied   healthy      0s           c-with-a-long-name-of-its-own/production-eu…
applied   progressing  0s           b-with-a-long-name-of-its-own/production-eu…
applied   healthy      0s           a-with-a-long-name-of-its-own/production-eu…
`
	for _, width := range []int{60, 80, 100} {
		var b strings.Builder
		if err := printTable(&b, p, width); err != nil {
			t.Fatal(err)
		}
		got := text.StripEscape(b.String())
		if n := text.LongestLineLen(got); n > width {
			t.Errorf("a line has %d of %d columns:\n%s", n, width, got)
		}
		if diff := cmp.Diff(want, got[:min(len(want), len(got))]); width == 80 && diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	}
}

// TestDriftFitsTheTerminal prints each drift in lines of its own where a table does not fit.
func TestDriftFitsTheTerminal(t *testing.T) {
	now := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	found := []drift{{"orders", "prod", "eu", status.Drift{
		Object: "Deployment.apps orders-prod/web", Fields: []string{".spec.template.spec.containers[name=main].resources.limits.memory"}, Manager: "kubectl-edit", Time: now.Add(-time.Hour),
	}}}
	const narrow = `orders/prod@eu  Deployment.apps orders-prod/web
  .spec.template.spec.containers[name=main].resources.limits.memory
  by kubectl-edit, 60m ago: not reverted
`
	const wide = `RELEASE          OBJECT                            FIELDS                                                              CHANGED BY     AGE   STATE
orders/prod@eu   Deployment.apps orders-prod/web   .spec.template.spec.containers[name=main].resources.limits.memory   kubectl-edit   60m   not reverted
`
	fits(t, narrow, wide, "\x1b[33mnot", func(w io.Writer, width int) error { return printDrifts(w, status.Platform{Time: now}, found, width) })
}

// TestTablesFitTheTerminal prints tables of long names and texts: no line is wider than the terminal, whatever it shows.
func TestTablesFitTheTerminal(t *testing.T) {
	now := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	long := catalog.ReleaseID{Project: strings.Repeat("project-", 7) + "x", Environment: strings.Repeat("environment-", 5) + "x", Cluster: strings.Repeat("cluster-", 7) + "x"}
	words := strings.Repeat("many words ", 30)
	one := strings.Repeat("x", 200)
	known, err := rules.All()
	if err != nil {
		t.Fatal(err)
	}
	platform := func(r status.Release) status.Platform {
		r.ReleaseID = long
		return status.Platform{Time: now, Clusters: []status.Cluster{{Name: long.Cluster, Message: words}}, Releases: []status.Release{r}}
	}
	for name, tc := range map[string]struct {
		reason string
		print  func(w io.Writer, width int) error
	}{
		"Status": {"A release of long names.", func(w io.Writer, n int) error {
			return printTable(w, platform(status.Release{Result: status.Applied, Health: status.Healthy}), n)
		}},
		"Message": {"A message of many words.", func(w io.Writer, n int) error {
			return printTable(w, platform(status.Release{Result: status.Failed, Message: words}), n)
		}},
		"OneWord": {"A message of one long word.", func(w io.Writer, n int) error {
			return printTable(w, platform(status.Release{Result: status.Failed, Message: one}), n)
		}},
		"Held": {"What holds it, and what is kept.", func(w io.Writer, n int) error {
			return printTable(w, platform(status.Release{Result: status.Applied, Kept: []string{one}, Held: &status.Held{Reason: words, Commit: one}}), n)
		}},
		"Cause": {"The log of a container.", func(w io.Writer, n int) error {
			return printTable(w, platform(status.Release{Result: status.Applied, Health: status.Unhealthy, Cause: &status.Cause{Object: one, Code: "exit", Log: []string{one, words}, Notes: []string{words}}}), n)
		}},
		"Drift": {"Objects and fields of long names.", func(w io.Writer, n int) error {
			return printDrifts(w, status.Platform{Time: now}, []drift{{long.Project, long.Environment, long.Cluster, status.Drift{Object: one, Fields: []string{one, "." + words}, Manager: one, Time: now}}}, n)
		}},
		"History": {"Events of a release of long names.", func(w io.Writer, n int) error {
			return printEvents(w, history.Page{Events: []history.Event{{Time: now, Kind: history.Failed, Release: long, By: one, Message: words, Why: one}}}, n)
		}},
		"Rules": {"The rules that come with Trunkline.", func(w io.Writer, n int) error { return printRules(w, slices.Collect(maps.Values(known)), n) }},
		"LongRule": {"And one that someone else has named.", func(w io.Writer, n int) error {
			return printRules(w, []rules.Rule{{ID: one, Title: words, Needs: words}}, n)
		}},
	} {
		for _, width := range []int{40, 80, 200} {
			var b strings.Builder
			if err := tc.print(&b, width); err != nil {
				t.Fatal(err)
			}
			if n := text.LongestLineLen(text.StripEscape(b.String())); n > width || b.Len() == 0 {
				t.Errorf("%s: %s A line has %d of %d columns:\n%s", name, tc.reason, n, width, b.String())
			}
		}
	}
}

// TestRowsFitTheTerminal: what has no room beside stands below, by its name, and nothing is cut off.
func TestRowsFitTheTerminal(t *testing.T) {
	one := report.Summary{
		Dataset: "orders/clean@1", TemporalUnit: "daily", Known: true, TotalFound: 58, Range: 60, RangeGap: 2,
		EarliestFound: "20260101P1D000", LatestFound: "20260301P1D000",
	}
	for width, want := range map[int]string{
		120: `DATASET          UNIT    THERE      MISSING   EARLIEST         LATEST           NOTE
orders/clean@1   daily   58 of 60   2         20260101P1D000   20260301P1D000   missing are 2 between`,
		90: `DATASET          UNIT    THERE      MISSING   EARLIEST         LATEST
orders/clean@1   daily   58 of 60   2         20260101P1D000   20260301P1D000
  missing are 2 between`,
		70: `DATASET          UNIT    THERE      MISSING   EARLIEST
orders/clean@1   daily   58 of 60   2         20260101P1D000
  latest: 20260301P1D000
  missing are 2 between`,
	} {
		if diff := cmp.Diff(want, text.StripEscape(summaryTable.fitted([]report.Summary{one}, width))); diff != "" {
			t.Errorf("%d columns: -want +got:\n%s", width, diff)
		}
	}
}

// TestHelpFitsTheTerminal: no line of any help is wider than 80 columns.
func TestHelpFitsTheTerminal(t *testing.T) {
	eachCommand(newRoot(), func(c *cobra.Command) {
		for l := range strings.Lines(helpOf(c)) {
			if n := utf8.RuneCountInString(strings.TrimSuffix(l, "\n")); n > helpWidth && c.Name() != "bash" && c.Name() != "zsh" && c.Name() != "fish" && c.Name() != "powershell" {
				t.Errorf("%s: %d columns: %s", c.CommandPath(), n, l)
			}
		}
	})
}

// TestWatch prints the state again when it has changed, and ends when it is interrupted.
func TestWatch(t *testing.T) {
	d := consoletest.Start(t)
	c, err := client.New(d.URL, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var out strings.Builder
	err = watchStatus(ctx, c, &out, func(w io.Writer, p status.Platform) error {
		switch p.Name {
		case "":
			d.Board.SetName("acme")
		default:
			cancel()
		}
		_, err := io.WriteString(w, p.Name+"\n")
		return err
	})
	if diff := cmp.Diff("\nacme\n", out.String()); diff != "" || err != nil {
		t.Errorf("%v, -want +got:\n%s", err, diff)
	}
}

// fits holds a table to what it is in a narrow and in a wide terminal, where the coloured cell has its colour.
func fits(t *testing.T, narrow, wide, coloured string, write func(w io.Writer, width int) error) {
	t.Helper()
	cases := map[string]struct {
		reason string
		width  int
		want   string
	}{
		"Narrow":     {"Where the messages do not fit they stand below, in full.", 80, narrow},
		"Wide":       {"Where they fit they stand beside.", 200, wide},
		"NoTerminal": {"A file has lines of any length, and no colours.", 0, wide},
		"Tiny":       {"Even then no line is wider than the terminal.", 40, ""},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			var b strings.Builder
			if err := write(&b, tc.width); err != nil {
				t.Fatal(err)
			}
			if got := strings.Contains(b.String(), coloured); tc.want != "" && got != (tc.width > 0) {
				t.Errorf("coloured: %v", got)
			}
			got := text.StripEscape(b.String())
			if diff := cmp.Diff(tc.want, got); tc.want != "" && diff != "" {
				t.Errorf("%s\n-want +got:\n%s", tc.reason, diff)
			}
			if n := text.LongestLineLen(got); tc.width > 0 && n > tc.width {
				t.Errorf("%s a line has %d columns:\n%s", tc.reason, n, got)
			}
		})
	}
}

// TestStatusCannotBeForged puts what a terminal obeys, and lines that look like Trunkline's own, wherever the state has
// text of a repository, a cluster or a container.
func TestStatusCannotBeForged(t *testing.T) {
	const hostile = "x\x1b[2J\x1b]0;title\x07\r\u202e\xff\naccepted     01234567  forged\n\nforged    dev"
	p := status.Platform{
		Source: status.Source{
			Accepted: &status.Commit{Hash: "0123456789", Subject: hostile}, Head: &status.Commit{Hash: "abc", Subject: hostile},
			Problems: v1alpha1.Problems{{Severity: v1alpha1.Deny, Rule: "syntax", Message: hostile}}, Error: hostile, Notice: hostile,
		},
		Clusters: []status.Cluster{{Name: "one", Message: hostile}},
		Replica:  &status.Replica{Name: "r", Leader: hostile, Message: hostile},
		Releases: []status.Release{{
			ReleaseID: catalog.ReleaseID{Project: "p", Environment: "dev", Cluster: "one"}, Commit: hostile, Result: status.Failed, Health: status.Unhealthy,
			Message: hostile, Kept: []string{hostile}, Held: &status.Held{Rule: hostile, Reason: hostile, Commit: hostile},
			Cause:  &status.Cause{Object: hostile, Code: hostile, Log: []string{hostile}, Notes: []string{hostile}},
			Drifts: []status.Drift{{Object: hostile, Manager: hostile, Fields: []string{hostile}}},
		}},
	}
	for _, width := range []int{0, 40, 300} {
		var b strings.Builder
		if err := printTable(&b, p, width); err != nil {
			t.Fatal(err)
		}
		out := sgr.ReplaceAllString(b.String(), "") // the colours are ours
		if i := strings.IndexFunc(out, func(r rune) bool { return r != '\n' && !unicode.IsPrint(r) }); i >= 0 || !utf8.ValidString(out) {
			t.Errorf("width %d: a terminal would obey what is at %d of\n%q", width, i, out)
		}
		for l := range strings.Lines(out) {
			if width != 40 && strings.HasPrefix(l, "forged") || strings.HasPrefix(l, "accepted") && !strings.HasPrefix(l, "accepted     01234567  x") {
				t.Errorf("width %d: a line that someone else has written passes for one of the table: %q", width, l)
			}
		}
	}
}

var sgr = regexp.MustCompile("\x1b\\[[0-9;]*m")

// TestTableSaysWhatIsNotTold: messages that were given up are said by the status, which is where people look who were told nothing.
func TestTableSaysWhatIsNotTold(t *testing.T) {
	var b strings.Builder
	err := printTable(&b, status.Platform{Source: status.Source{Accepted: &status.Commit{Hash: "0123456789", Subject: "One"}, Notifications: "2 to team were given up: it answered 404"}}, 0)
	const want = "accepted     01234567  One\nnot told     2 to team were given up: it answered 404\n"
	if diff := cmp.Diff(want, b.String()); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}

// TestHistorySaysHowSomeoneSignedOn: who did it, and how that is known; what nobody did says nothing of it.
func TestHistorySaysHowSomeoneSignedOn(t *testing.T) {
	for want, e := range map[string]history.Event{
		"ada@acme.example (session)": {By: "ada@acme.example", SignOn: "session"}, "github:ann (github)": {By: "github:ann", SignOn: "github"}, "trunkline": {By: "trunkline"},
	} {
		if got := byWhom(e); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
