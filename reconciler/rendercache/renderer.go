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
const format = "1"

// Wrap makes a renderer that asks the cache first. The program identifies everything that takes part in rendering and
// is not in the tree nor in the release: engines, embedded blueprints, and Trunkline itself. The hash of the running
// program does.
func Wrap(next Next, cache *Cache, program string) *Renderer {
	return &Renderer{next: next, cache: cache, program: program}
}

// Render gives what the next renderer would. Errors are not kept: a release that does not render is few people's, and
// some errors pass.
func (r *Renderer) Render(ctx context.Context, tree fs.FS, rel catalog.Release) (render.Result, error) {
	fingerprint := render.Fingerprint(rel)
	if fingerprint == "" {
		return r.next.Render(ctx, tree, rel)
	}
	sum := sha256.Sum256([]byte(format + "\x00" + r.program + "\x00" + fingerprint))
	key := hex.EncodeToString(sum[:])
	if result, ok := r.cache.Get(key, tree); ok {
		return result, nil
	}
	result, err := r.next.Render(ctx, tree, rel)
	if err == nil {
		r.cache.Put(key, tree, result)
	}
	return result, err
}
