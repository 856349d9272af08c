// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"trunkline.dev/trunkline/access"
	"trunkline.dev/trunkline/blueprints"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/console"
	"trunkline.dev/trunkline/evaluate"
	"trunkline.dev/trunkline/plan/preview"
	"trunkline.dev/trunkline/reconciler"
	"trunkline.dev/trunkline/reconciler/dryrun"
	"trunkline.dev/trunkline/reconciler/git"
	"trunkline.dev/trunkline/reconciler/status"
	"trunkline.dev/trunkline/reconciler/stores"
	"trunkline.dev/trunkline/webhooks"
	"trunkline.dev/trunkline/webhooks/commits"
	"trunkline.dev/trunkline/webhooks/github"
	"trunkline.dev/trunkline/webhooks/github/setup"
	"trunkline.dev/trunkline/webhooks/report"
	"trunkline.dev/trunkline/webhooks/reports"
)

// rulesURL is where the pages of the rules are read.
const rulesURL = "https://github.com/trunkline-dev/trunkline/blob/main/docs/rules/"

// atGitHub holds the flags about the repository at GitHub.
type atGitHub struct {
	repository         string
	app, installation  int64
	keyFile, tokenFile string
	url, public        string
}

func (g *atGitHub) flags(f *pflag.FlagSet) {
	f.StringVar(&g.repository, "github-repo", "", "report on pull requests of this repository at GitHub, `OWNER/NAME`; its webhook posts to /hooks/github")
	f.Int64Var(&g.app, "github-app-id", 0, "number of the GitHub App; \"trunkline github setup\" makes one")
	f.StringVar(&g.keyFile, "github-app-key-file", "", "file with the private key of the App")
	f.Int64Var(&g.installation, "github-installation", 0, "number of the App's installation; default: the one that the repository is in")
	f.StringVar(&g.tokenFile, "github-token-file", "", "file with an access token, where there is no App: commit statuses instead of checks")
	f.StringVar(&g.url, "github-url", "https://github.com", "address of GitHub Enterprise Server")
	f.StringVar(&g.public, "public-url", "", "where people reach this daemon, for links in what it writes")
}

// client makes the client of GitHub for the platform's own repository; nil if the daemon is not connected to it.
func (g *atGitHub) client() (*github.Repository, *github.Client, error) {
	if g.repository == "" {
		if g.app != 0 || g.keyFile != "" || g.tokenFile != "" {
			return nil, nil, usagef("say which repository at GitHub is followed: --github-repo OWNER/NAME")
		}
		return nil, nil, nil
	}
	token := ""
	if err := readSecret(g.tokenFile, &token); err != nil {
		return nil, nil, err
	}
	return g.connect(g.repository, token, g.app != 0 || g.keyFile != "", g.installation)
}

// connect makes a client for a repository, with a token, as the App, or with both, which is refused.
func (g *atGitHub) connect(name, token string, asApp bool, installation int64) (*github.Repository, *github.Client, error) {
	api, err := apiOf(g.url)
	if err != nil {
		return nil, nil, &usageError{err}
	}
	options := []github.Option{github.WithBaseURL(api)}
	if token != "" {
		options = append(options, github.WithToken(token))
	}
	if asApp {
		key := []byte(nil)
		if g.keyFile != "" {
			if key, err = os.ReadFile(g.keyFile); err != nil {
				return nil, nil, fmt.Errorf("reading a secret: %w", err)
			}
		}
		owner, _, _ := strings.Cut(name, "/")
		options = append(options, github.WithApp(g.app, key), github.WithInstallation(installation, owner))
	}
	client, err := github.New(options...)
	if err != nil {
		return nil, nil, &usageError{err}
	}
	repository, err := client.Repository(name)
	if err != nil {
		return nil, nil, &usageError{err}
	}
	return repository, client, nil
}

// apiOf returns where the API of a GitHub is.
func apiOf(address string) (string, error) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.User != nil {
		return "", errors.New("--github-url is the address of GitHub, such as https://github.example.com, without credentials")
	}
	return setup.API(address), nil
}

// makePulls makes what works on pull requests, if the daemon is connected to GitHub.
func (d *daemon) makePulls(renderer reconciler.Renderer) error {
	repository, client, err := d.flags.github.client()
	if err != nil || repository == nil {
		return err
	}
	d.fetches = d.signedFetches(client, repository.FullName())
	d.appToken = d.sourceTokens(client, repository)
	sources, err := d.sourceForges(client)
	if err != nil {
		return err
	}
	links := webhooks.Links{Console: d.flags.github.public, Rules: rulesURL}
	if d.reports, err = reports.Open(filepath.Join(d.flags.data, "reports"), d.flags.github.public, d.board.Touch, time.Now); err != nil {
		return err
	}
	images, err := d.followedImages()
	if err != nil {
		return err
	}
	options := func(source string) webhooks.Options {
		return webhooks.Options{
			Source: source, Joint: d.accepted, Board: d.board, Hand: hand{d.rec}, Library: blueprints.FS, Renderer: renderer, Typical: d.usual.durations, Accuracy: d.counting.accurate,
			Links: links, Reports: d.reports, Live: live{d}, Previews: previews{d.rec}, Data: stores.New(d.flags.stores), Images: images(source), Observe: d.tracesReview(source), Log: d.log, Now: time.Now,
		}
	}
	own := options("")
	own.Forge, own.Trunk = repository, trunk{d}
	own.Repository = &commits.Repository{Store: d.store, Remote: d.fetches, Dir: d.flags.dir, Join: d.join("")}
	included := make([]webhooks.Options, 0, len(sources))
	for _, s := range sources {
		one, trunk := options(s.name), sourceTrunk{d, s.name}
		one.Forge, one.Rights, one.Trunk = s.forge, repository, trunk
		one.Repository = &commits.Repository{Store: d.store, Source: s.name, Remote: trunk.remote, Dir: d.flags.dir, Folder: trunk.folder, Join: d.join(s.name)}
		included = append(included, one)
	}
	d.newPulls = func() *webhooks.Engine { return webhooks.New(own, included...) }
	d.deliver = d.deliveries(repository.FullName(), sources)
	return nil
}

// deliveries returns what accepts deliveries of GitHub, which is of the platform's own repository, or of one of the sources.
func (d *daemon) deliveries(own string, sources []sourceForge) func(event, id string, body []byte) (int, string) {
	return func(event, id string, body []byte) (int, string) {
		e, err := github.ParseHint(event, id, body)
		if err != nil {
			return http.StatusBadRequest, err.Error()
		}
		if e.Hint.Push {
			source := d.triggerSource(e.Of)
			if e.Of(own) && e.Look {
				d.tracer.Pushed()
				git.Trigger(d.trigger)
				return http.StatusAccepted, "the repository is fetched"
			}
			if source {
				return http.StatusAccepted, "the source is fetched"
			}
			return http.StatusAccepted, "nothing to do"
		}
		source, ours := "", e.Of(own)
		for _, s := range sources {
			if e.Of(s.forge.FullName()) {
				source, ours = s.name, true
			}
		}
		if !e.Look || !ours {
			return http.StatusAccepted, "nothing to do"
		}
		pulls := d.pulls.Load()
		if pulls == nil {
			return http.StatusServiceUnavailable, "another replica works on pull requests; it finds by itself what this is about"
		}
		if err := pulls.Of(source).Take(e.Hint); err != nil {
			return http.StatusServiceUnavailable, err.Error()
		}
		return http.StatusAccepted, "it is looked at"
	}
}

// workOnPulls works on pull requests until ctx ends. It begins with what GitHub says of all of them, whoever did before.
func (d *daemon) workOnPulls(ctx context.Context) {
	pulls := d.newPulls()
	d.pulls.Store(pulls)
	defer d.rec.ForgetPreviews() // another replica puts its own
	defer d.pulls.Store(nil)
	pulls.Run(ctx)
}

// remote returns the repository with the credentials that the flags name, as they are now.
func (d *daemon) remote() git.Remote {
	live := d.live.Load()
	remote := live.flags.remote
	remote.Auth = live.secrets.repository.get()
	return remote
}

// signedFetches returns the repository with credentials: those that the flags name, otherwise those of the App.
func (d *daemon) signedFetches(client *github.Client, name string) func(context.Context) (git.Remote, error) {
	return func(ctx context.Context) (git.Remote, error) {
		remote := d.remote()
		own := remote.Auth.Password != "" || remote.Auth.BearerToken != "" || remote.Auth.PrivateKeyFile != ""
		if own || !strings.HasPrefix(remote.URL, "http") {
			return remote, nil
		}
		token, err := client.Token(ctx, name)
		if err != nil {
			return git.Remote{}, fmt.Errorf("getting a token to fetch with: %w", err)
		}
		remote.Auth.Username, remote.Auth.Password = "x-access-token", token
		return remote, nil
	}
}

// sourceTokens returns what gives sources at the same GitHub a token of the App that have no credentials of their own: that of the installation
// in which the source's repository is, whichever organisation that is of. What everyone may read takes none.
func (d *daemon) sourceTokens(client *github.Client, own *github.Repository) func(context.Context, git.Remote) (git.Remote, error) {
	return func(ctx context.Context, remote git.Remote) (git.Remote, error) {
		if !sameHost(remote.URL, d.flags.github.url) {
			return remote, nil
		}
		name := atGitHubOf(remote.URL)
		token, err := client.Token(ctx, name)
		if errors.Is(err, webhooks.ErrNotFound) {
			if public, shown := own.Shows(ctx, name); shown == nil && public {
				return remote, nil
			}
		}
		if err != nil {
			return git.Remote{}, fmt.Errorf("getting a token to fetch the source with: %w; install the App in that repository, or give the source credentials of its own", err)
		}
		remote.Auth.Username, remote.Auth.Password = "x-access-token", token
		return remote, nil
	}
}

// sameHost reports whether an address is one of HTTP at the host of another.
func sameHost(address, at string) bool {
	u, err1 := url.Parse(address)
	v, err2 := url.Parse(at)
	return err1 == nil && err2 == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Scheme == v.Scheme && u.Host == v.Host
}

// trunk is the branch that is followed, as those who work on pull requests see it.
type trunk struct{ d *daemon }

// Branch implements [webhooks.Trunk].
func (t trunk) Branch() string { return t.d.flags.remote.Branch }

// Follows implements [webhooks.Trunk].
func (t trunk) Follows() string { return t.Branch() }

// Tip implements [webhooks.Trunk].
func (t trunk) Tip() string {
	head, _, err := t.d.store.Head(t.Branch())
	if err != nil {
		return ""
	}
	return head.Commit
}

// Accepted implements [webhooks.Trunk].
func (t trunk) Accepted() (string, *evaluate.Evaluation) {
	commit, e := t.d.rec.Accepted()
	return status.PartOf(commit, t.d.partsOf(commit), ""), e
}

// live compares with the clusters.
type live struct{ d *daemon }

// Diff implements [webhooks.Live], as "trunkline diff" does.
func (l live) Diff(ctx context.Context, head preview.Side, picked preview.Picker) ([]preview.Release, []preview.Trouble) {
	return dryrun.Look(ctx, dryrun.Input{Head: head, Picker: picked, Clusters: l.d.live.Load().configs, Now: time.Now(), Timeout: liveTimeout})
}

// liveTimeout bounds the time for each cluster: someone waits for the reply, and others for their pull requests.
const liveTimeout = time.Minute

// readReports are the reports as the console reads them.
type readReports struct{ keeper *reports.Keeper }

// Read implements [console.Reports].
func (r readReports) Read(link string, markdown bool) ([]byte, error) {
	content, err := r.keeper.Read(link, markdown)
	switch {
	case errors.Is(err, reports.ErrNoLink):
		return nil, console.ErrNotFound
	case errors.Is(err, reports.ErrGone):
		return nil, console.ErrGone
	}
	return content, err
}

// Pulls implements [console.Pulls].
func (r readReports) Pulls() []report.Pull { return r.keeper.Pulls() }

// Pull implements [console.Pulls].
func (r readReports) Pull(name string) (report.Pull, *report.Facts, error) {
	p, facts, err := r.keeper.Pull(name)
	if errors.Is(err, reports.ErrNoPull) {
		return p, nil, console.ErrNotFound
	}
	return p, facts, err
}

// Policy implements [console.Reports].
func (r readReports) Policy() string { return report.PagePolicy() }

// hand does what people ask for in comments.
type hand struct{ rec *reconciler.Reconciler }

// fromGitHub is a user of GitHub, by the name that bindings have for them.
func fromGitHub(login, why string) reconciler.ByHand {
	return reconciler.ByHand{By: access.GitHubPrefix + login, SignOn: string(access.ByGitHub), Why: why}
}

// Approve implements [webhooks.Hand].
func (h hand) Approve(environment, digest, by, why string) error {
	return h.rec.Approve(environment, digest, fromGitHub(by, why))
}

// Reviewed implements [webhooks.Hand].
func (h hand) Reviewed(id catalog.ReleaseID, digest, why string) { h.rec.Reviewed(id, digest, why) }

// Rollback implements [webhooks.Hand].
func (h hand) Rollback(ctx context.Context, id catalog.ReleaseID, by, why string) error {
	return h.rec.Do(ctx, id, reconciler.Rollback, fromGitHub(by, why))
}

// previews are the environments of pull requests, in the clusters that the reconciler keeps.
type previews struct{ rec *reconciler.Reconciler }

// byForge is who has previews made and removed.
func byForge(why string) reconciler.ByHand { return reconciler.ByHand{By: "pull requests", Why: why} }

// Put implements [webhooks.Previews].
func (p previews) Put(ctx context.Context, made *evaluate.Preview, head string, asleep bool) error {
	err := p.rec.PutPreview(ctx, reconciler.Preview{Preview: made, Commit: head, Asleep: asleep, By: byForge("")})
	if refused, ok := errors.AsType[*reconciler.PreviewError](err); ok {
		return &webhooks.RefusalError{Err: refused}
	}
	return err
}

// Sleep implements [webhooks.Previews].
func (p previews) Sleep(ctx context.Context, name string) error {
	return p.rec.SleepPreview(ctx, name, byForge(""))
}

// Wake implements [webhooks.Previews].
func (p previews) Wake(ctx context.Context, name string) error {
	return p.rec.WakePreview(ctx, name, byForge(""))
}

// Remove implements [webhooks.Previews].
func (p previews) Remove(ctx context.Context, name, why string) error {
	return p.rec.RemovePreview(ctx, name, byForge(why))
}

// States implements [webhooks.Previews].
func (p previews) States(ctx context.Context) ([]webhooks.PreviewState, error) {
	list, err := p.rec.Previews(ctx)
	out := make([]webhooks.PreviewState, len(list))
	for i, s := range list {
		out[i] = webhooks.PreviewState{Name: s.Name, Of: s.Of, Head: s.Commit, Asleep: s.Asleep, Put: s.Put, Removing: s.Removing}
	}
	return out, err
}
