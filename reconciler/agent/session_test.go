// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/plan/release"
	"trunkline.dev/trunkline/reconciler/cluster"
	"trunkline.dev/trunkline/reconciler/history"
	"trunkline.dev/trunkline/reconciler/status"
	"trunkline.dev/trunkline/render"
)

// desked is an office that puts down what it is told.
type desked struct {
	mu      sync.Mutex
	desk    *Desk
	stands  map[catalog.ReleaseID]string
	retired []catalog.ReleaseID
	events  []string
	replies map[int64]error
	listed  int
	notYet  error
	keeps   bool
	changed chan struct{}
}

func newDesked(t *testing.T) *desked {
	t.Helper()
	o := &desked{stands: map[catalog.ReleaseID]string{}, replies: map[int64]error{}, keeps: true, changed: make(chan struct{}, 1)}
	o.desk = NewDesk("edge", o, time.Now)
	return o
}

func (o *desked) note(f func()) {
	o.mu.Lock()
	f()
	o.mu.Unlock()
	select {
	case o.changed <- struct{}{}:
	default:
	}
}

func (o *desked) Ready(context.Context) (err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.notYet
}

func (o *desked) Keeps(catalog.ReleaseID) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.keeps
}

func (o *desked) Stands(id catalog.ReleaseID) {
	s, _, _ := o.desk.Standing(id)
	o.note(func() { o.stands[id] = s.Key })
}

func (o *desked) Retired(id catalog.ReleaseID) { o.note(func() { o.retired = append(o.retired, id) }) }
func (o *desked) Recorded(bool)                { o.note(func() { o.listed++ }) }
func (o *desked) Changed()                     { o.note(func() {}) }
func (o *desked) Happened(e history.Event)     { o.note(func() { o.events = append(o.events, e.Message) }) }
func (o *desked) Ran(Run)                      {}
func (o *desked) Missed(n int) {
	o.note(func() { o.events = append(o.events, fmt.Sprintf("missed %d", n)) })
}
func (o *desked) Reply(ticket int64, err error) { o.note(func() { o.replies[ticket] = err }) }
func (o *desked) Restore(_ context.Context, id catalog.ReleaseID, commit string) (release.Target, error) {
	if commit == "" {
		return release.Target{}, errors.New("there is no such commit")
	}
	return target(commit), nil
}

// keeping is a keeper that puts down what it is told, and says that it has dealt with it.
type keeping struct {
	mu      sync.Mutex
	link    *Link
	keys    map[catalog.ReleaseID]string
	settled bool
	dropped []catalog.ReleaseID
	acts    []int64
	changed chan struct{}
}

func (k *keeping) note(f func()) {
	k.mu.Lock()
	f()
	k.mu.Unlock()
	select {
	case k.changed <- struct{}{}:
	default:
	}
}

func (k *keeping) Platform(Platform) error { return nil }
func (k *keeping) Assign(b, _ *Brief) {
	k.note(func() { k.keys[b.ID] = b.Key() })
	k.link.Stands(Standing{ID: b.ID, Key: b.Key(), Shown: status.Release{ReleaseID: b.ID}})
	if b.Key() == Removing {
		k.note(func() { delete(k.keys, b.ID) })
		k.link.Retired(b.ID)
	}
}

func (k *keeping) Drop(id catalog.ReleaseID) {
	k.note(func() {
		k.dropped = append(k.dropped, id)
		delete(k.keys, id)
	})
}
func (k *keeping) Settle(settled bool) { k.note(func() { k.settled = settled }) }
func (k *keeping) Act(a Act) {
	k.note(func() { k.acts = append(k.acts, a.Asked.ID) })
	k.link.Reply(a.Asked.ID, nil)
}

// target is a state with one object.
func target(value string) release.Target {
	p, err := render.Pack([]*unstructured.Unstructured{{Object: map[string]any{
		"apiVersion": "v1", "kind": "ConfigMap", "metadata": map[string]any{"name": "a", "namespace": "one"}, "data": map[string]any{"key": value},
	}}})
	if err != nil {
		panic(err) // it is the test's own
	}
	return release.Target{Commit: value, Namespace: "one", Objects: p, Digest: p.Digest()}
}

func brief(id catalog.ReleaseID, value string) Brief {
	b := Brief{ID: id}
	b.Told(release.Declared{Target: target(value)})
	return b
}

func numbered(n int) catalog.ReleaseID {
	return catalog.ReleaseID{Project: fmt.Sprintf("p%d", n), Environment: "dev", Cluster: "edge"}
}

// wire is a pipe in memory. Spoil says what becomes of a message: how often it arrives, and whether it overtakes the one before.
type wire struct {
	in, out chan []byte
	ended   chan struct{}
	once    *sync.Once
	spoil   func() (times int, overtakes bool)
	held    []byte
}

func newWires(spoil func() (int, bool)) (a, b *wire) {
	const room = 1 << 14
	x, y, ended, once := make(chan []byte, room), make(chan []byte, room), make(chan struct{}), &sync.Once{}
	return &wire{in: x, out: y, ended: ended, once: once, spoil: spoil}, &wire{in: y, out: x, ended: ended, once: once, spoil: spoil}
}

var errCut = errors.New("the line was cut")

func (w *wire) Read(ctx context.Context) ([]byte, error) {
	select {
	case data := <-w.in:
		return data, nil
	case <-w.ended:
		return nil, errCut
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Write is called by one goroutine of a side.
func (w *wire) Write(_ context.Context, data []byte) error {
	select {
	case <-w.ended:
		return errCut
	default:
	}
	times, overtakes := w.spoil()
	if overtakes && w.held == nil {
		w.held = data
		return nil
	}
	for range times {
		w.out <- data
	}
	if w.held != nil {
		w.out <- w.held
		w.held = nil
	}
	return nil
}

func (w *wire) Close(string) { w.once.Do(func() { close(w.ended) }) }

// pair is a desk and a link with what they work for.
type pair struct {
	office *desked
	keeper *keeping
	link   *Link
	book   *Book
}

func newPair(t *testing.T) *pair {
	t.Helper()
	p := &pair{office: newDesked(t)}
	p.restartAgent(t, t.TempDir())
	p.link.Listed(nil)
	p.office.desk.Set(Platform{Name: "acme"})
	return p
}

func (p *pair) restartAgent(t *testing.T, dir string) {
	t.Helper()
	book, damaged, err := OpenBook(dir)
	if err != nil || damaged != nil {
		t.Fatal(err, damaged)
	}
	p.book = book
	p.link = NewLink(LinkOptions{Cluster: "edge", Book: book, Now: time.Now})
	p.keeper = &keeping{link: p.link, keys: map[catalog.ReleaseID]string{}, changed: make(chan struct{}, 1)}
	p.link.keeper = p.keeper
}

// talk connects both once, over pipes that do what spoil says, until the connection ends or ctx does.
func (p *pair) talk(ctx context.Context, spoil func() (int, bool)) {
	a, b := newWires(spoil)
	server := &Server{Log: slog.New(slog.DiscardHandler)}
	stop := context.AfterFunc(ctx, func() { a.Close("") })
	defer stop()
	var both sync.WaitGroup
	both.Go(func() {
		_ = server.attend(ctx, "1", p.office.desk, a) // connections end with an error, always
		a.Close("")
	})
	both.Go(func() {
		_ = p.link.converse(ctx, b)
		b.Close("")
	})
	both.Wait()
}

func faithful() (int, bool) { return 1, false }

// while runs a connection while something is done.
func (p *pair) while(t *testing.T, do func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); p.talk(ctx, faithful) }()
	do()
	cancel()
	<-ended
}

const patience = 30 * time.Second

func await(t *testing.T, what string, changed <-chan struct{}, ok func() bool) {
	t.Helper()
	late := time.After(patience)
	for !ok() {
		select {
		case <-changed:
		case <-late:
			t.Fatalf("waiting for %s", what)
		}
	}
}

func (p *pair) awaitKeys(t *testing.T, want map[catalog.ReleaseID]string) {
	t.Helper()
	var diff string
	await(t, "the agent to have what the daemon says", p.keeper.changed, func() bool {
		p.keeper.mu.Lock()
		defer p.keeper.mu.Unlock()
		diff = cmp.Diff(want, p.keeper.keys)
		return diff == "" && p.keeper.settled
	})
}

// TestWhateverTheLineDoes: connections that lose, double and reorder messages leave both sides with the same in the end, and tell
// each event once.
func TestWhateverTheLineDoes(t *testing.T) {
	for seed := range uint64(20) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			random, drawn := rand.New(rand.NewPCG(seed, 1)), rand.New(rand.NewPCG(seed, 2))
			p := newPair(t)
			var mu sync.Mutex
			spoil := func() (int, bool) {
				mu.Lock()
				defer mu.Unlock()
				switch n := random.IntN(40); {
				case n == 0:
					return 0, false // it is lost
				case n < 4:
					return 2, false
				case n == 4:
					return 1, true
				}
				return 1, false
			}
			want := map[catalog.ReleaseID]string{}
			ctx, cancel := context.WithCancel(t.Context())
			spoilt := make(chan struct{})
			go func() { // one connection after the other, for as long as things change
				defer close(spoilt)
				for ctx.Err() == nil {
					once, end := context.WithTimeout(ctx, 20*time.Millisecond)
					p.talk(once, spoil)
					end()
				}
			}()
			const events = 50
			for i := range events {
				id, value := numbered(drawn.IntN(8)), fmt.Sprint(drawn.IntN(5))
				b := brief(id, value)
				p.office.desk.File(b)
				want[id] = b.Key()
				p.link.Happened(history.Event{Release: id, Message: fmt.Sprint(i)})
				p.office.desk.Settle(i%3 == 0)
			}
			p.office.desk.Settle(true)
			cancel()
			<-spoilt
			p.while(t, func() {
				p.awaitKeys(t, want)
				await(t, "the daemon to know how all stand", p.office.changed, func() bool {
					p.office.mu.Lock()
					defer p.office.mu.Unlock()
					return cmp.Equal(want, p.office.stands) && len(p.office.events) >= events
				})
			})
			for i, text := range p.office.events {
				if text != fmt.Sprint(i) {
					t.Fatalf("event %d is %q: they are not told once and in order", i, text)
				}
			}
		})
	}
}

// TestNothingIsSentThatTheAgentHas: a connection that comes again sends what has changed, and objects once.
func TestNothingIsSentThatTheAgentHas(t *testing.T) {
	p := newPair(t)
	for n := range 3 {
		p.office.desk.File(brief(numbered(n), "1"))
	}
	p.office.desk.Settle(true)
	want := map[catalog.ReleaseID]string{}
	for n := range 3 {
		want[numbered(n)] = target("1").Digest
	}
	p.while(t, func() { p.awaitKeys(t, want) })
	p.keeper.note(func() { clear(p.keeper.keys) })
	p.office.desk.File(brief(numbered(1), "2"))
	p.while(t, func() { p.awaitKeys(t, map[catalog.ReleaseID]string{numbered(1): target("2").Digest}) })
}

// TestAnAgentGoesOnWithItsBook: one that is started while the daemon cannot be reached keeps what it was told, and may delete
// nothing unless it knew all.
func TestAnAgentGoesOnWithItsBook(t *testing.T) {
	p := newPair(t)
	dir := p.book.dir
	p.office.desk.File(brief(one, "1"))
	p.office.desk.Settle(true)
	want := map[catalog.ReleaseID]string{one: target("1").Digest}
	p.while(t, func() { p.awaitKeys(t, want) })

	p.restartAgent(t, dir)
	p.link.recall()
	if diff := cmp.Diff(want, p.keeper.keys); diff != "" || !p.keeper.settled {
		t.Errorf("after a restart, settled %v, it knows\n%s", p.keeper.settled, diff)
	}
	if got, err := p.link.Restore(t.Context(), one, "c1", target("1").Digest); err != nil || got.Digest != target("1").Digest || got.Commit != "c1" {
		t.Errorf("the state of before is %+v, %v", got, err)
	}
	p.office.desk.Settle(false)
	p.office.desk.File(brief(one, "2"))
	p.while(t, func() {
		await(t, "the newer state", p.keeper.changed, func() bool {
			p.keeper.mu.Lock()
			defer p.keeper.mu.Unlock()
			return p.keeper.keys[one] == target("2").Digest
		})
	})
	p.restartAgent(t, dir)
	p.link.recall()
	if p.keeper.settled {
		t.Error("not all releases had what the daemon says, and after a restart the agent may delete")
	}
	if got, err := p.link.Restore(t.Context(), one, "c1", target("1").Digest); err != nil || got.Digest != target("1").Digest {
		t.Errorf("the state before that is %+v, %v", got, err)
	}
}

// TestNothingIsSaidBeforeItMay: an agent is told nothing while its cluster may hold something newer.
func TestNothingIsSaidBeforeItMay(t *testing.T) {
	p := newPair(t)
	p.office.notYet = errors.New("it holds a commit that came later")
	p.office.desk.File(brief(one, "1"))
	p.office.desk.Settle(true)
	p.while(t, func() {
		await(t, "the agent", p.office.changed, func() bool { return p.office.desk.Presence().Connected })
		p.office.desk.Act(Act{one, release.Act{ID: 1}})
		await(t, "an answer", p.office.changed, func() bool {
			p.office.mu.Lock()
			defer p.office.mu.Unlock()
			err, answered := p.office.replies[1]
			return answered && err == nil
		})
		if len(p.keeper.keys) > 0 {
			t.Errorf("the agent was told %v", p.keeper.keys)
		}
		p.office.note(func() { p.office.notYet = nil })
		p.office.desk.Kick()
		p.awaitKeys(t, map[catalog.ReleaseID]string{one: target("1").Digest})
	})
}

// TestWhatIsNotDeclaredIsDropped: once all is known, an agent leaves releases that the daemon knows nothing of.
func TestWhatIsNotDeclaredIsDropped(t *testing.T) {
	p := newPair(t)
	p.office.desk.File(brief(one, "1"))
	p.office.desk.Settle(true)
	p.while(t, func() { p.awaitKeys(t, map[catalog.ReleaseID]string{one: target("1").Digest}) })

	another := newDesked(t) // the daemon was started again
	another.keeps = false
	p.office = another
	another.desk.Set(Platform{Name: "acme"})
	p.while(t, func() {
		await(t, "the agent to say how the release stands", another.changed, func() bool {
			another.mu.Lock()
			defer another.mu.Unlock()
			return another.stands[one] != ""
		})
		if len(p.keeper.dropped) > 0 {
			t.Error("the release was dropped before anything was known")
		}
		another.desk.Settle(true)
		await(t, "the release to be dropped", p.keeper.changed, func() bool {
			p.keeper.mu.Lock()
			defer p.keeper.mu.Unlock()
			return len(p.keeper.dropped) == 1
		})
	})
	if len(p.book.Briefs()) > 0 {
		t.Error("what was dropped is in the book")
	}
}

// TestRequests: a request is told once, and answered whatever becomes of the connection.
func TestRequests(t *testing.T) {
	p := newPair(t)
	p.office.desk.Act(Act{one, release.Act{ID: 1}})
	if err := p.office.replies[1]; !errors.Is(err, release.ErrRefused) {
		t.Errorf("a request that cannot be told is answered by %v", err)
	}
	if got := ReplyOf(7, fmt.Errorf("%w: it is held", release.ErrRefused)).Err(); !errors.Is(got, release.ErrRefused) || got.Error() != "not possible now: it is held" {
		t.Errorf("a refusal arrives as %v", got)
	}
	s := &session{desk: p.office.desk, stop: func(error) {}, wake: make(chan struct{}, 1)}
	p.office.desk.begin(s, hello{Instance: "a"}, "1")
	p.office.desk.Act(Act{one, release.Act{ID: 2}})
	p.office.desk.finish(s)
	if err := p.office.replies[2]; !errors.Is(err, errBroken) {
		t.Errorf("a request whose connection ended is answered by %v", err)
	}
}

// TestRemoved: what was to be removed and is gone is told, and forgotten.
func TestRemoved(t *testing.T) {
	p := newPair(t)
	b := Brief{ID: one}
	b.Told(release.Declared{Target: release.Target{Remove: true}})
	p.office.desk.File(b)
	p.office.desk.Settle(true)
	p.while(t, func() {
		await(t, "the daemon to know", p.office.changed, func() bool {
			p.office.mu.Lock()
			defer p.office.mu.Unlock()
			return len(p.office.retired) > 0
		})
	})
	if len(p.book.Briefs()) > 0 {
		t.Error("what is gone is in the book")
	}
}

// TestInventories: what the cluster holds is known as a whole, or not yet.
func TestInventories(t *testing.T) {
	p := newPair(t)
	if _, err := p.office.desk.Inventories(); err == nil {
		t.Error("what the cluster holds is known before the agent has said it")
	}
	p.link.Recorded(cluster.Inventory{Platform: "acme", Release: one, Commit: "c1"}, false)
	known := func(want ...string) func() bool {
		return func() bool {
			list, err := p.office.desk.Inventories()
			var got []string
			for _, i := range list {
				got = append(got, i.Commit)
			}
			return err == nil && cmp.Equal(want, got)
		}
	}
	p.while(t, func() {
		await(t, "the inventory", p.office.changed, known("c1"))
		p.link.Recorded(cluster.Inventory{Platform: "acme", Release: one, Commit: "c2"}, false)
		await(t, "the newer one", p.office.changed, known("c2"))
	})
	p.link.Recorded(cluster.Inventory{Release: one}, true) // while there is no connection
	p.while(t, func() { await(t, "it to be gone", p.office.changed, known()) })
}

// TestEventsAreBounded: while the daemon is away, the oldest events make room, and how many is told.
func TestEventsAreBounded(t *testing.T) {
	p := newPair(t)
	for i := range maxEvents + 5 {
		p.link.Happened(history.Event{Release: one, Message: fmt.Sprint(i)})
	}
	p.link.Happened(history.Event{Release: one, Message: "last"})
	p.while(t, func() {
		await(t, "the last event", p.office.changed, func() bool {
			p.office.mu.Lock()
			defer p.office.mu.Unlock()
			n := len(p.office.events)
			return n > 0 && p.office.events[n-1] == "last"
		})
	})
	missed, events := 0, 0
	for _, text := range p.office.events {
		var n int
		if _, err := fmt.Sscanf(text, "missed %d", &n); err == nil {
			missed += n
		} else {
			events++
		}
	}
	if events != maxEvents || missed+events < maxEvents+5 {
		t.Errorf("%d events came, and %d were told to be missing", events, missed)
	}
}
