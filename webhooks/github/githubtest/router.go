// SPDX-License-Identifier: Apache-2.0

package githubtest

import (
	"net/http"
	"net/url"
	"strings"
)

// router finds routes as GitHub does: from left to right, a word before a wildcard. [http.ServeMux] refuses patterns such as
// issues/comments/{id} beside issues/{number}/labels, which GitHub has.
type router struct {
	routes []compiled
	missed http.HandlerFunc
}

type compiled struct {
	method string
	parts  []string
	handle http.HandlerFunc
}

// add adds a route by a pattern of [http.ServeMux].
func (t *router) add(pattern string, handle http.HandlerFunc) {
	method, path, _ := strings.Cut(pattern, " ")
	t.routes = append(t.routes, compiled{method, strings.Split(strings.Trim(path, "/"), "/"), handle})
}

// ServeHTTP implements [http.Handler].
func (t *router) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	parts := strings.Split(strings.Trim(r.URL.EscapedPath(), "/"), "/")
	var best *compiled
	for i := range t.routes {
		c := &t.routes[i]
		if c.method == r.Method && c.matches(parts) && (best == nil || c.before(best)) {
			best = c
		}
	}
	if best == nil {
		t.missed(w, r)
		return
	}
	for i, p := range best.parts {
		name, wild := wildcard(p)
		if !wild {
			continue
		}
		value := parts[i]
		if short, ok := strings.CutSuffix(name, "..."); ok {
			name, value = short, strings.Join(parts[i:], "/")
		}
		if unescaped, err := url.PathUnescape(value); err == nil {
			value = unescaped
		}
		r.SetPathValue(name, value)
	}
	best.handle(w, r)
}

func wildcard(part string) (name string, ok bool) {
	return strings.Trim(part, "{}"), strings.HasPrefix(part, "{")
}

// matches reports whether a path is of the route.
func (c *compiled) matches(parts []string) bool {
	for i, p := range c.parts {
		switch name, wild := wildcard(p); {
		case i >= len(parts) || parts[i] == "":
			return false
		case strings.HasSuffix(name, "..."):
			return true
		case !wild && p != parts[i]:
			return false
		}
	}
	return len(parts) == len(c.parts)
}

// before reports whether a route is the more specific of two.
func (c *compiled) before(o *compiled) bool {
	for i := range min(len(c.parts), len(o.parts)) {
		_, mine := wildcard(c.parts[i])
		_, other := wildcard(o.parts[i])
		if mine != other {
			return !mine
		}
	}
	return len(c.parts) > len(o.parts)
}
