// SPDX-License-Identifier: Apache-2.0

// Package githubtest is a GitHub in memory, for tests and the demo: the REST API as far as Trunkline uses it, webhooks,
// Git over HTTP, and a page for people.
//
// [New] makes one, [Start] makes one that ends with a test. It is an [http.Handler]: the REST API is served at the root, as
// by api.github.com, and below /api/v3, as by GitHub Enterprise Server; /OWNER/REPO.git is Git over HTTP, and
// /OWNER/REPO/pull/N is the page of a pull request.
//
// What GitHub's own description of its API does not say is code here, so that the fake is not wrong in our favour: only an
// App makes check runs, "completed" needs a conclusion, a request carries 50 annotations, texts end at 65,535 and 65,536
// characters, mergeable is null at first, check runs of a fork name no pull request, and a required check that was never
// reported blocks a merge. Package contract holds what passes through to GitHub's description.
//
// Tests misbehave on GitHub's behalf: [GitHub.Fail] breaks answers, [GitHub.Hold] keeps deliveries back until a test
// says in which order, how often, and whether they are sent, and [Options] has the rate limits.
//
// A repository with Git is a bare one on disk in which real git makes the merges; one without answers from memory, in
// microseconds, with commits that are names only.
//
// It imports package mermaid, which is below it, and nothing else of Trunkline.
package githubtest
