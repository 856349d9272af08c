// SPDX-License-Identifier: Apache-2.0

// Package evaluate finds out what a head means: what is wrong with it, which releases it declares, what they render to,
// what they cost, and what merging it would do. The daemon, the commands and the pull request call the same functions, so
// that all of them come to the same answer.
//
// The package is pure. Of Trunkline it may import api, catalog, cost, flow/plan, flow/rights, plan, policy and render; the embedded
// library of blueprints is an argument.
package evaluate
