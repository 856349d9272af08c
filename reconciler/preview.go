// SPDX-License-Identifier: Apache-2.0

package reconciler

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/evaluate"
	"trunkline.dev/trunkline/plan"
	"trunkline.dev/trunkline/plan/gate"
	"trunkline.dev/trunkline/plan/release"
	"trunkline.dev/trunkline/plan/terms"
	"trunkline.dev/trunkline/reconciler/cluster"
	"trunkline.dev/trunkline/reconciler/history"
	"trunkline.dev/trunkline/reconciler/status"
	"trunkline.dev/trunkline/render"
)

// Preview is the preview of a pull request as it should be.
type Preview struct {
	*evaluate.Preview

	// Commit is the head of the pull request.
	Commit string
	// Asleep has it put asleep, as [PreviewState] had it before a restart.
	Asleep bool
	// By is who asked for it.
	By ByHand
}

// PreviewState is a preview that there is.
type PreviewState struct {
	Name string
	// Of is the environment that it is derived from, Commit the head of the pull request that it is at, and Since when it was put
	// first; they are empty unless Put.
	Of, Commit string
	Since      time.Time
	// Put reports whether [Reconciler.PutPreview] was called for it: otherwise clusters alone know of it.
	Put bool
	// Asleep reports whether it sleeps, and Removing whether it is on its way out.
	Asleep, Removing bool
	// Releases are those that it should have, and those that clusters hold, in the order of their ids.
	Releases []catalog.ReleaseID
}

// ErrNotReady says that no commit of the trunk was accepted yet.
var ErrNotReady = errors.New("no commit was accepted yet")

// PreviewError says to people why a preview is not made.
type PreviewError struct {
	Name string
	Why  string
}

func (e *PreviewError) Error() string {
	return fmt.Sprintf("the preview %s is not made: %s", e.Name, e.Why)
}

// previews are those that should be there. All but turn is guarded by the reconciler's lock.
type previews struct {
	// turn is held by whoever changes them.
	turn sync.Mutex
	put  map[string]*kept
	// expected are those that there should be, put or not; nil while that is not known. removed are those whose removal was asked
	// for meanwhile.
	expected, removed map[string]bool
}

// kept is a preview that was put.
type kept struct {
	Preview

	since time.Time
	ids   map[catalog.ReleaseID]bool
}

// declares reports whether a release is one that should be there. The caller holds the lock.
func (r *Reconciler) declares(id catalog.ReleaseID) bool {
	if p := r.previews.put[id.Environment]; p != nil {
		return p.ids[id]
	}
	return r.declared[id]
}

// PutPreview makes a preview, or puts it in the place of the one of the same name: the newest counts. It returns once all of its
// releases were told; how they are doing is on the board. An error is [ErrNotReady] or a [*PreviewError]; nothing changes then.
func (r *Reconciler) PutPreview(_ context.Context, p Preview) error {
	r.previews.turn.Lock()
	defer r.previews.turn.Unlock()
	return r.putPreview(p)
}

// putPreview does so in turn.
func (r *Reconciler) putPreview(p Preview) error {
	next := &kept{Preview: p, since: r.opts.Now(), ids: map[catalog.ReleaseID]bool{}}
	objects := make([]*render.Packed, len(p.Releases))
	for i, rel := range p.Releases {
		next.ids[rel.ID] = true
		var err error
		if objects[i] = rel.Rendered.Objects; p.Asleep && rel.Rendered.Err == nil {
			if objects[i], err = render.Asleep(objects[i]); err != nil {
				return fmt.Errorf("putting %s asleep: %w", rel.ID, err)
			}
		}
	}
	r.mu.Lock()
	if err := r.mayPut(p); err != nil {
		r.mu.Unlock()
		return err
	}
	before := r.previews.put[p.Name]
	if before != nil {
		next.since = before.since
	}
	r.previews.place(next)
	var dealt sync.WaitGroup
	for id, a := range r.actors {
		if a.preview && id.Environment == p.Name && !next.ids[id] {
			r.removePreview(a, "", &dealt)
		}
	}
	r.mu.Unlock()
	r.tellPreview(before, next)
	for _, level := range levelsOf(p.Releases) {
		r.mu.Lock()
		for _, i := range level {
			r.handPreview(next, p.Releases[i], objects[i], &dealt)
		}
		r.mu.Unlock()
		r.await(&dealt)
	}
	r.wakeAll()
	return nil
}

// place records a preview that was put.
func (v *previews) place(p *kept) {
	if v.put == nil {
		v.put = map[string]*kept{}
	}
	v.put[p.Name] = p
	delete(v.removed, p.Name)
	if v.expected != nil {
		v.expected[p.Name] = true
	}
}

// PreviewAirflows are the Airflows of the previews that are awake.
func (r *Reconciler) PreviewAirflows() (out []catalog.DeployedAirflow) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, p := range r.previews.put {
		if !p.Asleep {
			out = append(out, p.Airflows...)
		}
	}
	slices.SortFunc(out, func(a, b catalog.DeployedAirflow) int { return a.Compare(b.ReleaseID) })
	return out
}

// mayPut returns why a preview cannot be put. The caller holds the lock.
func (r *Reconciler) mayPut(p Preview) error {
	refused := func(why string, args ...any) error { return &PreviewError{p.Name, fmt.Sprintf(why, args...)} }
	switch _, ok := catalog.PreviewPull(p.Name); {
	case r.catalog == nil:
		return ErrNotReady
	case !ok:
		return refused("%q is not the name of a preview", p.Name)
	case p.Problems.Denied():
		return refused("%s", p.Problems)
	}
	for _, rel := range p.Releases {
		if a := r.actors[rel.ID]; a != nil && !a.preview {
			return refused("%s was declared before such names were reserved, and is being removed", rel.ID)
		}
		if other, taken := r.catalog.Occupant(rel.ID.Cluster, rel.Namespace); taken {
			return refused("the namespace %q is that of %s", rel.Namespace, other)
		}
		for name, o := range r.previews.put {
			if name != p.Name && slices.ContainsFunc(o.Releases, func(other evaluate.PreviewRelease) bool {
				return other.ID.Cluster == rel.ID.Cluster && other.Namespace == rel.Namespace
			}) {
				return refused("the namespace %q is that of the preview %s", rel.Namespace, name)
			}
		}
	}
	return nil
}

// levelsOf puts the releases of a preview, by their places, into levels: each behind those that it waits for.
func levelsOf(releases []evaluate.PreviewRelease) (levels [][]int) {
	depth, place := map[catalog.ReleaseID]int{}, map[catalog.ReleaseID]int{}
	for i, rel := range releases {
		place[rel.ID] = i
	}
	var of func(i int) int
	of = func(i int) int {
		n, known := depth[releases[i].ID]
		if known {
			return n
		}
		for _, other := range releases[i].Terms.Needs {
			if j, ok := place[other]; ok {
				n = max(n, of(j)+1) // they make no cycle: the commit would have been refused
			}
		}
		depth[releases[i].ID] = n
		return n
	}
	for i := range releases {
		for of(i) >= len(levels) {
			levels = append(levels, nil)
		}
		levels[of(i)] = append(levels[of(i)], i)
	}
	return levels
}

// handPreview returns a release of a preview what it renders to. The caller holds the lock.
func (r *Reconciler) handPreview(p *kept, rel evaluate.PreviewRelease, objects *render.Packed, dealt *sync.WaitGroup) {
	s := release.Settings{Terms: rel.Terms, Access: release.Access{Access: rel.Access, Declared: true}}
	if s.Access.Account == "" {
		s.Access.Account = r.opts.DefaultServiceAccount
	}
	if p.Asleep {
		s.Preview = plan.Asleep
	}
	r.opts.Board.SetRelease(rel.ID, func(st *status.Release) { st.Preview = &status.Preview{Of: p.Of, Asleep: p.Asleep} })
	r.handTo(identity{rel.ID, rel.Namespace, rel.Owner}, p.Commit, s, objects, rel.Rendered.Err, dealt)
}

// removePreview asks for a release of a preview to be deleted, with all that it has. The caller holds the lock.
func (r *Reconciler) removePreview(a *actor, namespace string, dealt *sync.WaitGroup) {
	s := release.Settings{Terms: terms.Undeclared(), Access: release.Access{Access: catalog.Access{Account: r.opts.DefaultServiceAccount}}}
	s.Preview = plan.Awake
	r.opts.Board.SetRelease(a.id, func(st *status.Release) {
		if st.Preview == nil {
			st.Preview = &status.Preview{}
		}
	})
	r.progress.follow(a, follows{}, func(_, _ []gate.Source) {
		a.box.putAndTell(release.Declared{Target: release.Target{Namespace: namespace, Remove: true}, Settings: s}, dealt)
	})
}

// sweepPreview has a release of a preview removed that a cluster holds, if it is known that it should not be there. The caller
// holds the lock.
func (r *Reconciler) sweepPreview(i cluster.Inventory, dealt *sync.WaitGroup) {
	if r.previews.wanted(i.Release) || r.actors[i.Release] != nil || !r.opts.Sharing.Owned(i.Release) {
		return
	}
	r.removePreview(r.actorOf(i.Release, true), i.Namespace, dealt)
}

// wanted reports whether a release of a preview should be there, or may have to be: what is not known yet is not removed.
func (v *previews) wanted(id catalog.ReleaseID) bool {
	if p := v.put[id.Environment]; p != nil {
		return p.ids[id]
	}
	if v.removed[id.Environment] {
		return false
	}
	return v.expected == nil || v.expected[id.Environment]
}

// SleepPreview scales the workloads of a preview to nothing. Its namespaces, and what data is in them, stay.
func (r *Reconciler) SleepPreview(_ context.Context, name string, hand ByHand) error {
	return r.turnPreview(name, true, hand)
}

// WakePreview has a preview run again.
func (r *Reconciler) WakePreview(_ context.Context, name string, hand ByHand) error {
	return r.turnPreview(name, false, hand)
}

func (r *Reconciler) turnPreview(name string, asleep bool, hand ByHand) error {
	r.previews.turn.Lock()
	defer r.previews.turn.Unlock()
	r.mu.Lock()
	before := r.previews.put[name]
	r.mu.Unlock()
	if before == nil {
		return fmt.Errorf("%w: the preview %s", ErrNotFound, name)
	}
	next := before.Preview
	next.Asleep, next.By = asleep, hand
	return r.putPreview(next)
}

// RemovePreview asks for a preview to be removed: its objects, its namespaces with all that is in them, and what is recorded of it.
// One that is not there is no error. It is gone once [Reconciler.Previews] does not return it any more.
func (r *Reconciler) RemovePreview(_ context.Context, name string, hand ByHand) error {
	r.previews.turn.Lock()
	defer r.previews.turn.Unlock()
	var dealt sync.WaitGroup
	r.mu.Lock()
	before := r.previews.put[name]
	if r.previews.removed == nil {
		r.previews.removed = map[string]bool{}
	}
	r.previews.removed[name] = true
	delete(r.previews.expected, name)
	r.drop(name, &dealt)
	r.mu.Unlock()
	r.await(&dealt)
	r.wakeAll() // what clusters hold is found by looking
	if before != nil {
		r.tellRemoved(name, hand)
	}
	return nil
}

// drop has all of a preview removed that is kept. The caller holds the lock.
func (r *Reconciler) drop(name string, dealt *sync.WaitGroup) {
	if p := r.previews.put[name]; p != nil {
		delete(r.previews.put, name)
		for id := range p.ids {
			if r.actors[id] == nil {
				r.opts.Board.RemoveRelease(id) // it never came as far as an actor
			}
		}
	}
	for id, a := range r.actors {
		if a.preview && id.Environment == name {
			r.removePreview(a, "", dealt)
		}
	}
}

// SetPreviews says which previews there should be: all others are removed, also those that only clusters know of. Those that were
// not put yet are left as they are. Before it is called, nothing of a preview is removed that was not asked for: not to know of a
// pull request is not to know that it is closed.
func (r *Reconciler) SetPreviews(names []string) {
	r.previews.turn.Lock()
	defer r.previews.turn.Unlock()
	var dealt sync.WaitGroup
	r.mu.Lock()
	r.previews.expected, r.previews.removed = map[string]bool{}, nil
	for _, name := range names {
		r.previews.expected[name] = true
	}
	var gone []string
	for name := range r.previews.put {
		if !r.previews.expected[name] {
			gone = append(gone, name)
		}
	}
	for _, name := range gone {
		r.drop(name, &dealt)
	}
	r.mu.Unlock()
	r.await(&dealt)
	r.wakeAll()
	for _, name := range gone {
		r.tellRemoved(name, ByHand{})
	}
}

// ForgetPreviews forgets all previews, and changes nothing in clusters: whoever knows the pull requests from now on says which
// there should be.
func (r *Reconciler) ForgetPreviews() {
	r.previews.turn.Lock()
	defer r.previews.turn.Unlock()
	r.mu.Lock()
	var forgotten []*actor
	for id, a := range r.actors {
		if a.preview {
			delete(r.actors, id)
			forgotten = append(forgotten, a)
		}
	}
	ids := map[catalog.ReleaseID]bool{}
	for _, p := range r.previews.put {
		maps.Copy(ids, p.ids)
	}
	r.previews.put, r.previews.expected, r.previews.removed = nil, nil, nil
	r.mu.Unlock()
	for _, a := range forgotten {
		if a.end != nil {
			a.end()
			<-a.ended
		}
		r.progress.forget(a)
		ids[a.id] = true
	}
	for id := range ids {
		r.opts.Board.RemoveRelease(id)
	}
}

// wakeAll has all clusters looked at.
func (r *Reconciler) wakeAll() {
	for _, c := range r.clusters.all() {
		c.wake()
	}
}

// Previews returns the previews that were put, and those that clusters hold anything of, by name. The error names the clusters
// that could not be asked: it is not known what they hold. ctx is the daemon's, as in [Reconciler.Recorded].
func (r *Reconciler) Previews(ctx context.Context) ([]PreviewState, error) {
	held, err := r.heldPreviews(ctx)
	r.mu.Lock()
	defer r.mu.Unlock()
	states, ids := map[string]*PreviewState{}, map[string]map[catalog.ReleaseID]bool{}
	of := func(name string) *PreviewState {
		if states[name] == nil {
			states[name], ids[name] = &PreviewState{Name: name, Removing: true}, map[catalog.ReleaseID]bool{}
		}
		return states[name]
	}
	for id, asleep := range held {
		s := of(id.Environment)
		ids[s.Name][id] = true
		s.Asleep = s.Asleep || asleep
		s.Removing = s.Removing && !r.previews.wanted(id)
	}
	for id, a := range r.actors {
		if a.preview {
			ids[of(id.Environment).Name][id] = true
		}
	}
	for name, p := range r.previews.put {
		s := of(name)
		s.Of, s.Commit, s.Since, s.Put, s.Asleep, s.Removing = p.Of, p.Commit, p.since, true, p.Asleep, false
		maps.Copy(ids[name], p.ids)
	}
	out := make([]PreviewState, 0, len(states))
	for name, s := range states {
		s.Releases = slices.SortedFunc(maps.Keys(ids[name]), catalog.ReleaseID.Compare)
		out = append(out, *s)
	}
	slices.SortFunc(out, func(a, b PreviewState) int { return strings.Compare(a.Name, b.Name) })
	return out, err
}

// heldPreviews returns the releases of previews that clusters hold, and whether each sleeps.
func (r *Reconciler) heldPreviews(ctx context.Context) (map[catalog.ReleaseID]bool, error) {
	held := map[catalog.ReleaseID]bool{}
	list, err := r.inventories(ctx, false)
	for _, i := range list {
		if i.Preview != plan.NoPreview {
			held[i.Release] = i.Preview == plan.Asleep
		}
	}
	return held, err
}

// tellPreview puts into the log and the history what becomes of a preview.
func (r *Reconciler) tellPreview(before, next *kept) {
	var what string
	switch {
	case before == nil && next.Asleep:
		what = "it is there, asleep"
	case before == nil:
		what = fmt.Sprintf("a preview of %s with %d releases", next.Of, len(next.ids))
	case before.Asleep && !next.Asleep:
		what = "it wakes up"
	case !before.Asleep && next.Asleep:
		what = "it falls asleep"
	case before.Commit != next.Commit:
		what = "it takes the newest push"
	default:
		return
	}
	r.opts.Log.Info("preview", "name", next.Name, "what", what, "commit", next.Commit, "by", next.By.By)
	r.opts.Tell(history.Event{
		Release: catalog.ReleaseID{Environment: next.Name}, Kind: history.Previewed, Commit: next.Commit, By: next.By.By, SignOn: next.By.SignOn, Why: next.By.Why, Message: what,
	})
}

func (r *Reconciler) tellRemoved(name string, hand ByHand) {
	const what = "the preview is removed, with its data"
	r.opts.Log.Info("preview", "name", name, "what", what, "by", hand.By, "why", hand.Why)
	r.opts.Tell(history.Event{Release: catalog.ReleaseID{Environment: name}, Kind: history.Previewed, By: hand.By, SignOn: hand.SignOn, Why: hand.Why, Message: what})
}
