// SPDX-License-Identifier: Apache-2.0

// Package post ties notifications together: it looks at the status board and the history, has notify decide, keeps the outbox, and has
// channels send what is in it.
//
// Of Trunkline it imports catalog, flow/egress, notify and what is below it, reconciler/history and reconciler/status.
package post
