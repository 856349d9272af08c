// SPDX-License-Identifier: Apache-2.0

// Package deliver tells others of lots: it makes messages of the facts of flow/egress, sends them by HTTP to the targets that whoever runs
// the daemon names, and keeps beside the manifests what has been told, and what no target would accept.
//
// Of Trunkline it may import api, flow/bucket and flow/egress.
package deliver
