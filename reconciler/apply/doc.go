// SPDX-License-Identifier: Apache-2.0

// Package apply brings one release into a state, in one cluster: it connects, watches, records what it is about to do,
// applies stage by stage, and prunes. It is the one executor; what it should do is decided by plan and plan/release.
//
// An [Executor] owns what was applied. It is told by its caller when to do something, one thing at a time.
//
// Of Trunkline it may import api, catalog, render, plan and what is below it, reconciler/cluster and reconciler/secrets.
package apply
