// SPDX-License-Identifier: Apache-2.0

package kustomize

import (
	"context"
	"fmt"
	"path"
	"strings"
	"sync"

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
	// Look says what is at any other path; nil for nothing.
	Look func(name string) Entry
}

// Built is an object as Kustomize made it.
type Built struct {
	JSON []byte
	// Source is the file it comes from, if the job asks Kustomize to keep track of that.
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
// by. It is read here once, before the first build, and no build changes it after that: a build sets another
// schema only for the fields openapi and crds, which the check refuses.
type InProcess struct{}

// schema has Kustomize read its schema. Left to itself, the first build does so while others look at it.
var schema = sync.OnceFunc(func() { openapi.Schema() })

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
	schema()
	options := krusty.MakeDefaultOptions() // no plugins, objects in the order in which they are given
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
		source = origin.Path
		if source == "" {
			source = origin.ConfiguredIn
		}
		source = strings.TrimPrefix(path.Join(root, source), treeRoot+"/")
		if err := r.SetOrigin(nil); err != nil {
			return Built{}, err
		}
	}
	data, err := r.MarshalJSON()
	if err != nil {
		return Built{}, fmt.Errorf("%s: %w", source, err)
	}
	return Built{data, source}, nil
}
