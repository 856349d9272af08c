// SPDX-License-Identifier: Apache-2.0

package console

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"strings"
	"time"

	"trunkline.dev/trunkline/access"
	"trunkline.dev/trunkline/access/session"
	"trunkline.dev/trunkline/reconciler/history"
)

const (
	// appCookie keeps which App a person has asked for, until GitHub sends them back.
	appCookie = "trunkline-app"
	// appLife is how long that may take; GitHub's own limit is an hour.
	appLife = 30 * time.Minute
	// AppMadePath is where GitHub sends them.
	AppMadePath = "/setup/github/made"
	// registerTimeout bounds the exchange of a code.
	registerTimeout = time.Minute
)

// appAttempt is what the cookie holds: who has asked for which App, and what GitHub sends back as a proof of that.
type appAttempt struct {
	State  string        `json:"state"`
	Name   string        `json:"name"`
	SignOn access.SignOn `json:"signOn"`
	Asked  NewApp        `json:"asked"`
}

type appDeskKey struct{}

// AppDesk has GitHub make an App for the person who makes a request. The zero value refuses.
type AppDesk struct{ c *console }

// AppDeskOf returns the one for the caller of a page.
func AppDeskOf(ctx context.Context) AppDesk {
	c, _ := ctx.Value(appDeskKey{}).(*console)
	return AppDesk{c}
}

// setupJar returns what seals the cookie: where nobody has a session, the daemon answers to its own machine alone, and a key that ends with
// it is enough.
func setupJar(sessions *Sessions) *session.Jar {
	if sessions != nil && sessions.Jar != nil {
		return sessions.Jar
	}
	jar, err := session.New(rand.Text()+rand.Text(), false)
	if err != nil {
		panic(err) // the key is long enough
	}
	return jar
}

// now is the time by which cookies end.
func (c *console) now() time.Time {
	if c.opts.Sessions != nil {
		return c.opts.Sessions.Now()
	}
	return c.opts.Now()
}

// Begin returns the form by which the caller has GitHub make an App. The cookie binds what GitHub answers to this browser and person.
func (d AppDesk) Begin(r *http.Request, asked NewApp) (AppOffer, *http.Cookie, error) {
	if d.c == nil || d.c.opts.Setup == nil {
		return AppOffer{}, nil, noSetup()
	}
	at, err := d.c.ownAddress(r)
	if err != nil {
		return AppOffer{}, nil, err
	}
	who := principalOf(r.Context())
	attempt := appAttempt{State: rand.Text(), Name: who.Name, SignOn: who.SignOn, Asked: asked}
	offer, err := d.c.opts.Setup.Offer(asked, attempt.State, at+AppMadePath)
	if err != nil {
		return AppOffer{}, nil, err
	}
	now := d.c.now()
	cookie, err := d.c.setupJar.Seal(appCookie, attempt, now, now.Add(appLife))
	if err != nil {
		return AppOffer{}, nil, fmt.Errorf("keeping which App was asked for: %w", err)
	}
	return offer, cookie, nil
}

// Finish exchanges the code with which GitHub has sent the caller back. What was begun is good once, in the browser in which it was, and for
// the person who did. The cookie takes the one of [AppDesk.Begin] away; nil: there is nothing to take away.
func (d AppDesk) Finish(r *http.Request, code, state string) (MadeApp, *http.Cookie, error) {
	if d.c == nil || d.c.opts.Setup == nil {
		return MadeApp{}, nil, noSetup()
	}
	if r.Method != http.MethodGet { // what looks at links must not use the code up
		return MadeApp{}, nil, problemf(http.StatusMethodNotAllowed, "GitHub sends a browser here")
	}
	const again = ": begin again at /setup/github"
	var attempt appAttempt
	now, who := d.c.now(), principalOf(r.Context())
	switch err := d.c.setupJar.Open(r, appCookie, now, &attempt); {
	case err != nil:
		return MadeApp{}, nil, problemf(http.StatusForbidden, "no App was asked for in this browser, or that took too long, or it is there already"+again)
	case attempt.Name != who.Name || attempt.SignOn != who.SignOn:
		return MadeApp{}, nil, problemf(http.StatusForbidden, "this App was asked for by someone else"+again)
	case !same(state, attempt.State):
		return MadeApp{}, nil, problemf(http.StatusForbidden, "this does not come from what was asked for last in this browser; nothing was done"+again)
	}
	over := d.c.setupJar.Remove(appCookie)
	if !d.c.apps.first(attempt.State, now, appLife) {
		return MadeApp{}, over, problemf(http.StatusForbidden, "this was used already; what came of it is at /setup/github")
	}
	// Whoever closes the page does not take the credentials with them, which GitHub hands out once.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), registerTimeout)
	defer cancel()
	made, err := d.c.opts.Setup.Register(ctx, attempt.Asked, code, who)
	if err != nil {
		return MadeApp{}, over, err
	}
	d.c.opts.Log.Info("a GitHub App was made", "app", made.ID, "name", made.Name, "by", who.String(), "how", string(who.SignOn))
	if d.c.opts.Record != nil {
		d.c.opts.Record(history.Event{Kind: history.AppMade, By: who.String(), SignOn: string(who.SignOn), Object: made.Name})
	}
	return made, over, nil
}

// ownAddress is where the browser of a request reaches the daemon: what GitHub sends back has to get to where the cookie is. What a request
// says of that counts only from whoever is on this machine, or if nothing is configured.
func (c *console) ownAddress(r *http.Request) (string, error) {
	here := local(r.Host)
	switch {
	case c.opts.Address != "" && principalOf(r.Context()).SignOn != access.ByLoopback:
		return strings.TrimRight(c.opts.Address, "/"), nil
	case here && r.TLS != nil:
		return "https://" + r.Host, nil
	case here:
		return "http://" + r.Host, nil
	}
	return "", problemf(http.StatusConflict, "the daemon does not know the address by which people reach it: configure signOn.url or github.publicURL")
}
