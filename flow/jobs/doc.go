// SPDX-License-Identifier: Apache-2.0

// Package jobs has the runs of lots in one cluster: it watches the templates that releases hold there and the Jobs that were made from
// them, makes Jobs, says why one failed and what it has written, and removes those that have ended.
//
// It decides nothing. Of Trunkline it imports api/confidential, api/lot, api/secretref, flow/run, plan, plan/health and reconciler/cluster.
package jobs
