// SPDX-License-Identifier: Apache-2.0

// Package flow keeps the lots of environments: it lists the manifests in their stores, has flow/plan say which runs to start, starts them
// as Jobs by flow/jobs, and writes down what came of each by flow/ledger.
//
// One goroutine owns what is known and decides ([Keeper.Run]); what waits for a store or a cluster is done beside it, and comes back
// as an event. Nothing is remembered but what is in the stores and in the clusters.
//
// Of Trunkline it may import api, catalog, plan/gate and the folders of flow.
package flow
