// SPDX-License-Identifier: Apache-2.0

// Package diff3 merges two versions of a text by lines, the way git merges a file: the lines are compared by the histogram
// method, changes are slid as git slides them, and changes that overlap or touch are a conflict unless they are the same.
// What it merges without a conflict is byte for byte what git makes of it.
//
// It may import the standard library only, and is pure.
package diff3
