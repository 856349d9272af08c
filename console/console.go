// Package console serves what the daemon knows over HTTP: health for whoever runs it, metrics for Prometheus,
// the status and the history for the command line, a trigger for forges, and what people ask for by hand. It reads the
// read model, and hands everything else to an [Actor].
//
// Of Trunkline it may import catalog, reconciler/history and reconciler/status.
package console

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"trunkline.dev/trunkline/reconciler/status"
)

const defaultMaxWait = 25 * time.Second

// Board is where the state comes from; it is [status.Board] outside of tests.
type Board interface {
	Snapshot() status.Platform
	Wait(ctx context.Context, after int64) status.Platform
}

// Options are what the console is made of.
type Options struct {
	Board   Board
	Metrics http.Handler
	// History answers what happened; nil: none is kept.
	History History
	// Trigger asks for the repository to be fetched now. It must not block.
	Trigger func()
	// Actor does what people ask for by hand.
	Actor Actor
	// Token must come with every request but those for health; empty: no token is asked for, which is only
	// right where nobody else can connect.
	Token string
	// HookSecret is what GitHub signs its deliveries with; empty: none is accepted.
	HookSecret string
	// MaxWait bounds how long a request for the next change is held; default: 25s.
	MaxWait time.Duration
	Log     *slog.Logger
}

// New makes the handler. Its routes are:
//
//	GET  /healthz          the process is alive
//	GET  /readyz           the repository was read, and a commit accepted or refused
//	GET  /metrics          Prometheus
//	GET  /api/v1/status    the state, as JSON; with ?after=REVISION once it has changed since
//	GET  /api/v1/history   what happened, as JSON, the newest first; see historyFilter for what can be asked
//	POST /hooks/sync       fetch the repository now; a body is read of GitHub's deliveries only, which are signed
//	POST /api/v1/releases/PROJECT/ENVIRONMENT/CLUSTER/ACT   act on a release; the body is a [Hand]
//	POST /api/v1/environments/ENVIRONMENT/approve           confirm what a commit removes; the body is a [Hand]
func New(opts Options) http.Handler {
	if opts.MaxWait <= 0 {
		opts.MaxWait = defaultMaxWait
	}
	if opts.Log == nil {
		opts.Log = slog.New(slog.DiscardHandler)
	}
	c := console{opts: opts, deliveries: make(chan struct{}, maxDeliveries)}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", c.healthz)
	mux.HandleFunc("GET /readyz", c.readyz)
	mux.Handle("GET /metrics", c.guard(opts.Metrics))
	mux.Handle("GET /api/v1/status", c.guard(http.HandlerFunc(c.status)))
	mux.Handle("GET /api/v1/history", c.guard(http.HandlerFunc(c.history)))
	mux.Handle("POST /hooks/sync", c.hook(c.guard(http.HandlerFunc(c.sync))))
	mux.Handle("POST /api/v1/releases/{project}/{environment}/{cluster}/{act}", c.guard(http.HandlerFunc(c.act)))
	mux.Handle("POST /api/v1/environments/{environment}/approve", c.guard(http.HandlerFunc(c.approve)))
	return mux
}

type console struct {
	opts Options
	// deliveries has a place for each delivery that may be read at once.
	deliveries chan struct{}
}

// hook handles what GitHub signs, and leaves other requests to next.
func (c console) hook(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if fromHook(r) {
			c.delivery(w, r)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// guard asks for the token, in constant time. Where none is asked for, because nobody else can connect, a page in
// a browser on the same machine still can, by a name that it has its own server resolve to 127.0.0.1: the name by
// which it asks gives it away.
func (c console) guard(next http.Handler) http.Handler {
	if c.opts.Token == "" {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if !local(r.Host) {
				c.text(w, http.StatusForbidden, "without a token the daemon answers to localhost only")
				return
			}
			next.ServeHTTP(w, r)
		})
	}
	want := []byte("Bearer " + c.opts.Token)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if subtle.ConstantTimeCompare([]byte(r.Header.Get("Authorization")), want) != 1 {
			w.Header().Set("WWW-Authenticate", "Bearer")
			http.Error(w, "a token is needed", http.StatusUnauthorized)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// local tells that the host of a request is this machine's own.
func local(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	ip := net.ParseIP(strings.Trim(host, "[]"))
	return strings.EqualFold(host, "localhost") || ip != nil && ip.IsLoopback()
}

func (c console) healthz(w http.ResponseWriter, _ *http.Request) { c.text(w, http.StatusOK, "ok") }

// readyz is for whoever waits for a daemon that keeps clusters, such as a roll-out of the daemon itself: until a commit was
// accepted, or the one before the last stop resumed, it keeps none. That the process is alive is healthz's to say.
func (c console) readyz(w http.ResponseWriter, _ *http.Request) {
	if reason := unready(c.opts.Board.Snapshot().Source); reason != "" {
		c.text(w, http.StatusServiceUnavailable, reason)
		return
	}
	c.text(w, http.StatusOK, "ok")
}

// unready says why no clusters are kept; empty if they are. It is told to anybody, so it names no repository.
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

func (c console) text(w http.ResponseWriter, code int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(code)
	if _, err := fmt.Fprintln(w, text); err != nil { //nolint:gosec // it is text, and nobody may take it for a page
		c.opts.Log.Debug("cannot answer", "err", err.Error())
	}
}

func (c console) status(w http.ResponseWriter, r *http.Request) {
	after := int64(-1)
	if s := r.URL.Query().Get("after"); s != "" {
		var err error
		if after, err = strconv.ParseInt(strings.TrimSpace(s), 10, 64); err != nil {
			c.text(w, http.StatusBadRequest, "after is not a number")
			return
		}
	}
	ctx, cancel := context.WithTimeout(r.Context(), c.opts.MaxWait)
	defer cancel()
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(c.opts.Board.Wait(ctx, after)); err != nil {
		c.opts.Log.Debug("cannot answer", "err", err.Error())
	}
}

func (c console) sync(w http.ResponseWriter, _ *http.Request) {
	c.opts.Trigger()
	c.text(w, http.StatusAccepted, "the repository is being fetched")
}
