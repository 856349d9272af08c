// SPDX-License-Identifier: Apache-2.0

// Package afar has the runs of lots made in a cluster that an agent keeps. A [Cluster] is at the daemon, and [Hands] are at the agent: what the
// keeper of lots asks of a cluster, they do there as it is done in one that is reached ([jobs.Cluster]), and what happens there is told here.
//
// What happens is told as a state: whatever a connection has lost, the next one begins with all that there is. What is asked for is answered
// once, or it is not known what came of it: then it was done within the time that it had, or never is. That is what is known of an API server
// that does not answer, and the keeper deals with both alike.
//
// Of Trunkline it may import api/lot and flow/jobs. How what is said gets there and back is for who makes them to say.
package afar
