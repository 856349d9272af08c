// SPDX-License-Identifier: Apache-2.0

package github

import (
	"context"
	"strings"

	"github.com/google/go-github/v60/github"

	"trunkline.dev/trunkline/webhooks"
)

// queueBranches is the folder of the branches of merge queues, one for each group.
const queueBranches = "gh-readonly-queue/"

// MergeGroups implements [webhooks.Queues]: each group is a branch, whose name ends with the commit that it is merged into.
func (r *Repository) MergeGroups(ctx context.Context, branch string) (out []webhooks.MergeGroup, err error) {
	err = r.call(ctx, "reading the merge queue of "+branch, func(api *github.Client) error {
		return pages(func(o github.ListOptions) (bool, *github.Response, error) {
			list, resp, err := api.Git.ListMatchingRefs(ctx, r.owner, r.name, &github.ReferenceListOptions{Ref: "heads/" + queueBranches + branch + "/", ListOptions: o})
			for _, ref := range list {
				name := strings.TrimPrefix(ref.GetRef(), "refs/heads/")
				out = append(out, webhooks.MergeGroup{Head: ref.GetObject().GetSHA(), HeadRef: name, Base: name[strings.LastIndex(name, "-")+1:]})
			}
			return true, resp, err
		})
	})
	return out, err
}
