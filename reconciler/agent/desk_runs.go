// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// runsOf is what a desk has of the runs of lots in its cluster. What is said about them is not this package's: it carries what there is to
// tell, and questions with their answers. The lock of the desk guards it.
type runsOf struct {
	follower *follower
	asks     map[int64]*waiting
	tickets  int64
}

// follower is who is told how the runs are, with the lock of the desk.
type follower struct {
	told func(said []json.RawMessage)
	away func(why string)
}

// waiting is a question that is not answered yet.
type waiting struct {
	session *session
	data    []byte
	ended   chan error
}

// maxAnswer bounds what an agent answers to one question, in bytes.
const maxAnswer = 8 << 20

// errUnanswered says that a question was not answered in time.
var errUnanswered = errors.New("the agent of the cluster has not answered in time")

// Follow has someone be told how the runs of lots in the cluster are, until leave is called: all that there is whenever the agent comes, and
// then what changes; and why nothing is told, whenever that is so. Neither may block, or call the desk. There is one who follows: another
// one takes its place.
func (d *Desk) Follow(told func(said []json.RawMessage), away func(why string)) (leave func()) {
	f := &follower{told, away}
	d.mu.Lock()
	d.runs.follower = f
	d.follows(true)
	if why := d.absent(); why != "" {
		f.away(why)
	}
	d.mu.Unlock()
	d.office.Changed() // there may be something to warn of
	return func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		if d.runs.follower == f {
			d.runs.follower = nil
			d.follows(false)
		}
	}
}

// follows tells the agent whether it is to tell of runs. The caller holds the lock.
func (d *Desk) follows(is bool) {
	if d.session != nil && d.session.runs {
		d.session.post(frame{Follow: &is})
	}
}

// absent says why nothing is told of runs; empty if it is. The caller holds the lock.
func (d *Desk) absent() string {
	switch {
	case d.session == nil:
		return d.presence()
	case !d.session.runs:
		return fmt.Sprintf("its agent is of the version %s, which has no runs of lots made as this daemon asks for them: install the agent of the daemon's version",
			cmp.Or(d.version, "that it does not say"))
	}
	return ""
}

// Warning says what is wrong with an agent that is connected; empty if nothing is.
func (d *Desk) Warning() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.session == nil || d.runs.follower == nil {
		return ""
	}
	return d.absent()
}

// beginRuns has a connection begin, with nothing left of the one before. The caller holds the lock.
func (d *Desk) beginRuns(s *session, h hello) {
	d.endRuns(nil)
	s.runs = h.Runs == RunsProtocol
	s.ticks(h.Clock, d.seen)
	f := d.runs.follower
	if f == nil {
		return
	}
	d.follows(true)
	if why := d.absent(); why != "" {
		f.away(why)
	}
}

// endRuns ends what was asked for over a connection, or over any if it is nil, and says so. The caller holds the lock.
func (d *Desk) endRuns(s *session) {
	for ticket, w := range d.runs.asks {
		if s == nil || w.session == s {
			delete(d.runs.asks, ticket)
			w.ended <- errBroken
		}
	}
	if f := d.runs.follower; f != nil && s != nil {
		f.away(d.presence())
	}
}

// ticks notes what the clock of the agent shows. The caller holds the lock.
func (s *session) ticks(clock int64, now time.Time) {
	if clock != 0 {
		s.clock, s.heard = clock, now
	}
}

// told passes on what the agent says of runs. The caller holds the lock.
func (d *Desk) told(s *session, said []json.RawMessage) {
	if f := d.runs.follower; f != nil && s.runs {
		f.told(said)
	}
}

// Ask asks the agent for something about the runs of lots, and waits for the answer that long at most. With an error it is not known whether
// it was done: then it has been by the end of that time, or never will be.
func (d *Desk) Ask(ctx context.Context, what json.RawMessage, within time.Duration) ([]byte, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, within, errUnanswered)
	defer cancel()
	w := &waiting{ended: make(chan error, 1)}
	d.mu.Lock()
	if why := d.absent(); why != "" {
		d.mu.Unlock()
		return nil, errors.New(why)
	}
	s, now := d.session, d.now()
	w.session = s
	d.runs.tickets++
	ticket := d.runs.tickets
	d.runs.asks[ticket] = w
	// What the agent's clock shows now is at least that, since it was heard.
	by := s.clock + int64(now.Sub(s.heard)+within)
	s.post(frame{Ask: &ask{Ticket: ticket, By: by, What: what}})
	d.mu.Unlock()
	select {
	case err := <-w.ended:
		return w.data, err
	case <-ctx.Done():
		d.mu.Lock()
		defer d.mu.Unlock()
		delete(d.runs.asks, ticket)
		return nil, context.Cause(ctx)
	}
}

// answered takes a part of an answer. The caller holds the lock.
func (d *Desk) answered(s *session, a answer) {
	w := d.runs.asks[a.Ticket]
	if w == nil || w.session != s {
		return
	}
	if w.data = append(w.data, a.Part...); a.More && len(w.data) <= maxAnswer {
		return
	}
	delete(d.runs.asks, a.Ticket)
	var err error
	if len(w.data) > maxAnswer {
		err = fmt.Errorf("the agent of the cluster answers with more than %d MiB", maxAnswer>>20)
	}
	w.ended <- err
}
