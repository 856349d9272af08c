// SPDX-License-Identifier: Apache-2.0

package shard

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"trunkline.dev/trunkline/catalog"
)

// world is an API server that holds Leases, and the writes of the replicas that meet in it. It lives in the time of
// a synctest bubble.
type world struct {
	start time.Time

	mu      sync.Mutex
	counter int
	leases  map[string]coordinationv1.Lease
	// writing tells which process has a write of a release under way, and running which has a run that may write.
	writing map[catalog.ReleaseID]map[*process]bool
	running map[catalog.ReleaseID]map[*process]func() error
	found   []string
	writes  int
	// requests are those under way.
	requests sync.WaitGroup
}

func newWorld() *world {
	return &world{
		start: time.Now(), leases: map[string]coordinationv1.Lease{},
		writing: map[catalog.ReleaseID]map[*process]bool{}, running: map[catalog.ReleaseID]map[*process]func() error{},
	}
}

func (w *world) next() string {
	w.counter++
	return strconv.Itoa(w.counter)
}

var leaseResource = schema.GroupResource{Group: "coordination.k8s.io", Resource: "leases"}

// list, create, update and remove are what the API server does with a request, at the moment it gets it.
func (w *world) list() []coordinationv1.Lease {
	w.mu.Lock()
	defer w.mu.Unlock()
	var out []coordinationv1.Lease
	for _, name := range slices.Sorted(maps.Keys(w.leases)) {
		l := w.leases[name]
		out = append(out, *l.DeepCopy())
	}
	return out
}

func (w *world) create(l *coordinationv1.Lease) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, there := w.leases[l.Name]; there {
		return apierrors.NewAlreadyExists(leaseResource, l.Name)
	}
	l = l.DeepCopy()
	l.UID, l.ResourceVersion = types.UID("uid-"+w.next()), w.next()
	w.leases[l.Name] = *l
	return nil
}

func (w *world) update(l *coordinationv1.Lease) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.matches(l); err != nil {
		return err
	}
	l = l.DeepCopy()
	l.ResourceVersion = w.next()
	w.leases[l.Name] = *l
	return nil
}

func (w *world) remove(l *coordinationv1.Lease) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.matches(l); err != nil {
		return err
	}
	delete(w.leases, l.Name)
	return nil
}

func (w *world) matches(l *coordinationv1.Lease) error {
	old, there := w.leases[l.Name]
	if !there {
		return apierrors.NewNotFound(leaseResource, l.Name)
	}
	if old.UID != l.UID || old.ResourceVersion != l.ResourceVersion {
		return apierrors.NewConflict(leaseResource, l.Name, errors.New("changed"))
	}
	return nil
}

// meddle has someone change what the API server holds by hand.
func (w *world) meddle(name string, change func(*coordinationv1.Lease) bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	l, there := w.leases[name]
	if !there {
		return
	}
	if !change(&l) {
		delete(w.leases, name)
		return
	}
	l.ResourceVersion = w.next()
	w.leases[name] = l
}

func (w *world) violated(format string, args ...any) {
	if len(w.found) < 10 {
		w.found = append(w.found, fmt.Sprintf("after %s: ", time.Since(w.start))+fmt.Sprintf(format, args...))
	}
}

// began and ended tell of runs, beginWrite and endWrite of the writes in them.
func (w *world) began(run context.Context, p *process, id catalog.ReleaseID) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.running[id] == nil {
		w.running[id], w.writing[id] = map[*process]func() error{}, map[*process]bool{}
	}
	for q, other := range w.running[id] {
		if other() == nil && !q.down() {
			w.violated("%s: a run of %s begins while %s has one", id, p.name, q.name)
		}
	}
	w.running[id][p] = run.Err
}

func (w *world) ended(p *process, id catalog.ReleaseID) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.running[id], p)
}

func (w *world) beginWrite(p *process, id catalog.ReleaseID) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for q := range w.writing[id] {
		w.violated("%s: %s writes while a write of %s is under way", id, p.name, q.name)
	}
	w.writing[id][p] = true
	w.writes++
}

func (w *world) endWrite(p *process, id catalog.ReleaseID) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.writing[id], p)
}

// process is one replica with a clock of its own, and a network that does what it likes.
type process struct {
	w    *world
	name string
	// offset and rate make its clock wrong.
	offset time.Duration
	rate   float64
	slow   time.Duration // the most that a request or an answer usually takes

	mu     sync.Mutex
	random *rand.Rand
	dead   bool
	paused time.Time // until then, it does not get to run
	cut    time.Time // until then, nothing it sends arrives, or no answer

	coordinator *Coordinator
	stop        context.CancelFunc
	running     sync.WaitGroup
}

func (p *process) now() time.Time {
	real := time.Since(p.w.start)
	return p.w.start.Add(p.offset + time.Duration(float64(real)*p.rate))
}

func (p *process) below(d time.Duration) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return time.Duration(p.random.Int63n(int64(d) + 1))
}

func (p *process) isDead() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.dead
}

// down reports whether it is dead or does not get to run.
func (p *process) down() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.dead || time.Now().Before(p.paused)
}

func (p *process) isCut() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.dead || time.Now().Before(p.cut)
}

// gate is where a process may find that time has passed.
func (p *process) gate() {
	for {
		p.mu.Lock()
		left := time.Until(p.paused)
		p.mu.Unlock()
		if left <= 0 {
			return
		}
		time.Sleep(left)
	}
}

// reply is how a request ended.
type reply struct {
	leases []coordinationv1.Lease
	err    error
}

// request sends something to the API server. It may be late, get lost, or be carried out without anybody hearing.
func (p *process) request(ctx context.Context, serve func() reply) reply {
	p.gate()
	answer := make(chan reply, 1)
	there, back := p.below(p.slow), p.below(p.slow)
	if p.below(19) == 0 {
		there += p.below(4 * time.Second) // longer than anybody waits for it
	}
	lost := p.isCut()
	p.w.requests.Go(func() {
		time.Sleep(there)
		if lost && p.below(2) > 0 {
			return // of those that are cut off, some get through and hear no answer
		}
		r := serve()
		time.Sleep(back)
		if !lost && !p.isCut() {
			answer <- r
		}
	})
	defer p.gate()
	select {
	case r := <-answer:
		return r
	case <-ctx.Done():
		return reply{err: ctx.Err()}
	}
}

// List implements [Leases].
func (p *process) List(ctx context.Context, _ string) ([]coordinationv1.Lease, error) {
	r := p.request(ctx, func() reply { return reply{leases: p.w.list()} })
	return r.leases, r.err
}

// Create implements [Leases].
func (p *process) Create(ctx context.Context, l *coordinationv1.Lease) error {
	return p.request(ctx, func() reply { return reply{err: p.w.create(l)} }).err
}

// Update implements [Leases].
func (p *process) Update(ctx context.Context, l *coordinationv1.Lease) error {
	return p.request(ctx, func() reply { return reply{err: p.w.update(l)} }).err
}

// Delete implements [Leases].
func (p *process) Delete(ctx context.Context, l *coordinationv1.Lease) error {
	return p.request(ctx, func() reply { return reply{err: p.w.remove(l)} }).err
}

// run starts the replica, with a worker for each release.
func (p *process) run(t *testing.T, opts Options, releases []catalog.ReleaseID) {
	opts.Leases, opts.Now, opts.Identity = p, p.now, p.name
	c, err := New(opts)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	p.coordinator, p.stop = c, stop
	p.running.Go(func() { c.Run(ctx) })
	for _, id := range releases {
		p.running.Go(func() {
			for ctx.Err() == nil && !p.isDead() {
				p.work(ctx, id, opts.WriteTimeout)
				time.Sleep(50*time.Millisecond + p.below(time.Second))
			}
		})
	}
}

// work is one run of a release, if it is this replica's.
func (p *process) work(ctx context.Context, id catalog.ReleaseID, writeTimeout time.Duration) {
	p.gate()
	run, done, ok := p.coordinator.Begin(ctx, id)
	if !ok {
		return
	}
	defer done()
	p.w.began(run, p, id)
	defer p.w.ended(p, id)
	for range 1 + p.below(3) {
		p.gate()
		if run.Err() != nil || p.isDead() || !p.coordinator.Owned(id) {
			return
		}
		p.w.beginWrite(p, id)
		time.Sleep(min(p.below(writeTimeout), p.below(writeTimeout)))
		p.w.endWrite(p, id)
	}
}

// kill ends the process without a word. What it has sent goes on.
func (p *process) kill() {
	p.mu.Lock()
	p.dead = true
	p.mu.Unlock()
	p.stop()
}
