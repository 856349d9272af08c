// SPDX-License-Identifier: Apache-2.0

// Package cue renders packages in CUE out of a tree.
//
// CUE itself is not imported here: [Render] has the package evaluated by a process that knows the language, by package evaluate below.
//
// The package is pure. It may import nothing of Trunkline but api, render/code and render/internal.
package cue
