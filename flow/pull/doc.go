// SPDX-License-Identifier: Apache-2.0

// Package pull fetches the data of a lot from outside, over HTTP or from PostgreSQL, as the params of the blueprint pull say: all of it or
// nothing, within bounds, and no credentials to anybody but who they are for.
//
// Of Trunkline it imports api/lot, api/pull, flow/bucket, flow/data, flow/filter, flow/given, flow/manifest and flow/store.
package pull
