// SPDX-License-Identifier: Apache-2.0

// Package outbox keeps what has to be remembered of notifications in the database of the history: the state, which only one writer can
// change at a time, and the messages that are not delivered yet. Both are written together, so that a crash neither loses a message nor
// makes one twice.
//
// Of Trunkline it imports notify and reconciler/history.
package outbox
