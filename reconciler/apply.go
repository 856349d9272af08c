package reconciler

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"golang.org/x/sync/errgroup"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"trunkline.dev/trunkline/plan"
	"trunkline.dev/trunkline/plan/health"
	"trunkline.dev/trunkline/reconciler/cluster"
	"trunkline.dev/trunkline/reconciler/history"
	"trunkline.dev/trunkline/reconciler/secrets"
)

// apply goes through the stages. Everything of a stage is attempted; the next one waits for all of it. What
// was applied is remembered also when something else failed.
func (w *worker) apply(ctx context.Context, conn *cluster.Conn, by hands, p plan.Plan) (int, error) {
	applied := 0
	for _, stage := range p.Apply {
		if err := ctx.Err(); err != nil {
			return applied, err
		}
		if err := by.ready(ctx, stage); err != nil {
			return applied, err
		}
		for _, step := range stage {
			// From here on nobody knows what it is like, until the API server has said that it is done.
			delete(w.applied, step.Ref)
		}
		errs := make([]error, len(stage))
		live := make([]cluster.Live, len(stage))
		var group errgroup.Group
		for i, step := range stage {
			group.Go(func() error {
				live[i], errs[i] = w.applyOne(ctx, conn, by, step)
				return nil
			})
		}
		_ = group.Wait()
		for i, step := range stage {
			if errs[i] == nil {
				errs[i] = w.wasApplied(step, live[i])
				applied++
			}
		}
		if err := errors.Join(errs...); err != nil {
			return applied, err
		}
		if err := w.established(ctx, conn, w.applySet, stage); err != nil {
			return applied, err
		}
	}
	return applied, nil
}

// wasApplied remembers what an object was applied with. What the API server has not given us then is no drift later.
func (w *worker) wasApplied(step plan.Step, live cluster.Live) error {
	lost, err := plan.Lost(step.Object, live.Owners)
	if err != nil {
		return &brokenObjectError{fmt.Errorf("%s: %w", step.Ref, err)}
	}
	known := plan.Applied{Digest: step.Digest, Version: live.Version}
	for _, f := range lost {
		known.Lost = append(known.Lost, f.Path)
	}
	w.applied[step.Ref] = known
	w.mu.Lock()
	defer w.mu.Unlock()
	w.judged[step.Ref] = sightOf(step.Digest, live.Owners)
	if step.Reason != plan.Drifted || live.Version == step.Version {
		return nil // applying changed nothing: nobody had touched it
	}
	now := w.r.opts.Now()
	d := driftOf(step.Ref, step.Fields, now)
	for _, f := range step.Fields {
		w.fights.Corrected(step.Ref, f, now)
		if n := w.fights.Rounds(step.Ref, f.Path); n > 1 {
			d.Rounds = max(d.Rounds, n)
		}
	}
	w.drifts.mended(d)
	w.r.opts.Tell(history.Event{Release: w.id, Kind: history.Corrected, Message: changedBy(d), Object: d.Object, Fields: d.Fields})
	return nil
}

func (w *worker) applyOne(ctx context.Context, conn *cluster.Conn, by hands, s plan.Step) (cluster.Live, error) {
	actor := by.of(s)
	if owner, ok := conn.Owner(s.Ref); ok && owner != w.applySet {
		return cluster.Live{}, fmt.Errorf("%s: %w: it is a member of %s", s.Ref, cluster.ErrForeign, owner)
	}
	// Server-side apply would take over a namespace, a definition or anything else outside of the release's namespace that
	// is there, and removing the release would then delete it with all that others have in it.
	if s.Reason == plan.Missing && actor.Outside(s.Ref) {
		if err := actor.CheckFree(ctx, s.Object, w.applySet); err != nil {
			return cluster.Live{}, err
		}
	}
	// From here to the end of this function there are values in plain; nothing else gets hold of them.
	open, err := w.r.opts.Secrets.Open(ctx, secrets.Release{Project: w.id.Project, Environment: w.id.Environment}, s.Object)
	if err != nil {
		return cluster.Live{}, err
	}
	o := (&unstructured.Unstructured{Object: secrets.Stored(open.Object)}).DeepCopy()
	annotations := o.GetAnnotations()
	if annotations == nil {
		annotations = map[string]string{}
	}
	annotations[plan.DigestAnnotation] = s.Digest
	o.SetAnnotations(annotations)
	live, err := actor.Apply(ctx, o, cluster.Applying{Force: s.Force, Own: s.Own})
	if cluster.Immutable(err) && s.UID != "" && s.Object.GetAnnotations()[plan.ReplaceAnnotation] == "enabled" {
		if err := actor.Delete(ctx, s.Ref, s.UID); err != nil {
			return cluster.Live{}, err
		}
		return cluster.Live{}, &replacedError{ref: s.Ref}
	}
	return live, err
}

// established waits for new kinds to be served, since what comes next may be of them.
func (w *worker) established(ctx context.Context, conn *cluster.Conn, applySet string, stage []plan.Step) error {
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
	defer w.signal() // the waking up below was not meant for us alone
	for {
		members := byRef(conn.Members(applySet))
		if !slices.ContainsFunc(definitions, func(ref plan.Ref) bool {
			m, seen := members[ref]
			return !seen || m.Version.Before(w.applied[ref].Version) || m.Health != health.Healthy
		}) {
			return nil
		}
		select {
		case <-w.wake:
		case <-ctx.Done():
			return fmt.Errorf("waiting for %s to be established: %w", definitions[0], ctx.Err())
		}
	}
}

// prune deletes what is not declared any more, and gives what it has kept since more would be lost with it.
func (w *worker) prune(ctx context.Context, conn *cluster.Conn, by hands, p plan.Plan) (pruned int, kept []string, err error) {
	for _, stage := range p.Prune {
		if err := by.ready(ctx, stage); err != nil {
			return pruned, kept, err
		}
		errs, held := make([]error, len(stage)), make([]string, len(stage))
		var group errgroup.Group
		for i, step := range stage {
			group.Go(func() error {
				if step.Loses {
					held[i], errs[i] = conn.InUse(ctx, step.Ref)
				}
				if held[i] == "" && errs[i] == nil {
					errs[i] = by.of(step).Delete(ctx, step.Ref, step.UID)
				}
				return nil
			})
		}
		_ = group.Wait()
		for i, err := range errs {
			switch {
			case held[i] != "":
				kept = append(kept, fmt.Sprintf("%s, which has %s", stage[i].Ref, held[i]))
			case err == nil:
				pruned++
			}
		}
		if err := errors.Join(errs...); err != nil {
			return pruned, kept, err
		}
	}
	return pruned, kept, nil
}

func byRef(objects []cluster.Object) map[plan.Ref]cluster.Object {
	m := make(map[plan.Ref]cluster.Object, len(objects))
	for _, o := range objects {
		m[o.Ref] = o
	}
	return m
}

// replacedError says that an object was deleted to be made anew, since it cannot be changed.
type replacedError struct{ ref plan.Ref }

func (e *replacedError) Error() string {
	return fmt.Sprintf("%s cannot be changed: it was deleted, and is made anew once it is gone", e.ref)
}
