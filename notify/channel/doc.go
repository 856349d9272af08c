// SPDX-License-Identifier: Apache-2.0

// Package channel sends messages: to Slack, Microsoft Teams, PagerDuty, Opsgenie, by mail, and to webhooks. What others have written stays
// text in each of them, and no address or secret comes into an error.
//
// Of Trunkline it imports api/markdown, flow/deliver, flow/egress and notify.
package channel
