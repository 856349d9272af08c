// SPDX-License-Identifier: Apache-2.0

// Package gate decides whether a release may take a new desired state now: it is held outside of deploy windows, in a
// freeze, until the environment that it is promoted from has been healthy for long enough, when the state has failed
// before, when a person said so, or when too much would be removed. It is a pure function over values.
//
// Of Trunkline it may import api and plan.
package gate

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"trunkline.dev/trunkline/plan"
)

// Input is what is known of a release that could take a new state.
type Input struct {
	Now time.Time
	// Commit and Digest are those of the new state; Remove asks for the release to be deleted.
	Commit, Digest string
	Remove         bool
	// InPlace is the digest of what the cluster holds; empty if it holds nothing of the release. Known is false as
	// long as nobody could ask.
	InPlace string
	Known   bool

	// Suspended is set when a person has suspended the release.
	Suspended *ByHand
	// Failed is the state that failed, or that a person took back; nil if there is none.
	Failed *Failed
	// Schedule says when the environment takes changes.
	Schedule Schedule
	// Sources are the same project's releases in the environment that this one is promoted from.
	Sources []Source
	// Soak is how long each of them must have been healthy.
	Soak time.Duration
	// Needs are the releases of other projects that have to be there first; of a release that moves, those that it moves to.
	Needs []Source
	// Moves is set if the release is to be deleted since its project is on other clusters now.
	Moves bool
	// Protected is set if the environment is protected and does not name the project in its removals.
	Protected bool
	// Shrinks tells how many objects the release loses; nil if that is not known.
	Shrinks *Shrinks
	// Removals tells of the whole commit that removes the release; nil if it is not removed by a commit.
	Removals *Removals
	// Review is what is known of whether the state was reviewed; nil if the environment does not require that.
	Review *Review
}

// ByHand is who did something, and why.
type ByHand struct {
	By  string    `json:"by"`
	Why string    `json:"why"`
	At  time.Time `json:"at,omitzero"`
	// Unreadable reports whether nobody is known to have done it, since what was remembered cannot be read.
	Unreadable bool `json:"-"`
}

// String names the person and the reason.
func (h ByHand) String() string {
	if h.Why == "" {
		return "by " + h.By
	}
	return fmt.Sprintf("by %s: %s", h.By, h.Why)
}

// Failed is a state that must not be taken again.
type Failed struct {
	Commit string `json:"commit"`
	Digest string `json:"digest"`
	// Why says how it failed, or who took it back.
	Why string `json:"why"`
}

// Source is a release that another one is promoted from, or depends on.
type Source struct {
	// Release names it for people.
	Release string
	// Current reports whether it has taken the newest commit.
	Current bool
	// HealthySince is when it became healthy in that state; zero if it is not.
	HealthySince time.Time
}

// Removals counts the releases of the environment that one commit removes.
type Removals struct {
	Environment string
	Removed, Of int
	// Max is the share that may be removed, in percent.
	Max int
	// Approved is set once a person has confirmed it.
	Approved bool
}

// Review is what is known of whether what a release is to become was shown before it was merged. The zero value says that
// nobody has found out yet.
type Review struct {
	Environment string
	// Reviewed is set once it is known that it was, and Why says how it was not, once that is known.
	Reviewed bool
	Why      string
	// Approved is set once a person has confirmed exactly this state.
	Approved bool
}

// Shrinks counts the objects of a release before and after it takes the state.
type Shrinks struct {
	Environment   string
	Before, After plan.Tally
	// Max is the share that may be removed, in percent.
	Max int
	// Approved is how many a person has agreed to lose.
	Approved int
}

// much reports whether so much is lost that a person has to confirm it: everything, or many objects and most of them.
func (s *Shrinks) much() bool {
	if s == nil {
		return false
	}
	before, lost := s.Before.Sum(), s.Before.Lost(s.After)
	if before == 0 || lost <= s.Approved {
		return false
	}
	return s.After.Sum() == 0 || lost > fewRemovals && lost*100 > s.Max*before
}

// fewRemovals are never too many.
const fewRemovals = 5

// Rule names what holds a release.
type Rule string

// The rules, in the order in which they are asked.
const (
	Suspended   Rule = "suspended"
	Unasked     Rule = "unknown"
	Quarantined Rule = "quarantined"
	Protected   Rule = "protected"
	ManyRemoved Rule = "removals"
	Shrunk      Rule = "shrinks"
	Unreviewed  Rule = "reviewed"
	Frozen      Rule = "freeze"
	Closed      Rule = "window"
	Promotion   Rule = "promotion"
	Depends     Rule = "dependsOn"
	Moving      Rule = "moves"
)

// Verdict reports whether the release may take the state.
type Verdict struct {
	// Hold is the rule that holds it; empty if nothing does.
	Hold Rule
	// Reason says why to people.
	Reason string
	// Until is when to ask again at the latest; zero if only an event can change it.
	Until time.Time
}

// Person reports whether it goes on only when a person does something.
func (v Verdict) Person() bool {
	return v.Hold == Protected || v.Hold == ManyRemoved || v.Hold == Shrunk || v.Hold == Unreviewed || v.Hold == Quarantined
}

// row is one row of the decision table.
type row struct {
	rule  Rule // empty lets the release go
	match func(in Input) (Verdict, bool)
}

// table is asked from the top; the first row that matches counts.
var table = []row{
	{Suspended, func(in Input) (Verdict, bool) {
		if in.Suspended == nil {
			return Verdict{}, false
		}
		return Verdict{Reason: "suspended " + in.Suspended.String()}, true
	}},
	{Unasked, func(in Input) (Verdict, bool) {
		return Verdict{Reason: "waiting to see what the cluster holds"}, !in.Known
	}},
	{Quarantined, func(in Input) (Verdict, bool) {
		if in.Remove || in.Failed == nil || in.Failed.Digest != in.Digest {
			return Verdict{}, false
		}
		return Verdict{Reason: fmt.Sprintf("commit %s is not tried again: %s", short(in.Failed.Commit), in.Failed.Why)}, true
	}},
	// What is in place already is not a change that could be held.
	{"", func(in Input) (Verdict, bool) { return Verdict{}, !in.Remove && in.InPlace == in.Digest }},
	{Protected, func(in Input) (Verdict, bool) {
		return Verdict{Reason: "the environment is protected: name the project in its removals to have it deleted"}, in.Remove && in.Protected
	}},
	{ManyRemoved, func(in Input) (Verdict, bool) {
		r := in.Removals
		if !in.Remove || in.Moves || r == nil || r.Approved || r.Removed <= fewRemovals || r.Removed*100 <= r.Max*r.Of {
			return Verdict{}, false
		}
		return Verdict{Reason: fmt.Sprintf("%d of the %d releases of %s would be deleted, which is more than %d %%: confirm it with \"trunkline approve %s\"",
			r.Removed, r.Of, r.Environment, r.Max, r.Environment)}, true
	}},
	{Shrunk, func(in Input) (Verdict, bool) {
		r := in.Shrinks
		if in.Remove || !r.much() {
			return Verdict{}, false
		}
		return Verdict{Reason: fmt.Sprintf("%d of its %d objects would be deleted: confirm it with \"trunkline approve %s\"",
			r.Before.Lost(r.After), r.Before.Sum(), r.Environment)}, true
	}},
	{Unreviewed, func(in Input) (Verdict, bool) {
		r := in.Review
		if r == nil || r.Reviewed || r.Approved {
			return Verdict{}, false
		}
		why := "it is not known yet whether a pull request showed this change before it was merged"
		if r.Why != "" {
			why = "this change was not reviewed: " + r.Why
		}
		return Verdict{Reason: fmt.Sprintf("%s: look at it, and confirm it with \"trunkline approve %s\"", why, r.Environment)}, true
	}},
	{Frozen, func(in Input) (Verdict, bool) { return in.Schedule.frozen(in.Now) }},
	{Closed, func(in Input) (Verdict, bool) { return in.Schedule.closed(in.Now) }},
	{Promotion, func(in Input) (Verdict, bool) {
		if in.Remove {
			return Verdict{}, false
		}
		return promoted(in.Now, in.Sources, in.Soak)
	}},
	{Depends, func(in Input) (Verdict, bool) {
		if in.Remove {
			return Verdict{}, false
		}
		return promoted(in.Now, in.Needs, 0)
	}},
	// What runs is not taken away before there is something in its place.
	{Moving, func(in Input) (Verdict, bool) {
		if !in.Remove || !in.Moves {
			return Verdict{}, false
		}
		v, held := promoted(in.Now, in.Needs, 0)
		v.Reason = "its project moves to another cluster: " + v.Reason
		return v, held
	}},
}

// Decide reports whether the release may take the state now.
func Decide(in Input) Verdict {
	for _, r := range table {
		if v, ok := r.match(in); ok {
			v.Hold = r.rule
			return v
		}
	}
	return Verdict{}
}

// promoted holds until every source has the newest commit and was healthy in that state for the soak time.
func promoted(now time.Time, sources []Source, soak time.Duration) (Verdict, bool) {
	var until time.Time
	for _, s := range slices.SortedFunc(slices.Values(sources), func(a, b Source) int { return strings.Compare(a.Release, b.Release) }) {
		switch ready := s.HealthySince.Add(soak); {
		case !s.Current:
			return Verdict{Reason: fmt.Sprintf("waiting for %s to take the commit", s.Release)}, true
		case s.HealthySince.IsZero():
			return Verdict{Reason: fmt.Sprintf("waiting for %s to be healthy", s.Release)}, true
		case ready.After(now) && ready.After(until):
			until = ready
		}
	}
	if until.IsZero() {
		return Verdict{}, false
	}
	return Verdict{Reason: fmt.Sprintf("soaking in the environment before: goes on at %s", until.UTC().Format(time.RFC3339)), Until: until}, true
}

func short(commit string) string { return commit[:min(len(commit), 8)] }
