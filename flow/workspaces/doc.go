// SPDX-License-Identifier: Apache-2.0

// Package workspaces keeps people's notebooks and editors: it makes one for who opens it, from what is deployed of a workload in its
// environment; stops one that nobody uses, by what its own server says; and removes what is over. [trunkline.dev/trunkline/plan/workspace]
// decides.
//
// What it does to a cluster is a [Cluster]; in one that an agent keeps, flow/workspaces/afar does it.
//
// What it knows is in the clusters: any replica can do any of it, and a restart changes nothing.
//
// Of Trunkline it imports api, catalog, plan, plan/workspace and reconciler/tunnel.
package workspaces
