// SPDX-License-Identifier: Apache-2.0

package github

import (
	"context"
	"errors"
	"net/http"
	"sort"

	"github.com/google/go-github/v60/github"

	"trunkline.dev/trunkline/webhooks"
)

// Propose implements [webhooks.Proposals].
func (r *Repository) Propose(ctx context.Context, p webhooks.Proposal) (webhooks.Pull, error) {
	there, found, err := r.proposed(ctx, p.Branch, p.Base)
	if err != nil {
		return there, err
	}
	if found && there.State != webhooks.Open {
		if !p.Again {
			if same, err := r.carries(ctx, there.Head.SHA, p.Message); err != nil || same {
				return there, err
			}
		}
		found = false
	}
	commit, err := r.commitFiles(ctx, p)
	if err != nil {
		return webhooks.Pull{}, err
	}
	if err := r.pointBranch(ctx, p.Branch, commit); err != nil {
		return webhooks.Pull{}, err
	}
	if found {
		return r.retitle(ctx, there.Number, p)
	}
	number := 0
	err = r.call(ctx, "opening a pull request from "+p.Branch, func(api *github.Client) error {
		made, _, err := api.PullRequests.Create(ctx, r.owner, r.name, &github.NewPullRequest{Title: &p.Title, Head: &p.Branch, Base: &p.Base, Body: optional(p.Body)})
		number = made.GetNumber()
		return err
	})
	if err != nil {
		// It may be open all the same.
		if again, ok, failed := r.proposed(ctx, p.Branch, p.Base); lost(err) && failed == nil && ok && again.State == webhooks.Open {
			return again, nil
		}
		return webhooks.Pull{}, err
	}
	return r.Pull(ctx, number)
}

// proposed finds the newest pull request from a branch into another, whatever became of it.
func (r *Repository) proposed(ctx context.Context, branch, base string) (out webhooks.Pull, found bool, err error) {
	err = r.call(ctx, "looking for the pull request from "+branch, func(api *github.Client) error {
		list, _, err := api.PullRequests.List(ctx, r.owner, r.name, &github.PullRequestListOptions{
			State: "all", Head: r.owner + ":" + branch, Base: base, Sort: "created", Direction: "desc", ListOptions: github.ListOptions{PerPage: 1},
		})
		if err == nil && len(list) > 0 {
			out, found = pullOf(list[0]), true
		}
		return err
	})
	return out, found, err
}

// carries reports whether a commit has this message, which says what it is for. One that is gone has none.
func (r *Repository) carries(ctx context.Context, sha, message string) (same bool, err error) {
	err = r.call(ctx, "reading what was proposed before", func(api *github.Client) error {
		commit, _, err := api.Git.GetCommit(ctx, r.owner, r.name, sha)
		same = commit.GetMessage() == message
		return err
	})
	if errors.Is(err, webhooks.ErrNotFound) {
		return false, nil
	}
	return same, err
}

// Withdraw implements [webhooks.Proposals].
func (r *Repository) Withdraw(ctx context.Context, branch, base, why string) error {
	there, found, err := r.proposed(ctx, branch, base)
	if err != nil || !found || there.State != webhooks.Open {
		return err
	}
	if _, err := r.CreateComment(ctx, there.Number, why); err != nil {
		return err
	}
	err = r.call(ctx, "closing pull request "+hash(there.Number), func(api *github.Client) error {
		_, _, err := api.PullRequests.Edit(twice(ctx), r.owner, r.name, there.Number, &github.PullRequest{State: new("closed")})
		return err
	})
	if err != nil {
		return err
	}
	return r.DeleteBranch(ctx, branch)
}

// commitFiles makes the commit of a proposal, by what changes only: everything else is as in its parent. The same files on
// the same parent are the same tree, and a commit of the same tree is not made again where the branch has it already.
func (r *Repository) commitFiles(ctx context.Context, p webhooks.Proposal) (sha string, err error) {
	err = r.call(ctx, "committing to "+p.Branch, func(api *github.Client) error {
		parent, _, err := api.Git.GetCommit(ctx, r.owner, r.name, p.Parent)
		if err != nil {
			return err
		}
		var paths []string
		for path := range p.Files {
			paths = append(paths, path)
		}
		sort.Strings(paths)
		var entries []*github.TreeEntry
		for _, path := range paths {
			e := &github.TreeEntry{Path: new(path), Mode: new("100644"), Type: new("blob")}
			if content := p.Files[path]; content != nil {
				e.Content = content
			}
			entries = append(entries, e)
		}
		tree, _, err := api.Git.CreateTree(twice(ctx), r.owner, r.name, parent.GetTree().GetSHA(), entries)
		if err != nil {
			return err
		}
		if at := r.branchCommit(ctx, api, p.Branch); at.GetTree().GetSHA() == tree.GetSHA() && len(at.Parents) == 1 && at.Parents[0].GetSHA() == p.Parent {
			sha = at.GetSHA()
			return nil
		}
		made, _, err := api.Git.CreateCommit(twice(ctx), r.owner, r.name, &github.Commit{
			Message: &p.Message, Tree: &github.Tree{SHA: tree.SHA}, Parents: []*github.Commit{{SHA: &p.Parent}},
		}, nil)
		sha = made.GetSHA()
		return err
	})
	return sha, err
}

// branchCommit is the commit at the end of a branch; nil if there is none.
func (r *Repository) branchCommit(ctx context.Context, api *github.Client, branch string) *github.Commit {
	ref, _, err := api.Git.GetRef(ctx, r.owner, r.name, "heads/"+branch)
	if err != nil {
		return nil
	}
	commit, _, err := api.Git.GetCommit(ctx, r.owner, r.name, ref.GetObject().GetSHA())
	if err != nil {
		return nil
	}
	return commit
}

// pointBranch has a branch end at a commit. It is ours alone, so that what it ended at before does not matter.
func (r *Repository) pointBranch(ctx context.Context, branch, sha string) error {
	ref := &github.Reference{Ref: new("refs/heads/" + branch), Object: &github.GitObject{SHA: &sha}}
	err := r.call(ctx, "making the branch "+branch, func(api *github.Client) error {
		_, _, err := api.Git.CreateRef(twice(ctx), r.owner, r.name, ref)
		return err
	})
	var e *Error
	if !errors.As(err, &e) || e.Status != http.StatusUnprocessableEntity {
		return err
	}
	return r.call(ctx, "moving the branch "+branch, func(api *github.Client) error {
		_, _, err := api.Git.UpdateRef(twice(ctx), r.owner, r.name, ref, true)
		return err
	})
}

// retitle has an open pull request say what a proposal says.
func (r *Repository) retitle(ctx context.Context, number int, p webhooks.Proposal) (out webhooks.Pull, err error) {
	err = r.call(ctx, "updating pull request "+hash(number), func(api *github.Client) error {
		edited, _, err := api.PullRequests.Edit(twice(ctx), r.owner, r.name, number, &github.PullRequest{Title: &p.Title, Body: new(p.Body)})
		if err == nil {
			out = pullOf(edited)
		}
		return err
	})
	return out, err
}

// DeleteBranch deletes a branch of ours. That it is gone already is no error.
func (r *Repository) DeleteBranch(ctx context.Context, branch string) error {
	err := r.call(ctx, "deleting the branch "+branch, func(api *github.Client) error {
		_, err := api.Git.DeleteRef(ctx, r.owner, r.name, "heads/"+branch)
		return err
	})
	var e *Error
	if errors.As(err, &e) && e.Status == http.StatusUnprocessableEntity {
		return nil
	}
	return err
}
