package reconciler

import (
	"context"
	"fmt"

	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/plan/gate"
	"trunkline.dev/trunkline/plan/terms"
	"trunkline.dev/trunkline/reconciler/history"
	"trunkline.dev/trunkline/reconciler/status"
)

// settings are what the environment of a release says about it.
type settings struct {
	terms.Terms

	access access
}

func (r *Reconciler) settingsOf(c *catalog.Catalog, id catalog.ReleaseID) (settings, error) {
	t, err := terms.Of(c, id)
	return settings{t, r.accessOf(c, id)}, err
}

// admit makes the newest state the one in force, unless something holds it. The caller holds the lock.
func (w *worker) admit() {
	if w.newest == nil {
		return
	}
	before := w.verdict
	w.verdict = gate.Decide(w.gateInput())
	if w.verdict.Hold == "" {
		if w.desired.same(w.newest) {
			w.desired.commit = w.newest.commit
		} else {
			w.force(w.newest)
		}
	}
	if before.Hold != w.verdict.Hold && w.verdict.Hold != "" && w.verdict.Hold != gate.Unasked {
		w.r.opts.Tell(history.Event{Release: w.id, Kind: history.Held, Commit: w.newest.commit, Message: w.verdict.Reason})
	}
	w.publish()
	if before != w.verdict {
		held := w.held()
		w.r.opts.Board.SetRelease(w.id, func(s *status.Release) { s.Held = held })
	}
}

func (w *worker) gateInput() gate.Input {
	in := gate.Input{
		Now: w.r.opts.Now(), Commit: w.newest.commit, Digest: w.newest.digest, Remove: w.newest.remove,
		InPlace: w.inPlace, Known: w.known, Suspended: w.memory.Suspended, Failed: w.memory.Failed,
		Schedule: w.settings.Schedule, Soak: w.settings.Soak,
		Protected: (w.settings.Protected || w.memory.Protected) && !w.settings.Named,
	}
	if w.newest.remove {
		in.Removals = w.r.removals.of(w.id.Environment, w.settings.MaxRemovals)
		return in
	}
	in.Sources, in.Needs = w.r.progress.of(w.settings.Sources), w.r.progress.of(w.settings.Needs)
	return in
}

// held says to people what holds the newest state. The caller holds the lock.
func (w *worker) held() *status.Held {
	if w.verdict.Hold == "" || w.verdict.Hold == gate.Unasked || w.newest == nil {
		return nil
	}
	h := &status.Held{
		Rule: string(w.verdict.Hold), Reason: w.verdict.Reason, Commit: w.newest.commit, Until: w.verdict.Until, Person: w.verdict.Person(),
	}
	if w.restoreErr != nil {
		h.Reason += "; what is in place is left as it is meanwhile: " + w.restoreErr.Error()
	}
	return h
}

// recheck has the gate asked again, since something that it depends on has changed.
func (w *worker) recheck() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.admit()
	w.signal()
}

// look reads what the inventory remembers of the release, once a connection. A state that is held cannot be judged
// without, and what is in place meanwhile has to be rendered from the commit that brought it.
func (w *worker) look(daemon, ctx context.Context) error {
	w.mu.Lock()
	known, nothing := w.known, w.newest == nil && !w.suspended
	w.mu.Unlock()
	if known || nothing {
		return w.restoreInPlace(ctx)
	}
	c := w.r.clusters[w.id.Cluster]
	if c == nil {
		w.mu.Lock()
		w.known = true // nothing can be in place
		w.admit()
		w.mu.Unlock()
		return nil
	}
	conn, err := w.connect(daemon, ctx, c)
	if err != nil {
		return err
	}
	if w.stale {
		if err := c.refresh(ctx, conn, w.r.platformName(), w.id); err != nil {
			return err
		}
		w.stale = false
	}
	inv, _ := c.inventory(w.id)
	w.mu.Lock()
	w.known, w.inPlace = true, inv.Digest
	if !w.unsaved {
		w.memory = inv.Memory
	}
	w.recorded, w.recordedDigest = inv.Commit, inv.Digest
	w.admit()
	w.mu.Unlock()
	return w.restoreInPlace(ctx)
}

// restoreInPlace finds out what is in place when the newest state is held and this process does not know: it renders
// the commit that brought it. What cannot be rendered to just the same is left as it is.
func (w *worker) restoreInPlace(ctx context.Context) error {
	w.mu.Lock()
	needed := w.known && w.newest != nil && w.desired == nil && w.verdict.Hold != "" && w.inPlace != "" && w.restoreErr == nil && !w.idle()
	commit, want := w.recorded, w.inPlace
	if f := w.memory.Failed; f != nil && f.Digest == want {
		// The daemon ended on the way back from what failed.
		if before, ok := w.memory.Before(want); ok {
			commit, want = before.Commit, before.Digest
		}
	}
	w.mu.Unlock()
	if !needed {
		return nil
	}
	d, err := w.r.past.restore(ctx, w.id, commit)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err == nil && d.digest != want {
		err = fmt.Errorf("commit %s does not render to what is in place any more", status.Short(commit))
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case err != nil:
		w.restoreErr = err
		held := w.held()
		w.r.opts.Board.SetRelease(w.id, func(s *status.Release) { s.Held = held })
	case w.desired == nil && w.verdict.Hold != "":
		w.force(d)
	}
	return nil
}

// cannotLook puts on the board that the cluster cannot be asked.
func (w *worker) cannotLook(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.lastErr = err
	w.r.opts.Board.SetRelease(w.id, func(s *status.Release) {
		if s.Result, s.Message = status.Retrying, err.Error(); terminal(err) {
			s.Result = status.Failed
		}
	})
}
