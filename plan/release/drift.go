// SPDX-License-Identifier: Apache-2.0

package release

import (
	"maps"
	"slices"
	"strings"
	"time"

	"trunkline.dev/trunkline/plan"
	"trunkline.dev/trunkline/plan/ownership"
)

// maxDrifts bounds how many corrected drifts of a release are published; the history has all.
const maxDrifts = 10

// Drift is what others have changed of an object, for people.
type Drift struct {
	Object string
	Fields []string
	// What was done to the object as a whole; empty if fields were changed.
	What string
	// Manager is who did it; empty if that is not known.
	Manager string
	// Time is when they were changed, or else when that was seen.
	Time time.Time
	// Corrected is set if they were corrected, and Rounds counts how often, if that happens again and again.
	Corrected bool
	Rounds    int
}

func (d Drift) equal(o Drift) bool {
	return d.Object == o.Object && slices.Equal(d.Fields, o.Fields) && d.What == o.What && d.Manager == o.Manager && d.Time.Equal(o.Time) && d.Corrected == o.Corrected && d.Rounds == o.Rounds
}

// by says who changed the fields.
func (d Drift) by() string {
	switch {
	case d.What != "" && d.Manager != "":
		return d.What + " by " + d.Manager
	case d.What != "":
		return d.What
	case d.Manager == "":
		return "removed"
	}
	return "changed by " + d.Manager
}

// drifts are those that are open now, and those that were corrected last.
type drifts struct {
	open      map[plan.Ref]Drift
	corrected []Drift
}

// list returns all, the open ones first.
func (d drifts) list() []Drift {
	open := slices.SortedFunc(maps.Values(d.open), func(a, b Drift) int { return strings.Compare(a.Object, b.Object) })
	return append(open, d.corrected...)
}

// drifted records what a plan found of drift that is left to others: what is not in it any more is over.
func (m *machine) drifted(found []Drifted) {
	open := make(map[plan.Ref]Drift, len(found))
	for _, f := range found {
		one := driftOf(f)
		for _, lost := range f.Fields {
			one.Rounds = max(one.Rounds, m.fights.Rounds(f.Ref, lost.Path))
		}
		if before, ok := m.drifts.open[f.Ref]; ok && slices.Equal(before.Fields, one.Fields) && before.Manager == one.Manager {
			one.Time, one.Rounds = before.Time, max(before.Rounds, one.Rounds)
		} else {
			m.emit(Record{Kind: DriftSeen, Commit: m.InForce.Commit, Message: one.by(), Object: one.Object, Fields: one.Fields})
		}
		open[f.Ref] = one
	}
	m.drifts.open = open
}

// corrected records drift that was corrected, and who is fought with about it.
func (m *machine) corrected(found []Drifted) {
	if len(found) == 0 {
		return
	}
	m.fights = m.fights.Clone()
	for _, f := range found {
		one := driftOf(f)
		for _, lost := range f.Fields {
			m.fights.Corrected(f.Ref, lost, f.At)
			if n := m.fights.Rounds(f.Ref, lost.Path); n > 1 {
				one.Rounds = max(one.Rounds, n)
			}
		}
		one.Corrected = true
		m.drifts.corrected = append([]Drift{one}, m.drifts.corrected[:min(len(m.drifts.corrected), maxDrifts-1)]...)
		m.emit(Record{Kind: Corrected, Message: one.by(), Object: one.Object, Fields: one.Fields})
	}
}

// driftOf says of fields that others have changed who did, which, and when.
func driftOf(d Drifted) Drift {
	one := Drift{Object: d.Ref.String(), Time: d.At, What: string(d.What)}
	var managers []string
	for _, f := range d.Fields {
		one.Fields = append(one.Fields, f.Path.String())
		who := ownership.Manager{Name: f.Manager, Subresource: f.Subresource}.String()
		if who != "" && !slices.Contains(managers, who) {
			managers = append(managers, who)
		}
		if !f.Time.IsZero() {
			one.Time = f.Time
		}
	}
	if d.Manager != "" && !slices.Contains(managers, d.Manager) {
		managers = append(managers, d.Manager)
	}
	one.Manager = strings.Join(managers, ", ")
	return one
}
