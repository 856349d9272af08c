// SPDX-License-Identifier: Apache-2.0

package builders

import (
	"context"
	"io"

	"trunkline.dev/trunkline/reconciler/builders/frame"
	"trunkline.dev/trunkline/render/code"
	"trunkline.dev/trunkline/render/kustomize"
)

// Work builds and evaluates what comes in on stdin until that ends, and writes the results to stdout. It is the whole life of a
// process that a [Pool] starts. orphaned is called when stdin ends, also in the middle of a build: whoever asked for
// it is gone, and it should end the process.
func Work(stdin io.Reader, stdout io.Writer, orphaned func(), languages map[string]code.Language) error {
	return frame.Serve(stdin, stdout, orphaned, map[string]frame.Handler{
		build: serveBuild, frame.Evaluate: frame.EvaluateWith(languages),
	})
}

// serveBuild does one build.
func serveBuild(request [][]byte, ask frame.Asker) ([][]byte, error) {
	job, err := decodeBuild(request)
	if err != nil {
		return nil, err
	}
	job.Stat = func(name string) kustomize.Entry {
		kind, data := ask(name)
		return kustomize.Entry{Kind: kustomize.Kind(kind), Data: data}
	}
	objects, err := kustomize.InProcess{}.Build(context.Background(), job)
	if err != nil {
		return nil, err
	}
	return encodeBuilt(objects), nil
}
