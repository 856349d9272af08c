// SPDX-License-Identifier: Apache-2.0

package githubtest

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// The shapes of things as GitHub writes them. Payloads of webhooks are checked against schemas that allow no field more, so
// that what only the REST API tells is added by those who answer its requests.

func (g *GitHub) apiURL(format string, args ...any) string {
	return g.url + "/api/v3" + fmt.Sprintf(format, args...)
}

func (g *GitHub) shapeUser(a *account) object {
	api := g.apiURL("/users/%s", a.login)
	return object{
		"login": a.login, "id": a.id, "node_id": node("U", a.id), "avatar_url": g.url + "/avatars/" + strconv.FormatInt(a.id, 10), "gravatar_id": "",
		"url": api, "html_url": g.url + "/" + a.login, "followers_url": api + "/followers", "following_url": api + "/following{/other_user}",
		"gists_url": api + "/gists{/gist_id}", "starred_url": api + "/starred{/owner}{/repo}", "subscriptions_url": api + "/subscriptions",
		"organizations_url": api + "/orgs", "repos_url": api + "/repos", "events_url": api + "/events{/privacy}",
		"received_events_url": api + "/received_events", "type": a.kind, "site_admin": false,
	}
}

// shapeUserOrNull is null for someone who is not there.
func (g *GitHub) shapeUserOrNull(a *account) any {
	if a == nil {
		return nil
	}
	return g.shapeUser(a)
}

// repoLinks are the fields of a repository that are addresses below its own, each with how it ends.
var repoLinks = map[string]string{
	"archive_url": "/{archive_format}{/ref}", "assignees_url": "/assignees{/user}", "blobs_url": "/git/blobs{/sha}", "branches_url": "/branches{/branch}",
	"collaborators_url": "/collaborators{/collaborator}", "comments_url": "/comments{/number}", "commits_url": "/commits{/sha}",
	"compare_url": "/compare/{base}...{head}", "contents_url": "/contents/{+path}", "contributors_url": "/contributors", "deployments_url": "/deployments",
	"downloads_url": "/downloads", "events_url": "/events", "forks_url": "/forks", "git_commits_url": "/git/commits{/sha}", "git_refs_url": "/git/refs{/sha}",
	"git_tags_url": "/git/tags{/sha}", "hooks_url": "/hooks", "issue_comment_url": "/issues/comments{/number}", "issue_events_url": "/issues/events{/number}",
	"issues_url": "/issues{/number}", "keys_url": "/keys{/key_id}", "labels_url": "/labels{/name}", "languages_url": "/languages", "merges_url": "/merges",
	"milestones_url": "/milestones{/number}", "notifications_url": "/notifications{?since,all,participating}", "pulls_url": "/pulls{/number}",
	"releases_url": "/releases{/id}", "stargazers_url": "/stargazers", "statuses_url": "/statuses/{sha}", "subscribers_url": "/subscribers",
	"subscription_url": "/subscription", "tags_url": "/tags", "teams_url": "/teams", "trees_url": "/git/trees{/sha}",
}

func (g *GitHub) repoURL(r *repo) string { return g.apiURL("/repos/%s", r.fullName()) }

func (g *GitHub) shapeRepo(r *repo) object {
	visibility := "public"
	if r.private {
		visibility = "private"
	}
	html := g.url + "/" + r.fullName()
	o := object{
		"id": r.id, "node_id": node("R", r.id), "name": r.name, "full_name": r.fullName(), "private": r.private, "owner": g.shapeUser(r.owner),
		"html_url": html, "description": nil, "fork": r.parent != nil, "url": g.repoURL(r), "clone_url": html + ".git", "git_url": "git:" + strings.TrimPrefix(html, "http:") + ".git",
		"ssh_url": "git@localhost:" + r.fullName() + ".git", "svn_url": html, "homepage": nil, "default_branch": r.defaultBranch, "language": nil, "mirror_url": nil,
		"license": nil, "archived": false, "disabled": false, "is_template": false, "visibility": visibility, "topics": []any{}, "custom_properties": object{},
		"web_commit_signoff_required": false, "has_issues": true, "has_projects": false, "has_downloads": true, "has_wiki": false, "has_pages": false,
		"has_discussions": false, "allow_forking": true, "forks": 0, "forks_count": 0, "open_issues": 0, "open_issues_count": 0, "size": 0,
		"stargazers_count": 0, "watchers": 0, "watchers_count": 0, "created_at": stamp(r.created), "updated_at": stamp(r.created), "pushed_at": stamp(r.created),
	}
	for field, end := range repoLinks {
		o[field] = g.repoURL(r) + end
	}
	return o
}

// shapeFullRepo is the answer to those who ask for one repository.
func (g *GitHub) shapeFullRepo(r *repo) object {
	o := g.shapeRepo(r)
	maps.Copy(o, object{
		"network_count": 0, "subscribers_count": 0, "allow_merge_commit": true, "allow_squash_merge": true, "allow_rebase_merge": true, "delete_branch_on_merge": false,
	})
	if r.parent != nil {
		o["parent"], o["source"] = g.shapeRepo(r.parent), g.shapeRepo(r.parent)
	}
	return o
}

func (g *GitHub) shapeLabel(r *repo, l *label) object {
	return object{
		"id": l.id, "node_id": node("LA", l.id), "url": g.repoURL(r) + "/labels/" + strings.ReplaceAll(l.name, " ", "%20"), "name": l.name, "description": "",
		"color": "ededed", "default": false,
	}
}

func (g *GitHub) pullHTML(r *repo, p *pull) string {
	return fmt.Sprintf("%s/%s/pull/%d", g.url, r.fullName(), p.number)
}

// end is the head or the base of a pull request.
func (g *GitHub) end(r *repo, owner *account, ref, sha string) object {
	o := object{"label": owner.login + ":" + ref, "ref": ref, "sha": sha, "user": g.shapeUser(owner), "repo": nil}
	if r != nil && !r.deleted {
		o["repo"] = g.shapeRepo(r)
	}
	return o
}

func state(p *pull) string {
	if p.closed {
		return "closed"
	}
	return "open"
}

// shapeSimplePull is a pull request in a list.
func (g *GitHub) shapeSimplePull(r *repo, p *pull) object {
	api, html := fmt.Sprintf("%s/pulls/%d", g.repoURL(r), p.number), g.pullHTML(r, p)
	issue := fmt.Sprintf("%s/issues/%d", g.repoURL(r), p.number)
	links := object{}
	for name, href := range map[string]string{
		"self": api, "html": html, "issue": issue, "comments": issue + "/comments", "review_comments": api + "/comments",
		"review_comment": g.repoURL(r) + "/pulls/comments{/number}", "commits": api + "/commits", "statuses": g.repoURL(r) + "/statuses/" + p.headSHA,
	} {
		links[name] = object{"href": href}
	}
	return object{
		"url": api, "id": p.id, "node_id": node("PR", p.id), "html_url": html, "diff_url": html + ".diff", "patch_url": html + ".patch", "issue_url": issue,
		"number": p.number, "state": state(p), "locked": false, "title": p.title, "user": g.shapeUser(p.author), "body": text(p.body), "draft": p.draft,
		"created_at": stamp(p.created), "updated_at": stamp(p.edited), "closed_at": stamp(p.closedAt), "merged_at": stamp(p.mergedAt),
		"merge_commit_sha": text(p.mergeCommit), "assignee": nil, "assignees": []any{}, "requested_reviewers": []any{}, "requested_teams": []any{},
		"labels": shapes(p.labels, func(l *label) object { return g.shapeLabel(r, l) }), "milestone": nil, "commits_url": api + "/commits",
		"review_comments_url": api + "/comments", "review_comment_url": g.repoURL(r) + "/pulls/comments{/number}", "comments_url": issue + "/comments",
		"statuses_url": g.repoURL(r) + "/statuses/" + p.headSHA, "head": g.end(p.head, p.headOwner, p.headBranch, p.headSHA),
		"base": g.end(r, r.owner, p.base, p.baseSHA), "_links": links, "author_association": r.association(p.author.login), "auto_merge": nil,
		"active_lock_reason": nil,
	}
}

// shapePull is a pull request by itself.
func (g *GitHub) shapePull(r *repo, p *pull) object {
	o := g.shapeSimplePull(r, p)
	files := g.filesOf(r, p)
	additions, deletions := 0, 0
	for _, f := range files {
		additions, deletions = additions+f.Additions, deletions+f.Deletions
	}
	var mergeable any
	mergeState := "unknown"
	if p.testMerged && !p.closed {
		mergeable = p.mergeable
		mergeState = g.mergeState(r, p)
	}
	maps.Copy(o, object{
		"merged": p.merged, "mergeable": mergeable, "rebaseable": nil, "mergeable_state": mergeState, "merged_by": g.shapeUserOrNull(p.mergedBy),
		"comments": len(p.comments), "review_comments": 0, "maintainer_can_modify": false, "commits": max(len(g.commitsOf(r, p)), 1), "additions": additions,
		"deletions": deletions, "changed_files": len(files),
	})
	return o
}

// association is what a payload says of an author: a hint, which tests make wrong on purpose nowhere.
func (r *repo) association(login string) string {
	switch {
	case strings.EqualFold(login, r.owner.login):
		return "OWNER"
	case r.role(login) != "":
		return "COLLABORATOR"
	default:
		return "NONE"
	}
}

func (g *GitHub) shapeReactions(url string, all []*reaction) object {
	o := object{"url": url + "/reactions", "total_count": len(all)}
	for _, content := range reactions {
		o[content] = 0
	}
	for _, r := range all {
		if n, ok := o[r.content].(int); ok {
			o[r.content] = n + 1
		}
	}
	return o
}

var reactions = []string{"+1", "-1", "laugh", "hooray", "confused", "heart", "rocket", "eyes"}

// shapeIssue is a pull request as the issue that it is as well.
func (g *GitHub) shapeIssue(r *repo, p *pull) object {
	api := fmt.Sprintf("%s/issues/%d", g.repoURL(r), p.number)
	return object{
		"url": api, "repository_url": g.repoURL(r), "labels_url": api + "/labels{/name}", "comments_url": api + "/comments", "events_url": api + "/events",
		"html_url": g.pullHTML(r, p), "id": p.id, "node_id": node("PR", p.id), "number": p.number, "title": p.title, "user": g.shapeUser(p.author),
		"labels": shapes(p.labels, func(l *label) object { return g.shapeLabel(r, l) }), "state": state(p), "locked": false, "assignee": nil, "assignees": []any{},
		"milestone": nil, "comments": len(p.comments), "created_at": stamp(p.created), "updated_at": stamp(p.edited), "closed_at": stamp(p.closedAt),
		"author_association": r.association(p.author.login), "active_lock_reason": nil, "body": text(p.body), "draft": p.draft, "reactions": g.shapeReactions(api, nil),
		"pull_request": object{
			"url": fmt.Sprintf("%s/pulls/%d", g.repoURL(r), p.number), "html_url": g.pullHTML(r, p), "diff_url": g.pullHTML(r, p) + ".diff",
			"patch_url": g.pullHTML(r, p) + ".patch", "merged_at": stamp(p.mergedAt),
		},
	}
}

func (g *GitHub) shapeComment(r *repo, p *pull, c *comment) object {
	api := fmt.Sprintf("%s/issues/comments/%d", g.repoURL(r), c.id)
	o := object{
		"url": api, "html_url": fmt.Sprintf("%s#issuecomment-%d", g.pullHTML(r, p), c.id), "issue_url": fmt.Sprintf("%s/issues/%d", g.repoURL(r), p.number),
		"id": c.id, "node_id": node("IC", c.id), "user": g.shapeUser(c.author), "created_at": stamp(c.created), "updated_at": stamp(c.edited),
		"author_association": r.association(c.author.login), "body": c.body, "reactions": g.shapeReactions(api, c.reactions), "performed_via_github_app": nil,
	}
	if c.app != nil {
		o["performed_via_github_app"] = g.shapeApp(c.app)
	}
	return o
}

func (g *GitHub) shapeApp(a *App) object {
	html := g.url + "/apps/" + a.Slug
	permissions := object{}
	for k, v := range a.Permissions {
		permissions[k] = v
	}
	events := []any{}
	for _, e := range slices.Sorted(slices.Values(a.Events)) {
		events = append(events, e)
	}
	return object{
		"id": a.ID, "slug": a.Slug, "node_id": node("A", a.ID), "owner": g.shapeUser(g.account(a.Owner, "Organization")), "name": a.Name, "description": nil,
		"external_url": "https://trunkline.dev", "html_url": html, "created_at": stamp(a.created), "updated_at": stamp(a.created),
		"permissions": permissions, "events": events,
	}
}

func (g *GitHub) shapeInstallation(i *installation, hook bool) object {
	permissions, events := object{}, []any{}
	for k, v := range i.permissions {
		permissions[k] = v
	}
	for _, e := range i.app.Events {
		events = append(events, e)
	}
	selection := "selected"
	if i.all {
		selection = "all"
	}
	o := object{
		"id": i.id, "account": g.shapeUser(i.account), "repository_selection": selection, "access_tokens_url": g.apiURL("/app/installations/%d/access_tokens", i.id),
		"repositories_url": g.apiURL("/installation/repositories"), "html_url": fmt.Sprintf("%s/settings/installations/%d", g.url, i.id), "app_id": i.app.ID,
		"app_slug": i.app.Slug, "target_id": i.account.id, "target_type": i.account.kind, "permissions": permissions, "events": events,
		"created_at": stamp(i.created), "updated_at": stamp(i.created), "single_file_name": nil, "suspended_by": nil, "suspended_at": nil,
	}
	if i.suspended && !hook {
		o["suspended_at"], o["suspended_by"] = stamp(g.now()), g.shapeUser(i.account)
	}
	return o
}
