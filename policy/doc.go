// SPDX-License-Identifier: Apache-2.0

// Package policy judges a platform: by the rules that come with Trunkline, and by the platform's own policies. It
// gives the problems that a catalog has, after the modes and exceptions that the platform sets.
//
// What judges a change comes from before it: modes, exceptions and policies are those of the base, if there is one.
//
// The package is pure. Of Trunkline it may import api, catalog, docs/rules, plan/health (whose rules it
// compiles) and what is below it.
package policy
