package reconciler

import (
	"context"
	"fmt"
	"time"

	"trunkline.dev/trunkline/plan"
	"trunkline.dev/trunkline/plan/health"
	"trunkline.dev/trunkline/reconciler/status"
)

const (
	// patience is how long an object may be on its way before somebody looks why; most are there sooner.
	patience = 15 * time.Second
	// lookAgain is how long a diagnosis holds while the object is not healthy.
	lookAgain = 30 * time.Second
)

// diagnosis is why an object of a release is not healthy, as far as that was looked into.
type diagnosis struct {
	// of is the object, in the state that digest identifies.
	of     plan.Ref
	digest string
	reason health.Reason
	// at is when it was made; zero if there is none.
	at time.Time
	// underWay tells that one is being made.
	underWay bool
}

// diagnose looks into why the worst object is not healthy, once it has not been for a while, and again from time to time.
// It does so beside the worker: a newer state must not wait for it. It gives when to ask again. The caller holds the lock.
func (w *worker) diagnose(ctx context.Context) time.Time {
	d := w.desired
	if d == nil || d.remove || w.phase.sick.IsZero() || w.worst == (plan.Ref{}) {
		w.ill = diagnosis{underWay: w.ill.underWay}
		return time.Time{}
	}
	if w.ill.of != w.worst || w.ill.digest != d.digest {
		w.ill = diagnosis{of: w.worst, digest: d.digest, underWay: w.ill.underWay}
	}
	now := w.r.opts.Now()
	next := w.phase.sick.Add(patience)
	if w.ill.at.After(now) {
		w.ill.at = now // the clock was set back
	}
	if !w.ill.at.IsZero() {
		next = w.ill.at.Add(lookAgain)
	}
	if w.ill.underWay {
		return time.Time{} // it wakes the worker, and may be late
	}
	if now.Before(next) {
		return next
	}
	ref, objects, reader := w.worst, d.objects, w.by.reader(w.worst)
	if reader == nil {
		return time.Time{} // a run that finds somebody wakes the worker
	}
	w.ill.underWay = true
	w.r.aside.Go(func() {
		var reason health.Reason
		release, err := objects.Unpack()
		if err == nil {
			reason, err = reader.Diagnose(ctx, ref, release)
		}
		w.mu.Lock()
		defer w.mu.Unlock()
		w.ill.underWay = false
		if w.ill.of == ref {
			w.ill.at = w.r.opts.Now()
			if err == nil {
				w.ill.reason = reason
			}
		}
		w.signal()
	})
	return time.Time{} // it wakes the worker
}

// explained adds what a diagnosis found to the health of the release. The caller holds the lock.
func (w *worker) explained(state status.Health, message string) (status.Health, string, *status.Cause) {
	if state == status.Healthy || w.ill.at.IsZero() || w.ill.of != w.worst || w.ill.reason.Summary == "" {
		return state, message, nil
	}
	r := w.ill.reason
	if r.Code.State() == health.Stalled && state == status.Progressing {
		state = status.Stalled
	}
	if r.Code.State() == health.Failed {
		state = status.Unhealthy
	}
	cause := &status.Cause{Object: w.ill.of.String(), Code: string(r.Code), Log: r.Lines, Notes: r.Notes}
	return state, fmt.Sprintf("%s: %s", w.ill.of, r.Summary), cause
}
