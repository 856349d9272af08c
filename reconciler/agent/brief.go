// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"time"

	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/plan"
	"trunkline.dev/trunkline/plan/gate"
	"trunkline.dev/trunkline/plan/release"
	"trunkline.dev/trunkline/render"
)

// Brief is what the daemon says of one release, as a whole. One that says the same again changes nothing.
type Brief struct {
	ID catalog.ReleaseID `json:"id"`
	// Target is what the newest commit that renders declares; nil if none did yet, or Paused is set.
	Target *Target `json:"target,omitempty"`
	// Settings are what the environment says.
	Settings Settings `json:"settings"`
	// Paused has the release left as it is, and Unrendered says why the newest commit does not render; nil: neither.
	Paused     *release.Paused      `json:"paused,omitempty"`
	Unrendered *release.NotRendered `json:"unrendered,omitempty"`
	// Beyond is how far releases in other clusters are that this one waits for. How far those of its own are the agent knows.
	Beyond []Beyond `json:"beyond,omitempty"`
	// Removals is what the commit removes from the environment, if it removes this release.
	Removals *gate.Removals `json:"removals,omitempty"`
	// Approved and Reviewed are what people have confirmed, and found out, of states of the release.
	Approved []release.Approved `json:"approved,omitempty"`
	Reviewed []release.Reviewed `json:"reviewed,omitempty"`
}

// Target is [release.Target], whose objects go by their digest.
type Target struct {
	Commit    string `json:"commit,omitempty"`
	Namespace string `json:"namespace,omitempty"`
	Owner     string `json:"owner,omitempty"`
	Digest    string `json:"digest,omitempty"`
	Remove    bool   `json:"remove,omitempty"`

	objects *render.Packed
}

// TargetOf returns a target in the form in which it is sent.
func TargetOf(t release.Target) *Target {
	return &Target{Commit: t.Commit, Namespace: t.Namespace, Owner: t.Owner, Digest: t.Digest, Remove: t.Remove, objects: t.Objects}
}

// Target returns what was sent.
func (t *Target) Target() release.Target {
	return release.Target{Commit: t.Commit, Namespace: t.Namespace, Owner: t.Owner, Digest: t.Digest, Remove: t.Remove, Objects: t.objects}
}

// Beyond is how far a release in another cluster is.
type Beyond struct {
	ID           catalog.ReleaseID `json:"id"`
	Current      bool              `json:"current,omitempty"`
	HealthySince time.Time         `json:"healthySince,omitzero"`
}

// Removing is the key of a brief that asks for the release to be removed.
const Removing = "remove"

// Key identifies the state that a brief asks for, whatever else it says.
func (b *Brief) Key() string {
	switch {
	case b.Paused != nil:
		return "paused"
	case b.Target == nil:
		return ""
	case b.Target.Remove:
		return Removing
	}
	return b.Target.Digest
}

// Preview reports whether the release is a preview's.
func (b *Brief) Preview() bool { return b.Settings.Preview != plan.NoPreview }

// Rev identifies all that a brief says.
func (b *Brief) Rev() string {
	data, err := json.Marshal(b)
	if err != nil {
		return "" // which no agent has: it is sent, and that fails and is told
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// Told changes what a brief says by an event that the daemon has for the release, and reports whether it is one that a brief
// carries.
func (b *Brief) Told(e release.Event) bool {
	switch e := e.(type) {
	case release.Declared:
		next := TargetOf(e.Target)
		if b.Target == nil || b.Target.Digest != next.Digest || b.Target.Remove != next.Remove {
			b.Approved, b.Reviewed = nil, nil // they were about another state
		}
		b.Target, b.Settings, b.Paused, b.Unrendered = next, Settings{e.Settings}, nil, nil
		b.Removals = e.Removals
		b.progressed(e.Sources, e.Needs)
	case release.NotRendered:
		if b.Target != nil && b.Target.Remove {
			*b = Brief{ID: b.ID} // it is declared again
		}
		b.Unrendered = &e
	case release.Paused:
		*b = Brief{ID: b.ID, Paused: &e}
	case release.Progressed:
		b.progressed(e.Sources, e.Needs)
	case release.Counted:
		b.Removals = &e.Removals
	case release.Approved:
		b.Approved = last(b.Approved, e, func(o release.Approved) bool { return o.Digest == e.Digest && o.Hold == e.Hold })
	case release.Reviewed:
		b.Reviewed = last(b.Reviewed, e, func(o release.Reviewed) bool { return o.Digest == e.Digest })
	default:
		return false
	}
	return true
}

// maxSaid bounds what is kept of what was said of states of one release: there is one that it is to be in, and one that is held.
const maxSaid = 4

// last returns another list with something in the place of what was said about the same before.
func last[T any](list []T, e T, same func(T) bool) []T {
	next := append(slices.DeleteFunc(slices.Clone(list), same), e)
	return next[max(0, len(next)-maxSaid):]
}

// progressed takes what is known of releases in other clusters.
func (b *Brief) progressed(sources, needs []gate.Source) {
	b.Beyond = nil
	add := func(ids []catalog.ReleaseID, states []gate.Source) {
		for i, id := range ids {
			if id.Cluster != b.ID.Cluster && i < len(states) {
				b.Beyond = append(b.Beyond, Beyond{id, states[i].Current, states[i].HealthySince})
			}
		}
	}
	add(b.Settings.Sources, sources)
	add(b.Settings.Needs, needs)
}

// News returns the events by which whoever was told of one brief, which is nil for nobody, knows what another one says. How far
// others are is no part of them but in [release.Declared], for which the arguments say it.
func (b *Brief) News(before *Brief, sources, needs []gate.Source) (events []release.Event) {
	if before == nil {
		before = &Brief{ID: b.ID}
	}
	declared := func(of *Brief) string {
		data, err := json.Marshal(Brief{Target: of.Target, Settings: of.Settings})
		if err != nil {
			return ""
		}
		return string(data)
	}
	again := before.Paused != nil || before.Unrendered != nil && b.Unrendered == nil
	switch {
	case b.Paused != nil && before.Paused == nil:
		events = append(events, *b.Paused)
	case b.Paused != nil:
	case b.Target != nil && (again || declared(b) != declared(before)):
		events = append(events, release.Declared{
			Target: b.Target.Target(), Settings: b.Settings.Settings, Sources: sources, Needs: needs, Removals: b.Removals,
		})
		told := &Brief{ID: b.ID, Removals: b.Removals}
		if b.Key() == before.Key() { // otherwise what was said before was about another state
			told.Approved, told.Reviewed = before.Approved, before.Reviewed
		}
		before = told
	}
	if b.Unrendered != nil && (before.Unrendered == nil || before.Unrendered.Why != b.Unrendered.Why) {
		events = append(events, *b.Unrendered)
	}
	if b.Removals != nil && (before.Removals == nil || *before.Removals != *b.Removals) {
		events = append(events, release.Counted{Removals: *b.Removals})
	}
	for _, a := range b.Approved {
		if !slices.Contains(before.Approved, a) {
			events = append(events, a)
		}
	}
	for _, r := range b.Reviewed {
		if !slices.Contains(before.Reviewed, r) {
			events = append(events, r)
		}
	}
	return events
}
