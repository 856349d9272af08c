// SPDX-License-Identifier: Apache-2.0

// Package compose decides which commits of a platform's repository and of those that it includes are judged together. It is pure.
//
// It may import nothing of Trunkline.
package compose
