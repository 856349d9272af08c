// SPDX-License-Identifier: Apache-2.0

// Package egress decides what is told of lots to others, to whom, and in which order: facts, subscriptions, and the outbox of one
// subscriber. Messages are made and sent by flow/deliver.
//
// It is pure. Of Trunkline it imports api/glob and api/lot only.
package egress
