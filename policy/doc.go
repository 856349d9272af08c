// SPDX-License-Identifier: Apache-2.0

// Package policy checks a platform against the rules that come with Trunkline and the platform's own policies. It
// returns the problems of a catalog, after the modes and exceptions that the platform sets.
//
// A change is checked against what was there before it: modes, exceptions and policies are those of the base, if there is one.
//
// The package is pure. Of Trunkline it may import api, catalog, docs/rules, flow/rights, plan/health (whose rules it
// compiles) and what is below it.
package policy
