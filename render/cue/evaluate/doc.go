// SPDX-License-Identifier: Apache-2.0

// Package evaluate is CUE itself, for the program that is there for nothing else. It links cuelang.org/go, which is why
// [trunkline.dev/trunkline/render/cue] does not import it.
//
// It is pure: a package is read out of the tree that a job shows, modules are folders that its cue.mod names, and there are no tool files,
// variables of tags, or registries. It may import nothing of Trunkline but render/code and render/cue.
package evaluate
