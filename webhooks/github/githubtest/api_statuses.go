// SPDX-License-Identifier: Apache-2.0

package githubtest

import (
	"net/http"
	"slices"
	"unicode/utf8"
)

func (g *GitHub) statusRoutes() []route {
	return []route{
		{pattern: "POST /repos/{owner}/{repo}/statuses/{sha}", needs: "statuses:write", serve: g.createStatus},
		{pattern: "GET /repos/{owner}/{repo}/commits/{ref}/statuses", needs: "statuses:read", serve: g.listStatuses},
		{pattern: "GET /repos/{owner}/{repo}/commits/{ref}/status", needs: "statuses:read", serve: g.combinedStatus},
	}
}

func (g *GitHub) createStatus(c *call) (int, any, error) {
	var in struct {
		State, Context, Description *string
		TargetURL                   *string `json:"target_url"`
	}
	if err := c.read(&in); err != nil {
		return 0, nil, err
	}
	sha := c.PathValue("sha")
	s := &status{id: g.id(), sha: sha, context: "default", creator: c.who.user, created: g.now()}
	for field, value := range map[*string]*string{&s.state: in.State, &s.context: in.Context, &s.description: in.Description, &s.target: in.TargetURL} {
		if value != nil {
			*field = *value
		}
	}
	same := 0
	for _, other := range c.repo.statuses {
		if other.sha == sha && other.context == s.context {
			same++
		}
	}
	switch {
	case !g.hasCommit(c.repo, sha):
		return 0, nil, &failure{status: http.StatusUnprocessableEntity, message: "No commit found for SHA: " + sha}
	case !slices.Contains([]string{"error", "failure", "pending", "success"}, s.state):
		return 0, nil, invalid("Status", "state", "state is not included in the list")
	case utf8.RuneCountInString(s.description) > 140:
		return 0, nil, invalid("Status", "description", "description is too long (maximum is 140 characters)")
	case same >= maxRuns:
		return 0, nil, invalid("Status", "base", "This SHA and context has reached the maximum number of statuses.")
	}
	c.repo.statuses = append(c.repo.statuses, s)
	g.emitStatus(c.repo, s, c.who.user)
	return http.StatusCreated, g.shapeStatus(c.repo, s), g.advance(c.repo)
}

func (g *GitHub) emitStatus(r *repo, s *status, who *account) {
	branches := []any{}
	for name, sha := range r.branches {
		if sha == s.sha && !queueBranch(name) {
			branches = append(branches, object{"name": name, "protected": false, "commit": object{"sha": sha, "url": g.repoURL(r) + "/commits/" + sha}})
		}
	}
	commit := g.shapeCommit(r, s.sha)
	for _, person := range []string{"author", "committer"} {
		commit[person] = nil
	}
	delete(commit["commit"].(object)["verification"].(object), "verified_at") // which the schema of this event does not know
	g.emit(event{name: "status", repo: r, sender: who, fields: object{
		"id": s.id, "sha": s.sha, "name": r.fullName(), "avatar_url": g.url + "/avatars/0", "target_url": text(s.target), "context": s.context,
		"description": text(s.description), "state": s.state, "commit": commit, "branches": branches, "created_at": stamp(s.created), "updated_at": stamp(s.created),
	}})
}

// statusesOf are the statuses of a commit, the newest first.
func (r *repo) statusesOf(sha string) []*status {
	var out []*status
	for _, s := range slices.Backward(r.statuses) {
		if s.sha == sha {
			out = append(out, s)
		}
	}
	return out
}

func (g *GitHub) listStatuses(c *call) (int, any, error) {
	sha, err := g.resolve(c.repo, c.PathValue("ref"))
	if err != nil {
		return 0, nil, notFound()
	}
	return http.StatusOK, shapes(pageOf(c, g.url, c.repo.statusesOf(sha)), func(s *status) object { return g.shapeStatus(c.repo, s) }), nil
}

func (g *GitHub) combinedStatus(c *call) (int, any, error) {
	sha, err := g.resolve(c.repo, c.PathValue("ref"))
	if err != nil {
		return 0, nil, notFound()
	}
	seen := map[string]bool{}
	var newest []*status
	sum := "pending"
	for _, s := range c.repo.statusesOf(sha) {
		if !seen[s.context] {
			seen[s.context] = true
			newest = append(newest, s)
		}
	}
	if len(newest) > 0 {
		sum = "success"
	}
	for _, s := range newest {
		if s.state == "failure" || s.state == "error" {
			sum = "failure"
		} else if s.state == "pending" && sum == "success" {
			sum = "pending"
		}
	}
	api := g.repoURL(c.repo) + "/commits/" + sha
	return http.StatusOK, object{
		"state": sum, "sha": sha, "total_count": len(newest), "repository": g.shapeRepo(c.repo), "commit_url": api, "url": api + "/status",
		"statuses": shapes(newest, func(s *status) object { o := g.shapeStatus(c.repo, s); delete(o, "creator"); return o }),
	}, nil
}
