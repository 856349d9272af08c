// SPDX-License-Identifier: Apache-2.0

package githubtest

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

func (g *GitHub) repoRoutes() []route {
	return []route{
		{pattern: "GET /repos/{owner}/{repo}", needs: "metadata:read", serve: func(c *call) (int, any, error) { return http.StatusOK, g.shapeFullRepo(c.repo), nil }},
		{pattern: "GET /repos/{owner}/{repo}/collaborators/{user}/permission", needs: "metadata:read", serve: g.getPermission},
	}
}

// getPermission sums roles up to the three that the API knew first, as GitHub does.
func (g *GitHub) getPermission(c *call) (int, any, error) {
	who := g.accounts[lower(c.PathValue("user"))]
	if who == nil || who.kind == "Organization" {
		return 0, nil, notFound()
	}
	role := c.repo.role(who.login)
	permission := map[string]string{"": "none", "read": "read", "triage": "read", "write": "write", "maintain": "write", "admin": "admin"}[role]
	if role == "" {
		role = "none"
		if !c.repo.private {
			permission, role = "read", "read" // everybody may read what is public
		}
	}
	o := g.shapeUser(who)
	o["role_name"] = role
	return http.StatusOK, object{"permission": permission, "role_name": role, "user": o}, nil
}

func (g *GitHub) pullRoutes() []route {
	const pulls = "/repos/{owner}/{repo}/pulls"
	return []route{
		{pattern: "GET " + pulls, needs: "pull_requests:read", serve: g.listPulls},
		{pattern: "POST " + pulls, needs: "pull_requests:write", serve: g.createPull},
		{pattern: "GET " + pulls + "/{number}", needs: "pull_requests:read", serve: withPull(func(c *call, p *pull) (int, any, error) {
			answer, err := g.asked(c.repo, p)
			return http.StatusOK, answer, err
		})},
		{pattern: "PATCH " + pulls + "/{number}", needs: "pull_requests:write", serve: withPull(g.updatePull)},
		{pattern: "GET " + pulls + "/{number}/files", needs: "pull_requests:read", serve: withPull(g.listFiles)},
		{pattern: "GET " + pulls + "/{number}/commits", needs: "pull_requests:read", serve: withPull(func(c *call, p *pull) (int, any, error) {
			return http.StatusOK, shapes(pageOf(c, g.url, g.commitsOf(c.repo, p)), func(sha string) object { return g.shapeCommit(c.repo, sha) }), nil
		})},
		{pattern: "GET " + pulls + "/{number}/reviews", needs: "pull_requests:read", serve: withPull(func(c *call, p *pull) (int, any, error) {
			return http.StatusOK, shapes(pageOf(c, g.url, p.reviews), func(v *review) object { return g.shapeReview(c.repo, p, v, false) }), nil
		})},
		{pattern: "PUT " + pulls + "/{number}/merge", needs: "contents:write", serve: withPull(g.mergePull)},
		{pattern: "GET /repos/{owner}/{repo}/commits/{sha}/pulls", needs: "pull_requests:read", serve: g.listPullsOfCommit},
		{pattern: "GET /repos/{owner}/{repo}/issues/{number}/labels", needs: "issues|pull_requests:read", serve: withPull(func(c *call, p *pull) (int, any, error) {
			return http.StatusOK, shapes(pageOf(c, g.url, p.labels), func(l *label) object { return g.shapeLabel(c.repo, l) }), nil
		})},
		{pattern: "POST /repos/{owner}/{repo}/issues/{number}/labels", needs: "issues|pull_requests:write", serve: withPull(g.postLabels)},
		{pattern: "DELETE /repos/{owner}/{repo}/issues/{number}/labels/{name}", needs: "issues|pull_requests:write", serve: withPull(g.deleteLabel)},
	}
}

// withPull answers with 404 where there is no pull request of that number.
func withPull(serve func(c *call, p *pull) (int, any, error)) handler {
	return func(c *call) (int, any, error) {
		p := c.repo.findPull(c.number("number"))
		if p == nil {
			return 0, nil, notFound()
		}
		return serve(c, p)
	}
}

func (g *GitHub) listPulls(c *call) (int, any, error) {
	q := c.URL.Query()
	wanted := q.Get("state")
	if wanted == "" {
		wanted = "open"
	}
	var found []*pull
	for _, p := range slices.Backward(c.repo.pulls) { // the newest first
		switch {
		case wanted != "all" && state(p) != wanted:
		case q.Get("base") != "" && q.Get("base") != p.base:
		case q.Get("head") != "" && lower(q.Get("head")) != lower(p.headOwner.login+":"+p.headBranch):
		default:
			found = append(found, p)
		}
	}
	if q.Get("sort") == "updated" {
		slices.SortStableFunc(found, func(a, b *pull) int { return b.edited.Compare(a.edited) })
	}
	direction := q.Get("direction")
	if direction == "asc" || direction == "" && q.Get("sort") != "" && q.Get("sort") != "created" {
		slices.Reverse(found) // GitHub's default is desc for "created" alone
	}
	return http.StatusOK, shapes(pageOf(c, g.url, found), func(p *pull) object { return g.shapeSimplePull(c.repo, p) }), nil
}

// listPullsOfCommit lists those that have a commit, merged or not. That of a fork's head is not among them: GitHub looks
// at the repository's own branches.
func (g *GitHub) listPullsOfCommit(c *call) (int, any, error) {
	var found []*pull
	for _, p := range c.repo.pulls {
		if p.headSHA == c.PathValue("sha") && !p.fork(c.repo) || p.merged && (p.mergeCommit == c.PathValue("sha") || slices.Contains(p.rebased, c.PathValue("sha"))) {
			found = append(found, p)
		}
	}
	return http.StatusOK, shapes(pageOf(c, g.url, found), func(p *pull) object { return g.shapeSimplePull(c.repo, p) }), nil
}

func (g *GitHub) createPull(c *call) (int, any, error) {
	var in struct {
		Title, Body, Head, Base string
		Draft                   bool
	}
	if err := c.read(&in); err != nil {
		return 0, nil, err
	}
	if in.Title == "" {
		return 0, nil, invalid("PullRequest", "title", "title can't be blank")
	}
	spec := PullSpec{Title: in.Title, Body: in.Body, Author: c.who.user.login, Base: in.Base, Head: in.Head, Draft: in.Draft}
	if owner, branch, ok := strings.Cut(in.Head, ":"); ok {
		spec.Head = branch
		if lower(owner) != lower(c.repo.owner.login) {
			for _, r := range g.sortedRepos() {
				if r.parent == c.repo && lower(r.owner.login) == lower(owner) {
					spec.From = &Repo{g, r}
				}
			}
			if spec.From == nil {
				return 0, nil, invalid("PullRequest", "head", "head is invalid")
			}
		}
	}
	p, err := g.open(c.repo, spec)
	if err != nil {
		return 0, nil, err
	}
	return http.StatusCreated, g.shapePull(c.repo, p), nil
}

func (g *GitHub) updatePull(c *call, p *pull) (int, any, error) {
	var in struct{ Title, Body, State, Base *string }
	if err := c.read(&in); err != nil {
		return 0, nil, err
	}
	changes := object{}
	if in.Title != nil && *in.Title != p.title {
		changes["title"] = object{"from": p.title}
		p.title = *in.Title
	}
	if in.Body != nil && *in.Body != p.body {
		changes["body"] = object{"from": p.body}
		p.body = *in.Body
	}
	if in.Base != nil && *in.Base != p.base {
		if err := g.retarget(c.repo, p, *in.Base, changes); err != nil {
			return 0, nil, err
		}
	}
	p.edited = g.now()
	if len(changes) > 0 {
		g.emitPull(c.repo, p, "edited", c.who.user, object{"changes": changes})
	}
	if in.State != nil {
		if err := g.setState(c.repo, p, *in.State, c.who.user); err != nil {
			return 0, nil, err
		}
	}
	return http.StatusOK, g.shapePull(c.repo, p), nil
}

func (g *GitHub) listFiles(c *call, p *pull) (int, any, error) {
	files := g.filesOf(c.repo, p)
	return http.StatusOK, shapes(pageOf(c, g.url, files[:min(len(files), 3000)]), func(f File) object {
		if f.Status == "" {
			f.Status = "modified"
		}
		blob := name("blob", p.headSHA, f.Name)
		path := strings.ReplaceAll(f.Name, " ", "%20")
		o := object{
			"sha": blob, "filename": f.Name, "status": f.Status, "additions": f.Additions, "deletions": f.Deletions, "changes": f.Additions + f.Deletions,
			"blob_url":     fmt.Sprintf("%s/%s/blob/%s/%s", g.url, c.repo.fullName(), p.headSHA, path),
			"raw_url":      fmt.Sprintf("%s/%s/raw/%s/%s", g.url, c.repo.fullName(), p.headSHA, path),
			"contents_url": fmt.Sprintf("%s/contents/%s?ref=%s", g.repoURL(c.repo), path, p.headSHA),
		}
		if f.Patch != "" {
			o["patch"] = f.Patch
		}
		if f.Previous != "" {
			o["previous_filename"] = f.Previous
		}
		return o
	}), nil
}

func (g *GitHub) shapeReview(r *repo, p *pull, v *review, hook bool) object {
	stateOf := v.state
	if hook {
		stateOf = lower(stateOf)
	}
	html := fmt.Sprintf("%s#pullrequestreview-%d", g.pullHTML(r, p), v.id)
	pullURL := fmt.Sprintf("%s/pulls/%d", g.repoURL(r), p.number)
	o := object{
		"id": v.id, "node_id": node("PRR", v.id), "user": g.shapeUser(v.user), "body": v.body, "state": stateOf, "html_url": html, "pull_request_url": pullURL,
		"author_association": r.association(v.user.login), "_links": object{"html": object{"href": html}, "pull_request": object{"href": pullURL}},
		"submitted_at": stamp(v.created), "commit_id": v.commit,
	}
	return o
}

func (g *GitHub) mergePull(c *call, p *pull) (int, any, error) {
	var in struct {
		CommitTitle string `json:"commit_title"`
		SHA         string `json:"sha"`
		Method      string `json:"merge_method"`
	}
	if err := c.read(&in); err != nil {
		return 0, nil, err
	}
	if in.SHA != "" && in.SHA != p.headSHA {
		return 0, nil, &failure{status: http.StatusConflict, message: "Head branch was modified. Review and try the merge again."}
	}
	if c.repo.rules[p.base].queue {
		return 0, nil, &failure{status: http.StatusMethodNotAllowed, message: "Changes must be made through the merge queue"}
	}
	sha, err := g.press(c.repo, p, c.who.user, in.Method, in.CommitTitle)
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, object{"sha": sha, "merged": true, "message": "Pull Request successfully merged"}, nil
}

func (g *GitHub) postLabels(c *call, p *pull) (int, any, error) {
	var in struct{ Labels []string }
	if err := c.read(&in); err != nil {
		var bare []string
		if c.read(&bare) != nil {
			return 0, nil, err
		}
		in.Labels = bare
	}
	for _, l := range in.Labels {
		g.addLabel(c.repo, p, l, c.who.user)
	}
	return http.StatusOK, shapes(p.labels, func(l *label) object { return g.shapeLabel(c.repo, l) }), nil
}

func (g *GitHub) deleteLabel(c *call, p *pull) (int, any, error) {
	if !g.removeLabel(c.repo, p, c.PathValue("name"), c.who.user) {
		return 0, nil, &failure{status: http.StatusNotFound, message: "Label does not exist"}
	}
	return http.StatusOK, shapes(p.labels, func(l *label) object { return g.shapeLabel(c.repo, l) }), nil
}

// since reads the parameter of lists that want what is new; zero: everything.
func since(c *call) time.Time {
	t, err := time.Parse(time.RFC3339, c.URL.Query().Get("since"))
	if err != nil {
		return time.Time{}
	}
	return t
}
