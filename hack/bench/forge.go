// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"trunkline.dev/trunkline/webhooks/github/githubtest"
)

// forge is a GitHub in the process of the benchmark, with one repository, which notes when it is asked for what.
type forge struct {
	hub  *githubtest.GitHub
	repo *githubtest.Repo
	app  *githubtest.App
	// args are the flags by which a daemon is connected.
	args   []string
	server *http.Server

	mu sync.Mutex
	// calls are those that are done, of the REST API and of Git, in the order of their ends.
	calls []ask
	// sent is when the first event about a head was sent, and concluded when its check was; by the head's commit.
	sent, concluded map[string]time.Time
	changed         chan struct{} // closed and replaced with each conclusion
}

// ask is a request to the forge.
type ask struct {
	// what is "METHOD path" without numbers and commits.
	what     string
	api      bool
	from, to time.Time
}

// The people and names of the repository.
const (
	forgeRepo   = "acme/platform"
	forgeAuthor = "olga"
	hookSecret  = "bench"
)

// newForge serves a GitHub whose files are in a folder. It is closed by the caller.
func newForge(ctx context.Context, dir string) (*forge, error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("serving a GitHub: %w", err)
	}
	f := &forge{sent: map[string]time.Time{}, concluded: map[string]time.Time{}, changed: make(chan struct{})}
	f.hub = githubtest.New("http://"+listener.Addr().String(), githubtest.Options{Dir: dir, Observe: f.observe, ObserveDelivery: f.delivery})
	f.server = &http.Server{Handler: http.HandlerFunc(f.serve), ReadHeaderTimeout: changeLimit}
	go func() { _ = f.server.Serve(listener) }() // until it is closed
	if err := f.furnish(dir); err != nil {
		return nil, errors.Join(err, f.close())
	}
	return f, nil
}

// furnish makes the repository, its people and the App.
func (f *forge) furnish(dir string) (err error) {
	f.hub.AddUser(forgeAuthor)
	f.hub.AddOrg("acme")
	f.hub.AddTeam("acme", projectOwner, forgeAuthor)
	if f.repo, err = f.hub.AddRepo(forgeRepo, githubtest.RepoSpec{Git: true}); err != nil {
		return fmt.Errorf("making a repository: %w", err)
	}
	f.repo.Grant(forgeAuthor, "write")
	if f.app, err = f.hub.AddApp(githubtest.App{Name: "trunkline", Owner: "acme", Permissions: githubtest.LeastPermissions(), Events: []string{
		"check_run", "check_suite", "issue_comment", "merge_group", "pull_request", "pull_request_review", "push",
	}}); err != nil {
		return fmt.Errorf("making an App: %w", err)
	}
	f.hub.Install(f.app, "acme", f.repo)
	key, secret := filepath.Join(dir, "app.pem"), filepath.Join(dir, "secret")
	if err := errors.Join(os.WriteFile(key, f.app.Key, 0o600), os.WriteFile(secret, []byte(hookSecret), 0o600)); err != nil {
		return fmt.Errorf("writing the App's credentials: %w", err)
	}
	f.args = []string{
		"--github-repo", forgeRepo, "--github-app-id", strconv.FormatInt(f.app.ID, 10), "--github-app-key-file", key,
		"--github-url", f.hub.URL(), "--hook-secret-file", secret,
	}
	return nil
}

func (f *forge) close() error {
	f.hub.Close()
	return f.server.Close()
}

// serve notes a request.
func (f *forge) serve(w http.ResponseWriter, r *http.Request) {
	c := ask{from: time.Now(), api: strings.HasPrefix(r.URL.Path, "/api/"), what: r.Method + " " + kind(r.URL.Path)}
	f.hub.ServeHTTP(w, r)
	c.to = time.Now()
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls = append(f.calls, c)
}

// kind is a path of which only the words are left: numbers and commits become "…".
func kind(path string) string {
	parts := strings.Split(strings.TrimPrefix(strings.TrimPrefix(path, "/api/v3"), "/repos/"+forgeRepo), "/")
	for i, part := range parts {
		if strings.ContainsAny(part, "0123456789") {
			parts[i] = "…"
		}
	}
	return strings.Join(parts, "/")
}

// delivery notes when an event about the head of a pull request is sent.
func (f *forge) delivery(event string, payload []byte) {
	if event != "pull_request" {
		return
	}
	var p struct {
		Pull struct{ Head struct{ SHA string } } `json:"pull_request"`
	}
	now := time.Now()
	if err := json.Unmarshal(payload, &p); err != nil {
		return // then nothing is measured, which fails
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, known := f.sent[p.Pull.Head.SHA]; !known {
		f.sent[p.Pull.Head.SHA] = now
	}
}

// observe notes when a check is concluded.
func (f *forge) observe(e githubtest.Exchange) {
	if e.Request.Method == http.MethodGet || !strings.Contains(e.Request.URL.Path, "/check-runs") {
		return
	}
	var check struct {
		SHA    string `json:"head_sha"`
		Status string
	}
	if err := json.Unmarshal(e.Received, &check); err != nil || check.Status != "completed" {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.concluded[check.SHA] = time.Now()
	close(f.changed)
	f.changed = make(chan struct{})
}

// push moves a branch by one commit, and returns that.
func (f *forge) push(branch string, files tree) (string, error) {
	sha, err := f.repo.Push(branch, "change", files, forgeAuthor)
	if err != nil {
		return "", fmt.Errorf("pushing %s: %w", branch, err)
	}
	return sha, nil
}

// open opens a pull request that changes files, and returns its head.
func (f *forge) open(branch string, files tree) (string, error) {
	if err := f.repo.Branch(branch, "main"); err != nil {
		return "", fmt.Errorf("making branch %s: %w", branch, err)
	}
	sha, err := f.push(branch, files)
	if err != nil {
		return "", err
	}
	if _, err := f.repo.Open(githubtest.PullSpec{Title: branch, Author: forgeAuthor, Head: branch}); err != nil {
		return "", fmt.Errorf("opening the pull request of %s: %w", branch, err)
	}
	return sha, nil
}

// review is how a head was reviewed: from when its event was sent to when its check was concluded, which is the last that
// is written.
type review struct{ from, to time.Time }

func (r review) took() time.Duration { return r.to.Sub(r.from) }

// awaitReview waits until the check of a head is concluded, which has to be a success: what is refused early is fast.
func (f *forge) awaitReview(ctx context.Context, sha string, limit time.Duration) (review, error) {
	ctx, cancel := waiting(ctx, limit, "the check of "+sha+" to be concluded")
	defer cancel()
	for {
		f.mu.Lock()
		r, changed := review{f.sent[sha], f.concluded[sha]}, f.changed
		f.mu.Unlock()
		if !r.to.IsZero() {
			if got := f.repo.CheckOf(sha, "trunkline"); got != "completed success" {
				return r, fmt.Errorf("the check of %s is %q, which is not what is measured", sha, got)
			}
			return r, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return review{}, context.Cause(ctx)
		}
	}
}

// within is how much of a review passed while a request to the forge was under way, of the REST API or of Git.
func (f *forge) within(r review) time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	return covered(f.calls, r.from, r.to)
}

// covered is how much of a time something was under way.
func covered(calls []ask, from, to time.Time) (sum time.Duration) {
	sorted := slices.SortedFunc(slices.Values(calls), func(a, b ask) int { return a.from.Compare(b.from) })
	for _, c := range sorted {
		if c.from.Before(from) {
			c.from = from
		}
		if c.to.After(to) {
			c.to = to
		}
		if c.to.After(c.from) {
			sum += c.to.Sub(c.from)
			from = c.to
		}
	}
	return sum
}

// settle waits until nothing was asked of the forge for a while, so that what follows a review is counted with it.
func (f *forge) settle(ctx context.Context, quiet time.Duration) error {
	if err := f.hub.Delivered(ctx); err != nil {
		return fmt.Errorf("waiting for the events to be delivered: %w", err)
	}
	for {
		f.mu.Lock()
		n := len(f.calls)
		f.mu.Unlock()
		if err := pause(ctx, quiet); err != nil {
			return err
		}
		f.mu.Lock()
		same := len(f.calls) == n
		f.mu.Unlock()
		if same {
			return nil
		}
	}
}

// restart has requests be counted from here.
func (f *forge) restart() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls = nil
	f.hub.ResetUsage()
}

// counts returns how many requests of the REST API there were since the restart, and of which kinds, the most frequent first.
func (f *forge) counts() (n int, kinds []string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	by := map[string]int{}
	for _, c := range f.calls {
		if c.api {
			n++
			by[c.what]++
		}
	}
	for what, n := range by {
		kinds = append(kinds, fmt.Sprintf("%d %s", n, what))
	}
	slices.SortFunc(kinds, func(a, b string) int {
		_, left, _ := strings.Cut(a, " ")
		_, right, _ := strings.Cut(b, " ")
		return cmp.Or(by[right]-by[left], strings.Compare(left, right))
	})
	return n, kinds
}
