package reconciler

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"golang.org/x/sync/errgroup"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"trunkline.dev/trunkline/reconciler/cluster"
	"trunkline.dev/trunkline/reconciler/gate"
	"trunkline.dev/trunkline/reconciler/history"
	"trunkline.dev/trunkline/reconciler/plan"
	"trunkline.dev/trunkline/reconciler/secrets"
	"trunkline.dev/trunkline/reconciler/status"
)

// step is one run: it brings the release as far towards its desired state as is possible now. What it starts
// and leaves running, such as watches, lives as long as daemon; the run itself ends with ctx.
func (w *worker) step(daemon, ctx context.Context, in work) error {
	began := w.r.opts.Now()
	w.begin(in)
	done, err := w.attempt(daemon, ctx, in)
	if errors.Is(err, context.Canceled) && ctx.Err() != nil {
		return err // a newer commit has come, or the daemon ends: not a word about this one
	}
	finished := errors.Is(err, errFinished)
	if finished {
		w.lastErr = nil
		clear(w.applied)
	} else {
		w.lastErr = err
	}
	w.end(in, done, err)
	run := Run{
		Release: w.id, Commit: in.commit, Applied: done.applied, Pruned: done.pruned,
		Took: w.r.opts.Now().Sub(began), Err: w.lastErr,
	}
	w.r.opts.Observe(run)
	if done.applied+done.pruned > 0 || finished || err != nil {
		log := w.r.opts.Log.With("release", w.id.String(), "commit", status.Short(in.commit),
			"applied", run.Applied, "pruned", run.Pruned, "took", run.Took)
		if w.lastErr != nil {
			log.Warn("run failed", "err", err.Error())
		} else {
			log.Info("run finished", "removed", finished)
		}
	}
	return err
}

// outcome is what a run did, whether or not it ended well.
type outcome struct {
	applied, pruned int
	// kept are objects that stay although they are not declared, and left those that are still to go.
	kept []string
	left int
	// blocked are objects that wait for others.
	blocked []plan.Step
}

func (w *worker) attempt(daemon, ctx context.Context, in work) (outcome, error) {
	var done outcome
	c := w.r.clusters[w.id.Cluster]
	if c == nil && in.remove {
		return done, errFinished // there is nothing that could be done
	}
	if c == nil {
		return done, &unknownClusterError{name: w.id.Cluster}
	}
	conn, err := w.connect(daemon, ctx, c)
	if err != nil {
		return done, err
	}
	inv, recorded := c.inventory(w.id)
	if in.remove && !recorded {
		return done, errFinished
	}
	next := cluster.Inventory{
		Platform: w.r.platformName(), Release: w.id, Namespace: in.namespace, Commit: in.commit, Digest: in.digest, Memory: in.memory,
	}
	next.Memory.Protected = in.settings.Protected && !in.settings.Named
	if in.remove {
		next = inv
	}
	applySet := next.ApplySet()
	w.applySet = applySet
	c.register(applySet, w)
	by, err := w.handsFor(conn, next.Namespace, in.settings.access, inv)
	if err != nil {
		return done, err
	}
	w.by = by
	next.Account = by.name
	declared := in.kinds()
	for _, o := range in.access(w.id) {
		declared = append(declared, o.GroupVersionKind().GroupKind())
	}
	if err := conn.Watch(ctx, cluster.KindsOf(slices.Concat(declared, inv.Kinds)...)); err != nil {
		return done, err
	}
	news := in.remove || in.everything || !recorded || inv.Digest != in.digest
	if err := w.r.planning.begin(ctx, news); err != nil {
		return done, err
	}
	p, err := w.plan(conn, next, in)
	w.r.planning.end()
	if err != nil {
		return done, err
	}
	for _, s := range p.Rest {
		if s.Action == plan.Keep && s.Reason != plan.Reported {
			done.kept = append(done.kept, s.Ref.String())
		}
	}
	done.blocked = p.Blocked()
	if !in.remove {
		next.Kinds = cluster.KindsOf(slices.Concat(declared, w.kinds(conn))...)
		if recorded && inv.Digest == next.Digest {
			next.Commit = inv.Commit // the release has not changed since
		}
		asked := next
		if !in.unsaved {
			asked.Memory.Healthy = inv.Memory.Healthy // nobody asks for it yet: it goes with the next write
		}
		if !recorded || in.everything || !inv.Covers(asked) {
			if err := conn.Record(ctx, next); err != nil {
				return done, err
			}
			c.setInventory(next)
		}
		w.took(next, in.memory)
	}
	if done.applied, err = w.apply(ctx, conn, by, p); err != nil {
		return done, err
	}
	// A kind that this very run has defined could not be watched before; without a watch, its objects would count as
	// not seen until something else happens.
	if err := conn.Watch(ctx, cluster.KindsOf(in.kinds()...)); err != nil {
		return done, err
	}
	pruned, kept, err := w.prune(ctx, conn, by, p)
	done.pruned, done.kept = pruned, append(done.kept, kept...)
	if err != nil {
		return done, err
	}
	members := conn.Members(applySet)
	done.left = len(members) - len(done.kept)
	if in.remove && len(members) == 0 {
		if empty, err := conn.Empty(ctx, inv); err != nil {
			return done, err
		} else if !empty {
			return done, errUnseen
		}
		if err := conn.Forget(ctx, inv); err != nil {
			return done, err
		}
		c.dropInventory(inv)
		return done, errFinished
	}
	return done, nil
}

// connect gives the connection to the cluster. With a new one, nothing is known of what was applied before:
// deletions may have gone unseen.
func (w *worker) connect(daemon, ctx context.Context, c *clusterState) (*cluster.Conn, error) {
	call, cancel := context.WithTimeout(ctx, stepTimeout)
	defer cancel()
	conn, err := c.Connect(daemon, call)
	if err != nil {
		return nil, err
	}
	if err := c.load(call, conn, w.r.platformName()); err != nil {
		return nil, err
	}
	if w.conn != conn {
		w.conn = conn
		clear(w.applied)
	}
	return conn, nil
}

// took takes in that the inventory says what the release is about to be.
func (w *worker) took(inv cluster.Inventory, memory gate.Memory) {
	w.recorded, w.recordedDigest = inv.Commit, inv.Digest
	w.mu.Lock()
	w.inPlace = inv.Digest
	w.memory.Protected = inv.Memory.Protected
	memory.Protected = inv.Memory.Protected
	w.mu.Unlock()
	w.saved(memory)
}

// plan decides what to do, and takes in what it says of drift.
func (w *worker) plan(conn *cluster.Conn, next cluster.Inventory, in work) (plan.Plan, error) {
	now := w.r.opts.Now()
	input := plan.Input{Applied: w.applied, Everything: in.everything, Drift: in.settings.Drift}
	input.Drift.Damped, w.dampedUntil = w.fights.Damped(now)
	var err error
	if input.Desired, err = in.objects.Unpack(); err != nil {
		return plan.Plan{}, &brokenObjectError{err}
	}
	for _, o := range input.Desired {
		next.Mark(o)
	}
	for _, o := range in.access(w.id) {
		input.Access = append(input.Access, next.Member(o))
	}
	for _, m := range conn.Members(next.ApplySet()) {
		input.Observed = append(input.Observed, m.Observed)
	}
	for ref, known := range w.applied {
		if conn.Gone(ref, known.Version) {
			delete(w.applied, ref)
		}
	}
	p, err := plan.Compute(input)
	if err != nil {
		return p, &brokenObjectError{err}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, o := range input.Observed {
		if !o.Version.Before(w.applied[o.Ref].Version) {
			w.judged[o.Ref] = sightOf(o.Digest, o.Owners)
		}
	}
	w.waiting = len(p.Blocked()) > 0
	for _, d := range w.drifts.look(p, &w.fights, now) {
		w.r.opts.Tell(history.Event{Release: w.id, Kind: history.Drift, Commit: in.commit, Message: changedBy(d), Object: d.Object, Fields: d.Fields})
	}
	return p, nil
}

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
			return !seen || m.Version.Before(w.applied[ref].Version) || m.Health != cluster.Healthy
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

// kinds lists those that the cluster may hold objects of: what was seen, and what was applied and not seen yet.
func (w *worker) kinds(conn *cluster.Conn) []schema.GroupKind {
	var kinds []schema.GroupKind
	for _, o := range conn.Members(w.applySet) {
		kinds = append(kinds, o.Ref.GroupKind)
	}
	for ref := range w.applied {
		kinds = append(kinds, ref.GroupKind)
	}
	return kinds
}

// errUnseen says that the cluster holds objects of a release that the watches have not told of yet.
var errUnseen = errors.New("waiting to see what is left of the release")

// replacedError says that an object was deleted to be made anew, since it cannot be changed.
type replacedError struct{ ref plan.Ref }

func (e *replacedError) Error() string {
	return fmt.Sprintf("%s cannot be changed: it was deleted, and is made anew once it is gone", e.ref)
}

// brokenObjectError says that an object is such that nothing can be planned for it.
type brokenObjectError struct{ err error }

func (e *brokenObjectError) Error() string { return e.err.Error() }
func (e *brokenObjectError) Unwrap() error { return e.err }

// terminal tells that trying again cannot help until somebody changes something.
func terminal(err error) bool {
	var unknown *unknownClusterError
	var broken *brokenObjectError
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		return !slices.ContainsFunc(joined.Unwrap(), func(e error) bool { return !terminal(e) })
	}
	if sealed, ok := errors.AsType[*secrets.Error](err); ok {
		return !sealed.Transient
	}
	return errors.As(err, &unknown) || errors.As(err, &broken) || cluster.Terminal(err)
}

// unknownClusterError says that the daemon was not told how to reach a cluster.
type unknownClusterError struct{ name string }

func (e *unknownClusterError) Error() string {
	return fmt.Sprintf("this daemon has no way to cluster %q: start it with --cluster %s=KUBECONFIG", e.name, e.name)
}
