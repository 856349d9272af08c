// SPDX-License-Identifier: Apache-2.0

// Package reconciler keeps the clusters in the state that the repository declares. It accepts commits,
// renders the releases that a commit affects, and has one worker a release, so that a release that fails or is
// slow never delays another.
//
// The decisions are in plan, which is pure; reconciler/git and reconciler/cluster are the two ends
// at which the world is touched. It may import everything of Trunkline but webhooks, console and cmd.
package reconciler
