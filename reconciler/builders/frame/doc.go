// SPDX-License-Identifier: Apache-2.0

// Package frame is what the processes that render speak with whoever started them: frames of a length and fields, over stdin
// and stdout. [Serve] is the whole life of such a process; what it can do is a table of [Handler].
//
// A program that evaluates one language only links this package and not the whole of [trunkline.dev/trunkline/reconciler/builders]. It
// may import render/code and nothing else of Trunkline.
package frame
