// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"time"
)

// reachTimeout bounds how long an agent has to bring a connection that it was asked for.
const reachTimeout = 20 * time.Second

var (
	// errNoLine says that an agent does not bring the connection.
	errNoLine = errors.New("its agent has not brought a connection in time: its log says why")
	// errLineLost says that there is nobody who would.
	errLineLost = errors.New("the connection to its agent has ended")
)

// reaching is what a session has of the connection by which what runs in the cluster is reached. The lock of the desk guards it.
type reaching struct {
	// protocol is the version that the agent speaks; 0: none. Shut is set if it lets nobody through.
	protocol int
	shut     bool
	line     *http.ClientConn
	asked    *askedLine
}

// askedLine is a connection that the agent was asked for.
type askedLine struct {
	ticket string
	since  time.Time
	ended  chan struct{}
	// line or err is set before ended is closed.
	line *http.ClientConn
	err  error
}

// answerReach says what came of the connection that was asked for. The caller holds the lock.
func (s *session) answerReach(line *http.ClientConn, err error) {
	a := s.reach.asked
	s.reach.asked = nil
	a.line, a.err = line, err
	close(a.ended)
}

// Reachable returns why what runs in the cluster is not reached now; nil if it is, as far as the agent has said.
func (d *Desk) Reachable() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.shut()
}

// shut returns why nothing is reached. The caller holds the lock.
func (d *Desk) shut() error {
	switch s := d.session; {
	case s == nil:
		return errors.New(d.presence())
	case s.reach.protocol != ReachProtocol:
		return fmt.Errorf("its agent is of the version %s, through which this daemon reaches nothing: install the agent of the daemon's version", cmp.Or(d.version, "that it does not say"))
	case s.reach.shut:
		return errors.New(`its agent lets nobody through to what runs there: it takes "trunkline agent --reach", which is "reach: true" of its chart`)
	}
	return nil
}

// Reach returns what makes requests to the agent about what runs in the cluster. The agent is asked for a connection for that, unless there is one.
func (d *Desk) Reach(ctx context.Context) (http.RoundTripper, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, reachTimeout, errNoLine)
	defer cancel()
	d.mu.Lock()
	if err := d.shut(); err != nil {
		d.mu.Unlock()
		return nil, err
	}
	s := d.session
	if line := s.reach.line; line != nil && line.Err() == nil {
		d.mu.Unlock()
		return line, nil
	}
	a := s.reach.asked
	if now := d.now(); a == nil || now.Sub(a.since) > reachTimeout {
		a = &askedLine{ticket: rand.Text(), since: now, ended: make(chan struct{})}
		s.reach.asked = a
		s.post(frame{Reach: a.ticket})
	}
	d.mu.Unlock()
	select {
	case <-a.ended:
		if a.err != nil {
			return nil, a.err
		}
		return a.line, nil
	case <-s.ctx.Done():
		return nil, errLineLost
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// expects returns the session whose agent was asked for the connection of a ticket; nil if none was.
func (d *Desk) expects(ticket string) *session {
	d.mu.Lock()
	defer d.mu.Unlock()
	if s := d.session; s != nil && s.reach.asked != nil && s.reach.asked.ticket == ticket {
		return s
	}
	return nil
}

// brought has a connection be the one of a session, if it still is asked for, and reports whether it is.
func (d *Desk) brought(s *session, ticket string, line *http.ClientConn) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.session != s || s.reach.asked == nil || s.reach.asked.ticket != ticket {
		return false
	}
	s.reach.line = line
	s.answerReach(line, nil)
	return true
}

// notBrought notes why an agent cannot bring a connection. The caller holds the lock.
func (d *Desk) notBrought(s *session, u unreached) {
	if a := s.reach.asked; a != nil && a.ticket == u.Ticket {
		s.answerReach(nil, fmt.Errorf("its agent cannot bring a connection: %s", u.Why))
	}
}
