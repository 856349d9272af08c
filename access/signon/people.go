// SPDX-License-Identifier: Apache-2.0

package signon

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"trunkline.dev/trunkline/access"
)

// DefaultNameClaim and DefaultGroupsClaim are what is taken of a token unless something else is configured.
const (
	DefaultNameClaim   = "email"
	DefaultGroupsClaim = "groups"
)

// Options are how people sign on.
type Options struct {
	// Issuer is its URL, and ClientID and ClientSecret what it knows the daemon by.
	Issuer, ClientID, ClientSecret string
	// CLIClientID is what it knows the command line by; empty: as the daemon, which then has to be a public client.
	CLIClientID string
	// RedirectURL is where it sends people back to.
	RedirectURL string
	// Scopes are asked for, beside openid.
	Scopes []string
	// NameClaim has the name of a person, and GroupsClaim those of their groups.
	NameClaim, GroupsClaim string
	Client                 *http.Client
	Now                    func() time.Time
}

// People signs people on.
type People struct {
	opts   Options
	issuer *issuer
}

// NewPeople returns what signs people on at an issuer.
func NewPeople(opts Options) (*People, error) {
	u, err := url.Parse(opts.Issuer)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "https" && (u.Scheme != "http" || !loopback(u.Hostname())):
		return nil, fmt.Errorf("the issuer %q is not an https address", opts.Issuer)
	case opts.ClientID == "":
		return nil, errors.New("the id of the client at the issuer is missing")
	}
	if opts.NameClaim == "" {
		opts.NameClaim = DefaultNameClaim
	}
	if opts.GroupsClaim == "" {
		opts.GroupsClaim = DefaultGroupsClaim
	}
	return &People{opts: opts, issuer: &issuer{url: opts.Issuer, client: opts.Client, now: opts.Now}}, nil
}

func loopback(host string) bool { return host == "localhost" || host == "127.0.0.1" || host == "::1" }

// Attempt is a sign-on that has begun in a browser, which keeps it.
type Attempt struct {
	State, Nonce, Verifier string
	// Return is where the person was.
	Return string
}

func (p *People) oauth(provider *oidc.Provider) *oauth2.Config {
	return &oauth2.Config{
		ClientID: p.opts.ClientID, ClientSecret: p.opts.ClientSecret, RedirectURL: p.opts.RedirectURL, Endpoint: provider.Endpoint(), Scopes: p.Scopes(),
	}
}

// Scopes are those that are asked for.
func (p *People) Scopes() []string { return append([]string{oidc.ScopeOpenID}, p.opts.Scopes...) }

// Issuer and CLIClientID are what the command line has to know to sign someone on.
func (p *People) Issuer() string { return p.opts.Issuer }

// CLIClientID is what the issuer knows the command line by.
func (p *People) CLIClientID() string {
	if p.opts.CLIClientID != "" {
		return p.opts.CLIClientID
	}
	return p.opts.ClientID
}

// Begin begins a sign-on, and returns where to send the browser.
func (p *People) Begin(ctx context.Context, back string) (Attempt, string, error) {
	provider, err := p.issuer.discovered(ctx)
	if err != nil {
		return Attempt{}, "", err
	}
	a := Attempt{State: oauth2.GenerateVerifier(), Nonce: oauth2.GenerateVerifier(), Verifier: oauth2.GenerateVerifier(), Return: SafeReturn(back)}
	return a, p.oauth(provider).AuthCodeURL(a.State, oauth2.S256ChallengeOption(a.Verifier), oidc.Nonce(a.Nonce)), nil
}

// Finish ends a sign-on with what the browser came back with.
func (p *People) Finish(ctx context.Context, a Attempt, q url.Values) (access.Principal, error) {
	refuse := func(text string) (access.Principal, error) {
		return access.Principal{}, fmt.Errorf("%w: %s", ErrRefused, text)
	}
	switch {
	case a.State == "" || a.Nonce == "" || a.Verifier == "" || subtle.ConstantTimeCompare([]byte(q.Get("state")), []byte(a.State)) != 1:
		return refuse("it was not begun in this browser")
	case q.Get("iss") != "" && q.Get("iss") != p.opts.Issuer:
		return refuse("another issuer answered")
	case q.Get("error") != "":
		return refuse("the issuer said no")
	case q.Get("code") == "":
		return refuse("the issuer sent no code")
	}
	provider, err := p.issuer.discovered(ctx)
	if err != nil {
		return access.Principal{}, err
	}
	ctx, cancel := context.WithTimeout(oidc.ClientContext(ctx, p.opts.Client), askTimeout)
	defer cancel()
	token, err := p.oauth(provider).Exchange(ctx, q.Get("code"), oauth2.VerifierOption(a.Verifier))
	if err != nil {
		return refuse("the issuer did not take its code") // the error may repeat what is secret
	}
	raw, ok := token.Extra("id_token").(string)
	if !ok {
		return refuse("the issuer sent no token that says who it is")
	}
	c, err := p.issuer.verify(ctx, raw, []string{p.opts.ClientID}, true)
	switch {
	case err != nil:
		return access.Principal{}, err
	case subtle.ConstantTimeCompare([]byte(c.nonce), []byte(a.Nonce)) != 1:
		return refuse("the token is of another sign-on")
	}
	return p.principal(c, access.BySession)
}

// Bearer finds out whose token a request comes with.
func (p *People) Bearer(ctx context.Context, token string) (access.Principal, error) {
	c, err := p.issuer.verify(ctx, token, []string{p.opts.ClientID, p.CLIClientID()}, true)
	if err != nil {
		return access.Principal{}, err
	}
	return p.principal(c, access.ByIssuer)
}

// principal is who claims are about. A mail address counts only if the issuer has verified it.
func (p *People) principal(c claims, by access.SignOn) (access.Principal, error) {
	name := c.text(p.opts.NameClaim)
	if err := access.CheckName(name); err != nil {
		return access.Principal{}, fmt.Errorf("%w: the claim %q: %w", ErrRefused, p.opts.NameClaim, err)
	}
	if p.opts.NameClaim == DefaultNameClaim && !c.yes("email_verified") {
		return access.Principal{}, fmt.Errorf("%w: the issuer has not verified the mail address", ErrRefused)
	}
	return access.Principal{Name: name, SignOn: by, Groups: access.CheckGroups(c.texts(p.opts.GroupsClaim))}, nil
}

// SafeReturn returns where to go after a sign-on: a path of this daemon, whatever was asked for.
func SafeReturn(to string) string {
	u, err := url.Parse(to)
	switch {
	case err != nil || u.IsAbs() || u.Host != "" || u.User != nil || u.Opaque != "":
		return "/"
	case !strings.HasPrefix(to, "/") || strings.HasPrefix(to, "//") || strings.ContainsAny(to, "\\\r\n\t") || strings.HasPrefix(u.Path, "//"):
		return "/"
	case len(to) > 1000 || u.Path == "/login" || strings.HasPrefix(u.Path, "/login/") || u.Path == "/logout":
		return "/"
	}
	return (&url.URL{Path: u.Path, RawPath: u.RawPath, RawQuery: u.RawQuery}).String()
}
