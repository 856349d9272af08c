// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/google/go-github/v60/github"

	"trunkline.dev/trunkline/webhooks/github/githubtest"
)

// The repository at GitHub, and who is there: the one who pushes to main, the author of the pull requests, and the person
// who looks at the pages and presses their buttons.
const (
	forgeOwner = "acme"
	forgeRepo  = "platform"
	pusher     = "demo"
	author     = "ada"
	viewer     = "you"
	// The teams own what the pull requests change; a change that none of their members made or approved is refused.
	authorTeam, otherTeam = "team-finance", "team-orders"
)

// forge is the GitHub of the story: in memory, on a loopback port of its own, with the repository that the daemon follows
// and the App that the daemon is.
type forge struct {
	hub    *githubtest.GitHub
	repo   *githubtest.Repo
	app    *githubtest.App
	api    *github.Client // asks as the viewer
	server *http.Server
	secret string // what webhooks are signed with
}

// startForge serves a GitHub until stop. It keeps its repository in a folder.
func startForge(ctx context.Context, dir string) (*forge, error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("starting the GitHub of the demo: %w", err)
	}
	hub := githubtest.New("http://"+listener.Addr().String(), githubtest.Options{Dir: dir, Viewer: viewer})
	f := &forge{hub: hub, server: &http.Server{Handler: hub, ReadHeaderTimeout: 10 * time.Second}, secret: rand.Text()}
	go func() { _ = f.server.Serve(listener) }() // whoever asks next says that it has ended
	if err := f.populate(); err != nil {
		return nil, errors.Join(fmt.Errorf("starting the GitHub of the demo: %w", err), f.stop())
	}
	return f, nil
}

// populate adds the repository, its people and the App.
func (f *forge) populate() (err error) {
	if f.repo, err = f.hub.AddRepo(forgeOwner+"/"+forgeRepo, githubtest.RepoSpec{Git: true}); err != nil {
		return err
	}
	for _, login := range []string{pusher, author, viewer} {
		f.hub.AddUser(login)
		f.repo.Grant(login, "write")
	}
	for _, team := range []string{authorTeam, otherTeam} {
		f.hub.AddTeam(forgeOwner, team, author, viewer)
	}
	if f.app, err = f.hub.AddApp(githubtest.App{
		Name: "trunkline", Owner: forgeOwner, Permissions: githubtest.LeastPermissions(),
		Events: []string{"check_run", "check_suite", "issue_comment", "merge_group", "pull_request", "pull_request_review", "push"},
	}); err != nil {
		return err
	}
	f.hub.Install(f.app, forgeOwner, f.repo)
	f.api = github.NewClient(nil).WithAuthToken(f.hub.Token(viewer))
	f.api.BaseURL, err = url.Parse(f.hub.APIURL())
	return err
}

// stop ends the deliveries and the server. The repository is on disk, and stays.
func (f *forge) stop() error {
	f.hub.Close()
	return f.server.Close()
}

// remote is where someone pushes to.
func (f *forge) remote(login string) string {
	return strings.Replace(f.repo.CloneURL(), "://", "://"+login+":"+f.hub.Token(login)+"@", 1)
}

// connect returns the flags by which the daemon is the App. Its key and the secret are written to files.
func (f *forge) connect(keyFile, secretFile string) ([]string, error) {
	for file, content := range map[string]string{keyFile: string(f.app.Key), secretFile: f.secret} {
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			return nil, fmt.Errorf("writing what the daemon signs with: %w", err)
		}
	}
	return []string{
		"--github-url", f.hub.URL(), "--github-repo", f.repo.FullName(), "--github-app-id", strconv.FormatInt(f.app.ID, 10),
		"--github-app-key-file", keyFile, "--hook-secret-file", secretFile,
	}, nil
}

// hook has the events be sent to the daemon.
func (f *forge) hook(server string) { f.hub.SetHook(f.app, server+"/hooks/github", f.secret) }

// page is the address of a pull request for a browser, which looks again every two seconds.
func (f *forge) page(number int) string {
	return fmt.Sprintf("%s/%s/pull/%d?refresh=2", f.hub.URL(), f.repo.FullName(), number)
}

// open pushes files to a new branch and opens a pull request of it. It returns its number and the commit.
func (f *forge) open(branch, title, body string, files map[string]string) (number int, commit string, err error) {
	if err = f.repo.Branch(branch, "main"); err == nil {
		commit, err = f.repo.Push(branch, title, files, author)
	}
	if err == nil {
		number, err = f.repo.Open(githubtest.PullSpec{Title: title, Body: body, Author: author, Head: branch})
	}
	if err != nil {
		return 0, "", fmt.Errorf("opening a pull request of %s: %w", branch, err)
	}
	return number, commit, nil
}

// check returns the newest check of a commit; nil while there is none.
func (f *forge) check(ctx context.Context, commit string) (*github.CheckRun, error) {
	list, _, err := f.api.Checks.ListCheckRunsForRef(ctx, forgeOwner, forgeRepo, commit, nil)
	if err != nil {
		return nil, fmt.Errorf("looking at the check of %s: %w", short(commit), err)
	}
	if len(list.CheckRuns) == 0 {
		return nil, nil //nolint:nilnil // there is none yet, which is no error
	}
	return list.CheckRuns[0], nil
}

// comments returns the comments on a pull request, the oldest first.
func (f *forge) comments(ctx context.Context, number int) ([]string, error) {
	list, _, err := f.api.Issues.ListComments(ctx, forgeOwner, forgeRepo, number, nil)
	if err != nil {
		return nil, fmt.Errorf("reading the comments on pull request %d: %w", number, err)
	}
	var bodies []string
	for _, c := range list {
		bodies = append(bodies, c.GetBody())
	}
	return bodies, nil
}

// merge presses the button of a pull request by the API.
func (f *forge) merge(ctx context.Context, number int) error {
	if _, _, err := f.api.PullRequests.Merge(ctx, forgeOwner, forgeRepo, number, "", nil); err != nil {
		return fmt.Errorf("merging pull request %d: %w", number, err)
	}
	return nil
}

// merged returns the commit on main that a pull request was merged with; empty while it is not.
func (f *forge) merged(ctx context.Context, number int) (commit string, err error) {
	p, _, err := f.api.PullRequests.Get(ctx, forgeOwner, forgeRepo, number)
	if err != nil {
		return "", fmt.Errorf("looking at pull request %d: %w", number, err)
	}
	if !p.GetMerged() {
		return "", nil
	}
	return p.GetMergeCommitSHA(), nil
}
