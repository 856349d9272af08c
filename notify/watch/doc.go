// SPDX-License-Identifier: Apache-2.0

// Package watch reads what is told from what is known already: who is told, from the declarations; what is so, from the status board; and
// what has happened, from the history.
//
// It is pure. Of Trunkline it imports api, catalog, notify, reconciler/history and reconciler/status.
package watch
