// SPDX-License-Identifier: Apache-2.0

// Package render turns a release into the Kubernetes objects it consists of.
//
// It is pure: what comes out depends on the tree, the release and the embedded library of blueprints, and on
// nothing else; no network, clock, disk or environment. Equal input renders to equal bytes, whatever the commit.
// It may import api, catalog and flow/rights; no package that does I/O.
//
// The engines, in packages helm, kustomize, manifests, jsonnet and cue below, give objects as they find them. All that a release's objects have in common is done and checked here, in one
// place, whichever engine they come from; see [Renderer.Render].
package render
