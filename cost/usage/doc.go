// SPDX-License-Identifier: Apache-2.0

// Package usage says what a platform did cost: what pods, claims and nodes took, for as long as they were there, at the prices
// of their days. It is functions over values: [Slices] cuts what something cost into days, [Better] says which of two things that
// are known of it counts, [Forecast] looks ahead, and [ReadBill] reads what a cloud has billed.
//
// Of Trunkline it may import api, catalog and cost.
package usage
