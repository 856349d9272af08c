// SPDX-License-Identifier: Apache-2.0

package githubtest_test

import (
	"fmt"
	"strings"
	"testing"

	"trunkline.dev/trunkline/webhooks/github/githubtest"
)

// TestMergeQueue queues two pull requests: groups stand on each other, and what fails is taken out.
func TestMergeQueue(t *testing.T) {
	b := newBench(t, githubtest.Options{Dir: t.TempDir()}, githubtest.RepoSpec{Git: true})
	events := b.listen()
	must(b.repo.Push("main", "first", m2{"file": "one\n"}, "alice"))
	for _, branch := range []string{"a", "b"} {
		if err := b.repo.Branch(branch, "main"); err != nil {
			t.Fatal(err)
		}
		must(b.repo.Push(branch, branch, m2{branch: "x\n"}, "alice"))
		must(b.repo.Open(githubtest.PullSpec{Title: branch, Author: "alice", Head: branch}))
	}
	b.repo.Require("main", "trunkline")
	b.repo.UseQueue("main", true)
	events()
	for _, n := range []int{1, 2} {
		if err := b.repo.Merge(n, "alice"); err != nil { // the button puts it into the queue
			t.Fatal(err)
		}
	}
	first, second := b.repo.QueueHead(1), b.repo.QueueHead(2)
	diff(t, first, strings.Fields(b.git("show", "-s", "--format=%P", second))[0], "The second group stands on the first.")
	diff(t, []string{"merge_group checks_requested", "merge_group checks_requested"}, only(events(), "merge_group"), "")
	conclude := func(sha, conclusion string) {
		if status, answer, _ := b.ask("POST", "/check-runs", b.token, m{"name": "trunkline", "head_sha": sha, "conclusion": conclusion}); status != 201 {
			t.Fatalf("got %d: %v", status, answer)
		}
	}
	conclude(first, "failure")
	diff(t, []string{"merge_group destroyed", "merge_group destroyed", "merge_group checks_requested"}, only(events(), "merge_group"), "What is behind is made again without it.")
	if again := b.repo.QueueHead(2); again == second || b.repo.QueueHead(1) != "" {
		t.Errorf("the second group is %s, the first %s", again, b.repo.QueueHead(1))
	}
	before := b.repo.Head("main")
	conclude(b.repo.QueueHead(2), "neutral")
	if b.repo.Head("main") == before || b.repo.QueueHead(2) != "" {
		t.Error("what passed was not merged")
	}
	diff(t, []string{"merge_group destroyed"}, only(events(), "merge_group"), "")
}

// TestDeliveries holds deliveries back, and sends them in every way that GitHub does.
func TestDeliveries(t *testing.T) {
	b := newBench(t, githubtest.Options{}, githubtest.RepoSpec{})
	events := b.listen()
	number, _ := b.open(githubtest.PullSpec{})
	events()
	for name, tc := range map[string]struct {
		choose func([]githubtest.Delivery) []githubtest.Delivery
		want   int
	}{"All": {githubtest.All, 2}, "Reversed": {githubtest.Reversed, 2}, "Twice": {githubtest.Twice, 4}, "None": {githubtest.None, 0}} {
		release := b.hub.Hold()
		must(b.repo.Comment(number, "one", "bob"))
		must(b.repo.Comment(number, "two", "bob"))
		release(tc.choose)
		diff(t, tc.want, len(only(events(), "issue_comment")), name)
	}
	b.hub.Drop(func(d githubtest.Delivery) bool { return d.Event == "issue_comment" })
	must(b.repo.Comment(number, "lost", "bob"))
	diff(t, 0, len(only(events(), "issue_comment")), "It is lost.")
	b.hub.Drop(nil)
	jwt := b.hub.JWT(b.app)
	_, list, _ := b.ask("GET", "//app/hook/deliveries?per_page=100", jwt, nil)
	newest := list["list"].([]any)[0].(m)
	if newest["event"] != "issue_comment" || newest["status_code"] != 0.0 {
		t.Errorf("the newest delivery is %v", newest)
	}
	if status, _, _ := b.ask("POST", fmt.Sprintf("//app/hook/deliveries/%.0f/attempts", newest["id"]), jwt, nil); status != 202 {
		t.Errorf("got %d", status)
	}
	diff(t, []string{"issue_comment created"}, only(events(), "issue_comment"), "It is sent again.")
}

// TestPush pushes by Git, over HTTP, and is told of.
func TestPush(t *testing.T) {
	b := newBench(t, githubtest.Options{Dir: t.TempDir()}, githubtest.RepoSpec{Git: true, Private: true})
	b.repo.Grant("alice", "write")
	b.repo.Grant("eve", "read")
	events := b.listen()
	must(b.repo.Push("main", "first", m2{"file": "one\n"}, "alice"))
	number, _ := b.open(githubtest.PullSpec{})
	events()
	work := t.TempDir()
	url := func(token string) string { return strings.Replace(b.repo.CloneURL(), "://", "://x:"+token+"@", 1) }
	run(t, work, "clone", "--quiet", "--branch", "change", url(b.hub.Token("alice")), ".")
	run(t, work, "-c", "user.name=alice", "-c", "user.email=a@example.com", "commit", "--quiet", "--allow-empty", "-m", "more")
	if out, err := tryGit(t, work, "push", "--quiet", url(b.hub.Token("eve")), "change"); err == nil {
		t.Errorf("who may only read has pushed: %s", out)
	}
	if out, err := tryGit(t, work, "ls-remote", b.repo.CloneURL()); err == nil {
		t.Errorf("nobody has read: %s", out)
	}
	run(t, work, "push", "--quiet", "origin", "change")
	diff(t, []string{"push ", "check_suite requested", "pull_request synchronize"}, events(), "The pull request follows.")
	run(t, work, "fetch", "--quiet", "origin", "refs/pull/1/head")
	if out, err := tryGit(t, work, "push", "--quiet", "origin", "HEAD:refs/pull/1/merge"); err == nil {
		t.Errorf("refs of pull requests were written: %s", out)
	}
	run(t, work, "push", "--quiet", "origin", "--delete", "change")
	diff(t, []string{"push ", "pull_request closed"}, events(), fmt.Sprintf("Pull request %d is closed with its branch.", number))
}
