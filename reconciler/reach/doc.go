// SPDX-License-Identifier: Apache-2.0

// Package reach leads to what runs in a cluster that an agent keeps. A [Cluster] is at the daemon, and a [Gate] at the agent: it answers requests over a
// connection that the agent holds, and decides by what it was told to keep what it lets through. Nothing leads to the API server of the cluster.
//
// Of Trunkline it may import catalog, reconciler/airflow and reconciler/tunnel. How requests get there is for who makes a [Cluster] to say.
package reach
