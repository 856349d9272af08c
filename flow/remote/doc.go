// SPDX-License-Identifier: Apache-2.0

// Package remote runs people's own code in an environment: the program of a workload with the files and arguments that someone sends, in
// the context that its release has there, with what it writes in a folder of that person. It bounds how many there are and how long they
// take, follows them, and removes what is left of them.
//
// What it knows is in the clusters: any replica can do any of it, and a restart changes nothing.
//
// Of Trunkline it imports api, build, catalog, flow/bucket, flow/given, flow/jobs, flow/ledger, flow/plan and flow/run.
package remote
