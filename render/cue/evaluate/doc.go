// SPDX-License-Identifier: Apache-2.0

// Package evaluate is CUE itself, for processes that may die: the evaluator cannot be bounded in time and memory.
//
// It is pure: a package is read out of the tree that a job shows, modules are folders that its cue.mod names, and there are no tool files,
// variables of tags, or registries. It may import nothing of Trunkline but render/code and render/cue.
package evaluate
