package reconciler

import (
	"errors"
	"fmt"

	"trunkline.dev/trunkline/plan"
	"trunkline.dev/trunkline/plan/health"
	"trunkline.dev/trunkline/reconciler/status"
)

// healths are those of an object in the words of the status, and ranks how bad they are.
var (
	healths = map[health.State]status.Health{
		health.Healthy: status.Healthy, health.Progressing: status.Progressing, health.Stalled: status.Stalled, health.Failed: status.Unhealthy,
	}
	ranks = map[status.Health]int{status.Healthy: 0, status.Progressing: 1, status.Stalled: 2, status.Unhealthy: 3}
)

// begin puts on the board that a run has begun. Another attempt at the same thing, or a run that only looks
// after what is in place, is not news.
func (w *worker) begin(in work) {
	again := w.attempted == in.digest
	w.attempted = in.digest
	w.r.opts.Board.SetRelease(w.id, func(s *status.Release) {
		if in.remove {
			s.Result, s.Namespace = status.Pruning, in.namespace
			return
		}
		s.Namespace, s.Owner, s.Objects = in.namespace, in.owner, in.objects.Len()
		if !again {
			s.Result, s.Message = status.Applying, ""
		}
	})
}

// commitOf gives the commit that the board will show once the run has ended well.
func (w *worker) commitOf(in work) string {
	if w.recorded != "" && w.recordedDigest == in.digest {
		return w.recorded
	}
	return in.commit
}

// end puts on the board how a run ended, unless a newer desired state has come meanwhile: that one is pending.
func (w *worker) end(in work, done outcome, err error) {
	if errors.Is(err, errFinished) {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.idle() || w.desired == nil || w.desired.digest != in.digest || w.desired.remove != in.remove {
		return
	}
	w.phase.wrote = w.phase.wrote || done.applied > 0
	if err == nil && len(done.blocked) == 0 && w.phase.applied.IsZero() {
		w.phase.applied = w.r.opts.Now()
	}
	if err != nil && terminal(err) {
		w.phase.failure = err.Error()
	}
	// Result and health go up together: whoever is woken by the one must not read the other of before.
	addHealth := w.addHealth()
	w.r.opts.Board.SetRelease(w.id, func(s *status.Release) {
		s.Kept, s.Drifts = done.kept, w.drifts.list()
		switch {
		case err != nil && terminal(err):
			s.Result, s.Message = status.Failed, err.Error()
		case err != nil:
			s.Result, s.Message = status.Retrying, err.Error()
		case len(done.blocked) > 0:
			s.Result, s.Message = status.Applying, waitingFor(done.blocked)
		case in.remove && done.left > 0:
			s.Result, s.Message = status.Pruning, fmt.Sprintf("waiting for %d deleted objects to be gone", done.left)
		case in.remove:
			// Nothing is declared, and nothing is there but what says that it must stay: so it will be.
			s.Result, s.Health, s.Objects, s.Message = status.Applied, status.Healthy, 0, "not declared any more"
		default:
			s.Result, s.Commit, s.Message = status.Applied, w.commitOf(in), ""
		}
		addHealth(s)
	})
}

// report puts the health of the release on the board, as far as it is known.
func (w *worker) report() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.desired != nil || w.renderErr != nil || w.idle() {
		w.r.opts.Board.SetRelease(w.id, w.addHealth())
	}
}

// addHealth gives what fills in the health, and that the newest commit does not render or suspends the release. The
// caller holds the lock.
func (w *worker) addHealth() func(*status.Release) {
	known := w.desired != nil && !w.desired.remove && w.conn != nil
	var health status.Health
	var message string
	var cause *status.Cause
	if known {
		w.worst, health, message = w.health(w.desired)
		health, message, cause = w.explained(health, message)
		health, message = w.observe(health, message)
		w.publish()
	}
	renderErr, suspended, byHand := w.renderErr, w.suspended, w.memory.Suspended
	back := ""
	if f := w.memory.Failed; known && f != nil && f.Digest != w.desired.digest {
		back = fmt.Sprintf("went back from %s: %s", status.Short(f.Commit), f.Why)
	}
	return func(s *status.Release) {
		if known {
			s.Health, s.Cause = health, cause
		}
		if known && s.Result == status.Applied {
			s.Message = message
			if message == "" {
				s.Message = back
			}
		}
		if suspended {
			s.Result, s.Message = status.Suspended, "left as it is until its project is not suspended any more"
		}
		if byHand != nil {
			s.Result, s.Message = status.Suspended, "suspended "+byHand.String()
			if byHand.Unreadable {
				s.Result, s.Message = status.Failed, byHand.Why // nobody wants it so
			}
		}
		if renderErr != nil {
			s.Result, s.Message = status.Failed, renderErr.Error()
		}
	}
}

// health is that of the worst object: one that has failed, then one that does not go on, then one that is on its way. An
// object counts only as seen once it was seen as it was last applied.
func (w *worker) health(d *desired) (worst plan.Ref, state status.Health, message string) {
	seen := byRef(w.conn.Members(w.applySet))
	state = status.Healthy
	for _, o := range d.objects.Parts() {
		ref := plan.Ref(o.Identity)
		m, ok := seen[ref]
		is, why := healths[m.Health], fmt.Sprintf("%s: %s", ref, m.Message)
		if !ok || m.Version.Before(w.applied[ref].Version) {
			is, why = status.Progressing, ""
		}
		if ranks[is] > ranks[state] || ranks[is] == ranks[state] && message == "" && why != "" && is != status.Healthy {
			worst, state, message = ref, is, why
		}
	}
	return worst, state, message
}

// waitingFor says what the objects of a plan wait for.
func waitingFor(blocked []plan.Step) string {
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
