// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"

	"trunkline.dev/trunkline/console"
	lotflow "trunkline.dev/trunkline/flow"
)

// maxURIs bounds the URIs of a manifest that are told of.
const maxURIs = 20

// runOf is what the keeper of lots calls a run.
func runOf(id console.RunID) lotflow.RunOf {
	out := lotflow.RunOf{Environment: id.Environment, Workload: id.Of(), Lot: id.Lot, Attempt: id.Attempt}
	if id.Attempt == "" {
		out.Job = id.Job
	}
	return out
}

// Run implements [console.Runs].
func (k *lotKeeper) Run(ctx context.Context, id console.RunID) (console.RunFound, error) {
	found, err := k.keeper.Ran(ctx, runOf(id))
	if err != nil {
		return console.RunFound{}, ofAsked(err)
	}
	out := console.RunFound{
		Cluster: found.Cluster, Namespace: found.Namespace, Started: found.Started, Ended: found.Ended, Failed: found.Failed, There: found.There, Outcome: found.Outcome,
		Doing: found.Doing, Logged: found.Logged, NoLog: found.NoLog, Manifest: found.Manifest, Kept: found.Kept, NoManifest: found.NoManifest, Troubles: found.Troubles,
	}
	for _, w := range found.Wrote {
		one := console.RunManifest{
			Dataset: w.Dataset, State: string(w.Manifest.State), Path: w.Path, Written: w.Written, Own: w.Own, URIs: w.Manifest.URIs[:min(len(w.Manifest.URIs), maxURIs)],
			Count: len(w.Manifest.URIs), Damaged: w.Damaged,
		}
		if w.Manifest.Comment != nil {
			one.Comment = *w.Manifest.Comment
		}
		out.Wrote = append(out.Wrote, one)
	}
	return out, nil
}

// RunLog implements [console.Runs].
func (k *lotKeeper) RunLog(ctx context.Context, id console.RunID) (console.LotLog, error) {
	found, err := k.keeper.RunLog(ctx, runOf(id))
	return console.LotLog{Attempt: found.Attempt, Outcome: found.Outcome, Kept: found.Kept, Text: found.Text}, ofAsked(err)
}

var _ console.Runs = (*lotKeeper)(nil)
