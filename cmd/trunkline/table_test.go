package main

import (
	"io"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/jedib0t/go-pretty/v6/text"

	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/catalog"
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
orders    dev           one       01234567   applied   healthy   60s
rates     prod          two                  failed    unknown   60m

rates/prod@two
  rendering "rates/fetch": template job.yaml:14: a name is needed; kept: Secret
  rates-prod/key
`
	const wide = `accepted     01234567  One

PROJECT   ENVIRONMENT   CLUSTER   COMMIT     RESULT    HEALTH    AGE   MESSAGE
orders    dev           one       01234567   applied   healthy   60s
rates     prod          two                  failed    unknown   60m   rendering "rates/fetch": template job.yaml:14: a name is needed; kept: Secret rates-prod/key
`
	fits(t, narrow, wide, "\x1b[32mapplied", func(w io.Writer, width int) error { return printTable(w, p, width) })
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
				t.Errorf("width %d: a line that somebody else has written passes for one of the table: %q", width, l)
			}
		}
	}
}

var sgr = regexp.MustCompile("\x1b\\[[0-9;]*m")
