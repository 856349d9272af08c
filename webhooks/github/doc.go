// SPDX-License-Identifier: Apache-2.0

// Package github is GitHub as a forge: the client that implements the interfaces of webhooks, and what the payloads of
// GitHub's webhooks mean.
//
// [New] makes a client, of a GitHub App or of a token; [Client.Repository] returns the forge of one repository. Requests
// pass these, from the outside in: a retry of what may be done twice, the credentials, a cache of answers by ETag, the
// limits (GitHub's own, and those that keep us from meeting them), and a reader of whole answers. A call does not wait
// longer than a few seconds for a rate limit: it fails with an [Error] that says when to come back, so that nothing else
// waits behind it.
//
// [ParseHint] reads a payload, which is a hint where to look and never content.
//
// Of Trunkline it imports webhooks and what is below webhooks/github.
package github
