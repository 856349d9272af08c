// SPDX-License-Identifier: Apache-2.0

package release

import (
	"fmt"
	"maps"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"trunkline.dev/trunkline/plan"
)

// run begins one towards the state in force. Another attempt at the same thing, or a run that only looks after what is in
// place, is not news.
func (m *machine) run() {
	t := *m.InForce
	if t.attempt() != m.attempted {
		m.retry = retry{} // what failed before says nothing of what is new
		if !t.Remove {
			m.base.result, m.base.message = Applying, ""
		}
	}
	m.attempted = t.attempt()
	m.base.namespace = t.Namespace
	if t.Remove {
		m.base.result = Pruning
	} else {
		m.base.owner, m.base.objects = t.Owner, t.Objects.Len()
	}
	m.fights = m.fights.Clone()
	damped, until := m.fights.Damped(m.now)
	m.dampedUntil = until
	m.begin(Running, Run{
		Epoch: m.epoch, Target: t, Settings: m.Settings, Memory: m.Memory, Unsaved: m.unsaved, Everything: m.everything,
		Back: !m.Newest.Same(m.InForce), Gone: m.members.gone, Damped: damped,
	})
	m.due, m.everything = false, false
	m.members.gone, m.members.given, m.members.under = nil, m.members.gone, &t
}

// missed puts down again which objects are gone and were neither put back nor seen by a run that has not done everything. The
// next one would put them back without a word.
func (m *machine) missed(e Ended) {
	given := m.members.given
	m.members.given = nil
	if e.Err == nil && !e.Canceled && e.Waiting == "" {
		return
	}
	for ref, v := range given {
		_, seen := e.Sights[ref]
		if _, since := m.members.gone[ref]; !seen && !since {
			m.members.gone = with(m.members.gone, ref, v)
		}
	}
}

// ended records what a run has done, whether or not it went well.
func (m *machine) ended(e Ended) {
	if !m.finish(Running, e.Epoch) {
		return
	}
	m.members.under = nil
	if e.Recorded != nil {
		m.recordedAs(*e.Recorded)
	}
	m.corrected(e.Corrected)
	if e.Planned {
		m.members.waiting = e.Waiting != ""
		m.size, m.members.additions = e.Members, e.Additions
		m.runInstead(e)
		m.remember(m.Memory.Finished.Merge(e.Endings))
		if m.InForce != nil {
			m.drifted(e.Open)
		}
	}
	m.compare(e.Sights)
	m.missed(e)
	defer m.admit() // what is in place may be something else than before
	if e.Canceled {
		return // whatever is wanted instead has asked for a run of its own
	}
	m.retryAfter(e)
	if e.Finished {
		m.finished()
		return
	}
	m.concluded(e)
}

// recordedAs records that the inventory says what the release is about to be.
func (m *machine) recordedAs(r Recorded) {
	m.recorded, m.InPlace = r.Commit, r.Digest
	m.Memory.Protected = r.Memory.Protected
	m.persisted(r.Memory)
}

// retryAfter sets when to run again after a failure.
func (m *machine) retryAfter(e Ended) {
	if e.Err == nil {
		m.retry.succeeded()
		return
	}
	m.retry.failed(m.ID, m.now, e.Terminal)
}

// finished records that nothing is left of the release.
func (m *machine) finished() {
	if m.Removed() {
		m.answer(errRemoved)
		for _, a := range m.acts {
			m.emit(Reply{a.ID, errRemoved})
		}
		m.acts = nil
		m.retires = true
		return
	}
	m.due = true // it was declared again in the meantime
}

// concluded puts down how a run has ended, unless a newer state has come meanwhile: that one is pending.
func (m *machine) concluded(e Ended) {
	if m.idle() || m.InForce == nil || m.InForce.attempt() != m.attempted {
		return
	}
	m.phase.wrote = m.phase.wrote || e.Applied > 0
	if e.Err == nil && e.Waiting == "" && m.phase.applied.IsZero() {
		m.phase.applied = m.now
	}
	if e.Err != nil && e.Terminal {
		m.phase.failure = e.Err.Error()
	}
	m.base.kept = e.Kept
	switch {
	case e.Err != nil:
		m.failing(e.Err, e.Terminal)
	case e.Waiting != "":
		m.base.result, m.base.message = Applying, e.Waiting
	case m.InForce.Remove && e.Left > 0:
		m.base.result, m.base.message = Pruning, fmt.Sprintf("waiting for %d deleted objects to be gone", e.Left)
		if e.Leaving != "" {
			m.base.message += "; " + e.Leaving
		}
		m.recheckAt = e.Until
	case m.InForce.Remove:
		// Nothing is declared, and nothing is there but what says that it must stay: so it will be.
		m.base.result, m.base.message, m.base.objects = Applied, "not declared any more", 0
		m.seen = observation{}
	default:
		m.base.result, m.base.message, m.base.commit = Applied, "", m.recorded
	}
	if e.Observation != nil {
		m.observed(*e.Observation)
	}
}

// failing puts down that something failed.
func (m *machine) failing(err error, terminal bool) {
	m.base.result, m.base.message = Retrying, err.Error()
	if terminal {
		m.base.result = Failed
	}
}

// memberChanged asks for a run if an object is not as it was when it was last planned or applied.
func (m *machine) memberChanged(e MemberChanged) {
	if m.Mine {
		m.noteEnding(e.Digest, e.Ending)
	}
	switch {
	case !m.Mine:
	case m.Op == Running:
		m.members.later = with(m.members.later, e.Ref, e)
	default:
		m.due = m.due || m.news(e)
	}
}

// noteEnding remembers at once how far an object is that removes itself: once it is gone, nobody knows.
func (m *machine) noteEnding(digest string, how plan.Ending) {
	if m.Known {
		m.remember(m.Memory.Finished.With(digest, how))
	}
}

// remember puts down which objects have ended.
func (m *machine) remember(f plan.Finished) {
	if !slices.Equal(f, m.Memory.Finished) {
		m.Memory.Finished, m.unsaved = f, true
	}
}

// runInstead records what runs instead of what is declared: of an object that was applied, what that has shown, and of the
// others what was known before.
func (m *machine) runInstead(e Ended) {
	for ref, d := range e.Instead {
		if len(d) == 0 {
			m.members.instead = without(m.members.instead, ref)
			continue
		}
		m.members.instead = with(m.members.instead, ref, d)
	}
}

func (m *machine) memberGone(e MemberGone) {
	if !m.Mine {
		return
	}
	m.noteEnding(e.Digest, e.Ending)
	// What removes itself and was missed has ended, for all that is known. What no run has seen and nobody declares is not
	// missed: there may be any number of those while the release is suspended.
	_, known := m.members.judged[e.Ref]
	made := m.members.under != nil && m.members.under.Declares(e.Ref)
	if (known || made || m.wants(e.Ref)) && (!e.Missed || e.Ending != plan.Started) {
		m.members.gone = with(m.members.gone, e.Ref, plan.Vanished{UID: e.UID, At: m.now})
	}
	m.members.judged, m.members.later = without(m.members.judged, e.Ref), without(m.members.later, e.Ref)
	m.due = true
}

// news reports whether a member that was seen needs a run.
func (m *machine) news(e MemberChanged) bool {
	changed := m.members.judged[e.Ref] != e.Sight
	if !m.wants(e.Ref) {
		return changed && !e.Leaving // seen only now, and not declared any more
	}
	return changed || m.members.waiting
}

// wants reports whether the release is to have an object.
func (m *machine) wants(ref plan.Ref) bool {
	if m.InForce == nil {
		return false
	}
	return m.InForce.Declares(ref) || slices.ContainsFunc(m.Settings.Platform(m.ID, *m.InForce), func(o *unstructured.Unstructured) bool {
		return plan.RefOf(o) == ref
	})
}

// compare records what a run saw and wrote, and asks for another one if something else was seen meanwhile.
func (m *machine) compare(sights map[plan.Ref]Sight) {
	if len(sights) > 0 {
		judged := make(map[plan.Ref]Sight, len(sights))
		maps.Copy(judged, m.members.judged)
		maps.Copy(judged, sights)
		for ref := range m.members.gone {
			delete(judged, ref)
		}
		m.members.judged = judged
	}
	later := m.members.later
	m.members.later = nil
	for _, e := range later {
		m.due = m.due || m.news(e)
	}
}

func with[V any](in map[plan.Ref]V, ref plan.Ref, v V) map[plan.Ref]V {
	out := make(map[plan.Ref]V, len(in)+1)
	maps.Copy(out, in)
	out[ref] = v
	return out
}

func without[V any](in map[plan.Ref]V, ref plan.Ref) map[plan.Ref]V {
	if _, ok := in[ref]; !ok {
		return in
	}
	out := maps.Clone(in)
	delete(out, ref)
	return out
}
