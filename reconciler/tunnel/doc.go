// SPDX-License-Identifier: Apache-2.0

// Package tunnel opens connections to ports of pods by way of their API server, as "kubectl port-forward" does: whatever the network is, a
// pod of a cluster whose API server is reached can be reached, also one that listens for itself alone. Bytes go through as they are.
//
// It is I/O; it decides nothing. Of Trunkline it may import reconciler/cluster.
package tunnel
