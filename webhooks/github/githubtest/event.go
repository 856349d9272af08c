// SPDX-License-Identifier: Apache-2.0

package githubtest

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// event is what happened, before it is known who hears of it.
type event struct {
	name, action string
	repo         *repo // nil: of none
	installation *installation
	sender       *account
	fields       object
	// only is the App that hears of it, such as of a request to run its check again; nil: all.
	only *App
}

// zero is the commit before a branch was made, and after it was deleted.
const zero = "0000000000000000000000000000000000000000"

// needed is the permission without which an installation does not hear of an event.
var needed = map[string]string{
	"check_run": "checks", "check_suite": "checks", "deployment": "deployments", "deployment_status": "deployments", "issue_comment": "pull_requests",
	"merge_group": "merge_queues", "pull_request": "pull_requests", "pull_request_review": "pull_requests", "push": "contents", "status": "statuses",
}

// always are events that an App hears of without asking for them.
var always = []string{"installation", "installation_repositories", "check_suite:requested", "check_suite:rerequested", "check_run:rerequested", "check_run:requested_action"}

// emit sends an event to everyone who listens: hooks of the repository, and Apps that are installed in it.
func (g *GitHub) emit(e event) {
	if e.repo != nil {
		for _, h := range e.repo.hooks {
			if e.only == nil && (len(h.events) == 0 || slices.Contains(h.events, e.name) || slices.Contains(h.events, "*")) {
				g.mail.post(h, e)
			}
		}
	}
	for _, i := range g.installations {
		if e.installation != nil && e.installation != i || e.repo != nil && !i.has(e.repo) || e.only != nil && e.only != i.app || i.suspended {
			continue
		}
		mine := e.only != nil || slices.Contains(always, e.name)
		if !mine && !slices.Contains(i.app.Events, e.name) {
			continue
		}
		if p := needed[e.name]; p != "" && i.permissions[p] == "" {
			continue
		}
		sent := e
		sent.installation = i
		g.mail.post(i.app.hook, sent)
	}
}

// payload is what is sent.
func (g *GitHub) payload(e event) []byte {
	o := object{}
	maps.Copy(o, e.fields)
	if e.action != "" {
		o["action"] = e.action
	}
	if e.repo != nil {
		o["repository"] = g.shapeRepo(e.repo)
		if e.name == "push" { // of pushes, times are numbers
			for _, field := range []string{"created_at", "pushed_at"} {
				o["repository"].(object)[field] = e.repo.created.Unix()
			}
		}
	}
	if e.sender != nil {
		o["sender"] = g.shapeUser(e.sender)
	}
	if e.installation != nil && o["installation"] == nil {
		o["installation"] = object{"id": e.installation.id, "node_id": node("MDIzO", e.installation.id)}
	}
	data, err := json.Marshal(o)
	if err != nil {
		panic(fmt.Sprintf("githubtest: a payload of %s is no JSON: %v", e.name, err))
	}
	return data
}

func (g *GitHub) emitPull(r *repo, p *pull, action string, who *account, more object) {
	fields := object{"number": p.number, "pull_request": g.shapePull(r, p)}
	maps.Copy(fields, more)
	g.emit(event{name: "pull_request", action: action, repo: r, sender: who, fields: fields})
}

func (g *GitHub) emitReview(r *repo, p *pull, v *review) {
	simple := g.shapeSimplePull(r, p)
	g.emit(event{name: "pull_request_review", action: "submitted", repo: r, sender: v.user, fields: object{
		"pull_request": simple, "review": g.shapeReview(r, p, v, true),
	}})
}

func (g *GitHub) emitPush(r *repo, branch, before, after string, who *account) {
	o := object{
		"ref": "refs/heads/" + branch, "before": before, "after": after, "created": before == "", "deleted": after == "", "forced": false, "base_ref": nil,
		"compare": g.url + "/" + r.fullName() + "/compare/" + short(before) + "..." + short(after), "commits": []any{}, "head_commit": nil,
		"pusher": object{"name": who.login, "email": who.login + "@users.noreply.github.com"},
	}
	if before == "" {
		o["before"] = zero
	}
	if after == "" {
		o["after"] = zero
	} else {
		c := g.shapeHeadCommit(r, after)
		c["distinct"], c["url"] = true, g.url+"/"+r.fullName()+"/commit/"+after
		c["added"], c["removed"], c["modified"] = []any{}, []any{}, []any{}
		o["head_commit"], o["commits"] = c, []any{c}
		if r.git != "" && before != "" {
			_, err := g.git(r, "merge-base", "--is-ancestor", before, after)
			o["forced"] = err != nil
		}
	}
	g.emit(event{name: "push", repo: r, sender: who, fields: o})
}

func short(sha string) string {
	if len(sha) > 12 {
		return sha[:12]
	}
	return zero[:12]
}

// requestChecks makes a check suite for each App that makes checks, as a push does.
func (g *GitHub) requestChecks(r *repo, sha string, who *account) {
	for _, i := range g.installations {
		if !i.has(r) || i.permissions["checks"] != "write" || r.findSuite(i.app, sha) != nil {
			continue
		}
		s := g.suite(r, i.app, sha)
		g.emit(event{name: "check_suite", action: "requested", repo: r, sender: who, only: i.app, fields: object{"check_suite": g.shapeSuiteEvent(r, s)}})
	}
}

func (g *GitHub) emitCheck(r *repo, c *check, action string, who *account, more object) {
	fields := object{"check_run": g.shapeCheckEvent(r, c)}
	maps.Copy(fields, more)
	e := event{name: "check_run", action: action, repo: r, sender: who, fields: fields}
	if action == "rerequested" || action == "requested_action" {
		e.only = c.suite.app
	}
	g.emit(e)
}

func (g *GitHub) emitComment(r *repo, p *pull, c *comment, action string, who *account, more object) {
	fields := object{"issue": g.shapeIssue(r, p), "comment": g.shapeComment(r, p, c)}
	maps.Copy(fields, more)
	g.emit(event{name: "issue_comment", action: action, repo: r, sender: who, fields: fields})
}

func (g *GitHub) emitGroup(r *repo, e *entry, action, reason string, who *account) {
	fields := object{"merge_group": object{
		"head_sha": e.head, "head_ref": "refs/heads/" + e.ref, "base_sha": e.base, "base_ref": "refs/heads/" + e.pull.base, "head_commit": g.shapeHeadCommit(r, e.head),
	}}
	if reason != "" {
		fields["reason"] = reason
	}
	g.emit(event{name: "merge_group", action: action, repo: r, sender: who, fields: fields})
}

// RerunCheck presses "Re-run" of a check run, which its App hears of.
func (r *Repo) RerunCheck(id int64, as string) error {
	r.g.mu.Lock()
	defer r.g.mu.Unlock()
	for _, c := range r.repo.checks {
		if c.id == id {
			return r.g.rerun(r.repo, c, r.g.account(as, "User"))
		}
	}
	return fmt.Errorf("%s has no check run %d", r.repo.fullName(), id)
}

// rerun asks for a check again: GitHub has it be queued, and leaves everything else to the App.
func (g *GitHub) rerun(r *repo, c *check, who *account) error {
	if c.status != "completed" {
		return fmt.Errorf("check run %d is %s, and only one that is completed is run again", c.id, c.status)
	}
	g.emitCheck(r, c, "rerequested", who, nil)
	return nil
}

// RerunSuite presses "Re-run all checks" of a commit.
func (r *Repo) RerunSuite(sha, as string) {
	r.g.mu.Lock()
	defer r.g.mu.Unlock()
	for _, s := range r.repo.suites {
		if s.sha == sha {
			r.g.emit(event{name: "check_suite", action: "rerequested", repo: r.repo, sender: r.g.account(as, "User"), only: s.app, fields: object{
				"check_suite": r.g.shapeSuiteEvent(r.repo, s),
			}})
		}
	}
}

// lower compares names as GitHub does.
func lower(s string) string { return strings.ToLower(s) }
