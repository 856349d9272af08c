// SPDX-License-Identifier: Apache-2.0

package release

import (
	"fmt"
	"slices"
	"time"

	"trunkline.dev/trunkline/plan/gate"
	"trunkline.dev/trunkline/plan/health"
)

// Result is how far a release is.
type Result string

// The results.
const (
	Pending   Result = "pending"
	Applying  Result = "applying"
	Applied   Result = "applied"
	Retrying  Result = "retrying"
	Failed    Result = "failed"
	Pruning   Result = "pruning"
	Halted    Result = "suspended"
	Elsewhere Result = "elsewhere"
)

// View is what people are told of a release.
type View struct {
	Namespace, Owner string
	// Placed says why the release is on its cluster.
	Placed string
	// Commit is the last one that changed the release, and is applied.
	Commit  string
	Result  Result
	Message string
	// Health is empty while it is not known.
	Health  health.State
	Known   bool
	Objects int
	Kept    []string
	Cause   *Cause
	Held    *Hold
	Drifts  []Drift
	// Additions are what others have added to objects, and Instead what runs instead of what is declared.
	Additions []Addition
	Instead   []Difference
}

// Addition is what others have added to an object.
type Addition struct {
	Object, Manager string
	Fields          []string
}

func (a Addition) equal(o Addition) bool {
	return a.Object == o.Object && a.Manager == o.Manager && slices.Equal(a.Fields, o.Fields)
}

// Difference is a declared field for which something else runs, as admission wants it.
type Difference struct{ Object, Field, Declared, Runs string }

// Cause is why a release is not healthy, as far as that was looked into.
type Cause struct {
	Object, Code string
	Log, Notes   []string
}

// Hold is what keeps a release from its newest state.
type Hold struct {
	Rule, Reason, Commit string
	// Digest identifies the state that is held; empty for a removal.
	Digest string
	Until  time.Time
	// Person is set if it goes on only when a person does something.
	Person bool
}

// view is what is published unless something has precedence over it.
type view struct {
	namespace, owner, commit string
	result                   Result
	message                  string
	objects                  int
	kept                     []string
}

// View returns what people are told of the release. It changes nothing.
func (s *State) View() View {
	b := s.base
	v := View{Namespace: b.namespace, Owner: b.owner, Placed: s.Settings.Placed, Commit: b.commit, Result: b.result, Message: b.message, Objects: b.objects, Kept: b.kept}
	if !s.Mine && s.Stale {
		return View{Namespace: b.namespace, Owner: b.owner, Result: Elsewhere, Message: KeptBy(s.Owner)}
	}
	v.Held, v.Drifts = s.hold(), s.drifts.list()
	v.Additions, v.Instead = s.members.added(), s.members.differences()
	v.Health, v.Known = s.seen.Health, s.seen.known
	switch {
	case s.InForce == nil || s.InForce.Remove:
	case s.seen.known:
		v.Cause = s.cause()
		fallthrough
	default:
		if v.Result == Applied {
			v.Message = s.applied()
		}
	}
	switch by := s.Memory.Suspended; {
	case s.disposed():
	case s.RenderErr != "":
		v.Result, v.Message = Failed, s.RenderErr
	case by != nil && by.Unreadable:
		v.Result, v.Message = Failed, by.Why // nobody wants it so
	case by != nil:
		v.Result, v.Message = Halted, "suspended "+by.String()
	case s.Suspended:
		v.Result, v.Message = Halted, "left as it is until its project is not suspended any more"
	}
	return v
}

// applied says how a state that is applied is doing.
func (s *State) applied() string {
	if s.seen.known && s.seen.Message != "" {
		return s.seen.Message
	}
	if f := s.Memory.Failed; f != nil && f.Digest != s.InForce.Digest {
		return fmt.Sprintf("went back from %s: %s", short(f.Commit), f.Why)
	}
	return s.base.message
}

// hold says what holds the newest state; nil if nothing does.
func (s *State) hold() *Hold {
	v := s.Verdict
	if v.Hold == "" || v.Hold == gate.Unasked || s.Newest == nil {
		return nil
	}
	h := &Hold{Rule: string(v.Hold), Reason: v.Reason, Commit: s.Newest.Commit, Digest: s.Newest.Digest, Until: v.Until, Person: v.Person()}
	if s.restoreErr != "" {
		h.Reason += "; what is in place is left as it is meanwhile: " + s.restoreErr
	}
	return h
}

// cause says why the worst object is not healthy; nil if that was not looked into.
func (s *State) cause() *Cause {
	d := s.diagnosis
	if s.seen.Health == health.Healthy || d.at.IsZero() || d.of != s.seen.Worst || d.reason.Summary == "" {
		return nil
	}
	return &Cause{Object: d.of.String(), Code: string(d.reason.Code), Log: d.reason.Lines, Notes: d.reason.Notes}
}

// KeptBy says which replica keeps a release that this one does not.
func KeptBy(owner string) string {
	if owner == "" {
		return "no replica keeps it at the moment"
	}
	return fmt.Sprintf("kept by the replica %s", owner)
}

func (v View) equal(o View) bool {
	return v.Namespace == o.Namespace && v.Owner == o.Owner && v.Placed == o.Placed && v.Commit == o.Commit && v.Result == o.Result && v.Message == o.Message &&
		v.Health == o.Health && v.Known == o.Known && v.Objects == o.Objects && slices.Equal(v.Kept, o.Kept) &&
		v.Cause.equal(o.Cause) && v.Held.equal(o.Held) && slices.EqualFunc(v.Drifts, o.Drifts, Drift.equal) &&
		slices.EqualFunc(v.Additions, o.Additions, Addition.equal) && slices.Equal(v.Instead, o.Instead)
}

func (c *Cause) equal(o *Cause) bool {
	if c == nil || o == nil {
		return c == o
	}
	return c.Object == o.Object && c.Code == o.Code && slices.Equal(c.Log, o.Log) && slices.Equal(c.Notes, o.Notes)
}

func (h *Hold) equal(o *Hold) bool {
	if h == nil || o == nil {
		return h == o
	}
	return h.Rule == o.Rule && h.Reason == o.Reason && h.Commit == o.Commit && h.Digest == o.Digest && h.Until.Equal(o.Until) && h.Person == o.Person
}
