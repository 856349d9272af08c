// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/reconciler/cluster"
)

// pipe carries whole messages, in both directions. It is a WebSocket outside of tests.
type pipe interface {
	Read(ctx context.Context) ([]byte, error)
	Write(ctx context.Context, data []byte) error
	// Close says why; it ends Read and Write.
	Close(why string)
}

// maxPosts bounds the short messages that wait for their turn. They are answers and requests; states are read when they are sent.
const maxPosts = 4096

// errSlow ends a connection that does not take what it is sent.
var errSlow = errors.New("too many messages wait to be sent: the connection is too slow, or the other side hangs")

// session is one connection of an agent, on the daemon's side. All but what belongs to its goroutines is guarded by the lock of
// the desk.
type session struct {
	desk *Desk
	ctx  context.Context //nolint:containedctx // it is the life of the session
	stop context.CancelCauseFunc
	wake chan struct{}

	// book and term are what the agent has said of itself.
	book string
	term Term

	posts []frame
	// pending are releases whose briefs may differ from what the agent holds.
	pending []catalog.ReleaseID
	holds   map[catalog.ReleaseID]string
	objects map[string]bool
	// sent is the platform as it was sent last, as JSON, and settled what the agent was told last of that.
	sent    string
	settled bool
	begun   bool
	// runs is set if the agent can be asked for runs of lots. Clock is what its clock showed when it was heard.
	runs  bool
	clock int64
	heard time.Time
	reach reaching
	// listing are the inventories of this connection until all of them have come.
	listing map[catalog.ReleaseID]cluster.Inventory
}

// open has the session know what the agent has. The caller holds the lock.
func (s *session) open(h hello) {
	s.holds, s.objects = map[catalog.ReleaseID]string{}, map[string]bool{}
	s.listing = map[catalog.ReleaseID]cluster.Inventory{}
	for _, id := range h.IDs {
		if id.Cluster == s.desk.name {
			s.holds[id] = h.Holds[id.String()]
		}
	}
	for _, digest := range h.Objects {
		s.objects[digest] = true
	}
	all := make([]*filed, 0, len(s.desk.briefs))
	for _, b := range s.desk.briefs {
		all = append(all, b)
	}
	slices.SortFunc(all, func(a, b *filed) int { return cmp.Compare(a.place, b.place) })
	for _, b := range all {
		s.pending = append(s.pending, b.ID)
	}
}

func (s *session) wakeUp() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// post sends a short message. The caller holds the lock.
func (s *session) post(f frame) {
	if len(s.posts) >= maxPosts {
		s.end(errSlow)
		return
	}
	s.posts = append(s.posts, f)
	s.wakeUp()
}

func (s *session) end(why error) { s.stop(why) }

// run talks until the connection or ctx ends.
func (s *session) run(p pipe, w welcome) error {
	group, ctx := errgroup.WithContext(s.ctx)
	group.Go(func() error { return s.talk(ctx, p, w) })
	group.Go(func() error { return s.listen(ctx, p) })
	err := group.Wait()
	if cause := context.Cause(s.ctx); cause != nil {
		err = cause
	}
	p.Close(closing(err))
	return err
}

// closing is what the other side is told of an error.
func closing(err error) string {
	if err == nil || errors.Is(err, context.Canceled) {
		return "going away"
	}
	return err.Error()
}

func (s *session) listen(ctx context.Context, p pipe) error {
	in := counter{last: 1} // Hello was the first
	for {
		f, err := receive(ctx, p, &in)
		if err != nil {
			return err
		}
		if f != nil {
			s.desk.hear(s, *f)
		}
	}
}

// receive returns the next message; nil if it has come before.
func receive(ctx context.Context, p pipe, in *counter) (*frame, error) {
	waiting, cancel := context.WithTimeout(ctx, silence)
	defer cancel()
	data, err := p.Read(waiting)
	switch {
	case err != nil && ctx.Err() == nil && waiting.Err() != nil:
		return nil, fmt.Errorf("nothing was heard for %s", silence)
	case err != nil:
		return nil, err
	}
	var f frame
	if err := json.Unmarshal(data, &f); err != nil {
		return nil, fmt.Errorf("reading a message: %w", err)
	}
	fresh, err := in.take(f)
	if err != nil || !fresh {
		return nil, err
	}
	return &f, nil
}

// transmit sends a message with its number.
func transmit(ctx context.Context, p pipe, seq *uint64, f frame) error {
	*seq++
	f.Seq = *seq
	data, err := json.Marshal(f)
	if err != nil {
		return fmt.Errorf("writing a message: %w", err)
	}
	writing, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	return p.Write(writing, data)
}

// talk sends what there is to say, whenever there is.
func (s *session) talk(ctx context.Context, p pipe, w welcome) error {
	var seq uint64
	if err := transmit(ctx, p, &seq, frame{Welcome: &w}); err != nil {
		return err
	}
	s.desk.office.Changed()
	beats := time.NewTicker(beat)
	defer beats.Stop()
	for {
		for {
			frames, err := s.next(ctx)
			if err != nil {
				return err
			}
			if len(frames) == 0 {
				break
			}
			for _, f := range frames {
				if err := transmit(ctx, p, &seq, f); err != nil {
					return err
				}
			}
		}
		select {
		case <-s.wake:
		case <-beats.C:
			if err := transmit(ctx, p, &seq, frame{Ping: s.desk.now().UnixNano()}); err != nil {
				return err
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// next returns what is to be said now: answers first, and then what differs from what the agent has.
func (s *session) next(ctx context.Context) ([]frame, error) {
	d := s.desk
	d.mu.Lock()
	posts := s.posts
	s.posts = nil
	d.mu.Unlock()
	if len(posts) > 0 {
		return posts, nil
	}
	// What is so of the platform comes first: without its name an agent cannot say what the cluster holds of it.
	if out, err := s.platform(); len(out) > 0 || err != nil {
		return out, err
	}
	if err := d.office.Ready(ctx); err != nil {
		return nil, nil //nolint:nilerr // it is asked again once something has changed, and the board says why
	}
	if out, err := s.differs(); len(out) > 0 || err != nil {
		return out, err
	}
	return s.settle(), nil
}

// platform says what is so of the platform, if that is not what was said last.
func (s *session) platform() ([]frame, error) {
	d := s.desk
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.platform.Name == "" {
		return nil, nil
	}
	platform, err := json.Marshal(d.platform)
	if err != nil {
		return nil, err
	}
	if s.sent != string(platform) {
		s.sent = string(platform)
		p := d.platform
		return []frame{{Platform: &p}}, nil
	}
	return nil, nil
}

// differs returns the first brief that the agent does not have yet.
func (s *session) differs() ([]frame, error) {
	d := s.desk
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.platform.Name == "" {
		return nil, nil
	}
	for len(s.pending) > 0 {
		b := d.briefs[s.pending[0]]
		if b == nil || s.holds[b.ID] == b.rev {
			s.pending = s.pending[1:]
			continue
		}
		return s.brief(b)
	}
	return nil, nil
}

// brief sends one, with its objects unless the agent has them. The caller holds the lock.
func (s *session) brief(b *filed) (out []frame, err error) {
	if !s.begun || s.settled {
		s.begun, s.settled = true, false
		out = append(out, frame{Settled: new(bool)})
	}
	if t := b.Target; t != nil && t.objects != nil && !s.objects[t.Digest] {
		data, err := squeeze(t.objects)
		if err != nil {
			return nil, err
		}
		s.objects[t.Digest] = true
		out = append(out, frame{Objects: &objects{t.Digest, data}})
	}
	brief := b.Brief
	s.holds[b.ID] = b.rev
	s.pending = s.pending[1:]
	return append(out, frame{Brief: &brief}), nil
}

// settle says once that the agent has all there is, and has it leave what is not declared.
func (s *session) settle() (out []frame) {
	unknown := map[catalog.ReleaseID]bool{}
	for _, id := range s.unknown() {
		unknown[id] = !s.desk.office.Keeps(id) // which must not be asked with the lock
	}
	d := s.desk
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.settled || len(s.pending) > 0 || s.begun && s.settled {
		return nil
	}
	for id, drop := range unknown {
		if drop && d.briefs[id] == nil {
			delete(s.holds, id)
			out = append(out, frame{Drop: &id})
		}
	}
	settled := true
	s.begun, s.settled = true, true
	return append(out, frame{Settled: &settled})
}

// unknown are the releases that the agent has and the daemon knows nothing of, if all is settled and the agent was not told so.
func (s *session) unknown() (ids []catalog.ReleaseID) {
	d := s.desk
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.settled || s.begun && s.settled {
		return nil
	}
	for id := range s.holds {
		if d.briefs[id] == nil {
			ids = append(ids, id)
		}
	}
	return ids
}

// restore answers what an older commit declares.
func (s *session) restore(r restore) {
	go func() {
		out := restored{Ticket: r.Ticket}
		t, err := s.desk.office.Restore(s.ctx, r.ID, r.Commit)
		if err == nil && t.Objects != nil {
			out.Target = TargetOf(t)
			var data []byte
			data, err = squeeze(t.Objects)
			out.Objects = &objects{t.Digest, data}
		}
		if err != nil {
			out = restored{Ticket: r.Ticket, Why: err.Error()}
		}
		s.desk.mu.Lock()
		defer s.desk.mu.Unlock()
		s.post(frame{Restored: &out})
	}()
}
