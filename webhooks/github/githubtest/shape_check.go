// SPDX-License-Identifier: Apache-2.0

package githubtest

import (
	"fmt"
	"strings"
)

// pullsAt are the open pull requests of the repository itself that a check run of a commit names. Those of forks are none
// of them, and neither is their branch: GitHub leaves both out.
func (r *repo) pullsAt(sha string) []*pull {
	var out []*pull
	for _, p := range r.pulls {
		if !p.closed && p.headSHA == sha && !p.fork(r) {
			out = append(out, p)
		}
	}
	return out
}

func (r *repo) branchAt(sha string) any {
	for _, p := range r.pullsAt(sha) {
		return p.headBranch
	}
	for name, at := range r.branches {
		if at == sha {
			return name
		}
	}
	return nil
}

func (g *GitHub) shapePullRef(r *repo, p *pull) object {
	ref := object{"id": r.id, "url": g.repoURL(r), "name": r.name}
	return object{
		"url": fmt.Sprintf("%s/pulls/%d", g.repoURL(r), p.number), "id": p.id, "number": p.number,
		"head": object{"ref": p.headBranch, "sha": p.headSHA, "repo": ref}, "base": object{"ref": p.base, "sha": p.baseSHA, "repo": ref},
	}
}

func (g *GitHub) shapePullRefs(r *repo, sha string) []any {
	return shapes(r.pullsAt(sha), func(p *pull) object { return g.shapePullRef(r, p) })
}

func (g *GitHub) shapeCheck(r *repo, c *check) object {
	api := fmt.Sprintf("%s/check-runs/%d", g.repoURL(r), c.id)
	return object{
		"id": c.id, "node_id": node("CR", c.id), "head_sha": c.suite.sha, "external_id": c.externalID, "url": api,
		"html_url": fmt.Sprintf("%s/%s/runs/%d", g.url, r.fullName(), c.id), "details_url": c.details(g, r), "status": c.status, "conclusion": text(c.conclusion),
		"started_at": stamp(c.started), "completed_at": stamp(c.completed), "name": c.name, "check_suite": object{"id": c.suite.id}, "app": g.shapeApp(c.suite.app),
		"pull_requests": g.shapePullRefs(r, c.suite.sha),
		"output": object{
			"title": text(c.title), "summary": text(c.summary), "text": text(c.text), "annotations_count": len(c.annotations), "annotations_url": api + "/annotations",
		},
	}
}

// details is where a check leads to: to the App's own page unless it says where.
func (c *check) details(g *GitHub, r *repo) string {
	if c.detailsURL != "" {
		return c.detailsURL
	}
	return fmt.Sprintf("%s/%s/runs/%d", g.url, r.fullName(), c.id)
}

// shapeCheckEvent is a check run as the payload of a webhook has it.
func (g *GitHub) shapeCheckEvent(r *repo, c *check) object {
	o := g.shapeCheck(r, c)
	o["check_suite"] = g.shapeSuite(r, c.suite)
	return o
}

// shapeSuite is a check suite inside of a check run.
func (g *GitHub) shapeSuite(r *repo, s *suite) object {
	status, conclusion := r.suiteState(s)
	return object{
		"id": s.id, "node_id": node("CS", s.id), "head_branch": r.branchAt(s.sha), "head_sha": s.sha, "status": status, "conclusion": text(conclusion),
		"url": fmt.Sprintf("%s/check-suites/%d", g.repoURL(r), s.id), "before": nil, "after": s.sha, "pull_requests": g.shapePullRefs(r, s.sha), "app": g.shapeApp(s.app),
		"created_at": stamp(s.created), "updated_at": stamp(s.edited),
	}
}

// shapeSuiteEvent is a check suite as the payload of a webhook of its own.
func (g *GitHub) shapeSuiteEvent(r *repo, s *suite) object {
	o := g.shapeSuite(r, s)
	o["latest_check_runs_count"] = len(r.latest(s))
	o["check_runs_url"] = fmt.Sprintf("%s/check-suites/%d/check-runs", g.repoURL(r), s.id)
	o["head_commit"] = g.shapeHeadCommit(r, s.sha)
	return o
}

// latest are the check runs of a suite that count: the newest of each name.
func (r *repo) latest(s *suite) []*check {
	newest := map[string]*check{}
	var names []string
	for _, c := range r.checks {
		if c.suite == s {
			if newest[c.name] == nil {
				names = append(names, c.name)
			}
			newest[c.name] = c
		}
	}
	var out []*check
	for _, n := range names {
		out = append(out, newest[n])
	}
	return out
}

// suiteState sums a suite up: what is worst counts.
func (r *repo) suiteState(s *suite) (status, conclusion string) {
	runs := r.latest(s)
	if len(runs) == 0 {
		return "queued", ""
	}
	order := []string{"skipped", "neutral", "success", "stale", "cancelled", "timed_out", "action_required", "failure"}
	worst := -1
	for _, c := range runs {
		if c.status != "completed" {
			return "in_progress", ""
		}
		for rank, name := range order {
			if c.conclusion == name {
				worst = max(worst, rank)
			}
		}
	}
	if conclusion = order[max(worst, 0)]; conclusion == "skipped" {
		conclusion = "neutral" // of a whole suite, "skipped" is not told
	}
	return "completed", conclusion
}

// shapeHeadCommit is a commit as payloads have it.
func (g *GitHub) shapeHeadCommit(r *repo, sha string) object {
	c := g.commitOf(r, sha)
	return object{
		"id": sha, "tree_id": c.tree, "message": c.message, "timestamp": stamp(c.time), "author": object{"name": c.author, "email": c.email},
		"committer": object{"name": c.author, "email": c.email},
	}
}

// shapeCommit is a commit as the REST API has it.
func (g *GitHub) shapeCommit(r *repo, sha string) object {
	c := g.commitOf(r, sha)
	person := object{"name": c.author, "email": c.email, "date": stamp(c.time)}
	parents := []any{}
	for _, p := range c.parents {
		parents = append(parents, object{"sha": p, "url": g.repoURL(r) + "/commits/" + p, "html_url": g.url + "/" + r.fullName() + "/commit/" + p})
	}
	api := g.repoURL(r) + "/commits/" + sha
	return object{
		"sha": sha, "node_id": "C_" + sha, "url": api, "html_url": g.url + "/" + r.fullName() + "/commit/" + sha, "comments_url": api + "/comments", "author": nil, "committer": nil,
		"parents": parents,
		"commit": object{
			"author": person, "committer": person, "message": c.message, "tree": object{"sha": c.tree, "url": g.repoURL(r) + "/git/trees/" + c.tree},
			"url": g.repoURL(r) + "/git/commits/" + sha, "comment_count": 0,
			"verification": object{"verified": false, "reason": "unsigned", "signature": nil, "payload": nil, "verified_at": nil},
		},
	}
}

func (g *GitHub) shapeStatus(r *repo, s *status) object {
	return object{
		"url": fmt.Sprintf("%s/statuses/%s", g.repoURL(r), s.sha), "avatar_url": g.url + "/avatars/0", "id": s.id, "node_id": node("SC", s.id), "state": s.state,
		"description": text(s.description), "target_url": text(s.target), "context": s.context, "created_at": stamp(s.created), "updated_at": stamp(s.created),
		"creator": g.shapeUserOrNull(s.creator),
	}
}

func (g *GitHub) shapeDeployment(r *repo, d *deployment) object {
	api := fmt.Sprintf("%s/deployments/%d", g.repoURL(r), d.id)
	o := object{
		"url": api, "id": d.id, "node_id": node("DE", d.id), "sha": d.sha, "ref": d.ref, "task": d.task, "payload": d.payload, "original_environment": d.environment,
		"environment": d.environment, "description": text(d.description), "creator": g.shapeUser(d.creator), "created_at": stamp(d.created),
		"updated_at": stamp(d.edited), "statuses_url": api + "/statuses", "repository_url": g.repoURL(r), "transient_environment": d.transient,
		"production_environment": d.production, "performed_via_github_app": nil,
	}
	if d.app != nil {
		o["performed_via_github_app"] = g.shapeApp(d.app)
	}
	return o
}

func (g *GitHub) shapeDeploymentStatus(r *repo, d *deployment, s *deploymentStatus) object {
	deployment := fmt.Sprintf("%s/deployments/%d", g.repoURL(r), d.id)
	return object{
		"url": fmt.Sprintf("%s/statuses/%d", deployment, s.id), "id": s.id, "node_id": node("DES", s.id), "state": s.state, "creator": g.shapeUser(s.creator),
		"description": s.description, "environment": s.environment, "environment_url": s.environmentURL, "log_url": s.logURL, "target_url": s.logURL,
		"created_at": stamp(s.created), "updated_at": stamp(s.created), "deployment_url": deployment, "repository_url": g.repoURL(r), "performed_via_github_app": nil,
	}
}

func (g *GitHub) shapeEnvironment(r *repo, e *environment) object {
	escaped := strings.ReplaceAll(e.name, " ", "%20")
	return object{
		"id": e.id, "node_id": node("EN", e.id), "name": e.name, "url": g.repoURL(r) + "/environments/" + escaped,
		"html_url":   g.url + "/" + r.fullName() + "/deployments/activity_log?environments_filter=" + escaped,
		"created_at": stamp(e.created), "updated_at": stamp(e.created), "protection_rules": []any{}, "deployment_branch_policy": nil,
	}
}
