// SPDX-License-Identifier: Apache-2.0

package apps

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"time"

	"trunkline.dev/trunkline/access"
	"trunkline.dev/trunkline/access/session"
)

const (
	// ticketLife is how long a ticket is good, idle how long a session is without a request, and life how long at most.
	ticketLife = time.Minute
	idle       = time.Hour
	life       = 8 * time.Hour
	// lookAgain is how often it is asked again whether what goes on may go on.
	lookAgain = 15 * time.Second
	// The names of what is sealed. Those of cookies begin like the console's, so that none of them is passed on.
	sessionCookie, ticketName = "trunkline-app", "trunkline-ticket"
)

// The errors of a [Finder].
var (
	// ErrNotFound means that there is no such application, or not for who asks.
	ErrNotFound = errors.New("there is no such application, or it is not yours")
	// ErrNotReady means that it is there and does not answer now, such as one that is stopped; the text is for people.
	ErrNotReady = errors.New("it does not answer now")
)

// Target is where an application is, and how it is asked.
type Target struct {
	// Key tells it from others that were at the same name, such as by the UID of its pod: no connection of one is used for another.
	Key string
	// Dial opens a connection to it. It may be called later, and for another request.
	Dial func(ctx context.Context) (net.Conn, error)
	// Authorize gives a request the credentials by which the application lets in who asks; nil if it needs none. None of the browser's are left.
	Authorize func(r *http.Request)
	// Base is the path at which the application believes that it is; default: its prefix at this origin. With "/" the prefix is taken away
	// and put back, as far as that is possible: in headers, and not in what it sends.
	Base string
}

// Finder finds applications of a kind.
type Finder interface {
	// Find returns an application if someone may have it now. It is called for each request, and more often for those that go on, so that it
	// has to be cheap. An error is [ErrNotFound] or [ErrNotReady], or else what is wrong.
	Find(ctx context.Context, ref Ref, who access.Principal) (Target, error)
}

// Options are what a [Server] is made of.
type Options struct {
	Origin Origin
	// Console is the address of the console, for links to it; empty: it is not known.
	Console string
	// Jar seals tickets and sessions. All replicas have the same keys.
	Jar *session.Jar
	// Finders are those of each kind of application.
	Finders map[string]Finder
	// Generation returns that of a new session of someone, and Good reports whether a sign-on is good by which a session was begun.
	Generation func(ctx context.Context, who access.Principal) (int64, error)
	Good       func(ctx context.Context, who access.Principal, generation int64) (bool, error)
	// LookAgain is [lookAgain] outside of tests.
	LookAgain time.Duration
	Now       func() time.Time
	Log       *slog.Logger
}

// Server is what is at the origin of applications.
type Server struct {
	opts    Options
	foreign *http.CrossOriginProtection
	used    used
	routes  routes
}

// New makes a server.
func New(opts Options) *Server {
	if opts.LookAgain <= 0 {
		opts.LookAgain = lookAgain
	}
	return &Server{opts: opts, foreign: http.NewCrossOriginProtection()}
}

// kept is what a session is, and a ticket for one.
type kept struct {
	Ref Ref              `json:"ref"`
	Who access.Principal `json:"who"`
	// Of is the generation of the person's sessions.
	Of    int64     `json:"of,omitempty"`
	Since time.Time `json:"since"`
	Seen  time.Time `json:"seen"`
	// ID and To are of a ticket: which one it is, and where it leads below the application.
	ID string `json:"id,omitempty"`
	To string `json:"to,omitempty"`
}

// Enter returns the address by which someone enters an application in a browser, once and within a minute. It leads to a path below the
// application, or to its beginning.
func (s *Server) Enter(ctx context.Context, ref Ref, to string, who access.Principal) (string, error) {
	if ref.Check() != nil || s.opts.Finders[ref.Kind] == nil {
		return "", ErrNotFound
	}
	if _, err := s.opts.Finders[ref.Kind].Find(ctx, ref, who); err != nil {
		return "", err
	}
	of, err := s.opts.Generation(ctx, who)
	if err != nil {
		return "", fmt.Errorf("beginning a session: %w", err)
	}
	now := s.opts.Now()
	ticket, err := s.opts.Jar.Seal(ticketName, kept{Ref: ref, Who: who, Of: of, Since: now, Seen: now, ID: rand.Text(), To: safePath(to)}, now, now.Add(ticketLife))
	if err != nil {
		return "", fmt.Errorf("making a ticket: %w", err)
	}
	return s.opts.Origin.Of(ref) + "/enter?ticket=" + url.QueryEscape(ticket.Value), nil
}

// enter makes a session of a ticket.
func (s *Server) enter(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet {
		s.refuse(w, r, http.StatusMethodNotAllowed, "a ticket is entered by opening its address")
		return
	}
	var k kept
	now := s.opts.Now()
	sealed := &http.Request{Header: http.Header{}}
	sealed.AddCookie(&http.Cookie{Name: s.opts.Jar.Name(ticketName), Value: r.URL.Query().Get("ticket")}) //nolint:gosec // it is read at once, and sent to nobody
	if s.opts.Jar.Open(sealed, ticketName, now, &k) != nil || k.ID == "" || r.Host != s.opts.Origin.hostOf(k.Ref) {
		s.refuse(w, r, http.StatusForbidden, "this address is not good, or too old: open the application from the console")
		return
	}
	if !s.used.first(k.ID, now) {
		s.refuse(w, r, http.StatusForbidden, "this address was used: open the application from the console")
		return
	}
	to := k.Ref.Prefix() + k.To
	k.ID, k.To = "", ""
	cookie, err := s.opts.Jar.Seal(sessionCookie, k, now, k.ends(now))
	if errors.Is(err, session.ErrTooLarge) {
		s.refuse(w, r, http.StatusForbidden, "you are in too many groups for a session: have the issuer send only those that bindings name")
		return
	}
	if err != nil {
		s.opts.Log.Error("a session cannot be begun", "err", err.Error())
		s.refuse(w, r, http.StatusInternalServerError, "the session cannot be begun; see the daemon's log")
		return
	}
	s.opts.Log.Info("an application is entered", "kind", k.Ref.Kind, "environment", k.Ref.Environment, "project", k.Ref.Project, "name", k.Ref.Name, "by", k.Who.String())
	if !s.opts.Origin.each { // nothing stays of the application that was entered before at the same origin
		w.Header().Set("Clear-Site-Data", `"storage"`)
	}
	w.Header().Set("Referrer-Policy", "no-referrer")
	http.SetCookie(w, cookie)
	http.Redirect(w, r, to, http.StatusSeeOther)
}

// ends is when a session ends that was used now.
func (k *kept) ends(now time.Time) time.Time {
	if last := k.Since.Add(life); last.Before(now.Add(idle)) {
		return last
	}
	return now.Add(idle)
}

// session returns the session of a request for an application.
func (s *Server) session(r *http.Request, ref Ref, now time.Time) (kept, bool) {
	var k kept
	ok := s.opts.Jar.Open(r, sessionCookie, now, &k) == nil && k.Ref == ref && now.Before(k.Since.Add(life))
	return k, ok
}

// target finds an application for a session, if both are good.
func (s *Server) target(ctx context.Context, k kept) (Target, error) {
	if !s.opts.Now().Before(k.Since.Add(life)) {
		return Target{}, ErrNotFound
	}
	good, err := s.opts.Good(ctx, k.Who, k.Of)
	if err != nil {
		return Target{}, fmt.Errorf("looking whether a session is good: %w", err)
	}
	finder := s.opts.Finders[k.Ref.Kind]
	if !good || finder == nil {
		return Target{}, ErrNotFound
	}
	return finder.Find(ctx, k.Ref, k.Who)
}
