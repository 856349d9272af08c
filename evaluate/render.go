// SPDX-License-Identifier: Apache-2.0

package evaluate

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"runtime"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/policy"
	"trunkline.dev/trunkline/render"
)

// Renderer renders the objects of a release. It is [render.Renderer] outside of tests, perhaps behind a cache.
type Renderer interface {
	Render(ctx context.Context, tree fs.FS, rel catalog.Release) (render.Result, error)
}

// packing is a renderer that has what it rendered in the form in which it is kept.
type packing interface {
	RenderPacked(ctx context.Context, tree fs.FS, rel catalog.Release) (*render.Packed, render.ReadSet, error)
}

// Rendered is what a release renders to, or why it does not.
type Rendered struct {
	Objects *render.Packed
	Err     error

	// fingerprint identifies the release, and reads is what was read for it.
	fingerprint string
	reads       render.ReadSet
}

// current reports whether a release with such a fingerprint renders to the same after a change.
func (r Rendered) current(fingerprint string, changed []string) bool {
	if fingerprint == "" || r.fingerprint != fingerprint || r.reads.Affected(changed) {
		return false
	}
	passing, ok := errors.AsType[interface {
		error
		Transient() bool
	}](r.Err)
	return !ok || !passing.Transient()
}

// Release renders one release of a tree.
func Release(ctx context.Context, renderer Renderer, tree fs.FS, rel catalog.Release) (out Rendered) {
	if packed, ok := renderer.(packing); ok {
		out.Objects, out.reads, out.Err = packed.RenderPacked(ctx, tree, rel)
		return out
	}
	result, err := renderer.Render(ctx, tree, rel)
	if out.reads, out.Err = result.ReadSet, err; err == nil {
		out.Objects, out.Err = render.Pack(result.Objects)
	}
	return out
}

// Render returns the evaluation with what its releases render to, and with what the policies on objects say if they were
// not asked before. What the change since Before does not affect is taken over from there.
func (e *Evaluation) Render(ctx context.Context, in Input) (*Evaluation, error) {
	next := *e
	before := in.Before
	if before != nil && (before.releases == nil || !e.catalog.UpdateOf(before.catalog)) {
		before = nil
	}
	if next.releases = releasesOf(e.catalog, nil); before != nil {
		next.releases = releasesOf(e.catalog, before.releases)
	}
	judged := e.judges != nil && e.judges.JudgesObjects() && !e.objectsJudged
	r := rendering{Input: in, e: &next, judged: judged, results: make(map[catalog.ReleaseID]Rendered, len(next.releases.all))}
	problems, err := r.all(ctx, before)
	if err != nil {
		return nil, err
	}
	next.results, next.objectsJudged = r.results, true
	if !judged {
		return &next, nil
	}
	again := e.input
	again.Objects, again.Previous = slices.Concat(again.Objects, problems), e.verdicts
	if next.verdicts, err = policy.Check(ctx, again); err != nil {
		return nil, fmt.Errorf("judging the objects: %w", err)
	}
	return &next, nil
}

// rendering is one run of [Evaluation.Render].
type rendering struct {
	Input

	e *Evaluation
	// judged says that policies judge objects.
	judged bool

	mu      sync.Mutex
	results map[catalog.ReleaseID]Rendered
}

// all renders the releases that are wanted, and returns what is wrong with their objects.
func (r *rendering) all(ctx context.Context, before *Evaluation) (v1alpha1.Problems, error) {
	set := r.e.releases
	found := make([]v1alpha1.Problems, len(set.all))
	group, rendering := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i := range set.all {
		rel := &set.all[i]
		wanted := r.Want == nil || r.Want(rel.ID)
		if !wanted && !r.judged {
			continue
		}
		var old Rendered
		known := false
		if before != nil {
			old, known = before.results[rel.ID]
		}
		fingerprint := old.fingerprint
		if !known || set.fresh(rel.ID.Project) {
			fingerprint = render.Fingerprint(*rel)
		}
		current := known && old.current(fingerprint, r.e.changed)
		if current {
			r.keep(wanted, rel.ID, old)
			if !r.judged {
				continue
			}
		} else {
			set.renderAgain(rel.ID)
		}
		group.Go(func() (err error) {
			out := old
			if !current {
				out = r.one(rendering, *rel, fingerprint)
				r.keep(wanted, rel.ID, out)
			}
			if rendering.Err() == nil && r.judged {
				found[i], err = r.judge(rendering, *rel, out)
			}
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	return slices.Concat(found...), context.Cause(ctx)
}

func (r *rendering) keep(wanted bool, id catalog.ReleaseID, out Rendered) {
	if !wanted {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.results[id] = out
}

// one renders a release, and passes it on if nothing can refuse it any more.
func (r *rendering) one(ctx context.Context, rel catalog.Release, fingerprint string) Rendered {
	out := Release(ctx, r.Renderer, r.e.catalog.Tree(), rel)
	out.fingerprint = fingerprint
	if !r.judged && r.OnRendered != nil && !r.e.Denied() && ctx.Err() == nil {
		r.OnRendered(rel, out)
	}
	return out
}

// judge asks the platform's own policies for what they say against the objects of a release.
func (r *rendering) judge(ctx context.Context, rel catalog.Release, out Rendered) (v1alpha1.Problems, error) {
	p, ok := r.e.catalog.Project(rel.ID.Project)
	switch {
	case !ok:
		return nil, nil
	case out.Objects == nil:
		return r.unrendered(p, rel.ID, out), nil
	}
	objects, err := out.Objects.Unpack()
	if err != nil {
		return nil, err
	}
	return r.e.judges.Objects(ctx, r.e.catalog, p, rel.ID, objects), nil
}

// unrendered is what is wrong with a release whose objects cannot be judged. It is kept as it is, which refuses nothing.
func (r *rendering) unrendered(p *catalog.Project, id catalog.ReleaseID, out Rendered) v1alpha1.Problems {
	if !r.Thorough || out.Err == nil {
		return nil
	}
	return v1alpha1.Problems{{
		Rule: policy.RuleUnevaluated, Severity: v1alpha1.Deny, Position: p.Document.Position("metadata", "name"),
		About:   v1alpha1.About{Project: p.Name, Environment: id.Environment},
		Message: fmt.Sprintf("%s cannot be rendered, so that its objects cannot be judged: %v", id, out.Err),
	}}
}
