// SPDX-License-Identifier: Apache-2.0

package githubtest

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
)

func (g *GitHub) appRoutes() []route {
	return []route{
		{pattern: "GET /rate_limit", free: true, serve: func(c *call) (int, any, error) { return http.StatusOK, g.counter.shape(c.who.payer()), nil }},
		{pattern: "GET /user", serve: g.getUser},
		{pattern: "GET /app", asApp: true, serve: func(c *call) (int, any, error) { return http.StatusOK, g.shapeApp(c.who.app), nil }},
		{pattern: "GET /app/installations", asApp: true, serve: g.listInstallations},
		{pattern: "POST /app/installations/{id}/access_tokens", asApp: true, serve: g.createToken},
		{pattern: "GET /installation/repositories", serve: g.listInstallationRepos},
		{pattern: "GET /repos/{owner}/{repo}/installation", asApp: true, serve: g.getInstallation},
		{pattern: "GET /orgs/{org}/teams/{slug}/memberships/{user}", serve: g.getMembership},
		{pattern: "POST /app-manifests/{code}/conversions", open: true, serve: g.convertManifest},
	}
}

func (g *GitHub) getUser(c *call) (int, any, error) {
	if c.who.installation != nil {
		return 0, nil, forbidden("Resource not accessible by integration")
	}
	o := g.shapeUser(c.who.user)
	for _, field := range []string{"name", "company", "location", "email", "hireable", "bio"} {
		o[field] = nil
	}
	o["blog"] = ""
	for _, field := range []string{"public_repos", "public_gists", "followers", "following"} {
		o[field] = 0
	}
	o["created_at"], o["updated_at"] = stamp(c.who.user.created), stamp(c.who.user.created)
	return http.StatusOK, o, nil
}

func (g *GitHub) listInstallations(c *call) (int, any, error) {
	var mine []*installation
	for _, i := range g.installations {
		if i.app == c.who.app {
			mine = append(mine, i)
		}
	}
	return http.StatusOK, shapes(pageOf(c, g.url, mine), func(i *installation) object { return g.shapeInstallation(i, false) }), nil
}

func (g *GitHub) getInstallation(c *call) (int, any, error) {
	for _, i := range g.installations {
		if i.app == c.who.app && i.has(c.repo) {
			return http.StatusOK, g.shapeInstallation(i, false), nil
		}
	}
	return 0, nil, notFound()
}

func (g *GitHub) createToken(c *call) (int, any, error) {
	id := c.number("id")
	at := slices.IndexFunc(g.installations, func(i *installation) bool { return i.id == id && i.app == c.who.app })
	if at < 0 {
		return 0, nil, notFound()
	}
	i := g.installations[at]
	if i.suspended {
		return 0, nil, forbidden("This installation has been suspended")
	}
	expires := g.now().Add(g.opts.TokenLifetime)
	secret := g.newToken("ghs_", &token{installation: i, expires: expires})
	permissions := object{}
	for k, v := range i.permissions {
		permissions[k] = v
	}
	return http.StatusCreated, object{"token": secret, "expires_at": stamp(expires), "permissions": permissions, "repository_selection": "selected"}, nil
}

func (g *GitHub) listInstallationRepos(c *call) (int, any, error) {
	if c.who.installation == nil {
		return 0, nil, forbidden("You must authenticate with an installation access token in order to list repositories for an installation.")
	}
	var mine []*repo
	for _, r := range g.sortedRepos() {
		if c.who.installation.has(r) {
			mine = append(mine, r)
		}
	}
	return http.StatusOK, object{"total_count": len(mine), "repository_selection": "selected", "repositories": shapes(pageOf(c, g.url, mine), g.shapeRepo)}, nil
}

func (g *GitHub) getMembership(c *call) (int, any, error) {
	if i := c.who.installation; i != nil && (i.permissions["members"] == "" || lower(i.account.login) != lower(c.PathValue("org"))) {
		return 0, nil, forbidden("Resource not accessible by integration")
	}
	t := g.teams[teamKey(c.PathValue("org"), c.PathValue("slug"))]
	if t == nil || t.members[lower(c.PathValue("user"))] == "" {
		return 0, nil, notFound()
	}
	return http.StatusOK, object{
		"url": g.apiURL("/organizations/%d/team/%d/memberships/%s", t.id, t.id, c.PathValue("user")), "role": t.members[lower(c.PathValue("user"))], "state": "active",
	}, nil
}

// AddManifest has a code stand for an App that a person agreed to, by GitHub's manifest flow. The code is good once.
func (g *GitHub) AddManifest(code string, app App) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.manifests[code] = &app
}

func (g *GitHub) convertManifest(c *call) (int, any, error) {
	wanted := g.manifests[c.PathValue("code")]
	if wanted == nil {
		return 0, nil, notFound()
	}
	delete(g.manifests, c.PathValue("code"))
	key, err := newKey()
	if err != nil {
		return 0, nil, fmt.Errorf("making the key of an App: %w", err)
	}
	wanted.HookSecret = random(20)
	app := g.addApp(*wanted, key)
	o := g.shapeApp(app)
	o["client_id"], o["client_secret"], o["webhook_secret"], o["pem"] = app.ClientID, app.ClientSecret, app.HookSecret, string(app.Key)
	return http.StatusCreated, o, nil
}

func (g *GitHub) hookRoutes() []route {
	return []route{
		{pattern: "GET /app/hook/config", asApp: true, serve: func(c *call) (int, any, error) { return hookConfig(c.who.app.HookURL) }},
		{pattern: "GET /app/hook/deliveries", asApp: true, serve: func(c *call) (int, any, error) { return g.listDeliveries(c, c.who.app.hook) }},
		{pattern: "GET /app/hook/deliveries/{id}", asApp: true, serve: func(c *call) (int, any, error) { return g.getDelivery(c, c.who.app.hook) }},
		{pattern: "POST /app/hook/deliveries/{id}/attempts", asApp: true, serve: func(c *call) (int, any, error) { return g.redeliver(c, c.who.app.hook) }},
		{pattern: "GET /repos/{owner}/{repo}/hooks", needs: "repository_hooks:read", serve: g.listHooks},
		{pattern: "GET /repos/{owner}/{repo}/hooks/{hook}/deliveries", needs: "repository_hooks:read", serve: func(c *call) (int, any, error) { return g.listDeliveries(c, c.hook()) }},
		{pattern: "GET /repos/{owner}/{repo}/hooks/{hook}/deliveries/{id}", needs: "repository_hooks:read", serve: func(c *call) (int, any, error) { return g.getDelivery(c, c.hook()) }},
		{pattern: "POST /repos/{owner}/{repo}/hooks/{hook}/deliveries/{id}/attempts", needs: "repository_hooks:write", serve: func(c *call) (int, any, error) { return g.redeliver(c, c.hook()) }},
	}
}

// hookConfig is where the hook of an App leads to.
func hookConfig(url string) (int, any, error) {
	if url == "" {
		return 0, nil, notFound()
	}
	return http.StatusOK, object{"content_type": "json", "insecure_ssl": "0", "secret": "********", "url": url}, nil
}

func (c *call) hook() *hook {
	for _, h := range c.repo.hooks {
		if h.id == c.number("hook") {
			return h
		}
	}
	return nil
}

func (g *GitHub) listHooks(c *call) (int, any, error) {
	return http.StatusOK, shapes(pageOf(c, g.url, c.repo.hooks), func(h *hook) object {
		o := g.shapeHook(h)
		delete(o, "deliveries_url")
		o["test_url"], o["last_response"] = fmt.Sprintf("%s/hooks/%d/test", g.repoURL(c.repo), h.id), object{"code": nil, "status": "unused", "message": nil}
		o["deliveries_url"] = fmt.Sprintf("%s/hooks/%d/deliveries", g.repoURL(c.repo), h.id)
		return o
	}), nil
}

// shapeHook is a hook of a repository.
func (g *GitHub) shapeHook(h *hook) object {
	api := fmt.Sprintf("%s/hooks/%d", g.repoURL(h.repo), h.id)
	events := []any{}
	for _, e := range h.events {
		events = append(events, e)
	}
	if len(events) == 0 {
		events = []any{"*"}
	}
	return object{
		"type": "Repository", "id": h.id, "name": "web", "active": true, "events": events, "config": object{"content_type": "json", "insecure_ssl": "0", "url": h.url},
		"updated_at": stamp(h.created), "created_at": stamp(h.created), "url": api, "ping_url": api + "/pings", "deliveries_url": api + "/deliveries",
	}
}

// listDeliveries lists deliveries, the newest first, by a cursor instead of pages.
func (g *GitHub) listDeliveries(c *call, h *hook) (int, any, error) {
	if h == nil {
		return 0, nil, notFound()
	}
	all := slices.Clone(h.deliveries)
	slices.Reverse(all)
	if cursor := number(c.URL.Query().Get("cursor"), 0); cursor > 0 {
		all = slices.DeleteFunc(all, func(d *delivery) bool { return d.id >= int64(cursor) })
	}
	size := min(max(number(c.URL.Query().Get("per_page"), 30), 1), 100)
	if len(all) > size {
		q := c.URL.Query()
		q.Set("cursor", strconv.FormatInt(all[size-1].id, 10))
		c.link = fmt.Sprintf(`<%s%s?%s>; rel="next"`, g.url, c.URL.Path, q.Encode())
		all = all[:size]
	}
	return http.StatusOK, shapes(all, g.shapeDelivery), nil
}

func (g *GitHub) shapeDelivery(d *delivery) object {
	status := "OK"
	if d.Status < 200 || d.Status > 299 {
		status = "Invalid HTTP Response: " + strconv.Itoa(d.Status)
	}
	o := object{
		"id": d.id, "guid": d.GUID, "delivered_at": stamp(d.at), "redelivery": d.redelivery, "duration": d.took.Seconds(), "status": status, "status_code": d.Status,
		"event": d.Event, "action": text(d.Action), "installation_id": nil, "repository_id": nil, "throttled_at": nil,
	}
	if d.installation != 0 {
		o["installation_id"] = d.installation
	}
	if d.repository != 0 {
		o["repository_id"] = d.repository
	}
	return o
}

func findDelivery(c *call, h *hook) *delivery {
	if h == nil {
		return nil
	}
	for _, d := range h.deliveries {
		if d.id == c.number("id") {
			return d
		}
	}
	return nil
}

func (g *GitHub) getDelivery(c *call, h *hook) (int, any, error) {
	d := findDelivery(c, h)
	if d == nil {
		return 0, nil, notFound()
	}
	o := g.shapeDelivery(d)
	o["request"] = object{"headers": object{"X-GitHub-Delivery": d.GUID, "X-GitHub-Event": d.Event}, "payload": object{}}
	o["response"] = object{"headers": object{}, "payload": d.answer}
	return http.StatusOK, o, nil
}

func (g *GitHub) redeliver(c *call, h *hook) (int, any, error) {
	d := findDelivery(c, h)
	if d == nil {
		return 0, nil, notFound()
	}
	g.mail.again(d)
	return http.StatusAccepted, object{}, nil
}
