// SPDX-License-Identifier: Apache-2.0

package githubtest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/webhooks/github/githubtest"
	"trunkline.dev/trunkline/webhooks/github/githubtest/contract"
)

// bench is a GitHub, and a way to ask its REST API without a client that knows better.
type bench struct {
	t     *testing.T
	hub   *githubtest.GitHub
	app   *githubtest.App
	repo  *githubtest.Repo
	token string // of the installation
}

func newBench(t *testing.T, o githubtest.Options, spec githubtest.RepoSpec) *bench {
	t.Helper()
	hub := githubtest.Start(t, contract.Check(t, o))
	permissions := githubtest.LeastPermissions()
	permissions["statuses"] = "write" // which no App of ours has
	app := must(hub.AddApp(githubtest.App{Permissions: permissions}))
	repo := must(hub.AddRepo("acme/data", spec))
	hub.Install(app, "acme")
	return &bench{t: t, hub: hub, app: app, repo: repo, token: hub.InstallationToken(app, "acme")}
}

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

// ask asks for a path below /repos/acme/data, or of the API where it begins with "//".
func (b *bench) ask(method, path, token string, body any) (int, map[string]any, http.Header) {
	b.t.Helper()
	url := b.hub.APIURL() + "repos/acme/data" + path
	if rest, ok := strings.CutPrefix(path, "//"); ok {
		url = b.hub.APIURL() + rest
	}
	var sent io.Reader
	if body != nil {
		sent = bytes.NewReader(must(json.Marshal(body)))
	}
	req := must(http.NewRequestWithContext(b.t.Context(), method, url, sent))
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		b.t.Fatal(err)
	}
	defer resp.Body.Close()
	var out any
	_ = json.NewDecoder(resp.Body).Decode(&out)
	object, ok := out.(map[string]any)
	if !ok {
		object = map[string]any{"list": out}
	}
	return resp.StatusCode, object, resp.Header
}

type m = map[string]any

// open opens a pull request from the branch "change".
func (b *bench) open(spec githubtest.PullSpec) (int, string) {
	b.t.Helper()
	if err := b.repo.Branch("change", "main"); err != nil {
		b.t.Fatal(err)
	}
	sha := must(b.repo.Push("change", "a change", m2{"file": "changed\n"}, "alice"))
	if spec.Author == "" {
		spec.Author = "alice"
	}
	spec.Head = "change"
	return must(b.repo.Open(spec)), sha
}

type m2 = map[string]string

// TestRules asks for what GitHub's description allows, and GitHub does not.
func TestRules(t *testing.T) {
	b := newBench(t, githubtest.Options{}, githubtest.RepoSpec{})
	b.repo.Grant("alice", "admin")
	_, sha := b.open(githubtest.PullSpec{})
	annotations := func(n int) []m {
		var out []m
		for i := range n {
			out = append(out, m{"path": "a", "start_line": i + 1, "end_line": i + 1, "annotation_level": "failure", "message": "m"})
		}
		return out
	}
	person := b.hub.Token("alice")
	b.ask("POST", "/check-runs", b.token, m{"name": "pending", "head_sha": sha}) // what a deployment waits for
	cases := map[string]struct {
		reason, method, path, token string
		body                        any
		status                      int
	}{
		"CheckByToken":        {"Only an App makes check runs.", "POST", "/check-runs", person, m{"name": "x", "head_sha": sha}, 403},
		"Check":               {"An App does.", "POST", "/check-runs", b.token, m{"name": "x", "head_sha": sha, "status": "queued"}, 201},
		"NoConclusion":        {"What is completed has a conclusion.", "POST", "/check-runs", b.token, m{"name": "x", "head_sha": sha, "status": "completed"}, 422},
		"NoName":              {"A check has a name.", "POST", "/check-runs", b.token, m{"head_sha": sha}, 422},
		"NoSummary":           {"An output has a summary.", "POST", "/check-runs", b.token, m{"name": "x", "head_sha": sha, "output": m{"title": "t"}}, 422},
		"FiftyAnnotations":    {"That many fit.", "POST", "/check-runs", b.token, m{"name": "x", "head_sha": sha, "output": m{"title": "t", "summary": "s", "annotations": annotations(50)}}, 201},
		"TooManyAnnotations":  {"One more does not.", "POST", "/check-runs", b.token, m{"name": "x", "head_sha": sha, "output": m{"title": "t", "summary": "s", "annotations": annotations(51)}}, 422},
		"LineZero":            {"Lines count from 1.", "POST", "/check-runs", b.token, m{"name": "x", "head_sha": sha, "output": m{"title": "t", "summary": "s", "annotations": []m{{"path": "a", "start_line": 0, "end_line": 0, "annotation_level": "failure", "message": "m"}}}}, 422},
		"AbsolutePath":        {"Paths are of the repository.", "POST", "/check-runs", b.token, m{"name": "x", "head_sha": sha, "output": m{"title": "t", "summary": "s", "annotations": []m{{"path": "/a", "start_line": 1, "end_line": 1, "annotation_level": "failure", "message": "m"}}}}, 422},
		"LongSummary":         {"65,535 characters are allowed.", "POST", "/check-runs", b.token, m{"name": "x", "head_sha": sha, "output": m{"title": "t", "summary": strings.Repeat("é", 65535)}}, 201},
		"TooLongSummary":      {"One more is not.", "POST", "/check-runs", b.token, m{"name": "x", "head_sha": sha, "output": m{"title": "t", "summary": strings.Repeat("é", 65536)}}, 422},
		"LongComment":         {"65,536 characters are allowed, however many bytes.", "POST", "/issues/1/comments", b.token, m{"body": strings.Repeat("é", 65536)}, 201},
		"TooLongComment":      {"One more is not.", "POST", "/issues/1/comments", b.token, m{"body": strings.Repeat("x", 65537)}, 422},
		"EmptyComment":        {"A comment says something.", "POST", "/issues/1/comments", b.token, m{"body": " "}, 422},
		"NoPull":              {"There is no such pull request.", "POST", "/issues/99/comments", b.token, m{"body": "x"}, 404},
		"NotAReaction":        {"There are eight.", "POST", "/issues/comments/1/reactions", b.token, m{"content": "eyes"}, 404},
		"UnknownStatus":       {"There are four states of a status.", "POST", "/statuses/" + sha, b.token, m{"state": "green"}, 422},
		"LongDescription":     {"140 characters.", "POST", "/statuses/" + sha, b.token, m{"state": "success", "description": strings.Repeat("x", 141)}, 422},
		"NoCommit":            {"A status is of a commit.", "POST", "/statuses/" + sha[:20], b.token, m{"state": "success"}, 422},
		"FailedContext":       {"A deployment waits for all checks, unless it says otherwise.", "POST", "/deployments", b.token, m{"ref": sha, "auto_merge": false}, 409},
		"NoContexts":          {"This one says so.", "POST", "/deployments", b.token, m{"ref": sha, "auto_merge": false, "required_contexts": []string{}}, 201},
		"NoRef":               {"A deployment is of something.", "POST", "/deployments", b.token, m{"ref": "nothing", "auto_merge": false}, 422},
		"DeleteEnvironment":   {"That takes a right of its own.", "DELETE", "/environments/dev", b.token, nil, 403},
		"MergeUnchecked":      {"An App of least permissions merges, where nothing is required.", "PUT", "/pulls/99/merge", b.token, m{}, 404},
		"PullWithoutTitle":    {"A pull request has a title.", "POST", "/pulls", b.token, m{"head": "change", "base": "main", "title": ""}, 422},
		"SamePull":            {"One from the same branch is enough.", "POST", "/pulls", b.token, m{"head": "change", "base": "main", "title": "x"}, 422},
		"NoBranch":            {"A pull request is from a branch.", "POST", "/pulls", b.token, m{"head": "nothing", "base": "main", "title": "x"}, 422},
		"Nobody":              {"Nobody is refused.", "GET", "/pulls", "", nil, 401},
		"Somebody":            {"A token that there is not is refused.", "GET", "/pulls", "ghp_nothing", nil, 401},
		"WrongType":           {"A name is a text.", "POST", "/check-runs", b.token, m{"name": 7, "head_sha": sha}, 422},
		"StrangersPermission": {"Nobody has that name.", "GET", "/collaborators/nobody/permission", b.token, nil, 404},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			status, answer, _ := b.ask(tc.method, tc.path, tc.token, tc.body)
			if status != tc.status {
				t.Errorf("%s got %d, want %d: %v", tc.reason, status, tc.status, answer["message"])
			}
		})
	}
}

// TestThousandRuns makes more check runs of a name than GitHub keeps: the oldest is gone.
func TestThousandRuns(t *testing.T) {
	b := newBench(t, githubtest.Options{Limits: githubtest.Limits{Primary: 9000, Points: 9000, Creates: 9000, CreatesAnHour: 9000}}, githubtest.RepoSpec{})
	_, sha := b.open(githubtest.PullSpec{})
	var first string
	for i := range 1001 {
		_, made, _ := b.ask("POST", "/check-runs", b.token, m{"name": "trunkline", "head_sha": sha})
		if i == 0 {
			first = fmt.Sprintf("/check-runs/%.0f", made["id"])
		}
	}
	if status, _, _ := b.ask("GET", first, b.token, nil); status != 404 {
		t.Errorf("got %d for the oldest of 1,001", status)
	}
	_, list, _ := b.ask("GET", "/commits/"+sha+"/check-runs?filter=all", b.token, nil)
	diff(t, 1000.0, list["total_count"], "A thousand are kept.")
}

// TestStates closes, reopens and retargets a pull request, by the API and by hand, with an event of each.
func TestStates(t *testing.T) {
	b := newBench(t, githubtest.Options{}, githubtest.RepoSpec{})
	events := b.listen()
	b.open(githubtest.PullSpec{Title: "one"})
	if err := b.repo.Branch("release", "main"); err != nil {
		t.Fatal(err)
	}
	events()
	for _, step := range []struct {
		body   m
		status int
		want   []string
	}{
		{m{"state": "closed"}, 200, []string{"pull_request closed"}},
		{m{"state": "closed"}, 200, nil},
		{m{"state": "open"}, 200, []string{"pull_request reopened"}},
		{m{"base": "release", "title": "two"}, 200, []string{"pull_request edited"}},
		{m{"base": "nothing"}, 422, nil},
	} {
		status, answer, _ := b.ask("PATCH", "/pulls/1", b.token, step.body)
		diff(t, step.status, status, fmt.Sprint(step.body, answer["message"]))
		diff(t, step.want, events(), fmt.Sprint(step.body))
	}
	for what, do := range map[string]func() error{
		"labeled":            func() error { return b.repo.Label(1, "preview", "alice") },
		"converted_to_draft": func() error { return b.repo.SetDraft(1, true, "alice") },
	} {
		if err := do(); err != nil {
			t.Fatal(err)
		}
		diff(t, []string{"pull_request " + what}, events(), what)
	}
	b.repo.Rename("renamed", "alice")
	diff(t, []string{"repository renamed"}, events(), "")
	b.repo.Transfer("other", "alice")
	diff(t, 0, len(events()), "An App that is not installed at the new owner hears nothing.")
}

// TestManifest makes an App of a manifest that a person agreed to: the code is good once.
func TestManifest(t *testing.T) {
	b := newBench(t, githubtest.Options{}, githubtest.RepoSpec{})
	b.hub.AddManifest("code", githubtest.App{Slug: "trunkline-acme", Owner: "acme", HookURL: "https://trunkline.example.com/hooks"})
	status, app, _ := b.ask("POST", "//app-manifests/code/conversions", "", nil)
	if status != 201 || !strings.Contains(app["pem"].(string), "PRIVATE KEY") || app["webhook_secret"] == "" {
		t.Errorf("got %d %v", status, app["message"])
	}
	if status, _, _ = b.ask("POST", "//app-manifests/code/conversions", "", nil); status != 404 {
		t.Errorf("the code was good twice: %d", status)
	}
}

// TestRequiredChecks merges as far as the checks allow it.
func TestRequiredChecks(t *testing.T) {
	cases := map[string]struct {
		reason, conclusion string
		merges             bool
	}{
		"Never":   {"A check that nobody reported blocks for ever.", "", false},
		"Failure": {"One that failed blocks.", "failure", false},
		"Success": {"One that passed does not.", "success", true},
		"Neutral": {"Neutral has passed.", "neutral", true},
		"Skipped": {"So has what was skipped.", "skipped", true},
		"Stale":   {"What is stale has not.", "cancelled", false},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, githubtest.Options{}, githubtest.RepoSpec{})
			b.repo.Require("main", "trunkline")
			_, sha := b.open(githubtest.PullSpec{})
			if tc.conclusion != "" {
				b.ask("POST", "/check-runs", b.token, m{"name": "trunkline", "head_sha": sha, "conclusion": tc.conclusion})
			}
			status, answer, _ := b.ask("PUT", "/pulls/1/merge", b.token, m{})
			if (status == 200) != tc.merges {
				t.Errorf("%s got %d: %v", tc.reason, status, answer["message"])
			}
		})
	}
}

// TestMergeability is unknown at first, and again after each push; the ref of the test merge is stale until then.
func TestMergeability(t *testing.T) {
	b := newBench(t, githubtest.Options{Dir: t.TempDir()}, githubtest.RepoSpec{Git: true})
	must(b.repo.Push("main", "first", m2{"file": "one\n", "other": "1\n"}, "alice"))
	number, sha := b.open(githubtest.PullSpec{Title: "change"})
	states := func() (out []any) {
		for range 2 {
			_, p, _ := b.ask("GET", "/pulls/1", b.token, nil)
			out = append(out, p["mergeable"])
		}
		return out
	}
	diff(t, []any{nil, true}, states(), "GitHub finds it out after it was asked.")
	merge := b.rev("refs/pull/1/merge")
	diff(t, []string{b.repo.Head("main"), sha}, strings.Fields(b.git("show", "-s", "--format=%P", merge)), "The test merge has both as parents.")
	newer := must(b.repo.Push("change", "more", m2{"third": "x\n"}, "alice"))
	diff(t, newer, b.rev("refs/pull/1/head"), "The head follows at once.")
	diff(t, merge, b.rev("refs/pull/1/merge"), "The merge is stale until somebody asks.")
	diff(t, []any{nil, true}, states(), "")
	must(b.repo.Push("main", "conflict", m2{"file": "another\n"}, "bob"))
	diff(t, []any{nil, false}, states(), "A conflict is said.")
	if err := b.repo.Merge(number, "alice"); err == nil {
		t.Error("a conflict was merged")
	}
	must(b.repo.Push("change", "resolved", m2{"file": "another\n"}, "alice"))
	status, files, _ := b.ask("GET", "/pulls/1/files", b.token, nil)
	if status != 200 || len(files["list"].([]any)) != 2 {
		t.Errorf("got %d files: %v", status, files["list"])
	}
}

// TestForksAreStrangers has a fork's check name neither the pull request nor the branch.
func TestForksAreStrangers(t *testing.T) {
	b := newBench(t, githubtest.Options{Dir: t.TempDir()}, githubtest.RepoSpec{Git: true})
	must(b.repo.Push("main", "first", m2{"file": "one\n"}, "alice"))
	fork := must(b.repo.Fork("mallory"))
	sha := must(fork.Push("evil", "a change", m2{"file": "two\n"}, "mallory"))
	must(b.repo.Open(githubtest.PullSpec{Title: "x", Author: "mallory", From: fork, Head: "evil"}))
	diff(t, sha, b.rev("refs/pull/1/head"), "The base has the commit of the fork.")
	_, check, _ := b.ask("POST", "/check-runs", b.token, m{"name": "trunkline", "head_sha": sha})
	diff(t, []any{}, check["pull_requests"].([]any), "It names no pull request.")
	_, list, _ := b.ask("GET", "/commits/"+sha+"/pulls", b.token, nil)
	diff(t, []any{}, list["list"].([]any), "And the commit has none.")
	fork.Delete()
	_, p, _ := b.ask("GET", "/pulls/1", b.token, nil)
	if p["head"].(m)["repo"] != nil {
		t.Error("the head's repository is still there")
	}
}

// listen has the App's deliveries be recorded.
func (b *bench) listen() (events func() []string) {
	var mu sync.Mutex
	var got []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body := must(io.ReadAll(r.Body))
		mu.Lock()
		defer mu.Unlock()
		if r.Header.Get("X-Hub-Signature-256") != githubtest.Sign("secret", body) {
			b.t.Errorf("the signature is %q", r.Header.Get("X-Hub-Signature-256"))
		}
		var head struct{ Action string }
		_ = json.Unmarshal(body, &head)
		got = append(got, r.Header.Get("X-GitHub-Event")+" "+head.Action)
		w.WriteHeader(http.StatusAccepted)
	}))
	b.t.Cleanup(server.Close)
	b.hub.SetHook(b.app, server.URL, "secret")
	return func() []string {
		ctx, cancel := context.WithTimeout(b.t.Context(), time.Minute)
		defer cancel()
		if err := b.hub.Delivered(ctx); err != nil {
			b.t.Fatal(err)
		}
		mu.Lock()
		defer mu.Unlock()
		out := got
		got = nil
		return out
	}
}

func only(events []string, name string) []string {
	return slices.DeleteFunc(events, func(e string) bool { return !strings.HasPrefix(e, name+" ") })
}

func diff(t *testing.T, want, got any, reason string) {
	t.Helper()
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("%s (-want +got):\n%s", reason, d)
	}
}
