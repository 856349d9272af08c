// SPDX-License-Identifier: Apache-2.0

// Package agent is what a daemon and an agent have between them: the agent runs in a cluster that the daemon cannot reach, dials
// out to it, and keeps the releases there by itself.
//
// The daemon says what each release is to be, in a [Brief] that stays true until another one comes; the agent says how each release
// is, in a [Standing]. Both are states, and not changes: whatever a connection has lost, the next one begins by comparing what
// each side has, and sends what differs. Only requests of people, and events for the history, are told once.
//
// A [Desk] is the daemon's side of one cluster, and a [Server] lets agents come to theirs. A [Link] is the agent's side, and a
// [Book] has on disk what the agent was told last, so that one that is started while the daemon cannot be reached goes on.
//
// What runs in the cluster is reached by a second connection, which the agent brings when the daemon asks for it: the daemon makes requests over it, and what
// they are about is for others to say.
//
// Of Trunkline it may import api, catalog, plan, render, reconciler/cluster, reconciler/durable, reconciler/history and
// reconciler/status.
package agent
