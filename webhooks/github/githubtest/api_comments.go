// SPDX-License-Identifier: Apache-2.0

package githubtest

import (
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"
)

// maxComment is how many characters a comment may have.
const maxComment = 65536

func (g *GitHub) commentRoutes() []route {
	const comments = "/repos/{owner}/{repo}/issues/comments"
	return []route{
		{pattern: "GET " + comments, needs: "issues|pull_requests:read", serve: g.listAllComments},
		{pattern: "GET /repos/{owner}/{repo}/issues/{number}/comments", needs: "issues|pull_requests:read", serve: withPull(g.listComments)},
		{pattern: "POST /repos/{owner}/{repo}/issues/{number}/comments", needs: "issues|pull_requests:write", serve: withPull(g.createComment)},
		{pattern: "GET " + comments + "/{id}", needs: "issues|pull_requests:read", serve: withComment(func(c *call, p *pull, m *comment) (int, any, error) {
			return http.StatusOK, g.shapeComment(c.repo, p, m), nil
		})},
		{pattern: "PATCH " + comments + "/{id}", needs: "issues|pull_requests:write", serve: withComment(g.editComment)},
		{pattern: "DELETE " + comments + "/{id}", needs: "issues|pull_requests:write", serve: withComment(g.deleteComment)},
		{pattern: "GET " + comments + "/{id}/reactions", needs: "issues|pull_requests:read", serve: withComment(func(c *call, _ *pull, m *comment) (int, any, error) {
			return http.StatusOK, shapes(pageOf(c, g.url, m.reactions), g.shapeReaction), nil
		})},
		{pattern: "POST " + comments + "/{id}/reactions", needs: "issues|pull_requests:write", serve: withComment(g.react)},
	}
}

func withComment(serve func(c *call, p *pull, m *comment) (int, any, error)) handler {
	return func(c *call) (int, any, error) {
		for _, p := range c.repo.pulls {
			for _, m := range p.comments {
				if m.id == c.number("id") {
					return serve(c, p, m)
				}
			}
		}
		return 0, nil, notFound()
	}
}

func (g *GitHub) listComments(c *call, p *pull) (int, any, error) {
	found := slices.DeleteFunc(slices.Clone(p.comments), func(m *comment) bool { return m.edited.Before(since(c)) })
	return http.StatusOK, shapes(pageOf(c, g.url, found), func(m *comment) object { return g.shapeComment(c.repo, p, m) }), nil
}

func (g *GitHub) listAllComments(c *call) (int, any, error) {
	type placed struct {
		p *pull
		m *comment
	}
	var found []placed
	for _, p := range c.repo.pulls {
		for _, m := range p.comments {
			if !m.edited.Before(since(c)) {
				found = append(found, placed{p, m})
			}
		}
	}
	q := c.URL.Query()
	slices.SortStableFunc(found, func(a, b placed) int {
		if q.Get("sort") == "updated" {
			return a.m.edited.Compare(b.m.edited)
		}
		return int(a.m.id - b.m.id)
	})
	if q.Get("direction") == "desc" {
		slices.Reverse(found)
	}
	return http.StatusOK, shapes(pageOf(c, g.url, found), func(f placed) object { return g.shapeComment(c.repo, f.p, f.m) }), nil
}

// checkBody refuses what GitHub refuses as the text of a comment.
func checkBody(c *call) (string, error) {
	var in struct{ Body *string }
	if err := c.read(&in); err != nil {
		return "", err
	}
	switch {
	case in.Body == nil || strings.TrimSpace(*in.Body) == "":
		return "", invalid("IssueComment", "body", "body can't be blank")
	case utf8.RuneCountInString(*in.Body) > maxComment:
		return "", invalid("IssueComment", "body", "body is too long (maximum is 65536 characters)")
	}
	return *in.Body, nil
}

func (g *GitHub) createComment(c *call, p *pull) (int, any, error) {
	body, err := checkBody(c)
	if err != nil {
		return 0, nil, err
	}
	return http.StatusCreated, g.shapeComment(c.repo, p, g.addComment(c.repo, p, body, c.who)), nil
}

func (g *GitHub) addComment(r *repo, p *pull, body string, who caller) *comment {
	now := g.now() // one moment: who is told two takes the comment for an edited one
	m := &comment{id: g.id(), author: who.user, app: who.app, body: body, created: now, edited: now}
	p.comments, p.edited = append(p.comments, m), g.now()
	g.emitComment(r, p, m, "created", who.user, nil)
	return m
}

// mayChange reports why a caller may not change a comment: it is of another one who has no say here.
func mayChange(c *call, m *comment) error {
	if c.who.user == m.author || c.who.installation == nil && slices.Contains([]string{"write", "maintain", "admin"}, c.repo.role(c.who.user.login)) {
		return nil
	}
	if c.who.installation != nil && c.who.installation.permissions["issues"] == "write" {
		return nil
	}
	return forbidden("Must have admin rights to Repository.")
}

func (g *GitHub) editComment(c *call, p *pull, m *comment) (int, any, error) {
	if err := mayChange(c, m); err != nil {
		return 0, nil, err
	}
	body, err := checkBody(c)
	if err != nil {
		return 0, nil, err
	}
	was := m.body
	m.body, m.edited = body, g.now()
	if was != body {
		g.emitComment(c.repo, p, m, "edited", c.who.user, object{"changes": object{"body": object{"from": was}}})
	}
	return http.StatusOK, g.shapeComment(c.repo, p, m), nil
}

// EditComment edits a comment as a person does.
func (r *Repo) EditComment(number int, id int64, body, as string) error {
	return r.act(number, as, func(p *pull, who *account) error {
		for _, m := range p.comments {
			if m.id == id {
				was := m.body
				m.body, m.edited = body, r.g.now()
				r.g.emitComment(r.repo, p, m, "edited", who, object{"changes": object{"body": object{"from": was}}})
				return nil
			}
		}
		return notFound()
	})
}

// DeleteComment deletes a comment as a person does.
func (r *Repo) DeleteComment(number int, id int64, as string) error {
	return r.act(number, as, func(p *pull, who *account) error {
		for _, m := range p.comments {
			if m.id == id {
				r.g.dropComment(r.repo, p, m, who)
				return nil
			}
		}
		return notFound()
	})
}

func (g *GitHub) dropComment(r *repo, p *pull, m *comment, who *account) {
	g.emitComment(r, p, m, "deleted", who, nil)
	p.comments = slices.DeleteFunc(p.comments, func(each *comment) bool { return each == m })
}

func (g *GitHub) deleteComment(c *call, p *pull, m *comment) (int, any, error) {
	if err := mayChange(c, m); err != nil {
		return 0, nil, err
	}
	g.dropComment(c.repo, p, m, c.who.user)
	return http.StatusNoContent, nil, nil
}

func (g *GitHub) react(c *call, _ *pull, m *comment) (int, any, error) {
	var in struct{ Content string }
	if err := c.read(&in); err != nil {
		return 0, nil, err
	}
	if !slices.Contains(reactions, in.Content) {
		return 0, nil, invalid("Reaction", "content", "content is not a reaction")
	}
	for _, r := range m.reactions {
		if r.user == c.who.user && r.content == in.Content {
			return http.StatusOK, g.shapeReaction(r), nil // it is there already
		}
	}
	r := &reaction{id: g.id(), user: c.who.user, content: in.Content, created: g.now()}
	m.reactions = append(m.reactions, r)
	return http.StatusCreated, g.shapeReaction(r), nil
}

func (g *GitHub) shapeReaction(r *reaction) object {
	return object{"id": r.id, "node_id": node("REA", r.id), "user": g.shapeUser(r.user), "content": r.content, "created_at": stamp(r.created)}
}
