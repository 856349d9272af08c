// SPDX-License-Identifier: Apache-2.0

// Package cel checks declarations and rendered objects against the platform's own policies in CEL (kind: Policy).
//
// A policy is compiled once, against the types of the declarations, so that a field that does not exist is found before
// anything is checked. What it may use is what Kubernetes offers to its own policies: the functions are those of
// the API server's CEL environment. There is no clock and no way out of the values that are checked, so the same subject
// always gets the same verdict.
//
// Everything is bounded: the length and number of expressions, the cost of each, the cost of a policy on one subject, and
// the work of single calls (package guard). Costs are not estimated beforehand as the API server does for definitions: the
// size of what is checked is known only when it is checked, and the run-time limits hold in any case.
//
// What cannot be evaluated is refused, whatever the policy's severity.
//
// The package is pure. Of Trunkline it may import api, policy/subject and what is below it.
package cel

import "trunkline.dev/trunkline/policy/cel/guard"

const (
	// MaxExpressionBytes bounds one expression.
	MaxExpressionBytes = guard.MaxExpressionBytes
	// MaxExpressions bounds the variables of a policy, and its validations.
	MaxExpressions = 64
	// ExpressionCost bounds what one expression may cost, in the units of CEL: about 0.1 s. It is the bound of the API server.
	ExpressionCost = 1_000_000
	// PolicyCost bounds what all expressions of a policy may cost on one subject: about 0.2 s. That is a fifth of what the
	// API server takes, since a platform has tens of thousands of subjects and one request has one.
	PolicyCost = 2_000_000
)
