// SPDX-License-Identifier: Apache-2.0

package release

import (
	"fmt"
	"time"

	"trunkline.dev/trunkline/plan"
	"trunkline.dev/trunkline/plan/gate"
	"trunkline.dev/trunkline/plan/health"
)

const (
	// diagnoseAfter is how long an object may be progressing before it is looked into; most are healthy sooner.
	diagnoseAfter = 15 * time.Second
	// diagnoseAgain is how long a diagnosis holds while the object is not healthy.
	diagnoseAgain = 30 * time.Second
)

// phase is how far the state in force is.
type phase struct {
	// applied is when all of it was applied; zero before.
	applied time.Time
	// unhealthySince is since when it is not healthy; zero while it is.
	unhealthySince time.Time
	// wrote is set once this process has applied something of it, and healthy once it was healthy.
	wrote, healthy bool
	// failure says why it has failed; empty if it has not. recorded is set once the history has it.
	failure  string
	recorded bool
	// back asks for the healthy state before, in the words of who asked.
	back *gate.Failed
}

// observation is the last one, in the words of the status.
type observation struct {
	Observation

	// bare is it without what a diagnosis found.
	bare  Observation
	known bool
}

// diagnosis is why an object of the release is not healthy, as far as that was looked into.
type diagnosis struct {
	// of is the object, in the state that digest identifies.
	of     plan.Ref
	digest string
	reason health.Reason
	// at is when it was made; zero if there is none. running is set while one is being made.
	at      time.Time
	running bool
}

// counts reports whether the health of the state in force is to be judged: all of it was applied, or it is waited for.
func (m *machine) counts() bool { return !m.phase.applied.IsZero() || m.members.waiting }

// observed records the health of the state in force.
func (m *machine) observed(o Observation) {
	if m.InForce == nil || m.InForce.Remove {
		return
	}
	m.recheckAt = o.Until
	m.judge(o)
}

// judge records how healthy the state in force is by an observation and what a diagnosis found.
func (m *machine) judge(o Observation) {
	m.seen = observation{Observation: m.explained(o), bare: o, known: true}
	if !m.counts() {
		return
	}
	p := &m.phase
	if p.unhealthySince.After(m.now) {
		p.unhealthySince = m.now // the clock was set back
	}
	if o := m.seen; o.Health == health.Healthy {
		if !p.applied.IsZero() { // otherwise a wave is there, and the next has not begun
			p.unhealthySince, p.failure, p.recorded = time.Time{}, "", false
			m.healthy()
		}
	} else {
		m.unhealthy(o.Observation)
	}
	if p.failure != "" && !p.recorded {
		p.recorded = true
		m.emit(Record{Kind: Failure, Commit: m.InForce.Commit, Message: p.failure})
	}
}

// unhealthy records that the state in force is not healthy: it has failed if one of its objects has, or after the environment's
// health timeout.
func (m *machine) unhealthy(o Observation) {
	p := &m.phase
	if p.unhealthySince.IsZero() {
		p.unhealthySince = m.now
	}
	switch timeout := m.Settings.HealthTimeout; {
	case o.Health == health.Failed:
		p.failure = o.Message
	case !m.now.Before(p.unhealthySince.Add(timeout)):
		m.seen.Health, m.seen.Message = health.Failed, fmt.Sprintf("not healthy for %s: %s", timeout, o.Message)
		p.failure = m.seen.Message
	}
}

// healthy remembers that the state in force is healthy, for those who wait for it, and for going back to it.
func (m *machine) healthy() {
	if m.phase.healthy {
		return
	}
	m.phase.healthy = true
	d, before := m.InForce, m.Memory.Healthy
	next := m.Memory.Mark(gate.Mark{Commit: d.Commit, Digest: d.Digest, Since: m.now.UTC().Truncate(time.Second)})
	if m.phase.wrote && (len(before) == 0 || before[0].Digest != d.Digest) {
		m.emit(Record{Kind: Healed, Commit: d.Commit})
	}
	if f := next.Failed; f != nil && f.Digest == d.Digest {
		next.Failed = nil
	}
	if (m.Settings.Rollback || m.Settings.Awaited) && next.String() != m.Memory.String() {
		m.unsaved = true
	}
	m.Memory = next
}

// deadline is when the state in force has failed if it is not healthy by then.
func (m *machine) deadline() time.Time {
	if m.phase.unhealthySince.IsZero() || m.phase.failure != "" || !m.counts() {
		return time.Time{}
	}
	return m.phase.unhealthySince.Add(m.Settings.HealthTimeout)
}

// giveUp asks for the state before if the one in force has failed, was never healthy, and the environment wants that. What was
// healthy once and is not any more has another cause than its commit.
func (m *machine) giveUp() {
	d, p := m.InForce, &m.phase
	if d == nil || d.Remove || m.idle() || !m.Settings.Rollback || p.failure == "" || p.healthy || p.back != nil {
		return
	}
	for _, mark := range m.Memory.Healthy {
		if mark.Digest == d.Digest {
			return
		}
	}
	if _, ok := m.Memory.Before(d.Digest); ok {
		p.back = &gate.Failed{Commit: d.Commit, Digest: d.Digest, Why: p.failure}
	}
}

// goBackTo returns the healthy state to go back to, if that was asked for.
func (m *machine) goBackTo() (gate.Mark, bool) {
	if m.phase.back == nil || !m.Known {
		return gate.Mark{}, false
	}
	to, ok := m.Memory.Before(m.phase.back.Digest)
	if !ok {
		m.phase.back = nil
		m.answer(fmt.Errorf("%w: no other state is known in which it was healthy", ErrRefused))
	}
	return to, ok
}

// wentBack puts the healthy state before the failed one in force, and has the failed one not taken again.
func (m *machine) wentBack(e Restored) {
	failed := *m.phase.back
	to, ok := m.Memory.Before(failed.Digest)
	if m.InForce == nil || m.InForce.Digest != failed.Digest || !ok {
		m.phase.back = nil // something newer has come
		return
	}
	m.phase.back = nil
	err := e.Err
	if err == nil && e.Target.Digest != to.Digest {
		err = unreproducible(to.Commit, "was healthy")
	}
	if err != nil {
		m.Settings.Rollback = false // until the next commit
		m.restoreErr = fmt.Sprintf("cannot go back to commit %s: %v", short(to.Commit), err)
		m.emit(Warn{"cannot roll back", m.restoreErr})
		m.answer(fmt.Errorf("%w: %s", ErrRefused, m.restoreErr))
		return
	}
	m.Memory.Failed, m.unsaved = &failed, true
	m.emit(Record{Kind: WentBack, Commit: to.Commit, Message: fmt.Sprintf("from %s: %s", short(failed.Commit), failed.Why)})
	m.force(&e.Target)
	m.admit()
}

// diagnose has the worst object looked into once it has not been healthy for a while, and again from time to time.
func (m *machine) diagnose() {
	d := m.InForce
	if d == nil || d.Remove || m.phase.unhealthySince.IsZero() || m.seen.Worst == (plan.Ref{}) {
		m.diagnosis = diagnosis{running: m.diagnosis.running}
		return
	}
	if m.diagnosis.of != m.seen.Worst || m.diagnosis.digest != d.Digest {
		m.diagnosis = diagnosis{of: m.seen.Worst, digest: d.Digest, running: m.diagnosis.running}
	}
	if m.diagnosis.at.After(m.now) {
		m.diagnosis.at = m.now // the clock was set back
	}
	if at := m.diagnoseAt(); m.idle() || m.Op == Running || at.IsZero() || m.now.Before(at) {
		return
	}
	m.diagnosis.running = true
	m.emit(Diagnose{Epoch: m.epoch, Ref: m.seen.Worst, Objects: d.Objects})
}

// diagnoseAt is when to look into why the worst object is not healthy; zero if that is not to be done, or being done.
func (m *machine) diagnoseAt() time.Time {
	switch d := m.diagnosis; {
	case d.running || d.of == (plan.Ref{}):
		return time.Time{}
	case d.at.IsZero() && m.seen.Changed.After(m.phase.unhealthySince):
		return m.seen.Changed.Add(diagnoseAfter) // it goes on, and is slow
	case d.at.IsZero():
		return m.phase.unhealthySince.Add(diagnoseAfter)
	default:
		return d.at.Add(diagnoseAgain)
	}
}

func (m *machine) diagnosed(e Diagnosed) {
	m.diagnosis.running = false
	if m.diagnosis.of != e.Ref || e.Epoch != m.epoch {
		return
	}
	m.diagnosis.at = m.now
	if e.Err == nil {
		m.diagnosis.reason = e.Reason
	}
	if d := m.InForce; d != nil && !d.Remove && m.seen.known {
		m.judge(m.seen.bare) // what was seen last is explained now, so that the message is not older than the cause
	}
}

// explained adds what a diagnosis found to the health of the release.
func (m *machine) explained(o Observation) Observation {
	r := m.diagnosis.reason
	if o.Health == health.Healthy || m.diagnosis.at.IsZero() || m.diagnosis.of != o.Worst || r.Summary == "" {
		return o
	}
	if r.Code.State() == health.Stalled && o.Health == health.Progressing {
		o.Health = health.Stalled
	}
	if r.Code.State() == health.Failed {
		o.Health = health.Failed
	}
	o.Message = fmt.Sprintf("%s: %s", m.diagnosis.of, r.Summary)
	return o
}
