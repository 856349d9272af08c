package reconciler

import (
	"context"
	"errors"
	"hash/fnv"
	"io"
	"reflect"
	"slices"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/plan"
	"trunkline.dev/trunkline/plan/gate"
	"trunkline.dev/trunkline/plan/ownership"
	"trunkline.dev/trunkline/reconciler/cluster"
	"trunkline.dev/trunkline/reconciler/status"
	"trunkline.dev/trunkline/render"
)

// stepTimeout bounds the parts of a run that wait for the cluster as a whole.
const stepTimeout = 20 * time.Second

// desired is what a release is to become.
type desired struct {
	// commit is the one that brought the release into this state.
	commit    string
	namespace string
	owner     string
	objects   *render.Packed
	// digest identifies objects.
	digest string
	// remove asks for the release to be deleted.
	remove bool
}

// declares tells whether an object is among those of the release. Releases are small: a set of their own for each would
// take more memory than all else that is kept of them.
func (d *desired) declares(ref plan.Ref) bool {
	return d != nil && slices.ContainsFunc(d.objects.Parts(), func(p render.Part) bool { return plan.Ref(p.Identity) == ref })
}

// kinds lists those of the objects.
func (d *desired) kinds() []schema.GroupKind {
	var kinds []schema.GroupKind
	for _, p := range d.objects.Parts() {
		kinds = append(kinds, p.GroupKind)
	}
	return kinds
}

func (d *desired) same(o *desired) bool {
	return d != nil && o != nil && d.digest == o.digest && d.remove == o.remove
}

// worker brings one release into its desired state and keeps it there. What others say to it goes into its
// mailbox and never blocks them; everything else belongs to its own goroutine.
type worker struct {
	r    *Reconciler
	id   catalog.ReleaseID
	wake chan struct{}

	mu sync.Mutex
	// newest is the last word of the repository, and desired the state that is in force: the two differ while newest
	// is held. Each is nil before the first.
	newest, desired *desired
	// settings are those of the environment that newest came with.
	settings settings
	// verdict says why newest is held; its Hold is empty if it is not.
	verdict gate.Verdict
	// memory is what the inventory remembers of the release, and inPlace the digest of what the cluster holds; known
	// tells that they were read. unsaved tells that memory has to be written.
	memory  gate.Memory
	inPlace string
	known   bool
	unsaved bool
	// safe is closed once nothing is unsaved; nil if nobody waits for that.
	safe chan struct{}
	// judged is what the watch showed of each object when it was last planned or applied: only something else is news.
	judged map[plan.Ref]sight
	// due asks for a run; without it, waking up only means that health may have changed.
	due bool
	// everything asks the next run to apply also what is known to be in place.
	everything bool
	// gone are members whose deletion was seen since the last run.
	gone []plan.Ref
	// waiting tells that the last plan waits for objects to become healthy or to be gone.
	waiting bool
	// supersede ends the run under way.
	supersede context.CancelFunc
	// suspended says that the project asks for the release to be left as it is.
	suspended bool
	// renderErr says that the newest commit does not render, so that newest is that of an older one.
	renderErr error
	// restoreErr says why the state in place cannot be rendered again, so that it is left as it is.
	restoreErr error
	// drifts are those that others have made, as people are told.
	drifts drifts
	// phase is how far the state in force has come, worst the object that is worst off in it, if it is not healthy, and
	// ill why.
	phase phase
	worst plan.Ref
	ill   diagnosis

	// askAt is when to ask again how far the releases are that this one waits for and other replicas keep; zero if there
	// are none.
	askAt time.Time

	// The following belong to the worker's goroutine.

	// mine tells that the release is this replica's, and stale that another one had it, so that its inventory has to be
	// read again.
	mine, stale bool
	conn        *cluster.Conn
	applySet    string
	// by are those by whom the last run changed the release.
	by hands
	// recorded is the commit in the inventory, which is the last one that changed the release, and
	// recordedDigest what the release then rendered to.
	recorded, recordedDigest string
	// applied maps an object to what it was last applied with.
	applied map[plan.Ref]plan.Applied
	fights  plan.Fights
	lastErr error
	// attempted is the digest of the last run's desired state.
	attempted string
	// dampedUntil is when the first field is taken back again that is fought about.
	dampedUntil time.Time
}

// sight is what of a member decides whether it is as declared.
type sight struct {
	digest, ours string
	others       uint64
}

func sightOf(digest string, owners ownership.Owners) sight {
	h := fnv.New64a()
	for _, m := range owners.Others {
		_, _ = io.WriteString(h, m.Name+"\x00"+m.Subresource+"\x00"+m.Fields+"\x00") // a hash never fails
	}
	return sight{digest, owners.Ours, h.Sum64()}
}

func newWorker(r *Reconciler, id catalog.ReleaseID) *worker {
	return &worker{r: r, id: id, wake: make(chan struct{}, 1), applied: map[plan.Ref]plan.Applied{}, judged: map[plan.Ref]sight{}}
}

// set tells the worker the newest state, and says whether it is another one. Unless it is held, a run towards
// another state ends.
func (w *worker) set(d desired, s settings) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	failed := w.renderErr != nil
	if !reflect.DeepEqual(w.settings.Drift, s.Drift) {
		w.due = true // what was let go may have to be taken back
	}
	w.permit(s.access)
	w.renderErr, w.restoreErr, w.settings = nil, nil, s
	if w.suspended {
		// Nobody looked after it meanwhile: whatever it was, it may be so no more.
		w.suspended, w.newest, w.desired, w.everything = false, nil, nil, true
	}
	if w.newest.same(&d) {
		if failed {
			w.due = true // to put its own word on the board again
		}
		w.newest.commit = d.commit
		w.admit()
		w.signal()
		return false
	}
	w.newest = &d
	w.admit()
	w.signal()
	return true
}

// blocked tells the worker that the newest commit does not render for its release: it goes on as before. But it
// does not go on removing a release that is declared again, and what it may do is what the commit says.
func (w *worker) blocked(err error, a access) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.renderErr = err
	w.permit(a)
	w.keep()
	w.publish()
	w.signal()
}

// permit takes in as whom the release is deployed from now on, and where its objects may be. The caller holds the lock.
func (w *worker) permit(a access) {
	if !w.settings.access.equal(a) {
		w.due, w.settings.access = true, a
	}
}

// keep ends the removal of a release that is declared again. The caller holds the lock.
func (w *worker) keep() {
	if w.newest != nil && w.newest.remove {
		w.newest = nil
	}
	if w.desired != nil && w.desired.remove {
		w.desired = nil
		if w.supersede != nil {
			w.supersede()
		}
	}
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
	w.keep() // it is declared again
	if w.supersede != nil {
		w.supersede()
	}
	w.publish()
	w.signal() // what was applied, and so the health, is known to the worker's own goroutine alone: it reports
	return true
}

// idle tells that the release is to be left as it is, by its project's or a person's wish. The caller holds the lock.
func (w *worker) idle() bool { return w.suspended || w.memory.Suspended != nil }

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
	ref := e.Object.Ref
	switch {
	case e.Deleted:
		w.gone = append(w.gone, ref)
		delete(w.judged, ref)
		w.due = true
	case !w.wants(ref):
		// Seen only now, and not declared any more.
		w.due = w.due || !e.Object.Deleting && e.Object.Prune != plan.PruneDisabled && w.judged[ref] != sightOf(e.Object.Digest, e.Object.Owners)
	default:
		w.due = w.due || w.waiting || w.judged[ref] != sightOf(e.Object.Digest, e.Object.Owners)
	}
	w.signal()
}

// wants tells that the release is to have an object. The caller holds the lock.
func (w *worker) wants(ref plan.Ref) bool {
	if w.desired == nil {
		return false
	}
	in := work{desired: *w.desired, settings: w.settings}
	return w.desired.declares(ref) || slices.ContainsFunc(in.access(w.id), func(o *unstructured.Unstructured) bool { return plan.RefOf(o) == ref })
}

// removed tells that the worker has nothing to do any more.
func (w *worker) removed() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.desired != nil && w.desired.remove && w.newest.same(w.desired)
}

func (w *worker) signal() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// errFinished says that the release is gone and the worker with it.
var errFinished = errors.New("the release is gone")

// work is one run's worth of the mailbox.
type work struct {
	desired
	settings   settings
	memory     gate.Memory
	unsaved    bool
	everything bool
}

// access gives the objects by which the account of the release may do what it does.
func (in *work) access(id catalog.ReleaseID) []*unstructured.Unstructured {
	if in.remove {
		return nil
	}
	return in.settings.access.objects(id, in.namespace)
}

// take empties the mailbox; false if there is nothing to run for. A newer desired state cancels the run.
func (w *worker) take(cancel context.CancelFunc) (work, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, ref := range w.gone {
		delete(w.applied, ref)
	}
	w.gone = nil
	if !w.due || w.desired == nil || w.idle() {
		return work{}, false
	}
	out := work{desired: *w.desired, settings: w.settings, memory: w.memory, unsaved: w.unsaved, everything: w.everything}
	w.due, w.everything, w.supersede = false, false, cancel
	return out, true
}

// force makes a state the one in force. The caller holds the lock.
func (w *worker) force(d *desired) {
	w.desired, w.due = d, true
	w.phase = phase{}
	// On the board before the commit is: nobody may read that the new commit is accepted and all is fine.
	w.r.opts.Board.SetRelease(w.id, func(s *status.Release) { s.Result, s.Message = status.Pending, "" })
	w.publish()
	if w.supersede != nil {
		w.supersede()
	}
	w.signal()
}
