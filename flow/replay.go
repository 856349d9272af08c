// SPDX-License-Identifier: Apache-2.0

package flow

import (
	"slices"
	"time"

	"trunkline.dev/trunkline/flow/plan"
	"trunkline.dev/trunkline/flow/record"
)

// replaying is what is known of the replays of an environment.
type replaying struct {
	// begun is when each began, by the clock of the store; nil before that was listed. It grows only.
	begun map[string]time.Time
	// beginning is set while it is written down that some begin; next is when that may be tried again.
	beginning bool
	next      time.Time
}

// began is the event that replays were written down.
type began struct {
	state    *state
	declared *declared
	begun    map[string]time.Time
	err      error
}

// replays are those that are declared and have begun. What is not declared any more has nothing made again, and what is made just now by a
// release of another cluster that is older than the replay waits for that release, or for the cluster: it would be made again as it was.
func (s *state) replays() []plan.Replay {
	return slices.DeleteFunc(record.Begun(s.declared.replays, s.replaying.begun), func(r plan.Replay) bool { return s.several() && !s.cameWith(r) })
}

// cameWith reports whether the template by which the lots are made now that a replay is of came with it, or after it.
func (s *state) cameWith(r plan.Replay) bool {
	arc := r.Of
	if _, is := s.declared.graph.Arc(arc); !is {
		arc = s.declared.graph.Producer(r.Of)
	}
	return slices.Contains(s.replaysOf(arc), r.ID)
}

// noteBegun takes when replays began. A listing that is older than what is known already says nothing of the others.
func (s *state) noteBegun(begun map[string]time.Time) {
	before := len(s.replays())
	if s.replaying.begun == nil {
		s.replaying.begun = map[string]time.Time{}
	}
	for id, at := range begun {
		if _, known := s.replaying.begun[id]; !known {
			s.replaying.begun[id] = at
		}
	}
	s.stale = s.stale || len(s.replays()) != before
}

// due are the replays that are to begin: the templates of their runs in the cluster are those that came with them.
func (s *state) due(now time.Time) (all []plan.Replay) {
	at := &s.replaying
	if s.planner == nil || s.stale || at.begun == nil || at.beginning || now.Before(at.next) {
		return nil
	}
	for _, r := range s.declared.replays {
		if _, has := at.begun[r.ID]; !has && s.cameWith(r) {
			all = append(all, r)
		}
	}
	return all
}

// replaysOf are those that the template came with by which the lots of a workload are made now.
func (s *state) replaysOf(arc string) []string {
	h, _ := s.homeOf(arc)
	return h.template.Replays
}

// replay has the replays of an environment begin that are due.
func (l *loop) replay(s *state, now time.Time) {
	due := s.due(now)
	if len(due) == 0 {
		return
	}
	s.replaying.beginning = true
	d := s.declared
	l.aside(s, func() {
		begun, err := l.stores().begin(l.ctx, d, due)
		l.tell(began{s, d, begun, err})
	})
}

// replayed takes that replays began.
func (l *loop) replayed(e began) {
	if l.states[e.declared.name] != e.state {
		return
	}
	e.state.replaying.beginning = false
	if e.err != nil {
		e.state.replaying.next = l.opts.Now().Add(l.opts.Interval)
		l.opts.Log.Warn("cannot begin replays; it is tried again", "environment", e.declared.name, "err", e.err.Error())
		return
	}
	for id := range e.begun {
		if _, before := e.state.replaying.begun[id]; !before {
			l.opts.Log.Info("a replay begins", "environment", e.declared.name, "replay", id)
		}
	}
	e.state.noteBegun(e.begun)
}
