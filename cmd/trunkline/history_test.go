// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/reconciler"
	"trunkline.dev/trunkline/reconciler/history"
	"trunkline.dev/trunkline/reconciler/status"
)

func TestEventsFitTheTerminal(t *testing.T) {
	noon := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	id := catalog.ReleaseID{Project: "orders", Environment: "prod", Cluster: "one"}
	p := history.Page{Next: 7, Events: []history.Event{
		{Time: noon, Kind: history.Failed, Release: id, Commit: "0123456789", By: history.Daemon, Message: "applying Deployment orders-prod/web:\nspec.replicas is owned by kubectl, which has to give it up first"},
		{Time: noon.Add(-time.Hour), Kind: history.Ran, Release: id, Commit: "0123456789", By: history.Daemon, Applied: 4, Took: 61_200 * time.Millisecond},
		{Time: noon.Add(-2 * time.Hour), Kind: history.Accepted, Commit: "0123456789", By: "Ann"},
	}}
	const narrow = `TIME                  KIND       RELEASE           COMMIT     BY
2026-01-01 12:00:00   failed     orders/prod@one   01234567   trunkline
  applying Deployment orders-prod/web: spec.replicas is owned by kubectl, which
  has to give it up first
2026-01-01 11:00:00   run        orders/prod@one   01234567   trunkline
  applied 4 in 1m1s
2026-01-01 10:00:00   accepted                     01234567   Ann

more: --before 7
`
	const wide = `TIME                  KIND       RELEASE           COMMIT     BY          WHAT
2026-01-01 12:00:00   failed     orders/prod@one   01234567   trunkline   applying Deployment orders-prod/web: spec.replicas is owned by kubectl, which has to give it up first
2026-01-01 11:00:00   run        orders/prod@one   01234567   trunkline   applied 4 in 1m1s
2026-01-01 10:00:00   accepted                     01234567   Ann

more: --before 7
`
	fits(t, narrow, wide, "\x1b[31mfailed", func(w io.Writer, width int) error { return printEvents(w, p, width) })
}

func TestSince(t *testing.T) {
	now := time.Date(2026, 3, 31, 12, 0, 0, 0, time.UTC)
	cases := map[string]struct {
		in   string
		want string
	}{
		"Hours":    {"24h", "2026-03-30T12:00:00Z"},
		"Days":     {"31d", "2026-02-28T12:00:00Z"},
		"Mixed":    {"1h30m", "2026-03-31T10:30:00Z"},
		"Date":     {"2026-01-31", "2026-01-31T00:00:00Z"},
		"Time":     {"2026-01-31T12:00:00+02:00", "2026-01-31T10:00:00Z"},
		"Future":   {"-1h", ""},
		"Overflow": {"99999999999d", ""},
		"Large":    {"99999999h", ""},
		"Nothing":  {"d", ""},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got, err := parseSince(tc.in, now)
			if err != nil {
				if tc.want != "" {
					t.Error(err)
				}
				return
			}
			if diff := cmp.Diff(tc.want, got.UTC().Format(time.RFC3339)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestRunsThatAreNews(t *testing.T) {
	id := catalog.ReleaseID{Project: "orders", Environment: "prod", Cluster: "one"}
	boom := errors.New
	steps := []struct {
		reason string
		run    reconciler.Run
		want   string // empty: it is no news
	}{
		{"A run that finds all in place is nothing.", reconciler.Run{}, ""},
		{"One that writes is.", reconciler.Run{Applied: 4}, "run"},
		{"One that prunes is.", reconciler.Run{Pruned: 1}, "run"},
		{"One that fails is.", reconciler.Run{Err: boom("dial 10.0.0.1:41023: refused")}, "failed dial 10.0.0.1:41023: refused"},
		{"The same again is not, from another port.", reconciler.Run{Err: boom("dial 10.0.0.1:41024: refused")}, ""},
		{"Unless it wrote something.", reconciler.Run{Err: boom("dial 10.0.0.1:41025: refused"), Applied: 1}, "failed dial 10.0.0.1:41025: refused"},
		{"Another error is.", reconciler.Run{Err: boom("forbidden")}, "failed forbidden"},
		{"So is the end of it, though nothing had to be written.", reconciler.Run{}, "run succeeds again"},
		{"Once.", reconciler.Run{}, ""},
		{"And then the error is news again.", reconciler.Run{Err: boom("forbidden")}, "failed forbidden"},
	}
	failing := map[catalog.ReleaseID]string{}
	other := catalog.ReleaseID{Project: "rates", Environment: "prod", Cluster: "one"}
	for _, step := range steps {
		step.run.Release = id
		e, news := runEvent(step.run, failing)
		got := ""
		if news {
			got = strings.TrimSpace(string(e.Kind) + " " + e.Message)
		}
		if diff := cmp.Diff(step.want, got); diff != "" {
			t.Errorf("%s\n-want +got:\n%s", step.reason, diff)
		}
	}
	if _, news := runEvent(reconciler.Run{Release: other, Err: boom("forbidden")}, failing); !news {
		t.Error("what another release suffers from is taken for known")
	}
	runEvent(reconciler.Run{Release: other}, failing)
	runEvent(reconciler.Run{Release: id}, failing)
	if len(failing) != 0 {
		t.Errorf("releases that are fine are remembered: %v", failing)
	}
}

func TestJudgedCommits(t *testing.T) {
	commit := status.Commit{Hash: "0123", Subject: "Oops", Author: "Ann"}
	problem := func(severity v1alpha1.Severity, message string) v1alpha1.Problem {
		return v1alpha1.Problem{Severity: severity, Position: v1alpha1.Position{File: "a.yaml", Line: 1, Column: 2}, Message: message}
	}
	cases := map[string]struct {
		reason   string
		problems v1alpha1.Problems
		want     history.Event
	}{
		"Accepted": {"Warnings are no refusal.", v1alpha1.Problems{problem(v1alpha1.Warn, "hm")}, history.Event{Kind: history.Accepted, Commit: "0123", By: "Ann", Message: "Oops"}},
		"Refused":  {"The reason is the error.", v1alpha1.Problems{problem(v1alpha1.Warn, "hm"), problem(v1alpha1.Deny, "no")}, history.Event{Kind: history.Refused, Commit: "0123", By: "Ann", Message: "Oops", Why: "a.yaml:1:2: error: no"}},
		"Many":     {"Or the first of many.", v1alpha1.Problems{problem(v1alpha1.Deny, "no"), problem(v1alpha1.Deny, "never")}, history.Event{Kind: history.Refused, Commit: "0123", By: "Ann", Message: "Oops", Why: "2 errors, the first one: a.yaml:1:2: error: no"}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, judgedEvent(reconciler.Judged{Commit: commit, Problems: tc.problems})); diff != "" {
				t.Errorf("%s\n-want +got:\n%s", tc.reason, diff)
			}
		})
	}
}
