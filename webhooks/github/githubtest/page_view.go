// SPDX-License-Identifier: Apache-2.0

package githubtest

import (
	"fmt"
	"html/template"
	"slices"
	"strings"
	"time"
)

// What pages show, made while the fake is locked.

type pullView struct {
	Number, Commits           int
	Title, Author, Base, Head string
	State, StateWord          string
	Labels                    []string
	Checks                    []checkView
}

type checkView struct {
	Name, Kind, Sign, Word, Title, URL string
	Required                           bool
}

type deploymentView struct {
	Environment, Kind, Sign, Word, Description, URL, Log string
}

type annotationView struct {
	Path, Line, Kind, Sign, Title, Message string
}

// item is a comment, or a line that says what happened.
type item struct {
	ID, Author, When, Text string
	Bot, Edited            bool
	HTML                   template.HTML
	Reactions              []string
	at                     time.Time
}

type action struct {
	Act, Text, Class string
	Disabled         bool
}

type fileView struct {
	File
	Lines []diffLine
}

type diffLine struct{ Kind, Text string }

func (g *GitHub) viewPull(r *repo, p *pull) pullView {
	v := pullView{Number: p.number, Title: p.title, Author: p.author.login, Base: p.base, Head: p.headBranch, State: "open", StateWord: "Open"}
	if p.fork(r) {
		v.Head = p.headOwner.login + ":" + p.headBranch
	}
	switch {
	case p.merged:
		v.State, v.StateWord = "merged", "Merged"
	case p.closed:
		v.State, v.StateWord = "closed", "Closed"
	case p.draft:
		v.State, v.StateWord = "draft", "Draft"
	}
	for _, l := range p.labels {
		v.Labels = append(v.Labels, l.name)
	}
	v.Commits = max(len(g.commitsOf(r, p)), 1)
	return v
}

// sign shows a state: what it is called, and what stands for it.
func sign(status, conclusion string) (kind, mark, word string) {
	switch {
	case status == "queued" || status == "pending":
		return "wait", "●", "queued"
	case status != "completed":
		return "wait", "●", "in progress"
	case conclusion == "success":
		return "ok", "✓", "successful"
	case conclusion == "neutral" || conclusion == "skipped":
		return "none", "■", conclusion
	default:
		return "bad", "✗", strings.ReplaceAll(conclusion, "_", " ")
	}
}

func (g *GitHub) viewCheck(r *repo, k *check) checkView {
	v := checkView{Name: k.name, Title: k.title, URL: fmt.Sprintf("/%s/runs/%d", r.fullName(), k.id)}
	v.Kind, v.Sign, v.Word = sign(k.status, k.conclusion)
	return v
}

// viewChecks are the checks and statuses of the head, and those that are required and were never reported.
func (g *GitHub) viewChecks(r *repo, p *pull) []checkView {
	var out []checkView
	required := r.rules[p.base].required
	seen := map[string]bool{}
	for _, s := range r.suites {
		if s.sha == p.headSHA {
			for _, k := range r.latest(s) {
				v := g.viewCheck(r, k)
				v.Required, seen[k.name] = slices.Contains(required, k.name), true
				out = append(out, v)
			}
		}
	}
	for _, s := range r.statusesOf(p.headSHA) {
		if seen[s.context] {
			continue
		}
		v := checkView{Name: s.context, Title: s.description, URL: s.target, Required: slices.Contains(required, s.context)}
		if s.state == "pending" {
			v.Kind, v.Sign, v.Word = sign("in_progress", "")
		} else {
			v.Kind, v.Sign, v.Word = sign("completed", s.state)
		}
		seen[s.context] = true
		out = append(out, v)
	}
	for _, name := range required {
		if !seen[name] {
			out = append(out, checkView{Name: name, Kind: "wait", Sign: "●", Word: "expected: waiting for status to be reported", Required: true})
		}
	}
	return out
}

// viewDeployments are the newest deployments of the head, and of the merge, into each environment.
func (g *GitHub) viewDeployments(r *repo, p *pull) []deploymentView {
	var out []deploymentView
	seen := map[string]bool{}
	for _, d := range slices.Backward(r.deployments) {
		if d.deleted || seen[d.environment] || d.sha != p.headSHA && (!p.merged || d.sha != p.mergeCommit) {
			continue
		}
		seen[d.environment] = true
		v := deploymentView{Environment: d.environment, Kind: "wait", Sign: "●", Word: "queued", Description: d.description}
		if n := len(d.statuses); n > 0 {
			s := d.statuses[n-1]
			v.Word, v.URL, v.Log = strings.ReplaceAll(s.state, "_", " "), s.environmentURL, s.logURL
			if s.description != "" {
				v.Description = s.description
			}
			switch s.state {
			case "success":
				v.Kind, v.Sign = "ok", "✓"
			case "failure", "error":
				v.Kind, v.Sign = "bad", "✗"
			case "inactive":
				v.Kind, v.Sign = "none", "■"
			}
		}
		out = append(out, v)
	}
	return out
}

var emoji = map[string]string{"+1": "👍", "-1": "👎", "laugh": "😄", "hooray": "🎉", "confused": "😕", "heart": "❤️", "rocket": "🚀", "eyes": "👀"}

// viewItems is what happened, in order.
func (g *GitHub) viewItems(p *pull) []item {
	when := func(t time.Time) string { return t.Format("2 Jan 15:04:05") }
	body := p.body
	if body == "" {
		body = "*No description provided.*"
	}
	out := []item{{ID: "body", Author: p.author.login, When: when(p.created), HTML: shown(body), at: p.created}}
	for _, c := range p.comments {
		i := item{ID: fmt.Sprintf("issuecomment-%d", c.id), Author: c.author.login, Bot: c.app != nil, When: when(c.created), Edited: c.edited.After(c.created), HTML: shown(c.body), at: c.created}
		for _, content := range reactions {
			n := 0
			for _, r := range c.reactions {
				if r.content == content {
					n++
				}
			}
			if n > 0 {
				i.Reactions = append(i.Reactions, fmt.Sprintf("%s %d", emoji[content], n))
			}
		}
		out = append(out, i)
	}
	for _, v := range p.reviews {
		words := map[string]string{"APPROVED": "approved these changes", "CHANGES_REQUESTED": "requested changes", "COMMENTED": "reviewed", "DISMISSED": "had a review dismissed"}
		out = append(out, item{Text: v.user.login + " " + words[v.state], When: when(v.created), at: v.created})
	}
	switch {
	case p.merged:
		out = append(out, item{Text: p.mergedBy.login + " merged commit " + short(p.mergeCommit)[:7] + " into " + p.base, When: when(p.mergedAt), at: p.mergedAt})
	case p.closed:
		out = append(out, item{Text: "this was closed", When: when(p.closedAt), at: p.closedAt})
	}
	slices.SortStableFunc(out, func(a, b item) int { return a.at.Compare(b.at) })
	return out
}

// actions are the buttons, and why the first of them cannot be pressed.
func (g *GitHub) actions(r *repo, p *pull) ([]action, string) {
	viewer := g.opts.Viewer
	role := r.role(viewer)
	switch {
	case p.merged:
		return nil, "Pull request successfully merged and closed."
	case p.closed:
		return []action{{Act: "reopen", Text: "Reopen pull request", Disabled: viewer == ""}}, "Closed with unmerged commits."
	case viewer == "" || role != "write" && role != "maintain" && role != "admin":
		return nil, "Only those with write access to this repository can merge pull requests."
	case slices.ContainsFunc(r.queue, func(e *entry) bool { return e.pull == p }):
		return []action{{Act: "dequeue", Text: "Remove from queue"}}, "In the merge queue."
	}
	merge := action{Act: "merge", Text: "Merge pull request", Class: "go"}
	if r.rules[p.base].queue {
		merge.Text = "Merge when ready"
	}
	closing := action{Act: "close", Text: "Close pull request"}
	why := r.blocked(p.base, p.headSHA)
	if r.rules[p.base].queue {
		why = "" // the queue waits for the checks
	}
	if err := g.testMerge(r, p); err != nil {
		why = err.Error()
	}
	switch {
	case p.draft:
		return []action{{Act: "ready", Text: "Ready for review"}, closing}, "This pull request is still a work in progress."
	case !p.mergeable:
		merge.Disabled, why = true, "This branch has conflicts that must be resolved."
	case why != "":
		merge.Disabled = true
	}
	return []action{merge, closing}, why
}

func viewAnnotation(a object) annotationView {
	v := annotationView{Kind: "none", Sign: "■", Line: fmt.Sprint(a["start_line"])}
	v.Path, _ = a["path"].(string)
	v.Title, _ = a["title"].(string)
	v.Message, _ = a["message"].(string)
	switch a["annotation_level"] {
	case "failure":
		v.Kind, v.Sign = "bad", "✗"
	case "warning":
		v.Kind, v.Sign = "wait", "!"
	}
	return v
}

func viewFile(f File) fileView {
	v := fileView{File: f}
	for line := range strings.SplitSeq(strings.TrimSuffix(f.Patch, "\n"), "\n") {
		kind := "same"
		switch {
		case strings.HasPrefix(line, "@@"):
			kind = "at"
		case strings.HasPrefix(line, "+"):
			kind = "add"
		case strings.HasPrefix(line, "-"):
			kind = "del"
		}
		v.Lines = append(v.Lines, diffLine{kind, line})
	}
	return v
}
