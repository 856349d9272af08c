// SPDX-License-Identifier: Apache-2.0

package console

import (
	"context"
	"net/http"
	"strings"
)

// Pages are what people look at with a browser; see the package console/web.
type Pages interface {
	// Routes are those of the pages, and of the files that they need.
	Routes() []PageRoute
	// Problem answers a browser that asked for a page with what is wrong.
	Problem(w http.ResponseWriter, r *http.Request, p *Problem)
}

// PageRoute is a route that a page is at.
type PageRoute struct {
	// Pattern is that of [http.ServeMux].
	Pattern string
	// Open needs no sign-on: a file that is in everybody's hands with the program.
	Open bool
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
		out = append(out, route{pattern: p.Pattern, open: p.Open, handle: p.Handle})
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
func PrincipalOf(ctx context.Context) Principal { return principalOf(ctx) }
