// SPDX-License-Identifier: Apache-2.0

// Package console serves what the daemon knows over HTTP: health for whoever runs it, metrics for Prometheus, an API with one
// route per thing, its changes as server-sent events, a hook for forges, and acts by hand. It reads the read models, and
// leaves everything else to an [Actor]. openapi.yaml describes it.
//
// Of Trunkline it may import access, api, catalog, cost/usage, doctor, flow/plan, flow/report, flow/run, reconciler/history, reconciler/status,
// webhooks/github/delivery and webhooks/report.
package console

import (
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"trunkline.dev/trunkline/access"
	"trunkline.dev/trunkline/access/session"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/reconciler/history"
	"trunkline.dev/trunkline/reconciler/status"
	"trunkline.dev/trunkline/webhooks/github/delivery"
)

// Board is where the state comes from; it is [status.Board] outside of tests.
type Board interface {
	Snapshot() status.Platform
	Release(id catalog.ReleaseID) (status.Release, bool)
	Changes(after int64, limit int) status.Changes
	Changed(after int64) <-chan struct{}
}

// Options are what the console is made of.
type Options struct {
	Board   Board
	Metrics http.Handler
	// History answers what happened; nil: none is kept.
	History History
	// Costs answers what it did cost; nil: nothing is counted.
	Costs Costs
	// Catalog returns what the accepted commit declares; nil before there is one.
	Catalog func() *catalog.Catalog
	// Trigger asks for the repository to be fetched now. It must not block.
	Trigger func()
	// Actor does what people ask for by hand.
	Actor Actor
	// Lots keeps the lots of environments; nil: none are kept.
	Lots LotKeeper
	// Runs are those of workloads; nil: none are known.
	Runs Runs
	// TaskLogs are those of Airflow; nil: there are none.
	TaskLogs TaskLogs
	// RemoteRuns has people's own code run; nil: there is none.
	RemoteRuns RunKeeper
	// Workspaces keeps people's notebooks and editors; nil: there are none.
	Workspaces Workspaces
	// Apps are the applications that people enter from here; nil: there are none.
	Apps Apps
	// Tokens returns who may call, as it is now; nil: no token is asked for, which is only right where nobody else can connect.
	Tokens func() []Token
	// Deliver accepts an event of GitHub whose signature is right, and returns the status of HTTP to answer, and why. It must
	// not block. Nil: the daemon is not connected to GitHub.
	Deliver func(event, id string, body []byte) (status int, message string)
	// HookSecret returns what GitHub signs its deliveries with, as it is now; nil or empty: none is accepted.
	HookSecret func() string
	// Notify accepts a notification of an object store, with its headers, and returns what to answer, or why it is none. It must not
	// block. Nil: nothing is looked at that they could be about.
	Notify func(header func(name string) string, body []byte) (answer any, err error)
	// NotifySecret returns the token that notifications come with, as it is now; nil or empty: none is accepted.
	NotifySecret func() string
	// Pulls are the pull requests that are worked on; nil: there are none.
	Pulls Pulls
	// Objects are those of releases; nil: they are not seen.
	Objects Objects
	// Commits are those of the repository; nil: what they changed is not shown.
	Commits Commits
	// Reports are the full reports of pull requests; nil: there are none.
	Reports Reports
	// Pages are what people look at with a browser; nil: there are none.
	Pages Pages
	// Access returns who may do what, as the accepted commit declares it; nil: nothing is declared.
	Access func() *access.Rules
	// Sessions are how people and machines sign on at issuers; nil: they do not.
	Sessions *Sessions
	// OwnTokens are those that people have made for themselves and for projects; nil: there are none.
	OwnTokens OwnTokens
	// Setup says what the daemon is connected to and what is missing; nil: nobody does. Address is where people reach the daemon; empty: it
	// is not known, but for those on its own machine.
	Setup   Setup
	Address string
	// Now is the time of day, which Setup needs where nobody signs on; it may be nil where nothing is counted.
	Now func() time.Time
	// Record has the history say what was done; nil: none is kept.
	Record func(history.Event)
	// Daemon returns what there is to say of the daemon itself; nil: nothing.
	Daemon func() Daemon
	// Heartbeat is how often a stream of changes says that it is alive; default: 15s.
	Heartbeat time.Duration
	Log       *slog.Logger
}

// New returns the handler of all routes.
func New(opts Options) http.Handler {
	if opts.Heartbeat <= 0 {
		opts.Heartbeat = defaultHeartbeat
	}
	if opts.Log == nil {
		opts.Log = slog.New(slog.DiscardHandler)
	}
	if opts.HookSecret == nil {
		opts.HookSecret = func() string { return "" }
	}
	if opts.NotifySecret == nil {
		opts.NotifySecret = func() string { return "" }
	}
	if opts.Catalog == nil {
		opts.Catalog = func() *catalog.Catalog { return nil }
	}
	if opts.Access == nil {
		opts.Access = func() *access.Rules { return nil }
	}
	c := &console{
		opts: opts, setupJar: setupJar(opts.Sessions), deliveries: make(chan struct{}, maxDeliveries), notices: make(chan struct{}, maxDeliveries), crossOrigin: http.NewCrossOriginProtection(),
	}
	mux := http.NewServeMux()
	for _, route := range append(c.routes(), c.pageRoutes()...) {
		mux.Handle(route.pattern, c.handler(route))
	}
	return c.secured(mux)
}

type console struct {
	opts Options
	// deliveries and notices have a place for each that may be under way at once.
	deliveries, notices chan struct{}
	crossOrigin         *http.CrossOriginProtection
	// setupJar keeps what was asked of GitHub, and apps are those that were answered.
	setupJar *session.Jar
	attempts attempts
	apps     attempts
	streams  streams
}

// secured answers what no route is for, and has no browser make more of any answer than it is: nothing is run, framed, stored
// or read by pages of others.
func (c *console) secured(mux *http.ServeMux) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for name, value := range map[string]string{
			"Cache-Control": "no-store", "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
			"Cross-Origin-Resource-Policy": "same-origin", "Referrer-Policy": "no-referrer", "X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY",
		} {
			w.Header().Set(name, value)
		}
		handler, pattern := mux.Handler(r)
		if pattern != "" {
			mux.ServeHTTP(w, r)
			return
		}
		missed := &missed{header: http.Header{}}
		handler.ServeHTTP(missed, r)
		if allow := missed.header.Get("Allow"); allow != "" {
			w.Header().Set("Allow", allow)
			c.fail(w, r, problemf(http.StatusMethodNotAllowed, "%s is not allowed here: %s", shown(r.Method), allow))
			return
		}
		c.fail(w, r, nowhere())
	})
}

// missed takes the answer of a mux that has no route, of which the header is of use.
type missed struct{ header http.Header }

func (m *missed) Header() http.Header         { return m.header }
func (m *missed) WriteHeader(int)             {}
func (m *missed) Write(p []byte) (int, error) { return len(p), nil }

func (c *console) metrics(w http.ResponseWriter, r *http.Request) error {
	c.opts.Metrics.ServeHTTP(w, r)
	return nil
}

// sync asks for a fetch: by whoever may call, or by GitHub.
func (c *console) sync(w http.ResponseWriter, r *http.Request) error {
	if delivery.Signed(r) {
		if fetch, err := c.delivery(w, r); err != nil || !fetch {
			return err
		}
	}
	c.opts.Log.Debug("fetch requested", "by", principalOf(r.Context()).String())
	c.opts.Trigger()
	c.answer(w, http.StatusAccepted, Outcome{"the repository is being fetched"})
	return nil
}

// Outcome says what comes of a request.
type Outcome struct {
	Message string `json:"message"`
}

func (c *console) healthz(w http.ResponseWriter, _ *http.Request) error {
	c.text(w, http.StatusOK, "ok")
	return nil
}

// readyz is for whoever waits for a daemon that keeps clusters, such as a roll-out of the daemon itself: until a commit was
// accepted, or the one before the last stop resumed, it keeps none. Whether the process is alive is healthz's to say.
func (c *console) readyz(w http.ResponseWriter, _ *http.Request) error {
	if reason := unready(c.opts.Board.Snapshot().Source); reason != "" {
		c.text(w, http.StatusServiceUnavailable, reason)
		return nil
	}
	c.text(w, http.StatusOK, "ok")
	return nil
}

// unready says why no clusters are kept; empty if they are. Anybody may ask, so it names no repository.
func unready(s status.Source) string {
	switch {
	case s.Accepted != nil:
		return ""
	case s.Refused():
		return "no commit is accepted: the newest one is refused; \"trunkline status\" says why"
	case s.Error != "":
		return "no commit is accepted: the repository cannot be read; \"trunkline status\" says why"
	default:
		return "no commit is accepted yet"
	}
}

func (c *console) text(w http.ResponseWriter, code int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(code)
	if _, err := fmt.Fprintln(w, text); err != nil {
		c.opts.Log.Debug("cannot answer", "err", err.Error())
	}
}
