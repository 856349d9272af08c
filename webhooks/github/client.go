// SPDX-License-Identifier: Apache-2.0

package github

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/bradleyfalzon/ghinstallation/v2"
	"github.com/google/go-github/v60/github"

	"trunkline.dev/trunkline/webhooks"
)

// Client talks to one GitHub with one set of credentials. It may be used by many at a time.
type Client struct {
	config config
	base   *url.URL
	apps   *ghinstallation.AppsTransport // nil with a token
	app    *github.Client                // the App itself; nil with a token

	mu       sync.Mutex
	sessions map[int64]*session // by installation; with a token, zero
	// installations are those of repositories, by their names in lower case, once they are known.
	installations map[string]int64
	login         string // ours, once it is known
}

// session is what belongs to one installation, or to the token: its limits, its cache and its credentials.
type session struct {
	api *github.Client
	// limiter is one for all repositories of the installation, as GitHub counts.
	limiter *limiter
}

// New makes a client. It asks nothing of GitHub yet.
func New(options ...Option) (*Client, error) {
	c, err := apply(options)
	if err != nil {
		return nil, err
	}
	base, err := url.Parse(c.baseURL)
	if err != nil {
		return nil, fmt.Errorf("GitHub: the base URL: %w", err)
	}
	if c.base == nil {
		own := http.DefaultTransport.(*http.Transport).Clone()
		own.MaxIdleConnsPerHost, own.ResponseHeaderTimeout = 16, c.timeout
		c.base = own
	}
	client := &Client{config: c, base: base, sessions: map[int64]*session{}, installations: map[string]int64{}}
	if c.appID == 0 {
		return client, nil
	}
	transport := &whole{next: c.base, timeout: c.timeout}
	if client.apps, err = ghinstallation.NewAppsTransport(transport, c.appID, c.key); err != nil {
		return nil, errors.New("GitHub: the App's private key cannot be read: it has to be the .pem file as GitHub made it")
	}
	client.apps.BaseURL = strings.TrimSuffix(c.baseURL, "/")
	client.app = client.api(&retry{next: client.apps, tries: c.tries, after: c.backoff})
	return client, nil
}

// api makes the typed client of a transport.
func (c *Client) api(transport http.RoundTripper) *github.Client {
	api := github.NewClient(&http.Client{Transport: transport, CheckRedirect: c.sameHost})
	api.BaseURL, api.UserAgent = c.base, "trunkline"
	return api
}

// sameHost follows a redirect, as of a repository that was renamed, to where the credentials belong and nowhere else.
func (c *Client) sameHost(to *http.Request, via []*http.Request) error {
	if to.URL.Host != c.base.Host || to.URL.Scheme != c.base.Scheme {
		return errors.New("GitHub redirects to another host, which gets no credentials")
	}
	if len(via) > 3 {
		return errors.New("GitHub redirects in circles")
	}
	return nil
}

// session returns what belongs to an installation; zero: to the token.
func (c *Client) session(installation int64) *session {
	c.mu.Lock()
	defer c.mu.Unlock()
	if s := c.sessions[installation]; s != nil {
		return s
	}
	limiter := newLimiter(&whole{next: c.config.base, timeout: c.config.timeout}, c.config)
	credentials := &signer{next: newCache(limiter)}
	if c.apps == nil {
		credentials.token = func(context.Context) (string, error) { return c.config.token, nil }
	} else {
		credentials.installation(c.apps, installation)
	}
	s := &session{limiter: limiter}
	outer := &retry{next: credentials, tries: c.config.tries, after: c.config.backoff, renew: credentials.renew}
	s.api = c.api(outer)
	c.sessions[installation] = s
	return s
}

// signer signs requests: with the token, or with that of an installation, which is renewed before it expires.
type signer struct {
	next  http.RoundTripper
	renew func() // nil: there is nothing to renew

	mu    sync.Mutex
	token func(context.Context) (string, error)
}

// installation has requests be signed with tokens of an installation.
func (s *signer) installation(apps *ghinstallation.AppsTransport, id int64) {
	fresh := func() {
		// A transport of its own each: it keeps its token until shortly before it expires, also one that was revoked.
		own := *apps
		transport := ghinstallation.NewFromAppsTransport(&own, id)
		transport.InstallationTokenOptions = &github.InstallationTokenOptions{} // or it sends null, which is no object
		s.mu.Lock()
		defer s.mu.Unlock()
		s.token = transport.Token
	}
	fresh()
	s.renew = fresh
}

// RoundTrip implements [http.RoundTripper].
func (s *signer) RoundTrip(r *http.Request) (*http.Response, error) {
	s.mu.Lock()
	token := s.token
	s.mu.Unlock()
	secret, err := token(r.Context())
	if err != nil {
		return nil, &tokenError{err}
	}
	signed := r.Clone(r.Context())
	signed.Header.Set("Authorization", "Bearer "+secret)
	return s.next.RoundTrip(signed)
}

// Token returns a token that reads and writes the repositories of an installation by Git, and renews it when needed.
func (c *Client) Token(ctx context.Context, repository string) (string, error) {
	r, err := c.Repository(repository)
	if err != nil {
		return "", err
	}
	s, err := r.session(ctx)
	if err != nil {
		return "", err
	}
	outer := s.api.Client().Transport.(*retry)
	credentials := outer.next.(*signer)
	credentials.mu.Lock()
	token := credentials.token
	credentials.mu.Unlock()
	secret, err := token(ctx)
	return secret, explain("getting a token", repository, err)
}

// fullName is what names of repositories look like; they become a part of addresses.
var fullName = regexp.MustCompile(`^[A-Za-z0-9](?:[A-Za-z0-9-]{0,38})/[A-Za-z0-9._-]{1,100}$`)

// Repository returns the forge of one repository, "owner/name". It asks nothing of GitHub yet.
func (c *Client) Repository(name string) (*Repository, error) {
	owner, repo, _ := strings.Cut(name, "/")
	if !fullName.MatchString(name) || repo == "." || repo == ".." {
		return nil, fmt.Errorf("GitHub: %q is not the name of a repository: it is owner/name", clip(oneLine(name), 100))
	}
	return &Repository{client: c, owner: owner, name: repo}, nil
}

// Repository is the forge of one repository.
type Repository struct {
	client      *Client
	owner, name string

	members members
}

var _ webhooks.Forge = (*Repository)(nil)

// FullName is owner/name.
func (r *Repository) FullName() string { return r.owner + "/" + r.name }

// session finds the installation that the repository is in, once for all that ask for the same one.
func (r *Repository) session(ctx context.Context) (*session, error) {
	c := r.client
	switch {
	case c.apps == nil:
		return c.session(0), nil
	case c.config.install != 0 && strings.EqualFold(r.owner, c.config.installOwner):
		return c.session(c.config.install), nil
	}
	name := strings.ToLower(r.FullName())
	c.mu.Lock()
	known := c.installations[name]
	c.mu.Unlock()
	if known == 0 {
		found, _, err := c.app.Apps.FindRepositoryInstallation(ctx, r.owner, r.name)
		if err != nil {
			return nil, explain("finding the App's installation", r.FullName(), err)
		}
		known = found.GetID()
		c.mu.Lock()
		c.installations[name] = known
		c.mu.Unlock()
	}
	return c.session(known), nil
}

// call asks GitHub for something and explains what goes wrong.
func (r *Repository) call(ctx context.Context, what string, do func(api *github.Client) error) error {
	s, err := r.session(ctx)
	if err != nil {
		return err
	}
	return explain(what, r.FullName(), do(s.api))
}

// pages asks for all pages of a list, a hundred at a time, until there is no next one or enough.
func pages(do func(o github.ListOptions) (more bool, resp *github.Response, err error)) error {
	o := github.ListOptions{PerPage: 100}
	for {
		more, resp, err := do(o)
		if err != nil {
			return err
		}
		if !more || resp.NextPage == 0 {
			return nil
		}
		o.Page = resp.NextPage
	}
}

// me returns our own login: the App's bot, or the user of the token.
func (r *Repository) me(ctx context.Context) (string, error) {
	c := r.client
	c.mu.Lock()
	known := c.login
	c.mu.Unlock()
	if known != "" {
		return known, nil
	}
	if c.app != nil {
		app, _, err := c.app.Apps.Get(ctx, "")
		if err != nil {
			return "", explain("finding out who we are", r.FullName(), err)
		}
		known = app.GetSlug() + "[bot]"
	} else if err := r.call(ctx, "finding out who we are", func(api *github.Client) error {
		user, _, err := api.Users.Get(ctx, "")
		known = user.GetLogin()
		return err
	}); err != nil {
		return "", err
	}
	c.mu.Lock()
	c.login = known
	c.mu.Unlock()
	return known, nil
}

// Shows reports whether a repository is one that everyone may read, as far as may be seen with the credentials for this one.
func (r *Repository) Shows(ctx context.Context, other string) (public bool, err error) {
	of, err := r.client.Repository(other)
	if err != nil {
		return false, err
	}
	err = r.call(ctx, "looking at "+other, func(api *github.Client) error {
		found, _, err := api.Repositories.Get(ctx, of.owner, of.name)
		public = err == nil && !found.GetPrivate() && found.GetVisibility() != "internal"
		return err
	})
	if errors.Is(err, webhooks.ErrNotFound) {
		return false, nil
	}
	return public, err
}

// Limits is what GitHub said last of the primary rate limit.
type Limits struct {
	Limit, Remaining int
	Reset            time.Time
}

// RateLimit asks how much is left of the primary rate limit, which costs nothing of it.
func (r *Repository) RateLimit(ctx context.Context) (out Limits, err error) {
	err = r.call(ctx, "asking for the rate limit", func(api *github.Client) error {
		limits, _, err := api.RateLimit.Get(ctx)
		if core := limits.GetCore(); core != nil {
			out = Limits{core.Limit, core.Remaining, core.Reset.Time}
		}
		return err
	})
	return out, err
}
