// SPDX-License-Identifier: Apache-2.0

package console

import (
	"context"
	"net/http"
	"strings"

	"trunkline.dev/trunkline/access"
	"trunkline.dev/trunkline/reconciler/history"
	"trunkline.dev/trunkline/reconciler/status"
)

// Pages are what people look at with a browser; see the package console/web.
type Pages interface {
	// Routes are those of the pages, and of the files that they need.
	Routes() []PageRoute
	// Problem answers a browser that asked for a page with what is wrong.
	Problem(w http.ResponseWriter, r *http.Request, p *Problem)
}

// SignedOut is where a browser is after a session has ended; one of the pages is there.
const SignedOut = "/signed-out"

// PageRoute is a route that a page is at.
type PageRoute struct {
	// Pattern is that of [http.ServeMux].
	Pattern string
	// Open needs no sign-on: a file that is in everybody's hands with the program.
	Open bool
	// Right is needed, on the project and the environment that the path names. Filtered is for pages of many things: they are for
	// everybody who has signed on, and show what the caller sees.
	Right    access.Right
	Filtered bool
	// Handle answers. What it returns is answered as a problem.
	Handle func(w http.ResponseWriter, r *http.Request) error
}

// pageRoutes are the routes of the pages, if there are any.
func (c *console) pageRoutes() []route {
	if c.opts.Pages == nil {
		return nil
	}
	var out []route
	for _, p := range c.opts.Pages.Routes() {
		out = append(out, route{
			pattern: p.Pattern, open: p.Open, right: p.Right, filtered: p.Filtered, handle: func(w http.ResponseWriter, r *http.Request) error {
				return p.Handle(w, r.WithContext(context.WithValue(r.Context(), sightKey{}, c.sight(r))))
			},
		})
	}
	return out
}

// forPerson reports whether a browser asks for a page, and not a program for the API.
func (c *console) forPerson(r *http.Request) bool {
	if c.opts.Pages == nil || !strings.Contains(r.Header.Get("Accept"), "text/html") {
		return false
	}
	for _, folder := range []string{"/api/", "/hooks/", "/reports/", "/metrics", "/healthz", "/readyz"} {
		if strings.HasPrefix(r.URL.Path, folder) {
			return false
		}
	}
	return true
}

// PrincipalOf returns who makes a request; the zero value for one that needs no sign-on.
func PrincipalOf(ctx context.Context) access.Principal { return principalOf(ctx) }

type sightKey struct{}

// Sight is what the caller of a page sees. The zero value sees nothing.
type Sight struct{ s *sight }

// SightOf returns what the caller of a page sees.
func SightOf(ctx context.Context) Sight {
	s, _ := ctx.Value(sightKey{}).(*sight)
	return Sight{s}
}

// Whole reports whether that is everything.
func (s Sight) Whole() bool { return s.s != nil && s.s.whole }

// Sees reports whether the caller sees a project in an environment; either may be empty.
func (s Sight) Sees(project, environment string) bool {
	return s.s != nil && s.s.sees(project, environment)
}

// May decides whether the caller may do something.
func (s Sight) May(right access.Right, scope access.Scope) access.Decision {
	if s.s == nil {
		return access.Decision{Why: "nobody has signed on"}
	}
	return s.s.rules.May(s.s.who, right, scope)
}

// Allow returns the answer to a caller who may not do something; nil if they may.
func (s Sight) Allow(right access.Right, scope access.Scope) error {
	if s.s == nil {
		return unseen()
	}
	return allowed(s.s.rules, s.s.who, right, scope)
}

// Platform is a state as far as the caller sees it; it shares with the state what it does not change.
func (s Sight) Platform(p *status.Platform) *status.Platform {
	switch {
	case s.s == nil:
		return &status.Platform{}
	case s.s.whole && s.s.logs:
		return p
	}
	seen := s.s.platform(*p)
	return &seen
}

// Events are those that the caller sees.
func (s Sight) Events(all []history.Event) []history.Event {
	if s.s == nil {
		return nil
	}
	return s.s.events(all)
}
