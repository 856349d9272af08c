// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/blueprints"
	"trunkline.dev/trunkline/reconciler/builders"
	"trunkline.dev/trunkline/render"
	"trunkline.dev/trunkline/render/code"
	"trunkline.dev/trunkline/render/jsonnet"
)

// cueProgram is the program that evaluates CUE. It lies in the folder of this one.
const cueProgram = "trunkline-cue"

// languages are those that this program evaluates itself.
var languages = map[string]code.Language{jsonnet.Language: jsonnet.Evaluate}

// pools are the processes in which releases are rendered as far as that has to be bounded.
type pools struct{ own, cue *builders.Pool }

// newPools makes the pools of the daemon; they are to be closed.
func newPools() (*pools, error) {
	program, err := ownProgram()
	if err != nil {
		return nil, fmt.Errorf("finding the program to render with: %w", err)
	}
	return poolsOf(program)
}

func poolsOf(program string) (*pools, error) {
	beside, err := besideThis(cueProgram)
	if err != nil {
		return nil, err
	}
	return &pools{
		own: builders.New(builders.Options{Command: []string{program, workerCommand}}),
		cue: builders.New(builders.Options{Command: []string{beside, workerCommand}}),
	}, nil
}

// besideThis is the path of a program in the folder of this one.
func besideThis(name string) (string, error) {
	program, err := os.Executable()
	if err != nil {
		return "", fmt.Errorf("finding the folder of this program: %w", err)
	}
	return filepath.Join(filepath.Dir(program), name), nil
}

// Close ends all processes.
func (p *pools) Close() {
	p.own.Close()
	p.cue.Close()
}

// evaluators are the options by which programs run in processes.
func (p *pools) evaluators() []render.Option {
	return []render.Option{
		render.WithEvaluator(v1alpha1.Jsonnet, p.own),
		render.WithEvaluator(v1alpha1.CUE, cueEvaluator{p.cue}),
	}
}

// renderer is what the daemon renders with.
func (p *pools) renderer() *render.Renderer {
	return render.New(blueprints.FS, append(p.evaluators(), render.WithBuilder(p.own))...)
}

// offlineRenderer is what commands render a person's own tree with. Kustomize runs in this process, which saves half a second; programs do
// not, as a mistake in one can take all memory. Those processes end with this one.
// Where a system does not say what this program is, Jsonnet runs here, and CUE does not.
func offlineRenderer() *render.Renderer {
	var opts []render.Option
	if program, err := os.Executable(); err == nil {
		if p, err := poolsOf(program); err == nil {
			opts = p.evaluators()
		}
	}
	return render.New(blueprints.FS, opts...)
}

// cueEvaluator says what to do where the program for CUE is missing.
type cueEvaluator struct{ pool *builders.Pool }

// Evaluate implements [code.Evaluator].
func (e cueEvaluator) Evaluate(ctx context.Context, job code.Job) ([]byte, error) {
	program, err := besideThis(cueProgram)
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(program); errors.Is(err, fs.ErrNotExist) {
		return nil, missingProgram(program)
	}
	return e.pool.Evaluate(ctx, job)
}

// missingProgram is that there is none for CUE. It says nothing about the files: once it is there, they may be right.
type missingProgram string

func (e missingProgram) Error() string {
	return fmt.Sprintf("CUE is evaluated by the program %s, and there is no %s: put it beside trunkline; \"make build\" makes it", cueProgram, string(e))
}

// Transient reports that a retry can succeed.
func (missingProgram) Transient() bool { return true }
