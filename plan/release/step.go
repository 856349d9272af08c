// SPDX-License-Identifier: Apache-2.0

package release

import (
	"fmt"
	"reflect"
	"slices"
	"time"

	"trunkline.dev/trunkline/plan"
	"trunkline.dev/trunkline/plan/gate"
)

// Step returns the state after an event, and what is to be done because of it. It does not change the state that it is
// given.
func Step(s State, e Event, now time.Time) (State, []Effect) {
	m := machine{State: s, now: now}
	m.pass()
	m.take(e)
	if !m.retires {
		m.next()
	}
	m.tell()
	if m.retires || m.elsewhere() {
		m.emit(Retire{}) // if it is declared again meanwhile, who keeps it nudges
	}
	return m.State, m.effects
}

// machine is one step: the state as it becomes, and the effects so far.
type machine struct {
	State

	now     time.Time
	effects []Effect
	// retires is set if nothing is left to do for the release.
	retires bool
}

func (m *machine) emit(e Effect) { m.effects = append(m.effects, e) }

// take changes the state by an event. Each handler stands in the file of what it is about.
func (m *machine) take(e Event) {
	switch e := e.(type) {
	case Declared:
		m.declared(e)
	case NotRendered:
		m.notRendered(e)
	case Paused:
		m.paused(e)
	case Progressed:
		m.Sources, m.Needs = e.Sources, e.Needs
		m.admit()
	case Counted:
		if m.Newest != nil && m.Newest.Remove {
			m.Removals = &e.Removals
			m.admit()
		}
	case Approved:
		m.approved(e)
	case Reviewed:
		m.review = &e
		m.admit()
	case Act:
		m.act(e)
	case MemberChanged:
		m.memberChanged(e)
	case MemberGone:
		m.memberGone(e)
	case Nudged:
		m.due = true
	case Gained:
		m.gained()
	case Lost:
		m.lost(e)
	case Resharded:
		m.askAt = m.now
	case Looked:
		m.looked(e)
	case Restored:
		m.restored(e)
	case Saved:
		m.saved(e)
	case Answered:
		m.answered(e)
	case Observed:
		m.observed(e.Observation)
	case Diagnosed:
		m.diagnosed(e)
	case Ended:
		m.ended(e)
	case Dropped:
		m.Op, m.canceled = Idle, false
	case Timer: // what is due by the time is seen in every step
	}
}

// declared records what the newest commit declares.
func (m *machine) declared(e Declared) {
	if !reflect.DeepEqual(m.Settings.Drift, e.Settings.Drift) || m.Settings.Additions != e.Settings.Additions {
		m.due = true // what was left to others may have to be corrected
	}
	m.due = m.due || m.Settings.Preview != e.Settings.Preview || m.Settings.Repository != e.Settings.Repository // which the inventory says
	m.grant(e.Settings.Access)
	failed := m.RenderErr != ""
	m.RenderErr, m.restoreErr, m.Settings = "", "", e.Settings
	m.Sources, m.Needs, m.Removals = e.Sources, e.Needs, e.Removals
	if m.Suspended {
		// Whatever happened to it meanwhile was not corrected, and may not even have been seen.
		m.Suspended, m.Newest, m.InForce, m.everything = false, nil, nil, true
	}
	if !e.Target.Remove {
		m.declaredAgain() // also if the new state is held
	}
	target := e.Target
	if m.Newest.Same(&target) {
		m.due = m.due || failed // its own message is to be published again
		target.Objects = m.Newest.Objects
	} else {
		m.shrink = 0 // what was approved was another state
		m.review = nil
	}
	m.Newest = &target
	m.forgetApproval()
	m.admit()
}

func (m *machine) notRendered(e NotRendered) {
	m.RenderErr = e.Why
	m.base.namespace, m.base.owner = e.Namespace, e.Owner
	m.grant(e.Access)
	m.declaredAgain()
}

func (m *machine) paused(e Paused) {
	m.base.namespace, m.base.owner = e.Namespace, e.Owner
	if m.Suspended {
		return
	}
	m.Suspended, m.RenderErr = true, ""
	m.declaredAgain()
	m.cancel()
}

// grant records as whom the release is deployed from now on, and where its objects may be.
func (m *machine) grant(a Access) {
	if !m.Settings.Access.Equal(a) {
		m.due, m.Settings.Access = true, a
	}
}

// declaredAgain ends the removal of a release that is declared after all.
func (m *machine) declaredAgain() {
	if m.Newest != nil && m.Newest.Remove {
		m.Newest, m.Verdict = nil, gate.Verdict{}
	}
	if m.InForce != nil && m.InForce.Remove {
		m.InForce, m.phase = nil, phase{}
		m.cancel()
	}
}

// admit makes the newest state the one in force, unless the gate holds it.
func (m *machine) admit() {
	if m.Newest == nil {
		m.Verdict = gate.Verdict{}
		return
	}
	before := m.Verdict
	m.Verdict = gate.Decide(m.gate())
	if m.Verdict.Hold == "" {
		if m.InForce.Same(m.Newest) {
			m.InForce = m.Newest
		} else {
			m.force(m.Newest)
		}
	}
	if before.Hold == m.Verdict.Hold {
		return
	}
	switch m.Verdict.Hold {
	case "", gate.Unasked:
	case gate.Promotion, gate.Depends, gate.Moving:
		m.askAt = m.now
		fallthrough
	default:
		m.emit(Record{Kind: Held, Commit: m.Newest.Commit, Message: m.Verdict.Reason})
	}
}

func (m *machine) gate() gate.Input {
	n := m.Newest
	in := gate.Input{
		Now: m.now, Commit: n.Commit, Digest: n.Digest, Remove: n.Remove,
		InPlace: m.InPlace, Known: m.Known, Suspended: m.Memory.Suspended, Failed: m.Memory.Failed,
		Schedule: m.Settings.Schedule, Soak: m.Settings.Soak,
		Protected: (m.Settings.Protected || m.Memory.Protected) && !m.Settings.Named,
	}
	if m.Settings.Preview != plan.NoPreview {
		if in.Protected, in.Needs = false, m.Needs; n.Remove {
			in.Suspended = nil
		}
		return in // what it loses is nobody's to confirm
	}
	if m.Settings.Reviewed {
		in.Review = m.reviewOf(n)
	}
	if n.Remove {
		if m.Removals != nil {
			r := *m.Removals
			r.Max, in.Removals = m.Settings.MaxRemovals, &r
		}
		if m.Settings.Moved {
			in.Moves, in.Needs = true, m.Needs
		}
		return in
	}
	in.Sources, in.Needs = m.Sources, m.Needs
	if n.Digest != m.InPlace {
		in.Shrinks = &gate.Shrinks{
			Environment: m.ID.Environment, Before: m.size, After: n.Objects.Made(), Max: m.Settings.MaxRemovals, Approved: m.shrink,
		}
	}
	return in
}

// approved records what may happen: of the state that was shown. One that is not the newest any more was shown for something
// else.
func (m *machine) approved(e Approved) {
	switch {
	case m.Newest == nil || m.Newest.Digest != e.Digest:
		return
	case e.Hold == gate.Unreviewed:
		if m.Known { // or it could not be persisted
			m.Memory.Approved, m.unsaved = &gate.Approval{ByHand: gate.ByHand{By: e.By, Why: e.Why, At: m.now.UTC()}, Digest: e.Digest}, true
		}
	case m.Newest.Remove:
		return
	default:
		m.shrink = m.size.Lost(m.Newest.Objects.Made())
	}
	m.admit()
}

// force makes a state the one in force.
func (m *machine) force(t *Target) {
	m.InForce, m.due = t, true
	m.phase, m.seen, m.recheckAt = phase{}, observation{}, time.Time{}
	m.base.result, m.base.message = Pending, ""
	m.cancel()
}

// cancel asks a run to end: it works towards a state that is not wanted any more. The writes that are on their way are done.
func (m *machine) cancel() {
	if m.Op == Running && !m.canceled {
		m.canceled = true
		m.emit(Cancel{})
	}
}

// pass records that time may have passed: a hold may be over, a fight, or the wait before a retry.
func (m *machine) pass() {
	if m.retry.passed(m.now) {
		m.due = true
	}
	if !m.dampedUntil.IsZero() && !m.now.Before(m.dampedUntil) {
		// Zero until the next plan says when the next one is over: should that run fail before, its retry must not be at once.
		m.due, m.dampedUntil = true, time.Time{}
	}
	if !m.recheckAt.IsZero() && !m.now.Before(m.recheckAt) {
		m.recheckAt = time.Time{}
		m.due = m.due || m.InForce != nil && m.InForce.Remove // of which no health is observed
	}
	if !m.Verdict.Until.IsZero() && !m.now.Before(m.Verdict.Until) {
		m.admit()
	}
}

// next begins the operation that is due, if none is under way. This is the order of precedence.
func (m *machine) next() {
	if !m.Mine || m.Op != Idle {
		return
	}
	m.giveUp()
	switch commit, back := m.goBackTo(); {
	case m.looks():
		m.begin(Looking, Look{Epoch: m.epoch, Fresh: m.Stale})
	case back:
		m.begin(Restoring, Restore{Epoch: m.epoch, Commit: commit.Commit, Digest: commit.Digest})
	case m.restores():
		m.begin(Restoring, Restore{Epoch: m.epoch, Commit: m.inPlace().Commit, Digest: m.inPlace().Digest})
	case m.runs():
		m.run()
	case m.saves():
		m.begin(Saving, Save{Epoch: m.epoch, Memory: m.Memory, Namespace: m.namespace(), Preview: m.Settings.Preview})
	case m.asks():
		m.askAt = time.Time{}
		m.begin(Asking, Ask{Epoch: m.epoch, Releases: slices.Concat(m.Settings.Sources, m.Settings.Needs)})
	}
}

// elsewhere reports whether a release is not declared any more that another replica keeps: that one deletes it.
func (m *machine) elsewhere() bool {
	return !m.Mine && m.Stale && m.Newest != nil && m.Newest.Remove
}

func (m *machine) begin(op Operation, e Effect) {
	m.Op, m.canceled = op, false
	m.emit(e)
}

// finish records that the operation under way has ended, and reports whether what it found out still counts.
func (m *machine) finish(op Operation, epoch int) bool {
	if m.Op == op {
		m.Op, m.canceled = Idle, false
	}
	return m.Mine && epoch == m.epoch
}

// tell publishes what has changed for others.
func (m *machine) tell() {
	if p := m.howFar(); p != m.progress && m.Settings.Awaited {
		m.progress = p
		m.emit(Report{p})
	}
	if v := m.View(); !v.equal(m.published) {
		m.published = v
		m.emit(Publish{v})
	}
	m.diagnose()
	if at := m.alarm(); !at.Equal(m.wakeAt) {
		m.wakeAt = at
		m.emit(Wake{at})
	}
}

// alarm returns when time alone changes something next; zero if it never does.
func (m *machine) alarm() time.Time {
	if !m.Mine {
		return time.Time{}
	}
	var saveAt time.Time
	if m.unsaved {
		saveAt = m.saveAt
	}
	if m.Op != Idle {
		return time.Time{} // it ends, and then is the time to ask
	}
	if m.idle() {
		return earliest(saveAt, m.retryLook())
	}
	return earliest(saveAt, m.retry.at, m.deadline(), m.diagnoseAt(), m.Verdict.Until, m.dampedUntil, m.askAt, m.recheckAt)
}

// earliest returns the first of the times that are one.
func earliest(times ...time.Time) (first time.Time) {
	for _, t := range times {
		if !t.IsZero() && (first.IsZero() || t.Before(first)) {
			first = t
		}
	}
	return first
}

func short(commit string) string { return commit[:min(len(commit), 8)] }

// unreproducible reports that an older commit renders to something else than it did.
func unreproducible(commit, what string) error {
	return fmt.Errorf("commit %s does not render to what %s any more", short(commit), what)
}
