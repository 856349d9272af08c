// SPDX-License-Identifier: Apache-2.0

// Command trunkline-cue evaluates packages in CUE for trunkline, which starts it and expects it in its own folder. It is a program of its
// own because CUE is large, and nobody needs it whose repository has none. It reads what it is sent, and nothing else.
package main

import (
	"fmt"
	"io"
	"os"

	"trunkline.dev/trunkline/reconciler/builders/frame"
	"trunkline.dev/trunkline/render/cue/evaluate"
)

func main() {
	os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

func run(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	if len(args) != 1 || args[0] != "worker" {
		_, _ = fmt.Fprintln(stderr, "trunkline-cue: evaluates CUE for trunkline, which starts it; put it into the folder that trunkline is in")
		return 2
	}
	err := frame.Serve(stdin, stdout, func() { os.Exit(0) }, map[string]frame.Handler{frame.Evaluate: frame.EvaluateWith(evaluate.Languages())})
	if err != nil {
		_, _ = fmt.Fprintln(stderr, "trunkline-cue:", err)
		return 1
	}
	return 0
}
