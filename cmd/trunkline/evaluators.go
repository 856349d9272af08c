// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"os"

	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/reconciler/builders"
	"trunkline.dev/trunkline/render"
	"trunkline.dev/trunkline/render/code"
	"trunkline.dev/trunkline/render/cue"
	"trunkline.dev/trunkline/render/cue/evaluate"
	"trunkline.dev/trunkline/render/jsonnet"
)

// languages are those of the programs that projects may have.
var languages = map[string]code.Language{jsonnet.Language: jsonnet.Evaluate, cue.Language: evaluate.Evaluate}

// newBuilders makes the pool of processes in which Kustomize and programs run; it is to be closed.
func newBuilders() (*builders.Pool, error) {
	program, err := ownProgram()
	if err != nil {
		return nil, fmt.Errorf("finding the program to render with: %w", err)
	}
	return builders.New(builders.Options{Command: []string{program, workerCommand}}), nil
}

// evaluators are the options by which programs run in processes.
func evaluators(pool *builders.Pool) []render.Option {
	return []render.Option{render.WithEvaluator(v1alpha1.Jsonnet, pool), render.WithEvaluator(v1alpha1.CUE, pool)}
}

// daemonEngines are what the daemon renders with: all engines that run programs or builds do so in processes.
func daemonEngines(pool *builders.Pool) []render.Option {
	return append(evaluators(pool), render.WithBuilder(pool))
}

// offlineRenderer is what commands render a person's own tree with. Kustomize runs in this process, which saves half a second; programs do
// not, as a mistake in one can take all memory. Those processes end with this one.
func offlineRenderer() *render.Renderer {
	program, err := os.Executable()
	if err != nil {
		return newRenderer() // a system that does not say what this program is
	}
	return newRenderer(evaluators(builders.New(builders.Options{Command: []string{program, workerCommand}}))...)
}
