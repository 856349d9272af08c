// SPDX-License-Identifier: Apache-2.0

// Package cluster talks to one Kubernetes API server: it applies and deletes objects, keeps the inventory of
// each release as an ApplySet, watches what the releases own, and gathers why something of it is not healthy.
//
// It is I/O; it decides nothing. Of Trunkline it may import catalog (for names), plan/health and
// plan.
package cluster
