// SPDX-License-Identifier: Apache-2.0

package release

import (
	"time"

	"trunkline.dev/trunkline/plan/gate"
)

// askEvery is how often the inventory of a release that another replica keeps is read while this one waits for it.
const askEvery = 5 * time.Second

// gained begins with a release that no replica or another one had before.
func (m *machine) gained() {
	if m.Mine {
		return
	}
	m.Mine, m.Owner = true, ""
	if m.Stale {
		m.base.result, m.base.message = Pending, ""
	}
}

// lost leaves the release to another replica. What was read or decided for it does not count any more: its owner
// remembers.
func (m *machine) lost(e Lost) {
	m.answer(ErrElsewhere)
	for _, a := range m.acts {
		m.emit(Reply{a.ID, ErrElsewhere})
	}
	published, progress, wakeAt := m.published, m.progress, m.wakeAt
	m.State = State{
		ID: m.ID, Newest: m.Newest, Settings: m.Settings, RenderErr: m.RenderErr, Suspended: m.Suspended,
		Sources: m.Sources, Needs: m.Needs, Removals: m.Removals,
		Stale: true, Owner: e.Owner, epoch: m.epoch + 1, Op: m.Op, canceled: m.canceled,
		base:      view{result: m.base.result, namespace: m.base.namespace, owner: m.base.owner},
		published: published, progress: progress, wakeAt: wakeAt,
	}
}

// asks reports whether releases of other replicas have to be asked for now.
func (m *machine) asks() bool {
	if m.Verdict.Hold != gate.Promotion && m.Verdict.Hold != gate.Depends && m.Verdict.Hold != gate.Moving {
		m.askAt = time.Time{} // nobody is waited for
	}
	if m.askAt.After(m.now.Add(askEvery)) {
		m.askAt = m.now.Add(askEvery) // the clock was set back
	}
	return !m.askAt.IsZero() && !m.now.Before(m.askAt)
}

func (m *machine) answered(e Answered) {
	if m.finish(Asking, e.Epoch) && e.Again {
		m.askAt = m.now.Add(askEvery)
	}
}

// howFar returns how far the release is, for those that wait for it.
func (m *machine) howFar() (p Progress) {
	p.Current = m.RenderErr == "" && !m.idle() && m.Newest != nil && !m.Newest.Remove && m.InForce.Same(m.Newest) && !m.phase.applied.IsZero()
	if p.Current && m.phase.unhealthySince.IsZero() && m.phase.healthy {
		p.HealthySince = m.Memory.Healthy[0].Since // being healthy was put down there
	}
	return p
}
