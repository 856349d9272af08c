// SPDX-License-Identifier: Apache-2.0

// Package plan decides what is computed, lot by lot: which runs to start, in which order, and, for each lot that is not
// there, why it is not. First computation, gap, backfill, replay, late data and a new workload on old data are one
// question, asked of each lot: is it there, and was it made of what is there now?
//
// A [Graph] says what is declared, a [Seen] what is known, and [Limits] how much may run. [New] plans from nothing; the
// [Planner] that it returns is told what changes, at a cost of what the change affects. Both always say the same.
//
// It is pure: the time is an argument, and nothing is read. Of Trunkline it may import api and, to make a graph from
// declarations, catalog.
package plan
