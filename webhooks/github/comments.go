// SPDX-License-Identifier: Apache-2.0

package github

import (
	"context"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/go-github/v60/github"

	"trunkline.dev/trunkline/webhooks"
)

// maxComment is how many characters a comment may have.
const maxComment = 65536

// CommentsOf implements [webhooks.Comments].
func (r *Repository) CommentsOf(ctx context.Context, number int) ([]webhooks.Comment, error) {
	return r.comments(ctx, number, time.Time{}, "reading the comments of pull request "+hash(number))
}

// CommentsSince implements [webhooks.Comments].
func (r *Repository) CommentsSince(ctx context.Context, since time.Time) ([]webhooks.Comment, error) {
	return r.comments(ctx, 0, since, "reading the comments of pull requests")
}

// comments lists comments of one pull request, or of all.
func (r *Repository) comments(ctx context.Context, number int, since time.Time, what string) ([]webhooks.Comment, error) {
	me, err := r.me(ctx)
	if err != nil {
		return nil, err
	}
	var out []webhooks.Comment
	err = r.call(ctx, what, func(api *github.Client) error {
		return pages(func(o github.ListOptions) (bool, *github.Response, error) {
			options := &github.IssueListCommentsOptions{ListOptions: o}
			if !since.IsZero() {
				options.Since, options.Sort, options.Direction = &since, new("updated"), new("asc")
			}
			list, resp, err := api.Issues.ListComments(ctx, r.owner, r.name, number, options)
			for _, c := range list {
				if at := pullOfComment(c); at != 0 {
					out = append(out, commentOf(c, at, me))
				}
			}
			return true, resp, err
		})
	})
	return out, err
}

// inPull finds the number in the address of a comment, which leads to an issue or to a pull request.
var inPull = regexp.MustCompile(`/pull/(\d{1,9})#`)

// pullOfComment is the pull request that a comment is on; zero: it is on an issue.
func pullOfComment(c *github.IssueComment) int {
	if m := inPull.FindStringSubmatch(c.GetHTMLURL()); m != nil {
		n, _ := strconv.Atoi(m[1])
		return n
	}
	return 0
}

func commentOf(c *github.IssueComment, number int, me string) webhooks.Comment {
	author := c.GetUser().GetLogin()
	return webhooks.Comment{
		ID: c.GetID(), Number: number, Author: author, Ours: strings.EqualFold(author, me), Body: c.GetBody(), Created: c.GetCreatedAt().Time, Updated: c.GetUpdatedAt().Time,
	}
}

// CreateComment implements [webhooks.Comments].
func (r *Repository) CreateComment(ctx context.Context, number int, body string) (out webhooks.Comment, err error) {
	me, err := r.me(ctx)
	if err != nil {
		return out, err
	}
	what := "commenting on pull request " + hash(number)
	if err := fits(what, r.FullName(), body); err != nil {
		return out, err
	}
	err = r.call(ctx, what, func(api *github.Client) error {
		made, _, err := api.Issues.CreateComment(ctx, r.owner, r.name, number, &github.IssueComment{Body: &body})
		if err == nil {
			out = commentOf(made, number, me)
		}
		return err
	})
	if !lost(err) {
		return out, err
	}
	// It may be there all the same, and two would be one too many.
	written, failed := r.CommentsOf(ctx, number)
	for _, c := range written {
		if failed == nil && c.Ours && c.Body == body {
			return c, nil
		}
	}
	return out, err
}

// fits refuses a comment that GitHub would refuse: whoever writes it knows better what can be left out.
func fits(what, repository, body string) error {
	if n := utf8.RuneCountInString(body); n > maxComment {
		return &Error{Class: Terminal, What: what, Repository: repository, text: "the comment has " + strconv.Itoa(n) + " characters, and GitHub takes 65536"}
	}
	return nil
}

// EditComment implements [webhooks.Comments].
func (r *Repository) EditComment(ctx context.Context, id int64, body string) error {
	const what = "editing our comment"
	if err := fits(what, r.FullName(), body); err != nil {
		return err
	}
	return r.call(ctx, what, func(api *github.Client) error {
		_, _, err := api.Issues.EditComment(twice(ctx), r.owner, r.name, id, &github.IssueComment{Body: &body})
		return err
	})
}

// React implements [webhooks.Comments].
func (r *Repository) React(ctx context.Context, comment int64, reaction string) (added bool, err error) {
	err = r.call(ctx, "reacting to a comment", func(api *github.Client) error {
		_, resp, err := api.Reactions.CreateIssueCommentReaction(twice(ctx), r.owner, r.name, comment, reaction)
		added = err == nil && resp.StatusCode == http.StatusCreated
		return err
	})
	return added, err
}
