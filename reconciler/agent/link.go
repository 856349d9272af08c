// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	mathrand "math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/coder/websocket"
	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/semaphore"

	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/plan/release"
	"trunkline.dev/trunkline/reconciler/cluster"
	"trunkline.dev/trunkline/reconciler/history"
)

// Keeper is who keeps the releases of the cluster. Its methods must not block; they are called by one goroutine.
type Keeper interface {
	// Platform is called before anything else.
	Platform(p Platform) error
	// Assign says what a release is to be, and what was said of it before; nil if nothing was.
	Assign(b, before *Brief)
	// Drop has a release left as it is, and forgotten.
	Drop(id catalog.ReleaseID)
	// Settle reports whether all releases have what the newest commit says of them.
	Settle(settled bool)
	Act(a Act)
}

const (
	// maxEvents bounds the events that wait for the daemon; older ones are left out then, and how many is told.
	maxEvents = 10000
	// eventsAtOnce bounds those of one message.
	eventsAtOnce = 100
	// Between these, the wait before the daemon is dialled again doubles; it is a random part of that.
	firstDial = 500 * time.Millisecond
	lastDial  = 30 * time.Second
	// lasting is how long a connection has to last for the next one to be tried at once.
	lasting = time.Second
)

// LinkOptions are what a link is made of. All but Log are required.
type LinkOptions struct {
	// Cluster is the name of the agent's own.
	Cluster string
	// URL is the daemon's, such as "https://trunkline.example.com:8443".
	URL string
	// Client makes the connection. It verifies who the daemon is, and brings the certificate of the agent, if it has one.
	Client *http.Client
	// Token returns the token of the agent as it is now; nil if it has none.
	Token func() (string, error)
	// Version is the agent's.
	Version string
	Book    *Book
	// Term is since when this agent keeps the cluster.
	Term Term
	// Runs has the runs of lots; nil if there are none.
	Runs Runs
	// Reach answers what the daemon asks for of what runs in the cluster; nil: it lets nothing through.
	Reach http.Handler
	Log   *slog.Logger
	Now   func() time.Time
}

// Link is the agent's side of the connection: it tells the keeper what the daemon says, and the daemon what the keeper does. What it
// is told of while there is no connection it tells when there is one.
type Link struct {
	opts     LinkOptions
	keeper   Keeper
	instance string
	// began is when the clock did by which the daemon says until when it waits, and room bounds what it asks for at a time.
	began time.Time
	room  *semaphore.Weighted

	mu          sync.Mutex
	wake        chan struct{}
	connected   bool
	since       time.Time
	why         string
	posts       []frame
	standings   map[catalog.ReleaseID]Standing
	inventories map[catalog.ReleaseID]cluster.Inventory
	listed      bool
	state       cluster.State
	// dirty are standings and inventories that the daemon does not have; fresh is set while it has none of them.
	dirtyStandings, dirtyInventories map[catalog.ReleaseID]bool
	dirtyState, fresh                bool
	events                           []Event
	seq, sentEvents                  uint64
	lost                             int
	// moreRuns is set if there was more to tell of runs than was sent at once.
	moreRuns bool
	asked    map[int64]*question
	tickets  int64
	// endLine ends the connection by which what runs in the cluster is reached; nil before the first one.
	endLine context.CancelFunc
}

// question is one to the daemon that was not answered yet.
type question struct {
	restore restore
	sent    bool
	answer  chan restored
}

// NewLink returns a link that is not connected yet. The keeper is set by [Link.Run].
func NewLink(opts LinkOptions) *Link {
	if opts.Log == nil {
		opts.Log = slog.New(slog.DiscardHandler)
	}
	return &Link{
		opts: opts, instance: rand.Text(), began: opts.Now(), room: semaphore.NewWeighted(asksAtOnce), wake: make(chan struct{}, 1), standings: map[catalog.ReleaseID]Standing{},
		inventories: map[catalog.ReleaseID]cluster.Inventory{}, dirtyStandings: map[catalog.ReleaseID]bool{},
		dirtyInventories: map[catalog.ReleaseID]bool{}, asked: map[int64]*question{}, since: opts.Now(), why: "it was not tried yet",
	}
}

// Run keeps a connection to the daemon until ctx ends. Before the first one, the keeper is told what is in the book.
func (l *Link) Run(ctx context.Context, keeper Keeper) {
	l.keeper = keeper
	l.recall()
	for wait := firstDial; ctx.Err() == nil; {
		began := l.opts.Now()
		err := l.connect(ctx)
		if ctx.Err() != nil {
			return
		}
		l.opts.Log.Warn("not connected to the daemon", "err", err.Error())
		if l.opts.Now().Sub(began) > lasting {
			wait = firstDial // it was connected, and the daemon is not what ends connections
		}
		select {
		case <-ctx.Done():
		case <-time.After(wait/2 + mathrand.N(wait/2)): //nolint:gosec // many agents do not come in step
		}
		wait = min(2*wait, lastDial)
	}
}

// recall tells the keeper what is in the book.
func (l *Link) recall() {
	p, settled := l.opts.Book.Platform()
	if p.Name == "" {
		return
	}
	if err := l.keeper.Platform(p); err != nil {
		l.opts.Log.Error("what was known of the platform does not count", "err", err.Error())
		return
	}
	l.keeper.Settle(false)
	for _, b := range l.opts.Book.Briefs() {
		l.keeper.Assign(&b, nil)
	}
	if settled {
		l.keeper.Settle(true)
	}
}

// Presence is what the agent knows of its connection: whether there is one, since when that is so, and why not.
func (l *Link) Presence() (connected bool, since time.Time, why string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.connected, l.since, l.why
}

// connect dials the daemon, and talks to it until the connection ends.
func (l *Link) connect(ctx context.Context) error {
	conn, _, err := l.dial(ctx, Path, http.Header{}, websocket.CompressionContextTakeover)
	if err == nil {
		conn.SetReadLimit(maxDown)
		err = l.converse(ctx, socket{conn})
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.connected {
		l.since = l.opts.Now()
	}
	l.connected, l.why = false, err.Error()
	return err
}

// dial opens a connection to the daemon. It returns the status of its answer; 0 if there was none.
func (l *Link) dial(ctx context.Context, path string, header http.Header, compression websocket.CompressionMode) (*websocket.Conn, int, error) {
	header.Set(headerCluster, l.opts.Cluster)
	header.Set(headerProtocol, strconv.Itoa(Protocol))
	header.Set(headerVersion, l.opts.Version)
	if l.opts.Token != nil {
		token, err := l.opts.Token()
		if err != nil {
			return nil, 0, err
		}
		header.Set("Authorization", "Bearer "+token)
	}
	// A connection that was refused is not used again: another one may lead to the replica that leads.
	l.opts.Client.CloseIdleConnections()
	dialling, cancel := context.WithTimeout(ctx, silence)
	defer cancel()
	conn, resp, err := websocket.Dial(dialling, strings.TrimSuffix(l.opts.URL, "/")+path, &websocket.DialOptions{ //nolint:bodyclose // Dial has read it, and there is nothing to close
		HTTPClient: l.opts.Client, HTTPHeader: header, CompressionMode: compression,
	})
	if err != nil {
		status := 0
		if resp != nil {
			status = resp.StatusCode
		}
		return nil, status, refusal(resp, err)
	}
	return conn, http.StatusSwitchingProtocols, nil
}

// maxRefusal bounds what is read of why the daemon does not let the agent in.
const maxRefusal = 1 << 10

// refusal is what the daemon says.
func refusal(resp *http.Response, err error) error {
	if resp == nil || resp.Body == nil {
		return fmt.Errorf("dialling the daemon: %w", err)
	}
	said, readErr := io.ReadAll(io.LimitReader(resp.Body, maxRefusal))
	if readErr != nil || len(said) == 0 {
		return fmt.Errorf("dialling the daemon: %w", err)
	}
	return fmt.Errorf("the daemon does not let the agent in (%s): %s", resp.Status, strings.TrimSpace(string(said)))
}

// converse talks to the daemon until the connection or ctx ends.
func (l *Link) converse(ctx context.Context, p pipe) error {
	group, talking := errgroup.WithContext(ctx)
	var out uint64
	h := l.opts.Book.hello()
	h.Instance, h.Term, h.Clock = l.instance, l.opts.Term, l.clock()
	h.Reach, h.Shut = ReachProtocol, l.opts.Reach == nil
	if l.opts.Runs != nil {
		h.Runs = RunsProtocol
		l.opts.Runs.Follow(false) // until this daemon asks for it
	}
	if err := transmit(talking, p, &out, frame{Hello: &h}); err != nil {
		p.Close(closing(err))
		return err
	}
	var in counter
	f, err := receive(talking, p, &in)
	if err == nil && (f == nil || f.Welcome == nil) {
		err = errors.New("the daemon does not answer as one")
	}
	if err != nil {
		p.Close(closing(err))
		return err
	}
	l.welcome(*f.Welcome)
	l.opts.Log.Info("connected to the daemon", "version", f.Welcome.Version)
	if l.opts.Reach != nil && f.Welcome.Reach != ReachProtocol {
		l.opts.Log.Warn("the daemon is of a version that reaches nothing through this agent: use the daemon of the agent's version", "version", f.Welcome.Version)
	}
	group.Go(func() error { return l.talk(talking, p, &out) })
	group.Go(func() error {
		return l.listen(talking, p, &in, func(f frame) {
			group.Go(func() error { l.begin(talking, f); return nil })
		})
	})
	err = group.Wait() // also for what was asked for: nothing of it is under way once there is another connection
	p.Close(closing(err))
	return err
}

// welcome begins a connection: all is told again that is so.
func (l *Link) welcome(w welcome) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.connected, l.since, l.why = true, l.opts.Now(), ""
	l.posts, l.fresh, l.dirtyState = nil, true, true
	l.took(w.Taken)
	l.sentEvents = w.Taken
	for id := range l.standings {
		l.dirtyStandings[id] = true
	}
	for _, q := range l.asked {
		q.sent = false
	}
	l.wakeUp()
}

func (l *Link) wakeUp() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// took forgets the events that the daemon has. The caller holds the lock.
func (l *Link) took(seq uint64) {
	i := slices.IndexFunc(l.events, func(e Event) bool { return e.Seq > seq })
	if i < 0 {
		i = len(l.events)
	}
	l.events = slices.Delete(l.events, 0, i)
}

func (l *Link) listen(ctx context.Context, p pipe, in *counter, asked func(frame)) error {
	for {
		f, err := receive(ctx, p, in)
		if err != nil {
			return err
		}
		if f == nil {
			continue
		}
		if f.Ask != nil && l.opts.Runs != nil || f.Reach != "" && l.opts.Reach != nil {
			asked(*f)
			continue
		}
		if err := l.hear(*f); err != nil {
			return err
		}
	}
}

// begin does what takes time of what the daemon says.
func (l *Link) begin(ctx context.Context, f frame) {
	if f.Reach != "" {
		l.bring(ctx, f.Reach)
		return
	}
	l.serve(ctx, *f.Ask)
}

// hear does what the daemon says.
func (l *Link) hear(f frame) error {
	book := l.opts.Book
	switch {
	case f.Ping != 0:
		l.post(frame{Pong: f.Ping})
	case f.Platform != nil:
		if err := l.keeper.Platform(*f.Platform); err != nil {
			return err
		}
		_, settled := book.Platform()
		l.unsaved(book.setHead(*f.Platform, settled))
	case f.Settled != nil:
		p, _ := book.Platform()
		l.unsaved(book.setHead(p, *f.Settled))
		l.keeper.Settle(*f.Settled)
	case f.Objects != nil:
		return book.keep(*f.Objects)
	case f.Brief != nil:
		if f.Brief.ID.Cluster != l.opts.Cluster {
			return fmt.Errorf("the daemon names a release of the cluster %q, and this is %q", f.Brief.ID.Cluster, l.opts.Cluster)
		}
		before, err, unsaved := book.put(f.Brief)
		if err != nil {
			return err
		}
		l.unsaved(unsaved)
		l.keeper.Assign(f.Brief, before)
	case f.Drop != nil:
		l.forget(*f.Drop)
		l.keeper.Drop(*f.Drop)
	case f.Act != nil:
		l.keeper.Act(*f.Act)
	case f.Restored != nil:
		l.answer(*f.Restored)
	case f.Follow != nil && l.opts.Runs != nil:
		l.opts.Runs.Follow(*f.Follow)
		l.wakeUp()
	case f.Taken != 0:
		l.mu.Lock()
		l.took(f.Taken)
		l.mu.Unlock()
	}
	return nil
}

// unsaved says that what was told is not on disk: the agent goes on with it, until it is started again.
func (l *Link) unsaved(err error) {
	if err != nil {
		l.opts.Log.Error("what the daemon says cannot be kept on disk", "err", err.Error())
	}
}

func (l *Link) forget(id catalog.ReleaseID) {
	l.unsaved(l.opts.Book.remove(id))
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.standings, id)
	delete(l.dirtyStandings, id)
}

func (l *Link) answer(r restored) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if q := l.asked[r.Ticket]; q != nil {
		delete(l.asked, r.Ticket)
		q.answer <- r
	}
}

// talk tells the daemon what there is to tell, whenever there is.
func (l *Link) talk(ctx context.Context, p pipe, seq *uint64) error {
	beats := time.NewTicker(beat)
	defer beats.Stop()
	for {
		for _, f := range l.next() {
			if err := transmit(ctx, p, seq, f); err != nil {
				return err
			}
		}
		if l.more() {
			continue
		}
		select {
		case <-l.wake:
		case <-beats.C:
			if err := transmit(ctx, p, seq, frame{Ping: l.opts.Now().UnixNano(), Clock: l.clock()}); err != nil {
				return err
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// more reports whether there is more to send than was sent at once.
func (l *Link) more() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.moreRuns || len(l.events) > 0 && l.events[len(l.events)-1].Seq > l.sentEvents
}

// next returns what is to be told now.
func (l *Link) next() (out []frame) {
	l.mu.Lock()
	defer l.mu.Unlock()
	out, l.posts = l.posts, nil
	if l.dirtyState {
		l.dirtyState = false
		state := l.state
		out = append(out, frame{State: &state})
	}
	out = append(out, l.inventoriesNow()...)
	for id := range l.dirtyStandings {
		s := l.standings[id]
		out = append(out, frame{Standing: &s})
	}
	clear(l.dirtyStandings)
	for _, q := range l.asked {
		if !q.sent {
			q.sent = true
			r := q.restore
			out = append(out, frame{Restore: &r})
		}
	}
	i := slices.IndexFunc(l.events, func(e Event) bool { return e.Seq > l.sentEvents })
	if i >= 0 {
		events := slices.Clone(l.events[i:min(i+eventsAtOnce, len(l.events))])
		l.sentEvents = events[len(events)-1].Seq
		out = append(out, frame{Events: events})
	}
	return append(out, l.runsNow()...)
}

// inventoriesNow returns all of them at the beginning of a connection, if they are known, and then what changes. The caller holds
// the lock.
func (l *Link) inventoriesNow() (out []frame) {
	if !l.listed {
		return nil
	}
	if l.fresh {
		for id := range l.inventories {
			l.dirtyInventories[id] = true
		}
	}
	for id := range l.dirtyInventories {
		i, there := l.inventories[id]
		if !there {
			i.Release = id
		}
		if there || !l.fresh {
			out = append(out, frame{Inventory: &Inventory{i, !there}})
		}
	}
	clear(l.dirtyInventories)
	if l.fresh {
		l.fresh = false
		out = append(out, frame{Listed: true})
	}
	return out
}

func (l *Link) post(f frame) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.connected || len(l.posts) >= maxPosts {
		return // what is posted is about one connection; a daemon that does not read is given up soon
	}
	l.posts = append(l.posts, f)
	l.wakeUp()
}

// Stands tells how a release is.
func (l *Link) Stands(s Standing) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.standings[s.ID] = s
	l.dirtyStandings[s.ID] = true
	l.wakeUp()
}

// Retired says that nothing is left of a release. If that was what the daemon had asked for, it is forgotten.
func (l *Link) Retired(id catalog.ReleaseID) {
	if b := l.opts.Book.brief(id); b != nil && b.Key() == Removing {
		l.forget(id)
	}
	l.post(frame{Retired: &Retired{id}})
}

// Recorded tells of an inventory that was written, or is not there any more.
func (l *Link) Recorded(i cluster.Inventory, gone bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if delete(l.inventories, i.Release); !gone {
		l.inventories[i.Release] = i
	}
	l.dirtyInventories[i.Release] = true
	l.wakeUp()
}

// Listed tells which inventories there are, all of them.
func (l *Link) Listed(all []cluster.Inventory) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for id := range l.inventories {
		l.dirtyInventories[id] = true
	}
	clear(l.inventories)
	for _, i := range all {
		l.inventories[i.Release] = i
		l.dirtyInventories[i.Release] = true
	}
	l.listed = true
	l.wakeUp()
}

// State tells the daemon if the cluster answers.
func (l *Link) State(s cluster.State) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.state, l.dirtyState = s, true
	l.wakeUp()
}

// Reply answers an act.
func (l *Link) Reply(ticket int64, err error) {
	r := ReplyOf(ticket, err)
	l.post(frame{Reply: &r})
}

// Happened tells of an event for the history, and Ran of a run that ended.
func (l *Link) Happened(e history.Event) {
	if e.Time.IsZero() {
		e.Time = l.opts.Now() // it may be told later
	}
	l.event(Event{History: &e})
}

// Ran tells of a run that ended.
func (l *Link) Ran(r Run) { l.event(Event{Run: &r}) }

func (l *Link) event(e Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.seq++
	e.Seq, e.Lost = l.seq, l.lost
	if l.lost = 0; len(l.events) >= maxEvents {
		l.lost = l.events[0].Lost + 1
		l.events = slices.Delete(l.events, 0, 1)
	}
	l.events = append(l.events, e)
	l.wakeUp()
}

// Restore returns a release as an older commit declares it: from the book, or else from the daemon, for which it waits.
func (l *Link) Restore(ctx context.Context, id catalog.ReleaseID, commit, digest string) (release.Target, error) {
	if t, ok := l.opts.Book.state(id, commit, digest); ok {
		return t, nil
	}
	q := &question{answer: make(chan restored, 1)}
	l.mu.Lock()
	l.tickets++
	q.restore = restore{l.tickets, id, commit}
	l.asked[l.tickets] = q
	l.wakeUp()
	l.mu.Unlock()
	select {
	case r := <-q.answer:
		return r.target()
	case <-ctx.Done():
		l.mu.Lock()
		delete(l.asked, q.restore.Ticket)
		l.mu.Unlock()
		return release.Target{}, fmt.Errorf("asking the daemon for commit %.12s: %w", commit, ctx.Err())
	}
}

func (r restored) target() (release.Target, error) {
	switch {
	case r.Why != "":
		return release.Target{}, errors.New(r.Why)
	case r.Target == nil || r.Objects == nil:
		return release.Target{}, errors.New("the daemon answers with no state")
	}
	p, err := expand(r.Objects.Data, r.Objects.Digest)
	if err != nil {
		return release.Target{}, err
	}
	r.Target.objects = p
	return r.Target.Target(), nil
}
