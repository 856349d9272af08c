package reconciler

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"runtime"
	"sync"

	"golang.org/x/sync/errgroup"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/reconciler/plan"
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
	objects     []*unstructured.Unstructured
	digest      string
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

func (r *renders) one(ctx context.Context, rev Revision, rel catalog.Release) rendered {
	result, err := r.renderer.Render(ctx, rev.Tree, rel)
	out := rendered{reads: result.ReadSet, objects: result.Objects, err: err}
	if err == nil {
		out.digest, out.err = digestOf(result.Objects)
	}
	return out
}

func digestOf(objects []*unstructured.Unstructured) (string, error) {
	h := sha256.New()
	for _, o := range objects {
		d, err := plan.Digest(o)
		if err != nil {
			return "", fmt.Errorf("reading the rendered %s: %w", plan.RefOf(o), err)
		}
		h.Write([]byte(d))
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
