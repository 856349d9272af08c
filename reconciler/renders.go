package reconciler

import (
	"context"
	"errors"
	"io/fs"
	"runtime"
	"sync"

	"golang.org/x/sync/errgroup"

	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/render"
)

// renders remembers what each release rendered to and what was read for it, so that a commit renders only what
// it affects. When nothing is known of the commit before, as after a start, every release is asked for, and a renderer
// with a cache on disk answers for those that it rendered before.
type renders struct {
	renderer Renderer
	last     map[catalog.ReleaseID]rendered
}

// rendered is a release's objects, or the error that there are none.
type rendered struct {
	fingerprint string
	reads       render.ReadSet
	objects     *render.Packed
	err         error
}

// holds tells whether a release with such a fingerprint renders to the same after a change.
func (r rendered) holds(fingerprint string, changed []string) bool {
	if fingerprint == "" || r.fingerprint != fingerprint || r.reads.Affected(changed) {
		return false
	}
	passing, ok := errors.AsType[interface {
		error
		Transient() bool
	}](r.err)
	return !ok || !passing.Transient()
}

func newRenders(r Renderer) *renders {
	return &renders{renderer: r, last: map[catalog.ReleaseID]rendered{}}
}

// update renders those of the releases that the revision affects since the last that was kept, and gives the results
// of all. A release that is the same value as then is only looked at for what it has read.
func (r *renders) update(ctx context.Context, rev Revision, releases *releaseSet, changed []string, known bool) map[catalog.ReleaseID]rendered {
	var mu sync.Mutex
	next := make(map[catalog.ReleaseID]rendered, len(releases.all))
	var group errgroup.Group
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i := range releases.all {
		rel := &releases.all[i]
		old, ok := r.last[rel.ID]
		fingerprint := old.fingerprint
		if !ok || releases.fresh(rel.ID.Project) {
			fingerprint = render.Fingerprint(*rel)
		}
		if ok && known && old.holds(fingerprint, changed) {
			mu.Lock()
			next[rel.ID] = old
			mu.Unlock()
			continue
		}
		releases.renderAgain(rel.ID)
		group.Go(func() error {
			if err := ctx.Err(); err != nil {
				return err // nobody waits for the results any more
			}
			out := r.one(ctx, rev, *rel)
			out.fingerprint = fingerprint
			mu.Lock()
			defer mu.Unlock()
			next[rel.ID] = out
			return nil
		})
	}
	_ = group.Wait()
	return next
}

// keep makes the results of a revision those that the next one is compared with.
func (r *renders) keep(results map[catalog.ReleaseID]rendered) { r.last = results }

// packing is a renderer that has what it rendered in the form in which it is kept.
type packing interface {
	RenderPacked(ctx context.Context, tree fs.FS, rel catalog.Release) (*render.Packed, render.ReadSet, error)
}

func (r *renders) one(ctx context.Context, rev Revision, rel catalog.Release) (out rendered) {
	if packed, ok := r.renderer.(packing); ok {
		out.objects, out.reads, out.err = packed.RenderPacked(ctx, rev.Tree, rel)
		return out
	}
	result, err := r.renderer.Render(ctx, rev.Tree, rel)
	if out.reads, out.err = result.ReadSet, err; err == nil {
		out.objects, out.err = render.Pack(result.Objects)
	}
	return out
}
