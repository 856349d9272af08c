// SPDX-License-Identifier: Apache-2.0

package setup

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-github/v60/github"
)

const (
	// exchangeTimeout bounds the one request to GitHub, and maxAnswer what it answers, in bytes.
	exchangeTimeout = 30 * time.Second
	maxAnswer       = 1 << 20
)

// App is a GitHub App that was registered.
type App struct {
	ID         int64
	Name, Slug string
	// Owner is whose account it is in.
	Owner string
	// Settings is its page for who owns it, and Install where it is installed.
	Settings, Install string
	Key, HookSecret   Secret
}

// Secret is printed by nothing.
type Secret []byte

// Format implements [fmt.Formatter].
func (Secret) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, "[redacted]") }

// MarshalText implements [encoding.TextMarshaler].
func (Secret) MarshalText() ([]byte, error) { return []byte("[redacted]"), nil }

var (
	// codes is what GitHub's codes look like, with room; they become a part of an address.
	codes = regexp.MustCompile(`^[A-Za-z0-9_-]{1,200}$`)
	slugs = regexp.MustCompile(`^[a-z0-9-]{1,100}$`)
)

// Exchange has GitHub hand out what a code stands for. A code is good once, and so is this.
func (o Options) Exchange(ctx context.Context, code string) (App, error) {
	if !IsCode(code) {
		return App{}, errors.New("GitHub sent no code that can be exchanged; " + o.again())
	}
	ctx, cancel := context.WithTimeout(ctx, exchangeTimeout)
	defer cancel()
	base, err := url.Parse(API(o.GitHub))
	if err != nil {
		return App{}, fmt.Errorf("the address of GitHub's API: %w", err)
	}
	client := github.NewClient(&http.Client{
		Transport:     bounded{http.DefaultTransport},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }, // a secret comes from where it was asked for
	})
	client.BaseURL, client.UserAgent = base, "trunkline"
	got, _, err := client.Apps.CompleteAppManifest(ctx, code)
	if err != nil {
		return App{}, o.unexchanged(err)
	}
	app := App{
		ID: got.GetID(), Name: got.GetName(), Slug: got.GetSlug(), Owner: got.GetOwner().GetLogin(),
		Key: Secret(got.GetPEM()), HookSecret: Secret(got.GetWebhookSecret()),
	}
	if _, err := jwt.ParseRSAPrivateKeyFromPEM(app.Key); err != nil || app.ID <= 0 || !slugs.MatchString(app.Slug) {
		return App{}, fmt.Errorf("GitHub's answer has no id, no name or no private key that can be read; %s", o.lookFor())
	}
	if o.Webhook && len(app.HookSecret) == 0 {
		return App{}, fmt.Errorf("GitHub's answer has no secret for the webhook; %s", o.lookFor())
	}
	app.Settings, app.Install = o.settings()+"/"+app.Slug, o.install(app.Slug, got.GetHTMLURL())
	return app, nil
}

// IsCode reports whether a text may be a code of GitHub's.
func IsCode(text string) bool { return codes.MatchString(text) }

// install is where an App is installed: below its page, which is elsewhere in an Enterprise.
func (o Options) install(slug, page string) string {
	if page != o.GitHub+"/apps/"+slug && page != o.GitHub+"/github-apps/"+slug {
		return o.settings() + "/" + slug + "/installations"
	}
	return page + "/installations/new"
}

// lookFor says what to do when it is not known whether there is an App now.
func (o Options) lookFor() string {
	return "look for the App at " + o.settings() + ", delete it if it is there, and " + o.again()
}

// again says how to begin again.
func (o Options) again() string { return cmp.Or(o.Again, "run the command again") }

// unexchanged explains why there is no App. Errors of requests quote the address, which has the code in it.
func (o Options) unexchanged(err error) error {
	var refused *github.ErrorResponse
	var limited *github.RateLimitError
	var abuse *github.AbuseRateLimitError
	var at *url.Error
	switch {
	case errors.As(err, &limited), errors.As(err, &abuse):
		return fmt.Errorf("GitHub refuses more requests from this network for now; %s, in an hour at the latest", o.lookFor())
	case errors.As(err, &refused) && refused.Response != nil && refused.Response.StatusCode == http.StatusNotFound:
		return errors.New("GitHub does not know the code that the browser brought: it was used already, or is older than an hour; " + o.again())
	case errors.As(err, &refused) && refused.Response != nil:
		return fmt.Errorf("GitHub answers with %d (%q); %s", refused.Response.StatusCode, clip(refused.Message), o.lookFor())
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("GitHub at %s did not answer in %s; %s", API(o.GitHub), exchangeTimeout, o.lookFor())
	case errors.Is(err, context.Canceled):
		return err
	case errors.As(err, &at):
		return fmt.Errorf("no answer from GitHub at %s: %w; %s", API(o.GitHub), at.Err, o.lookFor())
	default:
		return fmt.Errorf("GitHub's answer cannot be read; %s", o.lookFor()) // the cause may quote it
	}
}

// bounded ends answers that are too long.
type bounded struct{ next http.RoundTripper }

// RoundTrip implements [http.RoundTripper].
func (b bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := b.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	resp.Body = http.MaxBytesReader(nil, resp.Body, maxAnswer)
	return resp, nil
}
