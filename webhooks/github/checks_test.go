// SPDX-License-Identifier: Apache-2.0

package github_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"trunkline.dev/trunkline/webhooks"
	"trunkline.dev/trunkline/webhooks/github"
	"trunkline.dev/trunkline/webhooks/github/githubtest"
	"trunkline.dev/trunkline/webhooks/github/githubtest/contract"
)

func TestChecks(t *testing.T) {
	w := start(t, githubtest.Options{}, githubtest.RepoSpec{})
	ctx := t.Context()
	_, sha := w.open(t, githubtest.PullSpec{})
	if _, found, err := w.forge.FindCheck(ctx, sha, "trunkline"); found || err != nil {
		t.Errorf("found %t, %v", found, err)
	}
	check := webhooks.Check{Name: "trunkline", SHA: sha, ExternalID: "pr/1@" + sha, State: webhooks.Queued}
	check.ID = must(w.forge.CreateCheck(ctx, check))
	diff(t, "queued", w.repo.CheckOf(sha, "trunkline"))
	check.State, check.Title, check.Summary = webhooks.InProgress, "looking", "…"
	if err := w.forge.UpdateCheck(ctx, check); err != nil {
		t.Fatal(err)
	}
	diff(t, "in_progress", w.repo.CheckOf(sha, "trunkline"))
	check.State, check.DetailsURL, check.Text = webhooks.Failure, "https://trunkline.example.com/r/1", "long"
	if err := w.forge.UpdateCheck(ctx, check); err != nil {
		t.Fatal(err)
	}
	got, found, err := w.forge.FindCheck(ctx, sha, "trunkline")
	if err != nil || !found {
		t.Fatalf("found %t, %v", found, err)
	}
	diff(t, check, got)
	again := must(w.forge.CreateCheck(ctx, webhooks.Check{Name: "trunkline", SHA: sha, ExternalID: "second", State: webhooks.Neutral, Title: "Nothing of ours"}))
	if got, _, err = w.forge.FindCheck(ctx, sha, "trunkline"); err != nil || got.ID != again || got.State != webhooks.Neutral {
		t.Errorf("the newest one is %+v, %v", got, err)
	}
}

// TestAnnotations sends more than fit in a request: all arrive once, and the check is concluded with the last.
func TestAnnotations(t *testing.T) {
	for _, count := range []int{0, 1, 50, 51, 120} {
		t.Run(fmt.Sprint(count), func(t *testing.T) {
			var states []string
			w := start(t, githubtest.Options{}, githubtest.RepoSpec{})
			_, sha := w.open(t, githubtest.PullSpec{})
			check := webhooks.Check{Name: "trunkline", SHA: sha, ExternalID: "x", State: webhooks.Failure, Title: "t", Summary: "s"}
			for i := range count {
				check.Annotations = append(check.Annotations, webhooks.Annotation{Path: "a.yaml", Line: i + 1, Level: webhooks.Fail, Message: "m"})
			}
			w.hub.ResetUsage()
			must(w.forge.CreateCheck(t.Context(), check))
			states = append(states, w.repo.CheckOf(sha, "trunkline"))
			diff(t, []string{"completed failure"}, states)
			diff(t, count, len(w.repo.Annotations(sha, "trunkline")))
			diff(t, max((count+49)/50, 1), w.hub.Usage().Writes-1, "one write is the token")
		})
	}
}

// TestAnnotationsThatAreLost breaks off before the last annotations: the check is not concluded.
func TestAnnotationsThatAreLost(t *testing.T) {
	w := start(t, githubtest.Options{}, githubtest.RepoSpec{})
	_, sha := w.open(t, githubtest.PullSpec{})
	check := webhooks.Check{Name: "trunkline", SHA: sha, ExternalID: "x", State: webhooks.Success, Title: "t", Summary: "s"}
	for i := range 120 {
		check.Annotations = append(check.Annotations, webhooks.Annotation{Path: "a.yaml", Line: i + 1, Level: webhooks.Notice, Message: "m"})
	}
	w.hub.Fail(githubtest.Fault{Method: "PATCH", Status: 502, Skip: 1})
	if _, err := w.forge.CreateCheck(t.Context(), check); classOf(err) != github.Transient {
		t.Errorf("got %v", err)
	}
	diff(t, "in_progress", w.repo.CheckOf(sha, "trunkline"))
	diff(t, 100, len(w.repo.Annotations(sha, "trunkline")))
}

// TestStatuses has only a token: there are commit statuses instead of check runs, of which a token makes none.
func TestStatuses(t *testing.T) {
	hub := githubtest.Start(t, contract.Check(t, githubtest.Options{}))
	repo := must(hub.AddRepo("acme/data", githubtest.RepoSpec{Private: true}))
	repo.Grant("robot", "write")
	client := must(github.New(github.WithToken(hub.Token("robot")), github.WithBaseURL(hub.APIURL())))
	forge := must(client.Repository("acme/data"))
	ctx, sha := t.Context(), repo.Head("main")
	if _, found, err := forge.FindCheck(ctx, sha, "trunkline"); found || err != nil {
		t.Errorf("found %t, %v", found, err)
	}
	for _, tc := range []struct {
		state webhooks.CheckState
		want  string
		found webhooks.CheckState
	}{
		{webhooks.Queued, "pending", webhooks.InProgress},
		{webhooks.InProgress, "pending", webhooks.InProgress},
		{webhooks.Failure, "failure", webhooks.Failure},
		{webhooks.Neutral, "success", webhooks.Success},
		{webhooks.Success, "success", webhooks.Success},
	} {
		check := webhooks.Check{Name: "trunkline", SHA: sha, State: tc.state, Title: strings.Repeat("é", 200), DetailsURL: "https://x.example.com"}
		if err := forge.UpdateCheck(ctx, check); err != nil {
			t.Fatal(err)
		}
		diff(t, tc.want, repo.CheckOf(sha, "trunkline"))
		got, found, err := forge.FindCheck(ctx, sha, "trunkline")
		if err != nil || !found || got.State != tc.found || len([]rune(got.Title)) != 140 {
			t.Errorf("%s: found %+v %v", tc.state, got, err)
		}
	}
}

// TestAnswersThatAreLost creates things of which the answer never comes: each is there once, and is found.
func TestAnswersThatAreLost(t *testing.T) {
	for _, fault := range []githubtest.Fault{{Lost: true}, {Half: true}} {
		w := start(t, githubtest.Options{}, githubtest.RepoSpec{})
		ctx := t.Context()
		number, sha := w.open(t, githubtest.PullSpec{})
		must(w.forge.CommentsOf(ctx, number)) // so that what is broken is the creation alone
		fault.Method, fault.Times = "POST", 1
		w.hub.Fail(with(fault, "check-runs"))
		w.hub.Fail(with(fault, "comments"))
		w.hub.Fail(with(fault, "deployments"))
		if id, err := w.forge.CreateCheck(ctx, webhooks.Check{Name: "trunkline", SHA: sha, ExternalID: "x", State: webhooks.Queued}); err != nil || id == 0 {
			t.Errorf("check: %d, %v", id, err)
		}
		if c, err := w.forge.CreateComment(ctx, number, "hello"); err != nil || c.ID == 0 {
			t.Errorf("comment: %+v, %v", c, err)
		}
		if d, err := w.forge.CreateDeployment(ctx, webhooks.Deployment{SHA: sha, Environment: "dev"}); err != nil || d.ID == 0 || d.Created.IsZero() {
			t.Errorf("deployment: %+v, %v", d, err)
		}
		diff(t, 1, len(must(w.forge.CommentsOf(ctx, number))))
		diff(t, 1, len(must(w.forge.DeploymentsOf(ctx, sha))))
	}
}

func with(f githubtest.Fault, path string) githubtest.Fault {
	f.Path = path
	return f
}

// TestFaults breaks reads and writes: what may be done twice is tried again, and what is given up says why.
func TestFaults(t *testing.T) {
	cases := map[string]struct {
		reason string
		fault  githubtest.Fault
		class  github.Class // empty: it works
		within int          // requests
	}{
		"OneBadGateway":   {"It passes.", githubtest.Fault{Status: 502, Times: 1}, "", 2},
		"TwoResets":       {"They pass.", githubtest.Fault{Reset: true, Times: 2}, "", 3},
		"HalfAnAnswer":    {"Half an answer is none.", githubtest.Fault{Half: true, Times: 1}, "", 2},
		"DownForGood":     {"It is given up.", githubtest.Fault{Status: 503}, github.Transient, 3},
		"ResetsForGood":   {"It is given up.", githubtest.Fault{Reset: true}, github.Transient, 3},
		"Hang":            {"A request is bounded.", githubtest.Fault{Hang: true, Times: 1}, "", 2},
		"HangForGood":     {"It is given up.", githubtest.Fault{Hang: true}, github.Transient, 3},
		"AskedToWait":     {"A pause is kept, and not waited for here.", githubtest.Fault{Status: 503, RetryAfter: 30, Times: 1}, github.Limited, 2},
		"TooManyRequests": {"Likewise.", githubtest.Fault{Status: 429, RetryAfter: 30, Times: 1}, github.Limited, 2},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := start(t, githubtest.Options{}, githubtest.RepoSpec{}, github.WithTimeout(100*time.Millisecond))
			number, _ := w.open(t, githubtest.PullSpec{})
			must(w.forge.OpenPulls(t.Context())) // the token is there
			w.hub.ResetUsage()
			w.hub.Fail(with(tc.fault, "/pulls/"))
			_, err := w.forge.Pull(t.Context(), number)
			if tc.class == github.Limited { // the second time is refused without asking
				_, err = w.forge.Pull(t.Context(), number)
				tc.within = 1
			}
			diff(t, tc.class, classOf(err), tc.reason)
			// A connection that was used before and breaks has the standard library try once more.
			if n := w.hub.Usage().Requests; n != tc.within && (!tc.fault.Reset || n != tc.within+1) {
				t.Errorf("%s %d requests were made, want %d: %v", tc.reason, n, tc.within, err)
			}
		})
	}
}

// TestCreationsAreNotRepeated has a comment be refused once: nobody sends it twice on a guess.
func TestCreationsAreNotRepeated(t *testing.T) {
	w := start(t, githubtest.Options{}, githubtest.RepoSpec{})
	number, _ := w.open(t, githubtest.PullSpec{})
	must(w.forge.CommentsOf(t.Context(), number))
	w.hub.ResetUsage()
	w.hub.Fail(githubtest.Fault{Method: "POST", Status: 502})
	if _, err := w.forge.CreateComment(t.Context(), number, "x"); classOf(err) != github.Transient {
		t.Errorf("got %v", err)
	}
	posts := slices.DeleteFunc(w.hub.Usage().Log, func(s string) bool { return !strings.HasPrefix(s, "POST") })
	diff(t, 1, len(posts))
}
