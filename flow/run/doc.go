// SPDX-License-Identifier: Apache-2.0

// Package run says what a run of a workload for one lot gets, and what comes of it: which lots it reads and where their data are,
// where each of its datasets is to be written by this attempt, the environment and the arguments of the process, and, once it has
// ended, which manifests are to be written. A run in a cluster and one by hand are made of the same values.
//
// It is pure. Of Trunkline it imports api, catalog, flow/given, flow/manifest and flow/plan.
package run
