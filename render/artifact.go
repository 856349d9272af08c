// SPDX-License-Identifier: Apache-2.0

package render

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"trunkline.dev/trunkline/api/artifact"
	"trunkline.dev/trunkline/catalog"
)

// Artifacts has the blueprints of registries and Helm repositories. What it returns for an artifact is always the same, since that is
// named by its digest; only whether it is there can change.
type Artifacts interface {
	Open(ctx context.Context, ref artifact.Ref) (fs.FS, error)
}

// WithArtifacts says where blueprints are that are not in the tree; default: nowhere.
func WithArtifacts(a Artifacts) Option { return func(r *Renderer) { r.artifacts = a } }

// source returns what has the folder of a workload's blueprint, and wraps errors of what is read there.
func (r *Renderer) source(ctx context.Context, tree fs.FS, b *catalog.Blueprint) (fs.FS, error) {
	switch {
	case b.Embedded:
		return r.library, nil
	case !b.Remote():
		return tree, nil
	case r.artifacts == nil:
		return nil, errors.New("nothing is fetched from registries here")
	}
	in, err := r.artifacts.Open(ctx, b.Ref())
	if err != nil {
		return nil, fmt.Errorf("fetching the blueprint: %w", err)
	}
	return in, nil
}

// artifactsOf names the artifacts that a release is rendered from.
func artifactsOf(rel catalog.Release) (out []string) {
	for _, w := range rel.Workloads {
		if w.Blueprint != nil && w.Blueprint.Remote() {
			ref := w.Blueprint.Ref()
			out = append(out, ref.String())
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}
