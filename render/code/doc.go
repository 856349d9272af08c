// SPDX-License-Identifier: Apache-2.0

// Package code is what the engines have in common whose blueprints are programs in a language, such as Jsonnet and CUE: what a
// program is given, how it reads the tree, and how objects are found in its value.
//
// A program can compute for ever and take all memory, and the evaluators cannot be stopped. So a daemon has them run by processes that
// may die, see [Evaluator]; those ask for what they read, so that only the daemon reads the tree.
//
// The package is pure. It may import nothing of Trunkline but api and render/internal.
package code
