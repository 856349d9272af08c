// SPDX-License-Identifier: Apache-2.0

package github

import (
	"context"
	"sort"
	"time"

	"github.com/google/go-github/v60/github"

	"trunkline.dev/trunkline/webhooks"
)

// Pull implements [webhooks.Pulls].
func (r *Repository) Pull(ctx context.Context, number int) (out webhooks.Pull, err error) {
	err = r.call(ctx, "reading pull request "+hash(number), func(api *github.Client) error {
		p, _, err := api.PullRequests.Get(ctx, r.owner, r.name, number)
		if err == nil {
			out = pullOf(p)
		}
		return err
	})
	return out, err
}

// OpenPulls implements [webhooks.Pulls].
func (r *Repository) OpenPulls(ctx context.Context) (out []webhooks.Pull, err error) {
	err = r.call(ctx, "listing the open pull requests", func(api *github.Client) error {
		return pages(func(o github.ListOptions) (bool, *github.Response, error) {
			list, resp, err := api.PullRequests.List(ctx, r.owner, r.name, &github.PullRequestListOptions{State: "open", Sort: "created", Direction: "asc", ListOptions: o})
			for _, p := range list {
				out = append(out, pullOf(p))
			}
			return true, resp, err
		})
	})
	return out, err
}

// ClosedPulls implements [webhooks.Pulls].
func (r *Repository) ClosedPulls(ctx context.Context, since time.Time) ([]webhooks.Pull, error) {
	var out []webhooks.Pull
	err := r.call(ctx, "listing the closed pull requests", func(api *github.Client) error {
		return pages(func(o github.ListOptions) (bool, *github.Response, error) {
			list, resp, err := api.PullRequests.List(ctx, r.owner, r.name, &github.PullRequestListOptions{State: "closed", Sort: "updated", Direction: "desc", ListOptions: o})
			for _, p := range list {
				if p.GetUpdatedAt().Before(since) {
					return false, resp, err // what follows was changed before
				}
				if !p.GetClosedAt().Before(since) {
					out = append(out, pullOf(p))
				}
			}
			return true, resp, err
		})
	})
	if err != nil {
		return nil, err
	}
	for i := range out {
		if out[i].State == webhooks.Merged { // the list does not say by whom
			if out[i], err = r.Pull(ctx, out[i].Number); err != nil {
				return nil, err
			}
		}
	}
	return out, nil
}

// PullOf implements [webhooks.Pulls]. GitHub names the merged pull request that brought a commit to the branch, and the open ones
// whose head it is.
func (r *Repository) PullOf(ctx context.Context, sha string) (out webhooks.Pull, found bool, err error) {
	number := 0
	err = r.call(ctx, "looking for the pull request of "+short(sha), func(api *github.Client) error {
		return pages(func(o github.ListOptions) (bool, *github.Response, error) {
			list, resp, err := api.PullRequests.ListPullRequestsWithCommit(ctx, r.owner, r.name, sha, &o)
			for _, p := range list {
				// One whose merge it is comes before those that only have the commit, such as one into another branch.
				if p.MergedAt != nil && (number == 0 || p.GetMergeCommitSHA() == sha) {
					number = p.GetNumber()
				}
			}
			return true, resp, err
		})
	})
	if err != nil || number == 0 {
		return out, false, err
	}
	out, err = r.Pull(ctx, number)
	return out, err == nil && out.State == webhooks.Merged, err
}

// Approvals implements [webhooks.Pulls]. The last review of a person counts that is more than a remark.
func (r *Repository) Approvals(ctx context.Context, number int, sha string) ([]string, error) {
	last := map[string]*github.PullRequestReview{}
	err := r.call(ctx, "reading the reviews of pull request "+hash(number), func(api *github.Client) error {
		return pages(func(o github.ListOptions) (bool, *github.Response, error) {
			list, resp, err := api.PullRequests.ListReviews(ctx, r.owner, r.name, number, &o)
			for _, v := range list {
				switch v.GetState() {
				case "APPROVED", "CHANGES_REQUESTED", "DISMISSED":
					last[v.GetUser().GetLogin()] = v
				}
			}
			return true, resp, err
		})
	})
	if err != nil {
		return nil, err
	}
	var out []string
	for login, v := range last {
		if login != "" && v.GetState() == "APPROVED" && v.GetCommitID() == sha {
			out = append(out, login)
		}
	}
	sort.Strings(out)
	return out, nil
}

// pullOf reads a pull request. What GitHub leaves out of a list is empty.
func pullOf(p *github.PullRequest) webhooks.Pull {
	base, head := p.GetBase(), p.GetHead()
	out := webhooks.Pull{
		Number: p.GetNumber(), Title: p.GetTitle(), Author: p.GetUser().GetLogin(), Draft: p.GetDraft(), URL: p.GetHTMLURL(),
		Base: webhooks.Branch{Ref: base.GetRef(), SHA: base.GetSHA()}, Head: webhooks.Branch{Ref: head.GetRef(), SHA: head.GetSHA()},
		// A repository that was deleted, or that we do not see, is a stranger's.
		Fork:      head.GetRepo().GetID() == 0 || head.GetRepo().GetID() != base.GetRepo().GetID(),
		HeadOwner: head.GetRepo().GetOwner().GetLogin(), Commits: p.GetCommits(),
		State: webhooks.Open, Updated: p.GetUpdatedAt().Time, Closed: p.GetClosedAt().Time,
		Conflicts: p.Mergeable != nil && !*p.Mergeable,
	}
	for _, l := range p.Labels {
		out.Labels = append(out.Labels, l.GetName())
	}
	switch {
	case p.MergedAt != nil:
		out.State, out.MergeCommit, out.MergedBy = webhooks.Merged, p.GetMergeCommitSHA(), p.GetMergedBy().GetLogin()
	case p.GetState() == "closed":
		out.State = webhooks.Closed
	default:
		out.TestMerge = p.GetMergeCommitSHA()
	}
	return out
}
