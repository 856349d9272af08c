// SPDX-License-Identifier: Apache-2.0

// Package kustomize renders Kustomize bases and overlays out of a tree, in memory.
//
// Kustomize itself is made to run on a person's own machine: it clones what looks like a repository, fetches
// what looks like a URL and can run programs. None of that can be switched off, so it is kept from happening:
// before Kustomize runs, every kustomization that it would load is read here first, every entry in it must be a
// path of something in the tree, and whatever is not known to be harmless is refused by its name. See [check].
//
// What remains: a build cannot be stopped once it runs. Its input is bounded in files, bytes and kustomizations,
// but replacements that copy whole tables into one another can still make much out of little, and Kustomize ends
// the process at a few places. So a daemon has builds done by processes that may die, see [Builder].
//
// The package is pure. It may import nothing of Trunkline but api, render/helm, which renders the charts of
// kustomizations, and render/internal.
package kustomize
