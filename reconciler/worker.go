package reconciler

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v5"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/reconciler/cluster"
	"trunkline.dev/trunkline/reconciler/plan"
	"trunkline.dev/trunkline/reconciler/status"
)

const (
	// stepTimeout bounds the parts of a run that wait for the cluster as a whole.
	stepTimeout = 20 * time.Second
	// Between these, the wait before another attempt doubles.
	firstRetry = 500 * time.Millisecond
	lastRetry  = 30 * time.Second
)

// desired is what a release is to become.
type desired struct {
	// commit is the one that brought the release into this state.
	commit    string
	namespace string
	owner     string
	objects   []*unstructured.Unstructured
	// digest identifies objects.
	digest string
	// remove asks for the release to be deleted.
	remove bool
}

// worker brings one release into its desired state and keeps it there. What others say to it goes into its
// mailbox and never blocks them; everything else belongs to its own goroutine.
type worker struct {
	r    *Reconciler
	id   catalog.ReleaseID
	wake chan struct{}

	mu sync.Mutex
	// desired is the newest word; nil before the first.
	desired *desired
	// wanted is the set of its objects.
	wanted map[plan.Ref]bool
	// due asks for a run; without it, waking up only means that health may have changed.
	due bool
	// everything asks the next run to apply also what is known to be in place.
	everything bool
	// gone are members whose deletion was seen since the last run.
	gone []plan.Ref
	// supersede ends the run under way.
	supersede context.CancelFunc
	// suspended says that the release is to be left as it is.
	suspended bool
	// renderErr says that the newest commit does not render, so that desired is that of an older one.
	renderErr error

	// The following belong to the worker's goroutine.

	conn     *cluster.Conn
	applySet string
	// recorded is the commit in the inventory, which is the last one that changed the release, and
	// recordedDigest what the release then rendered to.
	recorded, recordedDigest string
	// applied maps an object to the digest and the version it was last applied with.
	applied map[plan.Ref]appliedObject
	lastErr error
	// attempted is the digest of the last run's desired state.
	attempted string
}

type appliedObject struct {
	digest  string
	version cluster.ResourceVersion
}

func newWorker(r *Reconciler, id catalog.ReleaseID) *worker {
	return &worker{r: r, id: id, wake: make(chan struct{}, 1), applied: map[plan.Ref]appliedObject{}}
}

// set tells the worker the desired state, and says whether it is a new one. A run towards another state ends.
func (w *worker) set(d desired) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	failed := w.renderErr != nil
	w.renderErr = nil
	if w.suspended {
		// Nobody looked after it meanwhile: whatever it was, it may be so no more.
		w.suspended, w.desired, w.everything = false, nil, true
	}
	if old := w.desired; old != nil && old.digest == d.digest && old.remove == d.remove {
		if failed {
			w.due = true // to put its own word on the board again
			w.signal()
		}
		return false
	}
	w.desired, w.due = &d, true
	w.wanted = make(map[plan.Ref]bool, len(d.objects))
	for _, o := range d.objects {
		w.wanted[plan.RefOf(o)] = true
	}
	// On the board before the commit is: nobody may read that the new commit is accepted and all is fine.
	w.r.opts.Board.SetRelease(w.id, func(s *status.Release) { s.Result, s.Message = status.Pending, "" })
	if w.supersede != nil {
		w.supersede()
	}
	w.signal()
	return true
}

// blocked tells the worker that the newest commit does not render for its release: it goes on as before. But it
// does not go on removing a release that is declared again.
func (w *worker) blocked(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.renderErr = err
	if w.desired != nil && w.desired.remove {
		w.desired, w.wanted = nil, nil
		if w.supersede != nil {
			w.supersede()
		}
	}
	w.signal()
}

// suspend tells the worker to leave the release as it is, from now on and until the next call of set. A run that is
// under way ends. It says whether that is new.
func (w *worker) suspend() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.suspended {
		return false
	}
	w.suspended, w.renderErr = true, nil
	if w.desired != nil && w.desired.remove {
		w.desired, w.wanted = nil, nil // it is declared again
	}
	if w.supersede != nil {
		w.supersede()
	}
	w.r.opts.Board.SetRelease(w.id, w.addHealth())
	w.signal()
	return true
}

// nudge asks for a run, since something that was in the way may be gone.
func (w *worker) nudge() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.due = true
	w.signal()
}

// happened tells the worker of an event about a member.
func (w *worker) happened(e cluster.Event) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case e.Deleted:
		w.gone = append(w.gone, e.Object.Ref)
		w.due = true
	case !w.wanted[e.Object.Ref] && !e.Object.Deleting && !e.Object.Keep:
		w.due = true // seen only now, and not declared any more
	}
	w.signal()
}

// removed tells that the worker has nothing to do any more.
func (w *worker) removed() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.desired != nil && w.desired.remove
}

func (w *worker) signal() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// errFinished says that the release is gone and the worker with it.
var errFinished = errors.New("the release is gone")

// run works until ctx ends or the release is gone.
func (w *worker) run(ctx context.Context) {
	retry := &backoff.ExponentialBackOff{
		InitialInterval: firstRetry, MaxInterval: lastRetry, Multiplier: 2, RandomizationFactor: 0.2,
	}
	var retryAt time.Time // zero: nothing failed that may pass
	resyncAt := w.nextResync()
	for {
		run, cancel := context.WithCancel(ctx)
		if work, ok := w.take(cancel); ok {
			if work.digest != w.attempted {
				retry.Reset() // what failed before says nothing of what is new
			}
			err := w.step(ctx, run, work)
			superseded := run.Err() != nil
			cancel()
			switch {
			case ctx.Err() != nil:
				return
			case superseded:
				continue
			case errors.Is(err, errFinished):
				if w.r.finished(w) {
					return
				}
				w.nudge() // it was declared again in the meantime
			}
			retryAt = time.Time{}
			if err != nil && !errors.Is(err, errFinished) && !terminal(err) {
				retryAt = w.r.opts.Now().Add(retry.NextBackOff())
			}
			if work.everything {
				resyncAt = w.nextResync()
			}
		} else {
			cancel()
			w.report()
		}
		next := resyncAt
		if !retryAt.IsZero() && retryAt.Before(next) {
			next = retryAt
		}
		timer := time.NewTimer(next.Sub(w.r.opts.Now()))
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-w.wake:
			timer.Stop()
		case <-timer.C:
			w.again(!w.r.opts.Now().Before(resyncAt))
		}
	}
}

// nextResync says when to look at everything again: not all releases at once.
func (w *worker) nextResync() time.Time {
	interval := w.r.opts.Resync
	return w.r.opts.Now().Add(interval - time.Duration(rand.Int64N(int64(interval)/5+1))) //nolint:gosec // spreading load
}

// again asks for a run because time has passed: another attempt after an error, or a look at everything.
func (w *worker) again(everything bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.due, w.everything = true, w.everything || everything
}

// work is one run's worth of the mailbox.
type work struct {
	desired
	everything bool
}

// take empties the mailbox; false if there is nothing to run for. A newer desired state cancels the run.
func (w *worker) take(cancel context.CancelFunc) (work, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, ref := range w.gone {
		delete(w.applied, ref)
	}
	w.gone = nil
	if !w.due || w.desired == nil || w.suspended {
		return work{}, false
	}
	out := work{desired: *w.desired, everything: w.everything}
	w.due, w.everything, w.supersede = false, false, cancel
	return out, true
}
