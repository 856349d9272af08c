// SPDX-License-Identifier: Apache-2.0

// Package afar has workspaces of people in a cluster that an agent keeps. A [Cluster] is at the daemon, and [Hands] are at the agent: what the keeper of
// workspaces does to a cluster, they do there, as it is done in one that is reached. They decide for themselves what they do: to workspaces, in namespaces of
// releases that the agent keeps, as the accounts of these.
//
// Of Trunkline it may import api/workspace, flow/workspaces, plan, plan/workspace, reconciler/reach and reconciler/tunnel.
package afar
