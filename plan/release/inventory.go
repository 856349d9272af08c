// SPDX-License-Identifier: Apache-2.0

package release

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"trunkline.dev/trunkline/plan/gate"
)

// saveRetry is how long to wait before the memory is written again after a failure.
const saveRetry = 30 * time.Second

// looks reports whether the inventory has to be read now: a state that is held cannot be judged without it. After a failure it
// is read when a retry is due, or when something in the way may be gone.
func (m *machine) looks() bool {
	return !m.Known && m.interested() && (m.retry.at.IsZero() || m.due)
}

// interested reports whether there is anything to keep, or a request to answer.
func (m *machine) interested() bool { return m.Newest != nil || m.Suspended || len(m.acts) > 0 }

// retryLook is when the inventory is read again that could not be.
func (m *machine) retryLook() time.Time {
	if m.Known {
		return time.Time{}
	}
	return m.retry.at
}

func (m *machine) looked(e Looked) {
	if !m.finish(Looking, e.Epoch) {
		return
	}
	m.due = false
	if e.Err != nil {
		m.retry.failed(m.ID, m.now, e.Terminal)
		m.failing(e.Err, e.Terminal)
		return
	}
	m.retry.succeeded()
	m.Known, m.Stale = true, false
	m.InPlace, m.recorded, m.Memory, m.size = e.Digest, e.Commit, e.Memory, e.Objects
	m.forgetApproval()
	acts := m.acts
	m.acts = nil
	for _, a := range acts {
		m.act(a)
	}
	m.admit()
}

// inPlace returns the state to restore while the newest is held: the one that the cluster holds, or the healthy one before it if
// the daemon ended on the way back from one that failed.
func (m *machine) inPlace() gate.Mark {
	if f := m.Memory.Failed; f != nil && f.Digest == m.InPlace {
		if before, ok := m.Memory.Before(m.InPlace); ok {
			return before
		}
	}
	return gate.Mark{Commit: m.recorded, Digest: m.InPlace}
}

// restores reports whether the newest state is held and what is in place is not known to this process.
func (m *machine) restores() bool {
	return m.Known && m.Newest != nil && m.InForce == nil && m.Verdict.Hold != "" && m.InPlace != "" && m.restoreErr == "" && !m.idle()
}

// restored records an older state: the one to go back to, or the one in place.
func (m *machine) restored(e Restored) {
	if !m.finish(Restoring, e.Epoch) {
		return
	}
	if m.phase.back != nil {
		m.wentBack(e)
		return
	}
	if !m.restores() {
		return // something newer has come
	}
	err := e.Err
	if want := m.inPlace(); err == nil && e.Target.Digest != want.Digest {
		err = unreproducible(want.Commit, "is in place")
	}
	if err != nil {
		m.restoreErr = err.Error()
		return
	}
	m.force(&e.Target)
}

// saves reports whether the memory has to be written now. A run would write it as well.
func (m *machine) saves() bool {
	if m.saveAt.After(m.now.Add(saveRetry)) {
		m.saveAt = m.now.Add(saveRetry) // the clock was set back
	}
	return m.unsaved && m.Known && !m.now.Before(m.saveAt)
}

func (m *machine) namespace() string {
	if m.InForce == nil {
		return ""
	}
	return m.InForce.Namespace
}

func (m *machine) saved(e Saved) {
	if !m.finish(Saving, e.Epoch) {
		return
	}
	if e.Err != nil {
		m.saveAt = m.now.Add(saveRetry)
		m.emit(Warn{"cannot save what is remembered of a release", e.Err.Error()})
		return
	}
	m.persisted(e.Memory)
}

// persisted records what the inventory remembers, and answers those who wait for that.
func (m *machine) persisted(memory gate.Memory) {
	if memory.String() == m.Memory.String() {
		m.unsaved, m.saveAt = false, time.Time{}
	}
	if !m.unsaved {
		m.answer(nil)
	}
}

// asked is who waits for an answer. One that asked for a rollback waits until that has begun.
type asked struct {
	id   int64
	back bool
}

// answer replies to all who wait, except that success is for those only whose request is done.
func (m *machine) answer(err error) {
	var waiting []asked
	for _, a := range m.asked {
		if err == nil && a.back && m.phase.back != nil {
			waiting = append(waiting, a)
			continue
		}
		m.emit(Reply{a.id, err})
	}
	m.asked = waiting
}

// ErrRefused is what a request fails with that cannot be met as things are.
var ErrRefused = errors.New("not possible now")

// errRemoved is what a request fails with that comes while the release is deleted.
var errRemoved = fmt.Errorf("%w: the release was removed", ErrRefused)

// ErrElsewhere is what a request fails with while another replica keeps the release.
var ErrElsewhere = errors.New("another replica keeps the release")

// act does what a person asks for. Before the inventory was read it waits: it may say otherwise.
func (m *machine) act(a Act) {
	switch {
	case !m.Mine:
		m.emit(Reply{a.ID, ErrElsewhere})
		return
	case !m.Known:
		m.acts = append(slices.Clip(m.acts), a)
		return
	}
	if err := m.do(a); err != nil {
		m.emit(Reply{a.ID, err})
		return
	}
	m.asked = append(slices.Clip(m.asked), asked{a.ID, a.Do == Rollback})
	if !m.unsaved && m.phase.back == nil {
		m.answer(nil)
	}
}

func (m *machine) do(a Act) error {
	hand := gate.ByHand{By: a.By, Why: a.Why, At: m.now.UTC()}
	kinds := map[Do]Kind{Suspend: Stopped, Resume: Resumed, Reconcile: Asked, Rollback: WentBack}
	switch a.Do {
	case Suspend:
		m.Memory.Suspended, m.unsaved = &hand, true
		m.cancel()
	case Resume:
		switch {
		case m.Memory.Suspended == nil && m.Suspended:
			return m.leftAlone()
		case m.Memory.Suspended == nil:
			return fmt.Errorf("%w: it is not suspended by hand", ErrRefused)
		}
		// Whatever happened to it meanwhile was not corrected, and may not even have been seen.
		m.Memory.Suspended, m.unsaved, m.due, m.everything = nil, true, true, true
		m.base.result, m.base.message = Pending, ""
	case Reconcile:
		if m.idle() {
			return m.leftAlone()
		}
		if m.Memory.Failed != nil {
			m.Memory.Failed, m.unsaved = nil, true
		}
		m.due, m.everything, m.restoreErr = true, true, ""
	case Rollback:
		if m.idle() {
			return m.leftAlone()
		}
		d := m.InForce
		if d == nil || d.Remove {
			return fmt.Errorf("%w: the release is not being kept in any state", ErrRefused)
		}
		if _, ok := m.Memory.Before(d.Digest); !ok {
			return fmt.Errorf("%w: no other state is known in which it was healthy", ErrRefused)
		}
		m.phase.back = &gate.Failed{Commit: d.Commit, Digest: d.Digest, Why: "rolled back " + hand.String()}
	default:
		return fmt.Errorf("%w: %q is not something that can be asked of a release", ErrRefused, a.Do)
	}
	m.emit(Record{Kind: kinds[a.Do], By: a.By, SignOn: a.SignOn, Why: a.Why})
	m.admit()
	return nil
}

// leftAlone is what a request fails with of which nothing would come while the release is suspended: it says what ends that.
func (m *machine) leftAlone() error {
	if by := m.Memory.Suspended; by != nil {
		return fmt.Errorf("%w: it is suspended %s: resume it first", ErrRefused, by)
	}
	return fmt.Errorf("%w: its project suspends it: take \"suspend: true\" out of its declaration", ErrRefused)
}
