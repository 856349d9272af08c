// SPDX-License-Identifier: Apache-2.0

// Package jsonnet renders programs in Jsonnet out of a tree.
//
// [Render] is what the renderer calls; [Evaluate] is what it comes to, in a process that may die: the evaluator can be bounded in stack,
// but not in time and memory. Neither reads anything but the tree: imports lead nowhere else, and there are no native functions.
//
// The package is pure. It may import nothing of Trunkline but api, render/code and render/internal.
package jsonnet
