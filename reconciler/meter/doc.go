// SPDX-License-Identifier: Apache-2.0

// Package meter follows the pods, claims and nodes of clusters, and keeps by day what they did cost, in tables of its own in the
// database of the history. Each thing is known by its cluster and UID, and counts once, however often and by how many it is seen.
//
// Of Trunkline it may import api/lot, catalog, cost, cost/usage, plan and reconciler/history.
package meter
