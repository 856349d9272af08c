// SPDX-License-Identifier: Apache-2.0

package githubtest

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"unicode/utf8"
)

func (g *GitHub) deploymentRoutes() []route {
	const deployments, environments = "/repos/{owner}/{repo}/deployments", "/repos/{owner}/{repo}/environments"
	return []route{
		{pattern: "GET " + deployments, needs: "deployments:read", serve: g.listDeployments},
		{pattern: "POST " + deployments, needs: "deployments:write", serve: g.createDeployment},
		{pattern: "GET " + deployments + "/{id}", needs: "deployments:read", serve: withDeployment(func(c *call, d *deployment) (int, any, error) {
			return http.StatusOK, g.shapeDeployment(c.repo, d), nil
		})},
		{pattern: "DELETE " + deployments + "/{id}", needs: "deployments:write", serve: withDeployment(g.deleteDeployment)},
		{pattern: "GET " + deployments + "/{id}/statuses", needs: "deployments:read", serve: withDeployment(func(c *call, d *deployment) (int, any, error) {
			all := slices.Clone(d.statuses)
			slices.Reverse(all)
			return http.StatusOK, shapes(pageOf(c, g.url, all), func(s *deploymentStatus) object { return g.shapeDeploymentStatus(c.repo, d, s) }), nil
		})},
		{pattern: "POST " + deployments + "/{id}/statuses", needs: "deployments:write", serve: withDeployment(g.createDeploymentStatus)},
		{pattern: "GET " + environments, needs: "actions|deployments:read", serve: func(c *call) (int, any, error) {
			return http.StatusOK, object{
				"total_count":  len(c.repo.environments),
				"environments": shapes(pageOf(c, g.url, c.repo.environments), func(e *environment) object { return g.shapeEnvironment(c.repo, e) }),
			}, nil
		}},
		{pattern: "GET " + environments + "/{name}", needs: "actions|deployments:read", serve: g.getEnvironment},
		{pattern: "PUT " + environments + "/{name}", needs: "administration:write", serve: g.putEnvironment},
		// Deleting an environment is a right of administrators, which no App of least permissions has.
		{pattern: "DELETE " + environments + "/{name}", needs: "administration:write", serve: g.deleteEnvironment},
	}
}

func withDeployment(serve func(c *call, d *deployment) (int, any, error)) handler {
	return func(c *call) (int, any, error) {
		for _, d := range c.repo.deployments {
			if d.id == c.number("id") && !d.deleted {
				return serve(c, d)
			}
		}
		return 0, nil, notFound()
	}
}

func (g *GitHub) listDeployments(c *call) (int, any, error) {
	q := c.URL.Query()
	var found []*deployment
	for _, d := range slices.Backward(c.repo.deployments) {
		if d.deleted || q.Get("sha") != "" && q.Get("sha") != d.sha || q.Get("ref") != "" && q.Get("ref") != d.ref ||
			q.Get("environment") != "" && q.Get("environment") != d.environment || q.Get("task") != "" && q.Get("task") != d.task {
			continue
		}
		found = append(found, d)
	}
	return http.StatusOK, shapes(pageOf(c, g.url, found), func(d *deployment) object { return g.shapeDeployment(c.repo, d) }), nil
}

func (g *GitHub) createDeployment(c *call) (int, any, error) {
	in := struct {
		Ref, Task, Environment, Description string
		Payload                             any
		Transient                           bool      `json:"transient_environment"`
		Production                          *bool     `json:"production_environment"`
		AutoMerge                           *bool     `json:"auto_merge"`
		Contexts                            *[]string `json:"required_contexts"`
	}{}
	if err := c.read(&in); err != nil {
		return 0, nil, err
	}
	sha, err := g.resolve(c.repo, in.Ref)
	if in.Ref == "" || err != nil {
		return 0, nil, &failure{status: http.StatusUnprocessableEntity, message: "No ref found for: " + in.Ref}
	}
	if in.AutoMerge == nil || *in.AutoMerge {
		// GitHub merges the default branch into a ref that is behind it, unless it is told not to.
		if head := c.repo.branches[c.repo.defaultBranch]; c.repo.branches[in.Ref] != "" && in.Ref != c.repo.defaultBranch && head != sha {
			return 0, nil, &failure{status: http.StatusConflict, message: "Conflict merging " + c.repo.defaultBranch + " into " + in.Ref + "."}
		}
	}
	if why := c.repo.unmet(sha, in.Contexts); why != "" {
		return 0, nil, &failure{status: http.StatusConflict, message: "Conflict: Commit status checks failed for " + in.Ref + ".", errors: []any{object{"field": "required_contexts", "code": "invalid", "message": why}}}
	}
	d := &deployment{
		id: g.id(), sha: sha, ref: in.Ref, task: in.Task, environment: in.Environment, description: in.Description, payload: in.Payload, transient: in.Transient,
		creator: c.who.user, app: c.who.app, created: g.now(), edited: g.now(),
	}
	if d.environment == "" {
		d.environment = "production"
	}
	if d.task == "" {
		d.task = "deploy"
	}
	if d.payload == nil || d.payload == "" {
		d.payload = object{}
	}
	d.production = d.environment == "production"
	if in.Production != nil {
		d.production = *in.Production
	}
	g.environment(c.repo, d.environment)
	c.repo.deployments = append(c.repo.deployments, d)
	g.emit(event{name: "deployment", action: "created", repo: c.repo, sender: c.who.user, fields: object{
		"deployment": g.shapeDeploymentEvent(c.repo, d), "workflow": nil, "workflow_run": nil,
	}})
	return http.StatusCreated, g.shapeDeployment(c.repo, d), nil
}

// shapeDeploymentEvent is a deployment as payloads have it.
func (g *GitHub) shapeDeploymentEvent(r *repo, d *deployment) object {
	o := g.shapeDeployment(r, d)
	if _, ok := o["payload"].(object); !ok {
		o["payload"] = object{}
	}
	delete(o, "performed_via_github_app")
	return o
}

// unmet says which context a deployment waits for: those that it names, or all that there are.
func (r *repo) unmet(sha string, wanted *[]string) string {
	seen := map[string]bool{}
	for _, s := range r.statusesOf(sha) {
		if seen[s.context] {
			continue
		}
		seen[s.context] = true
		if s.state != "success" && (wanted == nil || slices.Contains(*wanted, s.context)) {
			return s.context + " is " + s.state
		}
	}
	for _, s := range r.suites {
		for _, k := range r.latest(s) {
			seen[k.name] = seen[k.name] || s.sha == sha
			if s.sha == sha && (wanted == nil || slices.Contains(*wanted, k.name)) {
				if ok, _ := r.passed(sha, k.name); !ok {
					return k.name + " has not passed"
				}
			}
		}
	}
	if wanted != nil {
		for _, w := range *wanted {
			if !seen[w] {
				return w + " was not reported"
			}
		}
	}
	return ""
}

// environment makes an environment if it is not there.
func (g *GitHub) environment(r *repo, name string) *environment {
	for _, e := range r.environments {
		if e.name == name {
			return e
		}
	}
	e := &environment{id: g.id(), name: name, created: g.now()}
	r.environments = append(r.environments, e)
	return e
}

// active reports whether a deployment still counts: it succeeded, and no newer one took its place.
func (d *deployment) active() bool {
	return len(d.statuses) > 0 && d.statuses[len(d.statuses)-1].state == "success"
}

func (g *GitHub) deleteDeployment(c *call, d *deployment) (int, any, error) {
	others := 0
	for _, other := range c.repo.deployments {
		if !other.deleted {
			others++
		}
	}
	if d.active() && others > 1 {
		return 0, nil, &failure{status: http.StatusUnprocessableEntity, message: "We cannot delete an active deployment unless it is the only deployment in a given environment."}
	}
	d.deleted = true
	return http.StatusNoContent, nil, nil
}

func (g *GitHub) createDeploymentStatus(c *call, d *deployment) (int, any, error) {
	var in struct {
		State, Description, Environment string
		EnvironmentURL                  string `json:"environment_url"`
		LogURL                          string `json:"log_url"`
		TargetURL                       string `json:"target_url"`
		AutoInactive                    *bool  `json:"auto_inactive"`
	}
	if err := c.read(&in); err != nil {
		return 0, nil, err
	}
	switch {
	case !slices.Contains([]string{"error", "failure", "inactive", "in_progress", "queued", "pending", "success"}, in.State):
		return 0, nil, invalid("DeploymentStatus", "state", "state is not included in the list")
	case utf8.RuneCountInString(in.Description) > 140:
		return 0, nil, invalid("DeploymentStatus", "description", "description is too long (maximum is 140 characters)")
	case !isURL(in.EnvironmentURL) || !isURL(in.LogURL) || !isURL(in.TargetURL):
		return 0, nil, invalid("DeploymentStatus", "environment_url", "environment_url must use http(s) scheme")
	}
	if in.LogURL == "" {
		in.LogURL = in.TargetURL
	}
	if in.Environment != "" {
		d.environment = in.Environment
	}
	g.addDeploymentStatus(c.repo, d, &deploymentStatus{
		id: g.id(), state: in.State, description: in.Description, environment: d.environment, logURL: in.LogURL, environmentURL: in.EnvironmentURL,
		creator: c.who.user, created: g.now(),
	})
	if in.State == "success" && (in.AutoInactive == nil || *in.AutoInactive) {
		// Older ones of the same environment count no more, unless they are meant to stay side by side, or for production.
		for _, other := range c.repo.deployments {
			if other != d && other.id < d.id && !other.deleted && other.environment == d.environment && !other.transient && !other.production && other.active() {
				g.addDeploymentStatus(c.repo, other, &deploymentStatus{id: g.id(), state: "inactive", environment: other.environment, creator: c.who.user, created: g.now()})
			}
		}
	}
	return http.StatusCreated, g.shapeDeploymentStatus(c.repo, d, d.statuses[len(d.statuses)-1]), nil
}

func (g *GitHub) addDeploymentStatus(r *repo, d *deployment, s *deploymentStatus) {
	d.statuses, d.edited = append(d.statuses, s), g.now()
	if s.state == "inactive" {
		return // of which no event tells
	}
	o := g.shapeDeploymentStatus(r, d, s)
	delete(o, "performed_via_github_app")
	for _, field := range []string{"environment_url", "log_url"} {
		if o[field] == "" {
			delete(o, field)
		}
	}
	g.emit(event{name: "deployment_status", action: "created", repo: r, sender: s.creator, fields: object{
		"deployment": g.shapeDeploymentEvent(r, d), "deployment_status": o, "check_run": nil, "workflow": nil, "workflow_run": nil,
	}})
}

func isURL(s string) bool {
	u, err := url.Parse(s)
	return s == "" || err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != ""
}

func (g *GitHub) getEnvironment(c *call) (int, any, error) {
	for _, e := range c.repo.environments {
		if e.name == c.PathValue("name") {
			return http.StatusOK, g.shapeEnvironment(c.repo, e), nil
		}
	}
	return 0, nil, notFound()
}

func (g *GitHub) putEnvironment(c *call) (int, any, error) {
	return http.StatusOK, g.shapeEnvironment(c.repo, g.environment(c.repo, c.PathValue("name"))), nil
}

func (g *GitHub) deleteEnvironment(c *call) (int, any, error) {
	at := slices.IndexFunc(c.repo.environments, func(e *environment) bool { return e.name == c.PathValue("name") })
	if at < 0 {
		return 0, nil, notFound()
	}
	c.repo.environments = slices.Delete(c.repo.environments, at, at+1)
	return http.StatusNoContent, nil, nil
}

// DeploymentState is what the newest deployment of a commit into an environment says of itself; empty: there is none.
func (r *Repo) DeploymentState(sha, environment string) string {
	r.g.mu.Lock()
	defer r.g.mu.Unlock()
	for _, d := range slices.Backward(r.repo.deployments) {
		if d.sha == sha && d.environment == environment && !d.deleted {
			if len(d.statuses) == 0 {
				return "pending"
			}
			return d.statuses[len(d.statuses)-1].state
		}
	}
	return ""
}

// Environments are the names of the environments that there are.
func (r *Repo) Environments() []string {
	r.g.mu.Lock()
	defer r.g.mu.Unlock()
	var out []string
	for _, e := range r.repo.environments {
		out = append(out, e.name)
	}
	return out
}

// CheckOf describes the newest check run of a commit by its name, or the commit status of that context: its status and
// conclusion, such as "completed success"; empty: there is none.
func (r *Repo) CheckOf(sha, name string) string {
	r.g.mu.Lock()
	defer r.g.mu.Unlock()
	for _, k := range slices.Backward(r.repo.checks) {
		if k.suite.sha == sha && k.name == name {
			if k.conclusion == "" {
				return k.status
			}
			return fmt.Sprintf("%s %s", k.status, k.conclusion)
		}
	}
	for _, s := range r.repo.statusesOf(sha) {
		if s.context == name {
			return s.state
		}
	}
	return ""
}
