// SPDX-License-Identifier: Apache-2.0

package apply

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"golang.org/x/sync/errgroup"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"trunkline.dev/trunkline/plan"
	"trunkline.dev/trunkline/plan/health"
	"trunkline.dev/trunkline/plan/release"
	"trunkline.dev/trunkline/reconciler/cluster"
)

// apply goes through the stages. Everything of a stage is attempted; the next one waits for all of it. What was applied is
// remembered also when something else failed.
func (r *run) apply(ctx context.Context, p plan.Plan) error {
	for _, stage := range p.Apply {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := r.by.ready(ctx, stage); err != nil {
			return err
		}
		for _, step := range stage {
			// From here on nobody knows what it is like, until the API server has said that it is done.
			delete(r.applied, step.Ref)
		}
		errs := make([]error, len(stage))
		live := make([]cluster.Live, len(stage))
		var group errgroup.Group
		for i, step := range stage {
			group.Go(func() error {
				live[i], errs[i] = r.applyOne(ctx, step)
				return nil
			})
		}
		_ = group.Wait()
		for i, step := range stage {
			if errs[i] == nil {
				errs[i] = r.wasApplied(step, live[i])
				r.out.Applied++
			}
			if replaced, ok := errors.AsType[*replacedError](errs[i]); ok {
				r.deleted[replaced.uid] = true
			}
		}
		if err := together(errs); err != nil {
			return err
		}
		if err := r.established(ctx, stage); err != nil {
			return err
		}
	}
	return nil
}

// wasApplied remembers what an object was applied with. What the API server has not given us then is no drift later.
func (r *run) wasApplied(step plan.Step, live cluster.Live) error {
	lost, err := plan.Lost(step.Object, live.Owners)
	if err != nil {
		return &brokenObjectError{fmt.Errorf("%s: %w", step.Ref, err)}
	}
	known := plan.Applied{Digest: step.Digest, Version: live.Version}
	for _, f := range lost {
		known.Lost = append(known.Lost, f.Path)
	}
	r.applied[step.Ref] = known
	r.out.Sights[step.Ref] = SightOf(step.Digest, live.Owners)
	r.out.Instead[step.Ref] = live.Instead
	if d, ok := r.drifted(step, live); ok {
		r.out.Corrected = append(r.out.Corrected, d)
	}
	return nil
}

// drifted returns what was corrected by applying a step. If that has changed nothing, nobody had touched the object.
func (r *run) drifted(step plan.Step, live cluster.Live) (release.Drifted, bool) {
	out := release.Drifted{Ref: step.Ref, Fields: slices.Concat(step.Fields, step.Reclaim), At: r.opts.Now()}
	if t := step.Tampering; t != nil {
		found := t.Found(r.in.Gone[step.Ref].UID, live.UID)
		out.What, out.Manager = found.What, found.Manager
		if !found.At.IsZero() {
			out.At = found.At
		}
		return out, true
	}
	return out, (step.Reason == plan.Drifted || step.Reason == plan.Added) && live.Version != step.Version
}

func (r *run) applyOne(ctx context.Context, s plan.Step) (cluster.Live, error) {
	one := Object{
		ApplySet: r.applySet, Namespace: r.by.namespace, Owner: r.conn.Owner, Moves: r.opts.Moves, Secrets: r.opts.Secrets,
		ID: r.opts.ID,
	}
	return one.Apply(ctx, r.by.of(s), s)
}

// established waits for new kinds to be served, since what comes next may be of them.
func (r *run) established(ctx context.Context, stage []plan.Step) error {
	var definitions []plan.Ref
	for _, a := range stage {
		if a.Ref.Group == "apiextensions.k8s.io" {
			definitions = append(definitions, a.Ref)
		}
	}
	if len(definitions) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, stepTimeout)
	defer cancel()
	for {
		members := byRef(r.conn.Members(r.applySet))
		if !slices.ContainsFunc(definitions, func(ref plan.Ref) bool {
			m, seen := members[ref]
			return !seen || m.Version.Before(r.applied[ref].Version) || m.Health != health.Healthy
		}) {
			return nil
		}
		select {
		case <-r.changed:
		case <-ctx.Done():
			return fmt.Errorf("waiting for %s to be established: %w", definitions[0], ctx.Err())
		}
	}
}

// prune deletes what is not declared any more, and reports what it has kept since more would be lost with it.
func (r *run) prune(ctx context.Context, p plan.Plan) error {
	ended := endings(r.conn.Members(r.applySet))
	for _, stage := range p.Prune {
		if err := r.by.ready(ctx, stage); err != nil {
			return err
		}
		errs, used := make([]error, len(stage)), make([]string, len(stage))
		var group errgroup.Group
		for i, step := range stage {
			group.Go(func() error {
				if step.Loses {
					used[i], errs[i] = r.conn.InUse(ctx, step.Ref)
				}
				if used[i] == "" && errs[i] == nil {
					errs[i] = r.by.of(step).Delete(ctx, step.Ref, step.UID)
				}
				return nil
			})
		}
		_ = group.Wait()
		for i, err := range errs {
			switch {
			case used[i] != "":
				r.out.Kept = append(r.out.Kept, fmt.Sprintf("%s, which has %s", stage[i].Ref, used[i]))
			case err == nil:
				r.out.Pruned++
				if end, ok := ended[stage[i].Ref]; ok {
					r.out.Endings = r.out.Endings.WithPruned(end.digest, end.how)
				}
			}
		}
		if err := together(errs); err != nil {
			return err
		}
	}
	return nil
}

// ending is how far an object was, in the state with the digest.
type ending struct {
	digest string
	how    plan.Ending
}

// endings returns how the Jobs among members have ended, those that have, and what removes itself and has not.
func endings(members []cluster.Object) map[plan.Ref]ending {
	out := map[plan.Ref]ending{}
	for _, m := range members {
		if m.Ending == plan.Started {
			out[m.Ref] = ending{m.Digest, plan.Started}
		}
		if m.Ref.GroupKind != (schema.GroupKind{Group: "batch", Kind: "Job"}) {
			continue
		}
		switch m.Health {
		case health.Healthy:
			out[m.Ref] = ending{m.Digest, plan.Completed}
		case health.Failed:
			out[m.Ref] = ending{m.Digest, plan.FailedForGood}
		case health.Progressing, health.Stalled:
		}
	}
	return out
}
