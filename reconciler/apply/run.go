// SPDX-License-Identifier: Apache-2.0

package apply

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"trunkline.dev/trunkline/plan"
	"trunkline.dev/trunkline/plan/ownership"
	"trunkline.dev/trunkline/plan/release"
	"trunkline.dev/trunkline/reconciler/cluster"
)

// Run brings the release as far towards its target as is possible now, and returns what was done, also after an error. What it
// starts and leaves running, such as watches, lives as long as daemon; the run itself ends with ctx.
func (x *Executor) Run(daemon, ctx context.Context, in release.Run) release.Ended {
	r := run{Executor: x, in: in, out: release.Ended{Epoch: in.Epoch}}
	for ref := range in.Gone {
		delete(x.applied, ref)
	}
	defer func() {
		if r.written != nil {
			r.written()
		}
	}()
	err := r.attempt(daemon, ctx)
	switch {
	case errors.Is(err, errFinished):
		r.out.Finished = true
		clear(x.applied)
	case err != nil && ctx.Err() != nil:
		r.out.Canceled = true
	case err != nil:
		r.out.Err, r.out.Terminal = err, terminal(err)
	}
	return r.out
}

// errFinished reports that nothing is left of the release.
var errFinished = errors.New("the release is gone")

// run is one of an executor.
type run struct {
	*Executor

	in  release.Run
	out release.Ended

	conn Conn
	// inv is what is recorded of the release, and next what is to be.
	inv, next cluster.Inventory
	recorded  bool
	// written is called at the end of a run that has something to write; nil for others.
	written func()
}

// attempt goes through the run: each part is entered once, in this order.
func (r *run) attempt(daemon, ctx context.Context) error {
	remove := r.in.Target.Remove
	if err := r.begin(daemon, ctx); err != nil {
		return err
	}
	declared := r.declared()
	if err := r.conn.Watch(ctx, cluster.KindsOf(slices.Concat(declared, r.inv.Kinds)...)); err != nil {
		return err
	}
	p, err := r.plan(ctx)
	if err != nil {
		return err
	}
	if !remove {
		if err := r.record(ctx, declared); err != nil {
			return err
		}
	}
	if err := r.apply(ctx, p); err != nil {
		return err
	}
	// A kind that this very run has defined could not be watched before; without a watch, its objects would count as not seen
	// until something else happens.
	if err := r.conn.Watch(ctx, cluster.KindsOf(r.in.Target.Kinds()...)); err != nil {
		return err
	}
	if err := r.prune(ctx, p); err != nil {
		return err
	}
	members := r.conn.Members(r.applySet)
	r.out.Members, r.out.Left = Made(observed(members)), len(members)-len(r.out.Kept)
	r.leaving(members)
	if remove && len(members) == 0 {
		return r.forget(ctx)
	}
	return nil
}

// leaving says what an object waits for that is on its way out, a stuck one first, how many more there are, and when the next
// one counts as stuck.
func (r *run) leaving(members []cluster.Object) {
	now := r.opts.Now()
	going, stuck, until := onTheirWay(members, now)
	r.out.Until = earliest(r.out.Until, until)
	if len(stuck) > 0 {
		going = stuck
	}
	if len(going) > 0 {
		r.out.Leaving = going[0].Ref.String() + ": " + going[0].Deletion.Of(now).Message + andMore(going)
	}
}

// begin connects, and finds out what is recorded and as whom the release is changed.
func (r *run) begin(daemon, ctx context.Context) (err error) {
	known, t := r.locate(), r.in.Target
	if !known && t.Remove {
		return errFinished // there is nothing that could be done
	}
	if !known {
		return &unknownClusterError{name: r.opts.ID.Cluster}
	}
	if r.conn, err = r.connect(daemon, ctx); err != nil {
		return err
	}
	c := r.site
	r.inv, r.recorded = c.Inventory(r.opts.ID)
	if t.Remove && !r.recorded {
		return errFinished
	}
	r.next = cluster.Inventory{
		Platform: r.opts.Platform(), Release: r.opts.ID, Namespace: t.Namespace, Commit: t.Commit, Digest: t.Digest, Memory: r.in.Memory,
		Preview: r.in.Settings.Preview, Repository: r.in.Settings.Repository,
	}
	r.next.Parts = r.opts.partsOf(r.next, r.inv)
	r.next.Memory.Protected = r.in.Settings.Protected && !r.in.Settings.Named
	if t.Remove {
		r.next = r.inv
	}
	r.applySet = r.next.ApplySet()
	c.listen(r.applySet, r.opts.Listen)
	if r.by, err = r.writersFor(r.conn, r.next.Namespace, r.in.Settings.Access, r.inv); err != nil {
		return err
	}
	r.next.Account = r.by.name
	return nil
}

// declared lists the kinds of what is declared, the platform's own among them.
func (r *run) declared() []schema.GroupKind {
	kinds := r.in.Target.Kinds()
	for _, o := range r.in.Settings.Platform(r.opts.ID, r.in.Target) {
		kinds = append(kinds, o.GroupVersionKind().GroupKind())
	}
	return kinds
}

// plan decides what to do, and reports what that says of drift and of objects that wait.
func (r *run) plan(ctx context.Context) (p plan.Plan, err error) {
	urgent := r.in.Target.Remove || r.in.Everything || !r.recorded || r.inv.Digest != r.in.Target.Digest
	if urgent {
		if r.written, err = r.opts.Slots.Write(ctx); err != nil {
			return p, err
		}
	}
	if err := r.opts.Slots.Begin(ctx, urgent); err != nil {
		return p, err
	}
	defer r.opts.Slots.End()
	input := plan.Input{
		Applied: r.applied, Everything: r.in.Everything, Remove: r.in.Target.Remove, Drift: r.in.Settings.Drift, Additions: r.in.Settings.Additions,
		Finished: r.in.Memory.Finished, Vanished: r.vanished(),
		Disposable: r.inv.Preview != plan.NoPreview || r.in.Settings.Preview != plan.NoPreview,
	}
	if !r.in.Back && r.in.Settings.Preview == plan.NoPreview { // what a preview has done it does not do again when it wakes
		input.Finished = input.Finished.ByThemselves()
	}
	input.Drift.Damped = r.in.Damped
	if input.Desired, err = r.in.Target.Objects.Unpack(); err != nil {
		return p, &brokenObjectError{err}
	}
	for _, o := range input.Desired {
		r.next.Mark(o)
	}
	for _, o := range r.in.Settings.Platform(r.opts.ID, r.in.Target) {
		input.Access = append(input.Access, r.next.Member(o))
	}
	for _, m := range r.conn.Members(r.applySet) {
		if !r.in.Target.Declares(m.Ref) {
			m.Moves, m.Undecided = r.opts.Moves.Fate(m.Ref)
		}
		input.Observed = append(input.Observed, m.Observed)
	}
	for ref, known := range r.applied {
		if r.conn.Gone(ref, known.Version) {
			delete(r.applied, ref)
		}
	}
	if p, err = plan.Compute(input); err != nil {
		return p, &brokenObjectError{err}
	}
	r.planned(p, input.Observed)
	return p, nil
}

// planned reports what a plan says, and which objects it has seen as they are.
func (r *run) planned(p plan.Plan, observed []plan.Observed) {
	now := r.opts.Now()
	r.out.Planned, r.out.Sights = true, map[plan.Ref]release.Sight{}
	r.out.Members = Made(observed)
	for _, o := range observed {
		if !o.Version.Before(r.applied[o.Ref].Version) {
			r.out.Sights[o.Ref] = SightOf(o.Digest, o.Owners)
		}
	}
	for _, s := range append(slices.Concat(p.Apply...), p.Rest...) {
		if len(s.Left) > 0 {
			r.out.Open = append(r.out.Open, release.Drifted{Ref: s.Ref, Fields: s.Left, At: now})
		}
	}
	for _, s := range p.Rest {
		// What is undecided is decided as soon as all releases have the commit.
		if s.Action == plan.Keep && s.Reason != plan.Reported && s.Reason != plan.Undecided {
			r.out.Kept = append(r.out.Kept, s.Ref.String())
		}
	}
	r.out.Waiting = waitingFor(p.Blocked())
	r.out.Additions, r.out.Instead = p.Additions, map[plan.Ref][]ownership.Difference{}
	r.done = make(map[plan.Ref]plan.Ending, len(p.Done))
	for _, d := range p.Done {
		r.done[d.Ref] = d.Ending
	}
	r.out.Endings = r.in.Memory.Finished
	for _, o := range observed {
		r.out.Endings = r.out.Endings.With(o.Digest, o.Ending)
	}
}

// vanished returns the members that are gone and that this executor has not deleted itself.
func (r *run) vanished() map[plan.Ref]plan.Vanished {
	out := map[plan.Ref]plan.Vanished{}
	for ref, v := range r.in.Gone {
		if !r.deleted[v.UID] {
			out[ref] = v
		}
	}
	return out
}

// waitingFor says what the objects of a plan wait for; empty if none do.
func waitingFor(blocked []plan.Step) string {
	if len(blocked) == 0 {
		return ""
	}
	first := blocked[0]
	for _, s := range blocked {
		if s.For != (plan.Ref{}) {
			first = s
			break
		}
	}
	if first.For != (plan.Ref{}) {
		return fmt.Sprintf("waiting for %s to be ready before %s", first.For, first.Ref)
	}
	return fmt.Sprintf("waiting for %s: %s", first.Ref, first.Reason)
}

// record writes the inventory before anything that it names is applied, so that a crash leaves a record and never an
// orphan. One that says so already is not written.
func (r *run) record(ctx context.Context, declared []schema.GroupKind) error {
	kinds := slices.Clone(declared)
	for _, o := range r.conn.Members(r.applySet) {
		kinds = append(kinds, o.Ref.GroupKind)
	}
	for ref := range r.applied { // applied, and not seen yet
		kinds = append(kinds, ref.GroupKind)
	}
	r.next.Kinds = cluster.KindsOf(kinds...)
	if r.recorded && r.inv.Digest == r.next.Digest {
		r.next.Commit = r.inv.Commit // the release has not changed since
	}
	asked := r.next
	if !r.in.Unsaved {
		asked.Memory.Healthy = r.inv.Memory.Healthy // nobody asks for it yet: it goes with the next write
	}
	if !r.recorded || r.in.Everything || !r.inv.Covers(asked) {
		if err := r.conn.Record(ctx, r.next); err != nil {
			return err
		}
		r.site.set(r.next)
	}
	memory := r.in.Memory
	memory.Protected = r.next.Memory.Protected
	r.out.Recorded = &release.Recorded{Commit: r.next.Commit, Digest: r.next.Digest, Memory: memory}
	return nil
}

// forget removes the record of a release of which the cluster holds nothing any more.
func (r *run) forget(ctx context.Context) error {
	empty, err := r.conn.Empty(ctx, r.inv)
	if err != nil {
		return err
	}
	if !empty {
		return errUnseen
	}
	if err := r.conn.Forget(ctx, r.inv); err != nil {
		return err
	}
	r.site.drop(r.inv)
	return errFinished
}
