// SPDX-License-Identifier: Apache-2.0

package rendercache

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io/fs"

	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/render"
)

// Next renders what is not in the cache. It is [render.Renderer] outside of tests.
type Next interface {
	Render(ctx context.Context, tree fs.FS, rel catalog.Release) (render.Result, error)
}

// Renderer renders through a cache: any release, from the tree of any commit.
type Renderer struct {
	next    Next
	cache   *Cache
	program string
}

// format is part of every key: an entry of another form is never looked at.
const format = "3"

// Wrap makes a renderer that asks the cache first. The program identifies everything that takes part in rendering and
// is not in the tree nor in the release: engines, embedded blueprints, and Trunkline itself. The hash of the running
// program does.
func Wrap(next Next, cache *Cache, program string) *Renderer {
	return &Renderer{next: next, cache: cache, program: program}
}

// Render returns what the next renderer would. Errors are not kept: a release that does not render is few people's, and
// some errors pass.
func (r *Renderer) Render(ctx context.Context, tree fs.FS, rel catalog.Release) (render.Result, error) {
	objects, reads, err := r.RenderPacked(ctx, tree, rel)
	result := render.Result{ReadSet: reads}
	if err == nil {
		result.Warnings = objects.Warnings()
		result.Objects, err = objects.Unpack()
	}
	return result, err
}

// RenderPacked returns the same in the form in which it is kept, which saves reading it.
func (r *Renderer) RenderPacked(ctx context.Context, tree fs.FS, rel catalog.Release) (*render.Packed, render.ReadSet, error) {
	key := r.key(rel)
	if key != "" {
		if objects, reads, ok := r.cache.Get(key, tree); ok {
			return objects, reads, nil
		}
	}
	result, err := r.next.Render(ctx, tree, rel)
	if err != nil {
		return nil, result.ReadSet, err
	}
	objects, err := render.Pack(result.Objects)
	objects = objects.WithWarnings(result.Warnings)
	if err == nil && key != "" {
		r.cache.Put(key, tree, objects, result.ReadSet)
	}
	return objects, result.ReadSet, err
}

// key is what a release is kept under; empty if it cannot be.
func (r *Renderer) key(rel catalog.Release) string {
	fingerprint := render.Fingerprint(rel)
	if fingerprint == "" {
		return ""
	}
	sum := sha256.Sum256([]byte(format + "\x00" + r.program + "\x00" + fingerprint))
	return hex.EncodeToString(sum[:])
}
