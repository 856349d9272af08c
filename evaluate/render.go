// SPDX-License-Identifier: Apache-2.0

package evaluate

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"runtime"
	"slices"
	"sync/atomic"

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
	return !r.Passing()
}

// Passing reports whether why it does not render may be gone with the next attempt.
func (r Rendered) Passing() bool {
	passing, ok := errors.AsType[interface {
		error
		Transient() bool
	}](r.Err)
	return ok && passing.Transient()
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
		out.Objects = out.Objects.WithWarnings(result.Warnings)
	}
	return out
}

// Render returns the evaluation with what its releases render to, and with what the policies on objects say if they were
// not asked before, and what they cost if Cost asks for it. What the change since Before does not affect is taken over from
// there.
func (e *Evaluation) Render(ctx context.Context, in Input) (*Evaluation, error) {
	next, err := e.render(ctx, in.costed(e.catalog))
	if err != nil || in.Cost == nil {
		return next, err
	}
	return next.costed(ctx, in)
}

// render renders, and asks the policies on objects.
func (e *Evaluation) render(ctx context.Context, in Input) (*Evaluation, error) {
	next := *e
	before := in.Before
	if before != nil && (before.releases == nil || !e.catalog.UpdateOf(before.catalog)) {
		before = nil
	}
	var known *releaseSet
	if before != nil {
		known = before.releases
	}
	next.releases, next.results = releasesOf(e.catalog, known), nil
	judged := e.judges != nil && e.judges.ChecksObjects() && !e.objectsJudged
	runs := in.Runs && e.verdicts != nil && !e.objectsJudged
	inspected := in.complete() && e.verdicts != nil && !e.objectsJudged
	r := rendering{Input: in, e: &next, judged: judged, runs: runs, inspected: inspected, results: make([]*Rendered, len(next.releases.all))}
	r.acceptable = !judged && !inspected && !e.Denied()
	if in.Change != nil && in.Before != nil && in.Before.catalog.Platform != nil && (judged || inspected) {
		r.reach = newReach(&next, in.Before.catalog)
	}
	if r.acceptable && in.OnAcceptable != nil {
		known := next // the caller may look at it while the rest is found out
		in.OnAcceptable(&known)
	}
	problems, err := r.all(ctx, before)
	if err != nil {
		return nil, err
	}
	next.results, next.objectsJudged = r.results, true
	next.unjudged = append(slices.Clone(e.unjudged), r.foreign.words()...)
	if !judged && !inspected {
		return &next, nil
	}
	next.input.Objects = slices.Concat(e.input.Objects, problems)
	again := next.input
	again.Previous = e.verdicts
	if next.verdicts, err = policy.Check(ctx, again); err != nil {
		return nil, fmt.Errorf("judging the objects: %w", err)
	}
	return &next, nil
}

// rendering is one run of [Evaluation.Render].
type rendering struct {
	Input

	e *Evaluation
	// judged says that policies judge objects, inspected that they are looked at for what cannot work, runs that what does not
	// render refuses the head, and acceptable that nothing can refuse the head any more.
	judged, inspected, runs, acceptable bool
	// reach is how the change reaches releases of which it is not known what they rendered to before; nil if that does not matter.
	reach *reach

	// results are at the places of the releases, each written by whoever renders that release.
	results []*Rendered
	foreign foreign
}

// all renders the releases that are wanted, and returns what is wrong with their objects.
func (r *rendering) all(ctx context.Context, before *Evaluation) (v1alpha1.Problems, error) {
	set := r.e.releases
	found, failed := make([]v1alpha1.Problems, len(set.all)), make([]*Rendered, len(set.all))
	odd := make([][]render.Warning, len(set.all))
	shared := newSharing(r)
	group, rendering := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	previous := &releaseSet{}
	if before != nil {
		previous = before.releases
	}
	var seen atomic.Int64
	done := func(n int64) {
		if r.OnProgress != nil {
			r.OnProgress(int(seen.Add(n)), len(set.all))
		}
	}
	done(0)
	for i, j := range walk(set, previous) {
		if i < 0 {
			continue // it is not declared any more
		}
		rel := set.all[i]
		wanted := r.Want == nil || r.Want(rel.ID)
		looked := r.judged || r.runs || r.inspected && wanted
		if !wanted && !looked {
			done(1)
			continue
		}
		var old *Rendered
		if j >= 0 {
			old = before.at(j)
		}
		var fingerprint string
		if old != nil && rel == previous.all[j] {
			fingerprint = old.fingerprint
		} else {
			fingerprint = render.Fingerprint(*rel)
		}
		current := old != nil && old.current(fingerprint, r.e.changed)
		maybe := false
		switch {
		case r.Change == nil:
		case old != nil:
			looked = looked && !current // what the change leaves as it was is none of its faults
		case r.reach != nil && looked:
			looked, maybe = r.reach.of(rel, fingerprint)
		}
		if current {
			r.keep(wanted, i, old)
			if !looked {
				done(1)
				continue
			}
		} else if !wanted && !looked && !maybe {
			done(1)
			continue
		} else {
			set.renderAgain(rel.ID)
		}
		group.Go(func() (err error) {
			defer done(1)
			out := old
			if !current {
				one := r.one(rendering, *rel, fingerprint)
				out = &one
				r.keep(wanted, i, out)
			}
			if rendering.Err() != nil || !looked && (!maybe || !out.reads.Affected(r.e.changed)) {
				return nil
			}
			if r.runs {
				if odd[i] = out.Objects.Warnings(); out.Err != nil {
					failed[i] = out
				}
				r.foreign.add(out.Objects)
			}
			if r.inspected {
				shared.add(i, out.Objects)
				if found[i], err = r.inspect(rel, out.Objects); err != nil {
					return err
				}
			}
			if r.judged {
				var said v1alpha1.Problems
				said, err = r.judge(rendering, *rel, *out)
				found[i] = append(found[i], said...)
			}
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	var meet v1alpha1.Problems
	if r.inspected {
		var err error
		if meet, err = shared.problems(ctx); err != nil {
			return nil, err
		}
	}
	return slices.Concat(slices.Concat(found...), r.unrunnable(failed), r.oddities(odd), meet), context.Cause(ctx)
}

func (r *rendering) keep(wanted bool, i int, out *Rendered) {
	if wanted {
		r.results[i] = out
	}
}

// one renders a release, and passes it on if nothing can refuse it any more.
func (r *rendering) one(ctx context.Context, rel catalog.Release, fingerprint string) Rendered {
	out := Release(ctx, r.Renderer, r.e.catalog.Tree(), rel)
	out.fingerprint = fingerprint
	if r.acceptable && r.OnRendered != nil && ctx.Err() == nil {
		r.OnRendered(rel, out)
	}
	return out
}

// inspect looks at the objects of a release, if it renders.
func (r *rendering) inspect(rel *catalog.Release, packed *render.Packed) (v1alpha1.Problems, error) {
	p, ok := r.e.catalog.Project(rel.ID.Project)
	if !ok || packed == nil {
		return nil, nil
	}
	objects, err := packed.Unpack()
	if err != nil {
		return nil, err
	}
	return slices.Concat(inspect(p, objects), r.stays(p, rel.ID, objects)), nil
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
	if !r.Thorough || r.runs || out.Err == nil {
		return nil
	}
	return v1alpha1.Problems{{
		Rule: catalog.RuleUnevaluated, Severity: v1alpha1.Deny, Position: p.Document.Position("metadata", "name"),
		About:   v1alpha1.About{Project: p.Name, Environment: id.Environment},
		Message: fmt.Sprintf("%s cannot be rendered, so that its objects cannot be judged: %v", id, out.Err),
	}}
}
