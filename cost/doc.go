// SPDX-License-Identifier: Apache-2.0

// Package cost estimates what a platform costs in a month: the requests of the pods that its releases render to, for as long
// as they run, at the rates of their clusters.
//
// What always runs counts for all hours of a real month, schedules for the runs that they have in it, and workloads for the lots that they write where those are kept.
// Amounts are exact, and rounded only where they are written down; those of different currencies are never added. What cannot
// be estimated is listed with the reason, and never counts as nothing.
//
// [Of] estimates all releases, or those that changed since an estimate before; [Compare] says what a change makes of the
// costs of a month, and what it costs once.
//
// The package is pure. Of Trunkline it may import api, catalog and render.
package cost
