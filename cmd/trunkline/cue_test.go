// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"path/filepath"

	"trunkline.dev/trunkline/reconciler/builders/frame"
	"trunkline.dev/trunkline/render/cue/evaluate"
)

// cueWorker is the program trunkline-cue, as scripts find it beside trunkline.
func cueWorker() {
	if err := frame.Serve(os.Stdin, os.Stdout, func() { os.Exit(0) }, map[string]frame.Handler{frame.Evaluate: frame.EvaluateWith(evaluate.Languages())}); err != nil {
		os.Exit(1)
	}
}

// besideTests puts trunkline-cue beside the program of these tests: commands that run in a test look for it there. What it is called is how
// it knows what to do. Where it cannot be put, the tests that need it say so.
func besideTests() {
	if program, err := os.Executable(); err == nil {
		_ = os.Symlink(program, filepath.Join(filepath.Dir(program), cueProgram))
	}
}
