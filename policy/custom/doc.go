// SPDX-License-Identifier: Apache-2.0

// Package custom checks a platform against its own policies: those that are declared (kind: Policy, in CEL), and the Rego
// packages and ValidatingAdmissionPolicies in the folders that the platform names.
//
// The package is pure. Of Trunkline it may import api, catalog and policy.
package custom
