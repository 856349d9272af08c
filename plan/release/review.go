// SPDX-License-Identifier: Apache-2.0

package release

import "trunkline.dev/trunkline/plan/gate"

// reviewOf says what is known of whether a state was reviewed. What was found out, or approved, of another state says nothing
// of it.
func (m *machine) reviewOf(t *Target) *gate.Review {
	out := &gate.Review{Environment: m.ID.Environment}
	if r := m.review; r != nil && r.Digest == t.Digest {
		out.Reviewed, out.Why = r.Not == "", r.Not
	}
	if a := m.Memory.Approved; a != nil {
		out.Approved = a.Digest == t.Digest
	}
	return out
}

// forgetApproval ends the approval of a state that is not the newest any more: it does not come back with it.
func (m *machine) forgetApproval() {
	if a := m.Memory.Approved; a != nil && m.Known && m.Newest != nil && m.Newest.Digest != a.Digest {
		m.Memory.Approved, m.unsaved = nil, true
	}
}
