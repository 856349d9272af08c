// SPDX-License-Identifier: Apache-2.0

// Package shard lets several replicas of the daemon share the releases: one of them has all and the others stand by,
// or each has a part. No release is ever two replicas' at once.
//
// # The protocol
//
// Releases are hashed into 64 buckets. Replicas meet in one cluster, the home cluster, through Leases with the label
// of their group: one of each replica, which says that it is alive and what it holds, and one with the assignment,
// which says whose each bucket is. Each interval a replica reads all of them with one list, which shows them as they
// were at one moment, and renews its own. The first by name that is alive writes the assignment: it moves the buckets
// of replicas that are gone to others, and evens out the measured work. All writes carry the resource version that
// was read, so of two writers one is refused. Nobody compares a clock with that of another machine.
//
// A bucket changes hands in three steps. The assignment of a new epoch moves it to another replica. Its holder sees
// that, cancels its runs, and publishes in its own Lease the epoch and that it does not hold the bucket, when the
// last of them has ended. The new owner publishes that it has seen the epoch too, and begins once a later list shows
// that every replica that may be at work has seen it, and that none holds the bucket.
//
// A replica whose Lease did not change for as long as it lasts, by the clock of whoever watches it, is marked as ended
// on its Lease; only then does nobody wait for it any more. The mark is written with the version that did not change,
// so a renewal that is on its way fails. A Lease that is deleted counts as one that is not renewed. The replica itself
// owns nothing any more from an earlier time on: RenewDeadline after it sent the last renewal that succeeded.
//
// # What holds
//
// Never two at once: let W be the longest that a write takes. A replica that asks [Coordinator.Owned] before each write
// has no write under way later than RenewDeadline + W after its last renewal, and nobody takes over sooner than
// Duration after it. Options that do not keep the one below the other, with 5 % for clocks of different speed, are
// refused. Lost, late and repeated requests, replicas that are killed or cannot reach the API server, clocks that are
// wrong, and an assignment that is deleted, damaged or restored from a backup change nothing about that.
//
// What a Lease cannot give: a process that is stopped between asking and writing, and goes on after others took over,
// makes that one write. It makes no other: Owned is false when it wakes up, also when only the wall clock has gone on,
// and the contexts of its runs end. The write is the server-side apply or deletion of what was declared when the
// process was stopped. Likewise for a write that the network keeps for longer than W.
//
// Whoever may write these Leases decides who works; nobody else should be given that right.
//
// If the home cluster cannot be reached, all replicas stop after RenewDeadline. They agree again by themselves. Which
// replica works changes nothing of what may be done: each judges every commit, and holds what it applies to the same
// rules.
//
// It may import catalog.
package shard
