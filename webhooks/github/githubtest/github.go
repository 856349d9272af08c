// SPDX-License-Identifier: Apache-2.0

package githubtest

import (
	"context"
	"crypto/sha1" // names of commits that are no commits
	"encoding/hex"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// Options are what a GitHub is made with. The zero value is one that behaves as github.com does.
type Options struct {
	// Dir is where repositories with Git are kept; empty: there can be none.
	Dir string
	// Now is the clock; nil: the machine's.
	Now func() time.Time
	// TokenLifetime is how long an installation token is good for; 0: an hour.
	TokenLifetime time.Duration
	// UnknownMerges is how often a pull request says that its mergeability is not known yet, after each change of it; 0:
	// once, negative: never.
	UnknownMerges int
	// Limits are the rate limits.
	Limits Limits
	// Observe hears of each request to the REST API and its answer, and ObserveDelivery of each payload before it is sent.
	// They are called by many at a time.
	Observe         func(Exchange)
	ObserveDelivery func(event string, payload []byte)
	// Viewer is the user whom the pages are shown to, and who presses their buttons; empty: they can only be read.
	Viewer string
	// Log hears what goes wrong in the background; nil: nobody does.
	Log *slog.Logger
}

// Exchange is a request to the REST API and its answer. The path is without /api/v3.
type Exchange struct {
	Request  *http.Request
	Sent     []byte
	Status   int
	Header   http.Header
	Received []byte
}

// GitHub is the fake. Its methods may be called by many at a time.
type GitHub struct {
	opts    Options
	url     string
	api     http.Handler
	web     http.Handler
	counter counter
	mail    *mail

	mu            sync.Mutex // guards what is below, and everything that hangs on it
	last          int64      // the last id that was given out
	accounts      map[string]*account
	teams         map[string]*team
	repos         map[string]*repo
	apps          []*App
	installations []*installation
	tokens        map[string]*token
	manifests     map[string]*App
	faults        []*fault
}

// New makes a GitHub that people and programs reach at a URL such as "http://127.0.0.1:3000", where its caller serves it.
// Close ends its deliveries.
func New(url string, o Options) *GitHub {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.TokenLifetime == 0 {
		o.TokenLifetime = time.Hour
	}
	if o.UnknownMerges == 0 {
		o.UnknownMerges = 1
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	g := &GitHub{
		opts: o, url: strings.TrimRight(url, "/"), last: 1000,
		accounts: map[string]*account{}, teams: map[string]*team{}, repos: map[string]*repo{},
		tokens: map[string]*token{}, manifests: map[string]*App{},
	}
	g.counter = newCounter(o.Limits.orDefault(), o.Now)
	g.mail = newMail(g)
	g.api, g.web = g.apiMux(), g.webMux()
	return g
}

// Start serves a GitHub on a port of its own until the test ends.
func Start(tb testing.TB, o Options) *GitHub {
	tb.Helper()
	var g *GitHub
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { g.ServeHTTP(w, r) }))
	g = New("http://"+server.Listener.Addr().String(), o)
	server.Start()
	tb.Cleanup(func() {
		g.Close()
		server.CloseClientConnections() // those that hang on purpose
		server.Close()
	})
	return g
}

// Close ends the deliveries; those that are under way are cut off.
func (g *GitHub) Close() { g.mail.close() }

// URL is where the pages and Git are.
func (g *GitHub) URL() string { return g.url }

// APIURL is the base of the REST API as GitHub Enterprise Server has it.
func (g *GitHub) APIURL() string { return g.url + "/api/v3/" }

// ServeHTTP serves the REST API, Git and the pages.
func (g *GitHub) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if rest, ok := strings.CutPrefix(r.URL.EscapedPath(), "/api/v3"); ok {
		r = withPath(r, g.byID(rest))
		g.api.ServeHTTP(w, r)
		return
	}
	first, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	switch first {
	case "repositories":
		g.api.ServeHTTP(w, withPath(r, g.byID(r.URL.EscapedPath())))
	case "app", "app-manifests", "installation", "orgs", "rate_limit", "repos", "user":
		g.api.ServeHTTP(w, r)
	default:
		g.web.ServeHTTP(w, r)
	}
}

// byID makes /repos/OWNER/NAME of /repositories/ID, to which GitHub redirects those who know an older name.
func (g *GitHub) byID(path string) string {
	rest, ok := strings.CutPrefix(path, "/repositories/")
	if !ok {
		return path
	}
	id, after, _ := strings.Cut(rest, "/")
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, r := range g.repos {
		if strconv.FormatInt(r.id, 10) == id {
			return strings.TrimSuffix("/repos/"+r.fullName()+"/"+after, "/")
		}
	}
	return path
}

// withPath returns a request with another path, which is escaped.
func withPath(r *http.Request, escaped string) *http.Request {
	r2 := r.Clone(r.Context())
	parsed, err := r.URL.Parse(escaped)
	if err != nil {
		return r
	}
	r2.URL.Path, r2.URL.RawPath = parsed.Path, parsed.RawPath
	return r2
}

// id returns a number that nothing else has.
func (g *GitHub) id() int64 {
	g.last++
	return g.last
}

// now is the time, as precise as GitHub tells it.
func (g *GitHub) now() time.Time { return g.opts.Now().UTC().Truncate(time.Second) }

// node is the id of a thing in GitHub's other API; clients take it as opaque.
func node(kind string, id int64) string { return kind + "_" + strconv.FormatInt(id, 36) }

// stamp is a time as GitHub writes it; zero: null.
func stamp(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UTC().Format(time.RFC3339)
}

// text is null where there is none.
func text(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// name makes what looks like a commit of anything.
func name(parts ...any) string {
	sum := sha1.Sum([]byte(fmt.Sprint(parts...)))
	return hex.EncodeToString(sum[:])
}

// SHA is the name of a commit for tests in which no Git is needed: always the same for the same words.
func SHA(words ...any) string { return name(words...) }

// TempDir makes a folder for [Options.Dir] that is removed by the function that is returned; tests use their own.
func TempDir() (dir string, remove func() error, err error) {
	if dir, err = os.MkdirTemp("", "githubtest-"); err != nil {
		return "", nil, fmt.Errorf("making a folder for repositories: %w", err)
	}
	return dir, func() error { return os.RemoveAll(dir) }, nil
}

// background is the context of what nobody waits for.
func (g *GitHub) background() context.Context { return context.Background() }
