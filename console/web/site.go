// SPDX-License-Identifier: Apache-2.0

package web

import (
	"bytes"
	"cmp"
	"fmt"
	"html/template"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode"

	"trunkline.dev/trunkline/access"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/console"
)

// Sources are what pages show.
type Sources struct {
	Board console.Board
	// Catalog returns what the accepted commit declares; nil before there is one.
	Catalog func() *catalog.Catalog
	// History answers what happened; nil: none is kept.
	History console.History
	// Lots keeps the lots of environments; nil: none are kept.
	Lots console.LotKeeper
	// Pulls are the pull requests; nil: this daemon works on none. Costs answers what it did cost; nil: nothing is counted.
	Pulls console.Pulls
	Costs console.Costs
	// Objects are those of releases; nil: they are not seen.
	Objects console.Objects
	// Daemon returns what there is to say of the daemon itself; nil: nothing.
	Daemon func() console.Daemon
	// Now is the time of day.
	Now func() time.Time
	Log *slog.Logger
}

// Site is the pages of a daemon. It implements [console.Pages].
type Site struct {
	sources   Sources
	templates map[string]*template.Template
	files     []file
	cached    cached
}

// cached is what is kept for the next page, until it is not so any more.
type cached struct {
	snapshots snapshots
	builds    builds
	charts    charts
}

// policy is the Content-Security-Policy of all pages: what this package has, from where the page is, and nothing else.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// New returns the pages of a daemon.
func New(sources Sources) *Site {
	if sources.Log == nil {
		sources.Log = slog.New(slog.DiscardHandler)
	}
	if sources.Catalog == nil {
		sources.Catalog = func() *catalog.Catalog { return nil }
	}
	s := &Site{sources: sources, templates: map[string]*template.Template{}, files: files()}
	for _, p := range pages() {
		s.templates[p.name] = parse(p.name)
	}
	s.templates[problemName] = parse(problemName)
	return s
}

// Routes implements [console.Pages].
func (s *Site) Routes() []console.PageRoute {
	var routes []console.PageRoute
	for _, p := range pages() {
		routes = append(routes, console.PageRoute{
			Pattern: p.pattern, Open: p.open, Right: cmp.Or(p.right, access.View), Filtered: p.right == "",
			Handle: func(w http.ResponseWriter, r *http.Request) error { return s.serve(w, r, p) },
		})
	}
	for _, f := range s.files {
		routes = append(routes, console.PageRoute{Pattern: "GET " + f.path, Open: true, Handle: f.serve})
	}
	return routes
}

// serve answers with a page.
func (s *Site) serve(w http.ResponseWriter, r *http.Request, p page) error {
	a := s.ask(r)
	what, err := p.show(a)
	if err != nil {
		return err
	}
	if err := a.wrong(); err != nil {
		return err
	}
	return s.write(w, http.StatusOK, p.name, s.frame(a, p, what))
}

const problemName = "problem"

// Problem implements [console.Pages].
func (s *Site) Problem(w http.ResponseWriter, r *http.Request, p *console.Problem) {
	what := shown{Title: p.Title, View: p, Still: true}
	if err := s.write(w, p.Status, problemName, s.frame(s.ask(r), page{}, what)); err != nil {
		s.sources.Log.Error("cannot answer with a page", "err", err.Error())
	}
}

// frame is what is around the content of each page.
type frame struct {
	shown

	Platform, CSS, JS, Icon, Who, Version, Search string
	// Scripts are those beside JS.
	Scripts []string
	// More is a further file of styles.
	More string
	Tabs []tab
	Tab  string
	// Session reports whether the caller can sign out.
	Session bool
	// At is the state that the page shows, as an id of an event of the changes, and Follow where those are; empty: it does not stay current.
	At, Follow string
	Read       moment
	// Fetched is when the repository was read last; nil: it is not known.
	Fetched *moment
}

func (s *Site) frame(a *ask, p page, what shown) frame {
	f := frame{
		shown: what, Platform: cmp.Or(a.state.Name, "Trunkline"), Tabs: tabs(), Tab: p.tab, Who: console.PrincipalOf(a.request.Context()).String(), Search: a.search,
		Read: a.moment(a.now),
		CSS:  s.path("console.css"), JS: s.path("console.js"), Icon: s.path("icon.svg"),
	}
	for _, name := range []string{"acts.js", "lots.js"} {
		f.Scripts = append(f.Scripts, s.path(name))
	}
	f.Session = console.PrincipalOf(a.request.Context()).SignOn == access.BySession
	if what.Style != "" {
		f.More = s.path(what.Style)
	}
	if !what.Still {
		scope := url.Values{"bare": {"true"}, "pace": {"1000"}}
		maps.Copy(scope, what.Scope)
		f.Follow, f.At = "/api/v1/changes?"+scope.Encode(), a.epoch+"."+strconv.FormatInt(a.state.Revision, 10)
	}
	if s.sources.Daemon != nil && f.Who != "" {
		d := s.sources.Daemon()
		f.Version = d.Version
		if !d.Fetched.IsZero() {
			m := a.moment(d.Fetched)
			f.Fetched = &m
		}
	}
	return f
}

// write makes the whole page before it answers, so that what cannot be made is no half of one.
func (s *Site) write(w http.ResponseWriter, code int, name string, f frame) error {
	var out bytes.Buffer
	if err := s.templates[name].ExecuteTemplate(&out, "layout", f); err != nil {
		return fmt.Errorf("making the page %s: %w", name, err)
	}
	html := bytes.Map(visible, out.Bytes())
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", policy)
	w.Header().Set("Vary", "Accept")
	w.WriteHeader(code)
	if _, err := w.Write(html); err != nil {
		s.sources.Log.Debug("cannot answer", "err", err.Error())
	}
	return nil
}

// visible replaces what is not to be seen in a text of others, such as what turns the direction of writing.
func visible(r rune) rune {
	if unicode.IsGraphic(r) || r == '\n' {
		return r
	}
	return unicode.ReplacementChar
}

// external returns an address of someone else's that a link may go to: of the web, and no other kind. Empty: it is none.
func external(address string) string {
	u, err := url.Parse(strings.TrimSpace(address))
	if err != nil || u.Host == "" || u.User != nil || u.Scheme != "https" && u.Scheme != "http" {
		return ""
	}
	return u.String()
}
