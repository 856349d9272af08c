// SPDX-License-Identifier: Apache-2.0

// Package frame is what the processes that render speak with whoever started them: frames of a length and fields, over stdin
// and stdout. [Serve] is the whole life of such a process; what it can do is a table of [Handler].
//
// It may import render/code and nothing else of Trunkline.
package frame
