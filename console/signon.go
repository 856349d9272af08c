// SPDX-License-Identifier: Apache-2.0

package console

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"trunkline.dev/trunkline/access"
	"trunkline.dev/trunkline/access/session"
	"trunkline.dev/trunkline/access/signon"
)

const (
	// sessionCookie keeps who has signed on, and attemptCookie a sign-on that has begun.
	sessionCookie, attemptCookie = "trunkline-session", "trunkline-login"
	// sessionIdle is how long a session is good without a request, sessionLife how long at most, and attemptLife how long a person
	// has to sign on at the issuer.
	sessionIdle = time.Hour
	sessionLife = 8 * time.Hour
	attemptLife = 10 * time.Minute
	// maxAttempts bounds how many sign-ons that are over are remembered.
	maxAttempts = 10_000
)

// Sessions are what people need to sign on in a browser.
type Sessions struct {
	Service *signon.Service
	// Jar seals the cookies; nil: nobody signs on in a browser.
	Jar *session.Jar
	// Ends keeps which sessions are good; nil: each is until it ends by itself.
	Ends SessionEnds
	Now  func() time.Time
}

// SessionEnds ends sessions before they end by themselves, at all replicas; it is a [tokens.Store] outside of tests.
type SessionEnds interface {
	// SessionOf returns the generation for a new session of someone, and SessionGood reports whether those of one are good.
	SessionOf(ctx context.Context, name string) (int64, error)
	SessionGood(ctx context.Context, name string, of int64) (bool, error)
	// EndSessions ends all of someone's.
	EndSessions(ctx context.Context, name string) error
}

// kept is what a session's cookie holds.
type kept struct {
	Name   string    `json:"name"`
	Groups []string  `json:"groups,omitempty"`
	Since  time.Time `json:"since"`
	Seen   time.Time `json:"seen"`
	// Of is the generation of the session.
	Of int64 `json:"of,omitempty"`
}

// bySession returns who has signed on in a browser; false if nobody has. A session in use goes on, but not for ever.
func (c *console) bySession(w http.ResponseWriter, r *http.Request) (access.Principal, bool, error) {
	s := c.opts.Sessions
	if s == nil || s.Jar == nil {
		return access.Principal{}, false, nil
	}
	var k kept
	now := s.Now()
	if s.Jar.Open(r, sessionCookie, now, &k) != nil || access.CheckName(k.Name) != nil || c.taken(k.Name) || !now.Before(k.Since.Add(sessionLife)) {
		return access.Principal{}, false, nil //nolint:nilerr // a cookie that does not open signs nobody on
	}
	if s.Ends != nil {
		good, err := s.Ends.SessionGood(r.Context(), k.Name, k.Of)
		if err != nil {
			c.opts.Log.Warn("a session cannot be checked", "err", err.Error())
			return access.Principal{}, false, problemf(http.StatusServiceUnavailable, "the session cannot be checked; see the daemon's log")
		}
		if !good {
			return access.Principal{}, false, nil
		}
	}
	if now.Sub(k.Seen) > sessionIdle/4 {
		k.Seen = now
		if cookie, err := s.Jar.Seal(sessionCookie, k, now, ends(k, now)); err == nil {
			http.SetCookie(w, cookie)
		}
	}
	return access.Principal{Name: k.Name, SignOn: access.BySession, Groups: k.Groups}, true, nil
}

func ends(k kept, now time.Time) time.Time {
	if end := k.Since.Add(sessionLife); end.Before(now.Add(sessionIdle)) {
		return end
	}
	return now.Add(sessionIdle)
}

// fromPage refuses an act by a session that no page of this daemon asks for. A browser says from where a request is made; what does
// not say so is no browser, and has no session.
func fromPage(r *http.Request) error {
	if r.Method == http.MethodGet || r.Method == http.MethodHead || r.Header.Get("Sec-Fetch-Site") != "" || r.Header.Get("Origin") != "" {
		return nil // which one it is has been looked at
	}
	return problemf(http.StatusForbidden, "a session acts from a page of this daemon only: send a token instead of the cookie")
}

// login begins a sign-on.
func (c *console) login(w http.ResponseWriter, r *http.Request) error {
	s := c.opts.Sessions
	if s == nil || s.Jar == nil || s.Service.People == nil {
		return problemf(http.StatusNotFound, "nobody signs on here in a browser: this daemon has no issuer")
	}
	attempt, to, err := s.Service.People.Begin(r.Context(), r.URL.Query().Get("return"))
	if err != nil {
		return c.notSignedOn(err)
	}
	now := s.Now()
	cookie, err := s.Jar.Seal(attemptCookie, attempt, now, now.Add(attemptLife))
	if err != nil {
		return err
	}
	http.SetCookie(w, cookie)
	http.Redirect(w, r, to, http.StatusSeeOther) //nolint:gosec // to the issuer of the configuration
	return nil
}

// callback ends a sign-on, which is good once.
func (c *console) callback(w http.ResponseWriter, r *http.Request) error {
	s := c.opts.Sessions
	if s == nil || s.Jar == nil || s.Service.People == nil {
		return nowhere()
	}
	var attempt signon.Attempt
	now := s.Now()
	if err := s.Jar.Open(r, attemptCookie, now, &attempt); err != nil {
		return problemf(http.StatusForbidden, "this sign-on was not begun in this browser, or took too long: begin again at /login")
	}
	http.SetCookie(w, s.Jar.Remove(attemptCookie))
	who, err := s.Service.People.Finish(r.Context(), attempt, r.URL.Query())
	if err != nil {
		return c.notSignedOn(err)
	}
	if c.taken(who.Name) {
		return c.notSignedOn(fmt.Errorf("%w: %q is the name of a token of the configuration", signon.ErrRefused, who.Name))
	}
	if !c.attempts.first(attempt.State, now) {
		return problemf(http.StatusForbidden, "this sign-on is over: begin again at /login")
	}
	k := kept{Name: who.Name, Groups: who.Groups, Since: now, Seen: now}
	if s.Ends != nil {
		if k.Of, err = s.Ends.SessionOf(r.Context(), k.Name); err != nil {
			return err
		}
	}
	cookie, err := s.Jar.Seal(sessionCookie, k, now, ends(k, now))
	if errors.Is(err, session.ErrTooLarge) {
		return problemf(http.StatusForbidden, "you are in too many groups for a session: have the issuer send only those that bindings name")
	}
	if err != nil {
		return err
	}
	c.signedOn(r.Context(), who)
	http.SetCookie(w, cookie)
	http.Redirect(w, r, signon.SafeReturn(attempt.Return), http.StatusSeeOther)
	return nil
}

// signedOn tells of someone who has signed on in a browser.
func (c *console) signedOn(ctx context.Context, who access.Principal) {
	c.opts.Log.Info("signed on", "by", who.Name, "how", string(who.SignOn))
	if c.opts.OwnTokens != nil {
		if err := c.opts.OwnTokens.Seen(ctx, who); err != nil {
			c.opts.Log.Warn("the groups of someone's tokens are not brought up to date", "by", who.Name, "err", err.Error())
		}
	}
}

// notSignedOn says that someone is not signed on; why is for whoever runs the daemon.
func (c *console) notSignedOn(err error) error {
	c.opts.Log.Warn("a sign-on is refused", "err", err.Error())
	if signon.Away(err) {
		return problemf(http.StatusServiceUnavailable, "the issuer cannot be reached; see the daemon's log")
	}
	return problemf(http.StatusForbidden, "the sign-on is refused; the daemon's log says why")
}

// logout ends a session in one browser, or everywhere.
func (c *console) logout(w http.ResponseWriter, r *http.Request) error {
	q := newQuery(r)
	everywhere := q.flag("everywhere")
	if err := q.done(); err != nil {
		return err
	}
	if everywhere != nil && *everywhere {
		if _, err := c.endSessions(r, SessionsEnd{}); err != nil {
			return err
		}
	}
	if s := c.opts.Sessions; s != nil && s.Jar != nil {
		http.SetCookie(w, s.Jar.Remove(sessionCookie))
	}
	if page(r) {
		http.Redirect(w, r, SignedOut, http.StatusSeeOther) // any other page would sign on again
		return nil
	}
	c.answer(w, http.StatusOK, Outcome{"signed out"})
	return nil
}

// SignOnInfo is what the command line has to know to sign someone on.
type SignOnInfo struct {
	Issuer   string   `json:"issuer"`
	ClientID string   `json:"clientID"`
	Scopes   []string `json:"scopes"`
}

// signOnInfo answers with what is public of how people sign on.
func (c *console) signOnInfo(w http.ResponseWriter, _ *http.Request) error {
	s := c.opts.Sessions
	if s == nil || s.Service.People == nil {
		return problemf(http.StatusNotFound, "nobody signs on here: this daemon has no issuer, and takes the tokens of its configuration")
	}
	p := s.Service.People
	c.answer(w, http.StatusOK, SignOnInfo{Issuer: p.Issuer(), ClientID: p.CLIClientID(), Scopes: p.Scopes()})
	return nil
}

// Me is who asks, as the daemon knows them.
type Me struct {
	Name   string   `json:"name"`
	SignOn string   `json:"signOn"`
	Groups []string `json:"groups"`
	// Claim is a name that is only claimed.
	Claim string `json:"claim,omitempty"`
	// Declared reports whether any Access is declared. Platform are the rights on the platform as a whole.
	Declared bool           `json:"declared"`
	Platform []access.Right `json:"platform"`
}

func (c *console) me(w http.ResponseWriter, r *http.Request) error {
	who, rules := principalOf(r.Context()), c.opts.Access()
	me := Me{Name: who.Name, SignOn: string(who.SignOn), Groups: who.Groups, Claim: who.Claim, Declared: rules != nil, Platform: []access.Right{}}
	if me.Groups == nil {
		me.Groups = []string{}
	}
	for _, right := range access.Rights() {
		if rules.May(who, right, access.Scope{}).Allowed {
			me.Platform = append(me.Platform, right)
		}
	}
	c.answer(w, http.StatusOK, me)
	return nil
}

// page reports whether a browser asks for a page.
func page(r *http.Request) bool {
	return strings.Contains(r.Header.Get("Accept"), "text/html") && !strings.HasPrefix(r.URL.Path, "/api/")
}

// toLogin sends who has no session to sign on, and back here afterwards.
func (c *console) toLogin(w http.ResponseWriter, r *http.Request) bool {
	s := c.opts.Sessions
	if s == nil || s.Jar == nil || s.Service.People == nil || r.Method != http.MethodGet || !page(r) {
		return false
	}
	http.Redirect(w, r, "/login?return="+url.QueryEscape(r.URL.RequestURI()), http.StatusSeeOther)
	return true
}
