// SPDX-License-Identifier: Apache-2.0

// Package secrets reads secrets of stores in a pod, as the account of the pod, and starts the program that needs them. What it says of a failure
// has names only: neither a value nor what a store says in its own words. Values are taken out of what the program writes.
//
// Who a pod is, is what the cluster gave it for its own account. That of its machine is never used.
//
// Of Trunkline it imports api/secretref and api/v1alpha1.
package secrets
