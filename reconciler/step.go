package reconciler

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"trunkline.dev/trunkline/plan"
	"trunkline.dev/trunkline/plan/gate"
	"trunkline.dev/trunkline/reconciler/cluster"
	"trunkline.dev/trunkline/reconciler/history"
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
