// SPDX-License-Identifier: Apache-2.0

package kustomize

import (
	"cmp"
	"context"
	"fmt"
	"path"
	"sync"

	jsonpatch "gopkg.in/evanphx/json-patch.v4"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/api/resource"
	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/openapi"

	"trunkline.dev/trunkline/render/internal/manifest"
)

// Job is one build: a kustomization that was checked, and the files that it loads.
type Job struct {
	// Root is the folder to build, by a path that Seen has.
	Root string
	// Seen is what the check looked at, which is all that Kustomize is known to need. Paths are absolute.
	Seen map[string]Entry
	// OwnSchema says that a kustomization sets the schema by which lists are merged, with its field openapi.
	OwnSchema bool
	// Stat says what is at any other path; nil for nothing.
	Stat func(name string) Entry
}

// Built is an object as Kustomize made it.
type Built struct {
	JSON []byte
	// Source is the file it comes from, by the path that Kustomize uses, if the job asks it to keep track of that.
	Source string
}

// Builder runs Kustomize on a job. It must be safe for several goroutines. An error that is of no more use at the
// next attempt, such as that of a process that ended, has a method Transient() bool that says so.
type Builder interface {
	Build(ctx context.Context, job Job) ([]Built, error)
}

// InProcess runs Kustomize where it is called. A build that has begun cannot be stopped, and one that takes all
// memory, or meets one of the places at which Kustomize ends the process, ends this one: it is for commands that
// render a person's own tree, and for processes that are there for nothing else.
//
// Builds run side by side. What Kustomize keeps in variables of the process is the OpenAPI schema that it merges
// by. It is read here once, before the first build. A build that sets another one runs alone, begins with none, as in a
// process of its own, and leaves the usual one.
type InProcess struct{}

// maxCopied bounds the bytes that the copy operations of one patch add to one object: forty copies of the parent into the
// child would make a terabyte.
const maxCopied = 4 << 20

// schemaLock is held for reading by builds that use the schema that there is, and for writing by one that sets its own.
var schemaLock sync.RWMutex

// prepare bounds what patches copy, and has Kustomize read its schema. Left to itself, the first build reads it while others
// look at it.
var prepare = sync.OnceFunc(func() {
	jsonpatch.AccumulatedCopySizeLimit = maxCopied
	openapi.Schema()
})

// lockSchema waits until the schema is the one that a build needs, and returns what has to be called after it.
func lockSchema(own bool) (unlock func()) {
	prepare()
	if !own {
		schemaLock.RLock()
		return schemaLock.RUnlock
	}
	schemaLock.Lock()
	openapi.ResetOpenAPI()
	return func() {
		openapi.ResetOpenAPI()
		openapi.Schema()
		schemaLock.Unlock()
	}
}

// Build implements [Builder].
func (InProcess) Build(ctx context.Context, job Job) (out []Built, err error) {
	defer func() {
		if r := recover(); r != nil {
			out, err = nil, fmt.Errorf("the engine failed: %v", r)
		}
	}()
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	defer lockSchema(job.OwnSchema)()
	options := krusty.MakeDefaultOptions()            // no plugins
	options.Reorder = krusty.ReorderOptionUnspecified // in the order of the program, if the kustomization has none of its own
	// The tree is the boundary, and the file system ends there.
	options.LoadRestrictions = types.LoadRestrictionsNone
	built, err := krusty.MakeKustomizer(options).Run(&view{job: job, more: map[string]Entry{}}, job.Root)
	if err != nil {
		return nil, err
	}
	size := 0
	out = make([]Built, 0, built.Size())
	for _, r := range built.Resources() {
		b, err := object(r, job.Root)
		if err != nil {
			return nil, err
		}
		if size += len(b.JSON); size > manifest.MaxBytes {
			return nil, fmt.Errorf("renders to more than %d MiB", manifest.MaxBytes>>20)
		}
		out = append(out, b)
	}
	return out, nil
}

// object takes an object out of Kustomize's form.
func object(r *resource.Resource, root string) (Built, error) {
	source := ""
	if origin, err := r.GetOrigin(); err == nil && origin != nil {
		source = path.Join(root, cmp.Or(origin.Path, origin.ConfiguredIn))
	}
	data, err := r.MarshalJSON()
	if err != nil {
		return Built{}, fmt.Errorf("%s: %w", source, err)
	}
	return Built{data, source}, nil
}
