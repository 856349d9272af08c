// SPDX-License-Identifier: Apache-2.0

package github_test

import (
	"context"
	"testing"
	"time"

	"trunkline.dev/trunkline/webhooks"
	"trunkline.dev/trunkline/webhooks/github"
	"trunkline.dev/trunkline/webhooks/github/githubtest"
	"trunkline.dev/trunkline/webhooks/github/githubtest/contract"
)

// world is a GitHub with one repository, an App that is installed in it, and a client of that App.
type world struct {
	hub    *githubtest.GitHub
	app    *githubtest.App
	repo   *githubtest.Repo
	forge  *github.Repository
	client *github.Client
	// install is the id of the App's installation.
	install int64
}

// start makes a world. The clients wait for nothing, and retry after a millisecond.
func start(t *testing.T, o githubtest.Options, spec githubtest.RepoSpec, more ...github.Option) world {
	t.Helper()
	hub := githubtest.Start(t, contract.Check(t, o))
	app, err := hub.AddApp(githubtest.App{})
	if err != nil {
		t.Fatal(err)
	}
	repo, err := hub.AddRepo("acme/data", spec)
	if err != nil {
		t.Fatal(err)
	}
	w := world{hub: hub, app: app, repo: repo, install: hub.Install(app, "acme")}
	w.client = must(github.New(append([]github.Option{
		github.WithApp(app.ID, app.Key), github.WithBaseURL(hub.APIURL()), github.WithRetries(3, time.Millisecond), github.WithMaxWait(0),
	}, more...)...))
	w.forge = must(w.client.Repository("acme/data"))
	return w
}

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

// open opens a pull request of one commit, from the branch "change".
func (w world) open(t *testing.T, spec githubtest.PullSpec) (number int, sha string) {
	t.Helper()
	if spec.Head == "" {
		spec.Head = "change"
	}
	if spec.Author == "" {
		spec.Author = "alice"
	}
	head := w.repo
	if spec.From != nil {
		head = spec.From
	}
	if err := head.Branch(spec.Head, "main"); err != nil {
		t.Fatal(err)
	}
	sha, err := head.Push(spec.Head, "a change", map[string]string{"file": "content\n"}, spec.Author)
	if err != nil {
		t.Fatal(err)
	}
	if number, err = w.repo.Open(spec); err != nil {
		t.Fatal(err)
	}
	return number, sha
}

func TestPulls(t *testing.T) {
	w := start(t, githubtest.Options{}, githubtest.RepoSpec{})
	ctx := t.Context()
	number, sha := w.open(t, githubtest.PullSpec{Title: "Second version", Labels: []string{"preview"}, Draft: true})
	first := must(w.forge.Pull(ctx, number))
	if first.TestMerge != "" || first.Conflicts {
		t.Errorf("GitHub does not know yet whether it can be merged: %+v", first)
	}
	got := must(w.forge.Pull(ctx, number))
	want := webhooks.Pull{
		Number: number, Title: "Second version", Author: "alice", HeadOwner: "acme", Labels: []string{"preview"}, Draft: true, State: webhooks.Open,
		Base: webhooks.Branch{Ref: "main", SHA: w.repo.Head("main")}, Head: webhooks.Branch{Ref: "change", SHA: sha},
		TestMerge: got.TestMerge, Commits: 1, Updated: got.Updated, URL: w.hub.URL() + "/acme/data/pull/1",
	}
	diff(t, want, got)
	if got.TestMerge == "" {
		t.Error("there is no test merge")
	}
	diff(t, 1, len(must(w.forge.OpenPulls(ctx))))
	brought := func(sha string) int {
		t.Helper()
		p, found, err := w.forge.PullOf(ctx, sha)
		if err != nil || found != (p.Number != 0) {
			t.Fatalf("%v, %v: %+v", found, err, p)
		}
		return p.Number
	}
	diff(t, 0, brought(sha), "It is not merged yet.")
	diff(t, 0, brought(githubtest.SHA("other")), "No pull request has it.")
	if err := w.repo.SetDraft(number, false, "alice"); err != nil {
		t.Fatal(err)
	}
	if err := w.repo.Merge(number, "bob"); err != nil {
		t.Fatal(err)
	}
	closed := must(w.forge.ClosedPulls(ctx, time.Now().Add(-time.Minute)))
	if len(closed) != 1 || closed[0].State != webhooks.Merged || closed[0].MergedBy != "bob" || closed[0].MergeCommit != w.repo.Head("main") {
		t.Errorf("closed: %+v", closed)
	}
	diff(t, number, brought(w.repo.Head("main")), "The merge is of the pull request.")
	diff(t, 0, len(must(w.forge.ClosedPulls(ctx, time.Now().Add(time.Minute)))))
	if _, err := w.forge.Pull(ctx, 99); !isNotFound(err) {
		t.Errorf("got %v", err)
	}
}

// TestForks sees a pull request of a fork, also when the fork is gone.
func TestForks(t *testing.T) {
	w := start(t, githubtest.Options{}, githubtest.RepoSpec{})
	ctx := t.Context()
	fork := must(w.repo.Fork("mallory"))
	number, sha := w.open(t, githubtest.PullSpec{From: fork, Author: "mallory"})
	if got := must(w.forge.Pull(ctx, number)); !got.Fork || got.HeadOwner != "mallory" || got.Head.SHA != sha {
		t.Errorf("got %+v", got)
	}
	fork.Delete()
	if got := must(w.forge.Pull(ctx, number)); !got.Fork || got.HeadOwner != "" || got.Head.SHA != sha {
		t.Errorf("got %+v after the fork was deleted", got)
	}
}

func TestApprovals(t *testing.T) {
	w := start(t, githubtest.Options{}, githubtest.RepoSpec{})
	number, sha := w.open(t, githubtest.PullSpec{})
	for _, step := range []struct {
		reason, by, state string
		want              []string
	}{
		{"An approval counts.", "bob", "APPROVED", []string{"bob"}},
		{"A remark takes nothing away.", "bob", "COMMENTED", []string{"bob"}},
		{"Another one counts, too.", "carol", "APPROVED", []string{"bob", "carol"}},
		{"Who wants changes approves no longer.", "bob", "CHANGES_REQUESTED", []string{"carol"}},
	} {
		if err := w.repo.Review(number, step.state, step.by); err != nil {
			t.Fatal(err)
		}
		diff(t, step.want, must(w.forge.Approvals(t.Context(), number, sha)), step.reason)
	}
	newer := must(w.repo.Push("change", "more", nil, "alice"))
	diff(t, []string(nil), must(w.forge.Approvals(t.Context(), number, newer)), "An approval is of what was seen.")
}

func TestComments(t *testing.T) {
	w := start(t, githubtest.Options{}, githubtest.RepoSpec{})
	ctx := t.Context()
	number, _ := w.open(t, githubtest.PullSpec{})
	began := time.Now().Add(-2 * time.Second)
	if _, err := w.repo.Comment(number, "/trunkline help", "bob"); err != nil {
		t.Fatal(err)
	}
	made := must(w.forge.CreateComment(ctx, number, "hello"))
	if err := w.forge.EditComment(ctx, made.ID, "hello again"); err != nil {
		t.Fatal(err)
	}
	list := must(w.forge.CommentsOf(ctx, number))
	if len(list) != 2 || list[0].Ours || list[0].Author != "bob" || !list[1].Ours || list[1].Body != "hello again" || list[1].Number != number {
		t.Errorf("got %+v", list)
	}
	if !list[0].Updated.Equal(list[0].Created) {
		t.Errorf("a comment that nobody edited counts as edited: %+v", list[0])
	}
	diff(t, 2, len(must(w.forge.CommentsSince(ctx, began))))
	for _, want := range []bool{true, false} {
		diff(t, want, must(w.forge.React(ctx, list[0].ID, "eyes")))
	}
	if err := w.forge.EditComment(ctx, list[0].ID, "not ours"); err == nil {
		t.Error("somebody else's comment was edited")
	}
	if _, err := w.forge.CreateComment(ctx, number, string(make([]rune, 65537))); err == nil {
		t.Error("a comment that GitHub refuses was sent")
	}
	if _, err := w.forge.CreateComment(ctx, 99, "x"); !isNotFound(err) {
		t.Errorf("got %v", err)
	}
}

func TestDeployments(t *testing.T) {
	w := start(t, githubtest.Options{}, githubtest.RepoSpec{})
	ctx := t.Context()
	_, sha := w.open(t, githubtest.PullSpec{})
	older := must(w.forge.CreateDeployment(ctx, webhooks.Deployment{SHA: w.repo.Head("main"), Environment: "dev"}))
	newer := must(w.forge.CreateDeployment(ctx, webhooks.Deployment{SHA: sha, Environment: "dev", Description: "two releases"}))
	for _, d := range []webhooks.Deployment{older, newer} {
		for _, state := range []webhooks.DeploymentState{webhooks.DeployInProgress, webhooks.DeploySuccess} {
			if err := w.forge.SetDeploymentStatus(ctx, d.ID, webhooks.DeploymentStatus{State: state, EnvironmentURL: "https://dev.example.com", LogURL: "https://x.example.com"}); err != nil {
				t.Fatal(err)
			}
		}
	}
	made := must(w.forge.DeploymentsOf(ctx, sha))
	for i := range made {
		if made[i].Created.IsZero() || !made[i].Created.Equal(newer.Created) {
			t.Errorf("deployment %d was made at %s, and when it was made GitHub said %s", made[i].ID, made[i].Created, newer.Created)
		}
		made[i].Created = time.Time{}
	}
	diff(t, []webhooks.Deployment{{ID: newer.ID, SHA: sha, Environment: "dev", Description: "two releases", State: webhooks.DeploySuccess}}, made)
	diff(t, "inactive", w.repo.DeploymentState(w.repo.Head("main"), "dev"), "A newer one takes the place of an older one.")
	for range 2 { // it may be gone already
		if err := w.forge.RemoveEnvironment(ctx, "dev"); err != nil {
			t.Fatal(err)
		}
	}
	diff(t, 0, len(must(w.forge.DeploymentsOf(ctx, sha))))
}

func TestPeople(t *testing.T) {
	w := start(t, githubtest.Options{}, githubtest.RepoSpec{Private: true})
	w.hub.AddUser("stranger")
	w.hub.AddTeam("acme", "finance", "alice")
	w.hub.AddTeam("acme", "orders")
	for login, role := range map[string]string{"alice": "admin", "bob": "maintain", "carol": "write", "dave": "triage", "eve": "read"} {
		w.repo.Grant(login, role)
	}
	for login, want := range map[string]webhooks.Permission{
		"alice": webhooks.Admin, "bob": webhooks.Write, "carol": webhooks.Write, "dave": webhooks.Read, "eve": webhooks.Read,
		"stranger": webhooks.None, "nobody": webhooks.None, "../../x": webhooks.None, "": webhooks.None,
	} {
		diff(t, want, must(w.forge.Permission(t.Context(), login)), login)
	}
	diff(t, []string{"acme/finance"}, must(w.forge.Teams(t.Context(), "alice", []string{"finance", "orders", "none", "../x"})))
	diff(t, []string{"Acme/Finance"}, must(w.forge.Teams(t.Context(), "alice", []string{"Acme/Finance", "other/finance", "/finance", "acme/finance/x"})))
	diff(t, []string(nil), must(w.forge.Teams(t.Context(), "bob", []string{"finance"})))
}

func TestTokens(t *testing.T) {
	w := start(t, githubtest.Options{}, githubtest.RepoSpec{Private: true})
	if token := must(w.client.Token(t.Context(), "acme/data")); len(token) < 10 {
		t.Errorf("got %q", token)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := w.forge.OpenPulls(ctx); err == nil {
		t.Error("a cancelled call worked")
	}
}
