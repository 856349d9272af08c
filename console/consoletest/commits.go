// SPDX-License-Identifier: Apache-2.0

package consoletest

import (
	"context"

	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/console"
	"trunkline.dev/trunkline/reconciler/status"
)

// commits are those of a daemon.
type commits struct{ d *Daemon }

// Between implements [console.Commits].
func (c commits) Between(_ context.Context, id catalog.ReleaseID, from, to string) (console.Difference, error) {
	c.d.record("compare " + id.String() + " at " + from + " and " + to)
	found, ok := c.d.Changed[to]
	if !ok {
		return console.Difference{Action: "unchanged"}, c.d.Err
	}
	return found, c.d.Err
}

// Describe implements [console.Commits].
func (c commits) Describe(commit string) status.Commit {
	return status.Commit{Hash: commit, Subject: "what " + status.Short(commit) + " does", Author: "Ann Example"}
}
