// SPDX-License-Identifier: Apache-2.0

package githubtest

import (
	"encoding/json"
	"fmt"
	"html"
	"maps"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"
)

// eventNeeds is the permission without which GitHub refuses a manifest that subscribes to an event. That of comments is the
// one for issues, although comments on pull requests are read by the one for pull requests.
var eventNeeds = map[string]string{
	"check_run": "checks", "check_suite": "checks", "issue_comment": "issues", "issues": "issues", "merge_group": "merge_queues",
	"pull_request": "pull_requests", "pull_request_review": "pull_requests", "pull_request_review_comment": "pull_requests",
	"push": "contents", "deployment": "deployments", "deployment_status": "deployments", "status": "statuses",
	"membership": "members", "team": "members", "repository": "metadata",
}

// manifestForm is what a form posts as the manifest of an App.
type manifestForm struct {
	Name string `json:"name"`
	URL  string `json:"url"`
	Hook *struct {
		URL    string `json:"url"`
		Active *bool  `json:"active"`
	} `json:"hook_attributes"`
	Redirect    string            `json:"redirect_url"`
	Permissions map[string]string `json:"default_permissions"`
	Events      []string          `json:"default_events"`
}

// manifestPages are those by which a person agrees to an App that a manifest describes. Whoever asks is signed in, and may.
func (g *GitHub) manifestPages(mux *http.ServeMux) {
	mux.HandleFunc("POST /settings/apps/new", g.pageNewApp)
	mux.HandleFunc("POST /organizations/{org}/settings/apps/new", g.pageNewApp)
	mux.HandleFunc("POST /settings/apps/manifest", g.agreeToApp)
	mux.HandleFunc("POST /organizations/{org}/settings/apps/manifest", g.agreeToApp)
}

// pageNewApp shows what the manifest asks for, with a button, or what is wrong with it.
func (g *GitHub) pageNewApp(w http.ResponseWriter, r *http.Request) {
	m, err := g.readManifest(r)
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	if err != nil {
		w.WriteHeader(http.StatusUnprocessableEntity)
		_, _ = fmt.Fprintf(w, "<h1>Invalid GitHub App configuration</h1><p>Error: %s</p>", html.EscapeString(err.Error()))
		return
	}
	action := strings.TrimSuffix(r.URL.Path, "new") + "manifest?state=" + url.QueryEscape(r.URL.Query().Get("state"))
	_, _ = fmt.Fprintf(w, `<h1>Create GitHub App</h1><form method="post" action="%s"><input type="hidden" name="manifest" value="%s"><button>Create GitHub App for %s</button></form>`,
		html.EscapeString(action), html.EscapeString(r.PostFormValue("manifest")), html.EscapeString(m.Name))
}

// agreeToApp is the button: it sends the browser back with a code.
func (g *GitHub) agreeToApp(w http.ResponseWriter, r *http.Request) {
	m, err := g.readManifest(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusUnprocessableEntity)
		return
	}
	back, err := url.Parse(m.Redirect)
	if err != nil {
		http.Error(w, "redirect_url is invalid", http.StatusUnprocessableEntity)
		return
	}
	permissions := maps.Clone(m.Permissions)
	permissions["metadata"] = "read" // which is implied
	app := App{Name: m.Name, Slug: slug(m.Name), Owner: r.PathValue("org"), Permissions: permissions, Events: m.Events}
	if app.Owner == "" {
		app.Owner = "ann"
		g.AddUser(app.Owner)
	}
	if m.Hook != nil && (m.Hook.Active == nil || *m.Hook.Active) {
		app.HookURL = m.Hook.URL
	}
	code := random(20)
	g.AddManifest(code, app)
	q := back.Query()
	q.Set("code", code)
	q.Set("state", r.URL.Query().Get("state"))
	back.RawQuery = q.Encode()
	http.Redirect(w, r, back.String(), http.StatusFound)
}

func (g *GitHub) readManifest(r *http.Request) (manifestForm, error) {
	var m manifestForm
	if err := json.Unmarshal([]byte(r.PostFormValue("manifest")), &m); err != nil {
		return m, fmt.Errorf("the manifest is no JSON")
	}
	g.mu.Lock()
	taken := slices.ContainsFunc(g.apps, func(a *App) bool { return a.Slug == slug(m.Name) })
	g.mu.Unlock()
	var unsupported []string
	for _, e := range m.Events {
		if permission, known := eventNeeds[e]; !known || permission != "metadata" && m.Permissions[permission] == "" {
			unsupported = append(unsupported, e)
		}
	}
	for name, access := range m.Permissions {
		if access != "read" && access != "write" {
			return m, fmt.Errorf("default permission %s is not valid", name)
		}
	}
	switch {
	case m.URL == "":
		return m, fmt.Errorf("url wasn't supplied")
	case utf8.RuneCountInString(m.Name) > 34:
		return m, fmt.Errorf("name is too long (maximum is 34 characters)")
	case taken:
		return m, fmt.Errorf("name is already taken")
	case len(unsupported) > 0:
		return m, fmt.Errorf("default events are not supported by permissions: %s", strings.Join(unsupported, ", "))
	case m.Hook != nil && !public(m.Hook.URL):
		return m, fmt.Errorf("hook url is not supported because it isn't reachable over the public Internet")
	default:
		return m, nil
	}
}

// public reports whether an address may be one of the public Internet.
func public(address string) bool {
	u, err := url.Parse(address)
	if err != nil || u.Hostname() == "" {
		return false
	}
	ip := net.ParseIP(u.Hostname())
	return u.Hostname() != "localhost" && (ip == nil || !ip.IsLoopback() && !ip.IsPrivate())
}

// slug is the name of an App in addresses.
func slug(name string) string {
	return strings.Trim(strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			return r
		case r >= 'A' && r <= 'Z':
			return r + 'a' - 'A'
		default:
			return '-'
		}
	}, name), "-")
}
