// SPDX-License-Identifier: Apache-2.0

package github_test

import (
	"strings"
	"testing"
	"time"

	"trunkline.dev/trunkline/webhooks"
	"trunkline.dev/trunkline/webhooks/github"
	"trunkline.dev/trunkline/webhooks/github/githubtest"
)

// TestOptions makes clients of options that contradict each other, or are not what they have to be.
func TestOptions(t *testing.T) {
	hub := githubtest.New("http://127.0.0.1:1", githubtest.Options{})
	defer hub.Close()
	app := must(hub.AddApp(githubtest.App{}))
	withApp, token := github.WithApp(app.ID, app.Key), github.WithToken("ghp_0123456789012345678901234567890123")
	cases := map[string]struct {
		options []github.Option
		want    string // in the error; empty: there is none
	}{
		"App":          {[]github.Option{withApp}, ""},
		"Token":        {[]github.Option{token}, ""},
		"Nothing":      {nil, "no credentials"},
		"Both":         {[]github.Option{withApp, token}, "both"},
		"NoKey":        {[]github.Option{github.WithApp(7, nil)}, "no private key"},
		"NoID":         {[]github.Option{github.WithApp(0, app.Key)}, "no id"},
		"BadKey":       {[]github.Option{github.WithApp(7, []byte("s3cret"))}, "cannot be read"},
		"Installation": {[]github.Option{token, github.WithInstallation(7, "acme")}, "no App"},
		"LineEnd":      {[]github.Option{github.WithToken("ghp_x\n")}, "line end"},
		"PlainHTTP":    {[]github.Option{token, github.WithBaseURL("http://github.example.com/api/v3/")}, "https"},
		"Loopback":     {[]github.Option{token, github.WithBaseURL("http://127.0.0.1:3000/api/v3")}, ""},
		"Userinfo":     {[]github.Option{token, github.WithBaseURL("https://u:s3cret@github.example.com/")}, "without a user"},
		"NoURL":        {[]github.Option{token, github.WithBaseURL("github.example.com")}, "base URL"},
		"MaxWait":      {[]github.Option{token, github.WithMaxWait(-1)}, "negative"},
		"Timeout":      {[]github.Option{token, github.WithTimeout(0)}, "timeout"},
		"Retries":      {[]github.Option{token, github.WithRetries(0, time.Second)}, "try"},
		"Budget":       {[]github.Option{token, github.WithBudget(github.Budget{})}, "budget"},
	}
	for name, tc := range cases {
		_, err := github.New(tc.options...)
		switch {
		case tc.want == "" && err != nil:
			t.Errorf("%s: %v", name, err)
		case tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)):
			t.Errorf("%s: %v does not say %q", name, err, tc.want)
		case err != nil && (strings.Contains(err.Error(), "s3cret") || strings.Contains(err.Error(), "ghp_")):
			t.Errorf("%s: a secret is told: %v", name, err)
		}
	}
	client := must(github.New(token))
	for _, bad := range []string{"", "acme", "acme/", "/data", "acme/data/x", "acme/..", "acme/.", "../x", "acme/da ta", "acme/data?x", "acme/data#1", "acme/%2e%2e"} {
		if _, err := client.Repository(bad); err == nil {
			t.Errorf("%q is taken for a repository", bad)
		}
	}
}

// TestPropose opens a pull request with a change, twice, and changes it: it stays one, and others' files stay as they are.
func TestPropose(t *testing.T) {
	w := start(t, githubtest.Options{Dir: t.TempDir()}, githubtest.RepoSpec{Git: true})
	ctx := t.Context()
	must(w.repo.Push("main", "first", map[string]string{"env/prod.yaml": "# kept\ndigest: a\n", "old": "x\n", "other": "y\n"}, "alice"))
	p := webhooks.Proposal{
		Branch: "trunkline/promote-revenue-prod", Parent: w.repo.Head("main"), Base: "main", Title: "Promote revenue to prod", Body: "what that means", Message: "Promote revenue to prod",
		Files: map[string]*string{"env/prod.yaml": new("# kept\ndigest: b\n"), "old": nil},
	}
	first := must(w.forge.Propose(ctx, p))
	if first.State != webhooks.Open || first.Fork || !strings.HasSuffix(first.Author, "[bot]") || first.Head.Ref != p.Branch {
		t.Errorf("got %+v", first)
	}
	again := must(w.forge.Propose(ctx, p))
	diff(t, first.Head.SHA, again.Head.SHA, "The same change is the same commit.")
	p.Files["env/prod.yaml"], p.Title = new("# kept\ndigest: c\n"), "Promote revenue to prod again"
	changed := must(w.forge.Propose(ctx, p))
	if changed.Number != first.Number || changed.Head.SHA == first.Head.SHA || changed.Title != p.Title {
		t.Errorf("got %+v", changed)
	}
	must(w.forge.Pull(ctx, changed.Number))
	if err := w.repo.Merge(changed.Number, "alice"); err != nil {
		t.Fatal(err)
	}
	for file, want := range map[string]string{"env/prod.yaml": "# kept\ndigest: c\n", "other": "y\n", "old": ""} {
		diff(t, want, w.repo.File("main", file), file)
	}
	merged := must(w.forge.Propose(ctx, p))
	diff(t, webhooks.Merged, merged.State, "What was merged is not proposed again.")
	for range 2 {
		if err := w.forge.DeleteBranch(ctx, p.Branch); err != nil {
			t.Fatal(err)
		}
	}
	diff(t, "", w.repo.Head(p.Branch))
}

// TestDeliveriesSayWhereToLook does what people do, and reads what GitHub sends of it.
func TestDeliveriesSayWhereToLook(t *testing.T) {
	w := start(t, githubtest.Options{}, githubtest.RepoSpec{})
	w.repo.Grant("alice", "admin")
	events := receiver(t, w)
	number, sha := w.open(t, githubtest.PullSpec{})
	look := func(reason string, want webhooks.Hint) {
		t.Helper()
		for _, e := range events() {
			e.Hint.Delivery = ""
			if e.Look && e.Of("acme/data") && (want.Queue == nil && e.Hint == want || want.Queue != nil && e.Hint.Queue != nil && *e.Hint.Queue == *want.Queue) {
				return
			}
		}
		t.Errorf("%s there is no %+v", reason, want)
	}
	look("opened:", webhooks.Hint{Pull: number, SHA: sha})
	comment := must(w.repo.Comment(number, "/trunkline plan", "bob"))
	look("commented:", webhooks.Hint{Pull: number, Comment: true, CommentID: comment})
	id := must(w.forge.CreateCheck(t.Context(), webhooks.Check{Name: "trunkline", SHA: sha, ExternalID: "x", State: webhooks.Failure, Title: "t", Summary: "s"}))
	if err := w.repo.RerunCheck(id, "alice"); err != nil {
		t.Fatal(err)
	}
	look("re-run:", webhooks.Hint{SHA: sha, Rerun: true})
	w.repo.Require("main", "trunkline")
	if err := w.repo.Enqueue(number, "alice"); err != nil {
		t.Fatal(err)
	}
	look("queued:", webhooks.Hint{Queue: &webhooks.MergeGroup{Head: w.repo.QueueHead(number), HeadRef: "gh-readonly-queue/main/pr-1-" + w.repo.Head("main"), Base: w.repo.Head("main")}})
	must(w.repo.Push("main", "elsewhere", nil, "bob"))
	look("pushed:", webhooks.Hint{Push: true})
}

// TestProposeAgain: what was closed stays closed while it is the same change, unless a person asks; and what is withdrawn is
// closed with a reason, and its branch is gone.
func TestProposeAgain(t *testing.T) {
	w := start(t, githubtest.Options{Dir: t.TempDir()}, githubtest.RepoSpec{Git: true})
	ctx := t.Context()
	must(w.repo.Push("main", "first", map[string]string{"prod.yaml": "digest: a\n"}, "alice"))
	p := webhooks.Proposal{
		Branch: "trunkline/promote/revenue/prod", Parent: w.repo.Head("main"), Base: "main", Title: "Promote", Message: "Promote build 1",
		Files: map[string]*string{"prod.yaml": new("digest: b\n")},
	}
	first := must(w.forge.Propose(ctx, p))
	if err := w.repo.Close(first.Number, "alice"); err != nil {
		t.Fatal(err)
	}
	declined := must(w.forge.Propose(ctx, p))
	if declined.Number != first.Number || declined.State != webhooks.Closed {
		t.Errorf("what people closed is opened again: %+v", declined)
	}
	p.Again = true
	asked := must(w.forge.Propose(ctx, p))
	if asked.Number == first.Number || asked.State != webhooks.Open {
		t.Errorf("what a person asks for is not opened: %+v", asked)
	}
	for range 2 {
		if err := w.forge.Withdraw(ctx, p.Branch, "main", "it is done"); err != nil {
			t.Fatal(err)
		}
	}
	diff(t, webhooks.Closed, must(w.forge.Pull(ctx, asked.Number)).State, "It is withdrawn.")
	diff(t, "", w.repo.Head(p.Branch), "Its branch is gone.")
	said := must(w.forge.CommentsOf(ctx, asked.Number))
	if len(said) != 1 || said[0].Body != "it is done" {
		t.Errorf("it is said: %+v", said)
	}
	p.Again, p.Message, p.Files = false, "Promote build 2", map[string]*string{"prod.yaml": new("digest: c\n")}
	newer := must(w.forge.Propose(ctx, p))
	if newer.Number == asked.Number || newer.State != webhooks.Open {
		t.Errorf("another change is not opened: %+v", newer)
	}
}
