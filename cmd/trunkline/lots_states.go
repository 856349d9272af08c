// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"strings"

	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/flow/arcstate"
	"trunkline.dev/trunkline/flow/bucket"
	"trunkline.dev/trunkline/flow/ledger"
	"trunkline.dev/trunkline/flow/plan"
	lotrun "trunkline.dev/trunkline/flow/run"
	"trunkline.dev/trunkline/flow/survey"
)

// arcStates has what is seen tell how far Clusterless is with lots that are not there, of the workloads that have states there.
func (v *lotsView) arcStates(ctx context.Context, cat *catalog.Catalog, found survey.Found, to *plan.Seen) error {
	stores := ledger.New(bucket.Options{Endpoint: v.endpoint})
	for _, id := range v.graph.Arcs() {
		project, workload, _ := strings.Cut(id, "/")
		folder, called, ok := cat.States(project, workload, v.env)
		if !ok {
			continue
		}
		states, err := stores.ArcStates(ctx, folder, arcstate.Arc(called))
		if err != nil {
			return err
		}
		arc, _ := v.graph.Arc(id)
		for l, state := range states {
			there := true
			for _, series := range arc.Writes {
				there = there && found.Lots.Lot(survey.At{Series: series, Lot: l}).State.There()
			}
			run := plan.Run{Arc: id, Lot: l, Attempt: 1, Digest: arc.Digest}
			switch {
			case there, state == lotrun.Partial: // its manifest says so
				continue
			case state == lotrun.Complete:
				run.Failed, run.Reason = v.now, arcstate.AlreadyComplete.Why()
			case state == lotrun.Missing:
				run.Failed, run.Reason = v.now, "it left nothing, as the state of its arc says"
			}
			to.Run(run)
		}
	}
	return nil
}
