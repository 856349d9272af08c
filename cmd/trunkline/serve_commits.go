// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"

	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/console"
	"trunkline.dev/trunkline/reconciler/git"
	"trunkline.dev/trunkline/reconciler/status"
	"trunkline.dev/trunkline/webhooks/report"
)

// maxChange bounds the differences of a commit, in bytes.
const maxChange = 1 << 20

// commitBook says what commits have changed.
type commitBook struct{ d *daemon }

// Between implements [console.Commits].
func (b commitBook) Between(ctx context.Context, id catalog.ReleaseID, from, to string) (console.Difference, error) {
	found, err := b.d.rec.Between(ctx, id, from, to)
	if err != nil {
		return console.Difference{}, err
	}
	room := maxChange
	out := console.Difference{Action: string(found.Action), Unchanged: found.Unchanged, Error: found.Err}
	out.Steps, out.Cut = report.StepsOf(found, &room)
	return out, nil
}

// Describe implements [console.Commits].
func (b commitBook) Describe(commit string) status.Commit {
	c, err := b.d.store.Describe(commit)
	if err != nil {
		return status.Commit{Hash: commit}
	}
	return describedCommit(b.d.store, c)
}

// describedCommit returns what people want to know of a commit.
func describedCommit(store *git.Store, c git.Head) status.Commit {
	out := status.Commit{Hash: c.Commit, Subject: c.Subject, Author: c.Author, Time: c.When}
	if joined, several, err := store.Composition(c.Commit); err == nil && several {
		out.Parts = joined.String()
	}
	return out
}
