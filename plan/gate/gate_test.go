// SPDX-License-Identifier: Apache-2.0

package gate_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/plan/gate"
)

// now is a Wednesday.
var now = time.Date(2026, 12, 16, 10, 0, 0, 0, time.UTC)

func at(offset time.Duration) v1alpha1.Time { return v1alpha1.Time{Time: now.Add(offset)} }

func schedule(t testing.TB, env v1alpha1.EnvironmentSpec) gate.Schedule {
	t.Helper()
	s, err := gate.NewSchedule(env)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func windows(t testing.TB, cron, zone string, d time.Duration) gate.Schedule {
	return schedule(t, v1alpha1.EnvironmentSpec{Windows: []v1alpha1.DeployWindow{{Schedule: cron, TimeZone: zone, Duration: v1alpha1.Duration(d)}}})
}

func freeze(from, until time.Duration, reason string) v1alpha1.Freeze {
	return v1alpha1.Freeze{From: at(from), Until: at(until), Reason: reason}
}

func TestDecide(t *testing.T) {
	const h = time.Hour
	removals := func(removed, of int, approved bool) *gate.Removals {
		return &gate.Removals{Environment: "prod", Removed: removed, Of: of, Max: 50, Approved: approved}
	}
	freezes := func(f ...v1alpha1.Freeze) gate.Schedule {
		return schedule(t, v1alpha1.EnvironmentSpec{Freezes: f})
	}
	hand := &gate.ByHand{By: "ann", Why: "incident 7"}
	failed := &gate.Failed{Commit: "0123456789", Digest: "new", Why: "it was not healthy within 10m"}
	healthy := func(name string, ago time.Duration) gate.Source {
		return gate.Source{Release: name, Current: true, HealthySince: now.Add(-ago)}
	}
	cases := map[string]struct {
		reason string
		in     gate.Input
		want   gate.Verdict
	}{
		"Free":             {"What nothing holds goes.", gate.Input{Known: true}, gate.Verdict{}},
		"Suspended":        {"A person's word is the first.", gate.Input{Suspended: hand, Known: true, InPlace: "new"}, gate.Verdict{Hold: gate.Suspended, Reason: "suspended by ann: incident 7"}},
		"SuspendedRemoval": {"It also keeps a release from being removed.", gate.Input{Suspended: hand, Known: true, Remove: true}, gate.Verdict{Hold: gate.Suspended, Reason: "suspended by ann: incident 7"}},
		"InPlace":          {"What is there already is no change.", gate.Input{Known: true, InPlace: "new", Schedule: freezes(freeze(-h, h, "x"))}, gate.Verdict{}},
		"Unknown":          {"Whether a person has suspended it, or it has failed before, has to be known first.", gate.Input{}, gate.Verdict{Hold: gate.Unasked, Reason: "waiting to see what the cluster holds"}},
		"Protected": {
			"A protected environment lets go only of what it names.",
			gate.Input{Known: true, Remove: true, Protected: true},
			gate.Verdict{Hold: gate.Protected, Reason: "the environment is protected: name the project in its removals to have it deleted"},
		},
		"ProtectedChange": {"Protection is about removal.", gate.Input{Known: true, Protected: true}, gate.Verdict{}},
		"Removals": {
			"A commit that removes most of an environment has to be confirmed.",
			gate.Input{Known: true, Remove: true, Removals: removals(6, 11, false)},
			gate.Verdict{Hold: gate.ManyRemoved, Reason: `6 of the 11 releases of prod would be deleted, which is more than 50 %: confirm it with "trunkline approve prod"`},
		},
		"RemovalsHalf":     {"Just the share is not too much.", gate.Input{Known: true, Remove: true, Removals: removals(6, 12, false)}, gate.Verdict{}},
		"RemovalsFew":      {"A few are never too many.", gate.Input{Known: true, Remove: true, Removals: removals(5, 5, false)}, gate.Verdict{}},
		"RemovalsApproved": {"What was confirmed goes.", gate.Input{Known: true, Remove: true, Removals: removals(6, 6, true)}, gate.Verdict{}},
		"Moving": {
			"What moves to another cluster stays until it is healthy there.",
			gate.Input{Known: true, Remove: true, Moves: true, Needs: []gate.Source{healthy("orders/prod@a", h), {Release: "orders/prod@b", Current: true}}},
			gate.Verdict{Hold: gate.Moving, Reason: "its project moves to another cluster: waiting for orders/prod@b to be healthy"},
		},
		"MovingBehind": {
			"That it was healthy there with another commit is not enough.",
			gate.Input{Known: true, Remove: true, Moves: true, Needs: []gate.Source{{Release: "orders/prod@b", HealthySince: now.Add(-h)}}},
			gate.Verdict{Hold: gate.Moving, Reason: "its project moves to another cluster: waiting for orders/prod@b to take the commit"},
		},
		"Moved":        {"Then it goes.", gate.Input{Known: true, Remove: true, Moves: true, Needs: []gate.Source{healthy("orders/prod@b", 0)}}, gate.Verdict{}},
		"ManyMove":     {"However many move, nothing is lost.", gate.Input{Known: true, Remove: true, Moves: true, Removals: removals(6, 6, false)}, gate.Verdict{}},
		"RemovedNeeds": {"What is removed for good waits for nobody.", gate.Input{Known: true, Remove: true, Needs: []gate.Source{{Release: "orders/prod@b"}}}, gate.Verdict{}},
		"Unreviewed": {
			"Where only what was reviewed may be applied, what is not known waits.",
			gate.Input{Known: true, Review: &gate.Review{Environment: "prod"}},
			gate.Verdict{Hold: gate.Unreviewed, Reason: `it is not known yet whether a pull request showed this change before it was merged: look at it, and confirm it with "trunkline approve prod"`},
		},
		"NotReviewed": {
			"What is known not to have been reviewed waits for a person, and says why.",
			gate.Input{Known: true, Review: &gate.Review{Environment: "prod", Why: "#7 showed something else"}},
			gate.Verdict{Hold: gate.Unreviewed, Reason: `this change was not reviewed: #7 showed something else: look at it, and confirm it with "trunkline approve prod"`},
		},
		"UnreviewedRemoval": {
			"A removal is a change as well.",
			gate.Input{Known: true, Remove: true, Review: &gate.Review{Environment: "prod", Why: "x"}},
			gate.Verdict{Hold: gate.Unreviewed, Reason: `this change was not reviewed: x: look at it, and confirm it with "trunkline approve prod"`},
		},
		"Reviewed":         {"What was reviewed goes.", gate.Input{Known: true, Review: &gate.Review{Reviewed: true}}, gate.Verdict{}},
		"ReviewApproved":   {"So does what a person has confirmed.", gate.Input{Known: true, Review: &gate.Review{Why: "x", Approved: true}}, gate.Verdict{}},
		"ReviewInPlace":    {"What is there already is no change.", gate.Input{Known: true, InPlace: "new", Review: &gate.Review{Why: "x"}}, gate.Verdict{}},
		"ReviewedInFreeze": {"A review opens no window.", gate.Input{Known: true, Review: &gate.Review{Reviewed: true}, Schedule: freezes(freeze(0, h, "x"))}, gate.Verdict{Hold: gate.Frozen, Reason: "frozen until 2026-12-16T11:00:00Z: x", Until: now.Add(h)}},
		"Quarantined": {
			"What failed is not tried again.",
			gate.Input{Known: true, Failed: failed},
			gate.Verdict{Hold: gate.Quarantined, Reason: "commit 01234567 is not tried again: it was not healthy within 10m"},
		},
		"FailedInPlace": {
			"What failed is not kept for being there.",
			gate.Input{Known: true, Failed: failed, InPlace: "new"},
			gate.Verdict{Hold: gate.Quarantined, Reason: "commit 01234567 is not tried again: it was not healthy within 10m"},
		},
		"Newer":         {"Another state is.", gate.Input{Known: true, Digest: "newer", Failed: failed}, gate.Verdict{}},
		"FailedRemoval": {"What failed can be removed.", gate.Input{Known: true, Failed: failed, Remove: true}, gate.Verdict{}},
		"Frozen": {
			"A freeze holds, its end included in no part of it.",
			gate.Input{Known: true, Schedule: freezes(freeze(0, h, "year's end"))},
			gate.Verdict{Hold: gate.Frozen, Reason: "frozen until 2026-12-16T11:00:00Z: year's end", Until: now.Add(h)},
		},
		"FrozenOn": {
			"Freezes that hang together are one.",
			gate.Input{Known: true, Schedule: freezes(freeze(h, 3*h, "b"), freeze(-h, h, "a"))},
			gate.Verdict{Hold: gate.Frozen, Reason: "frozen until 2026-12-16T13:00:00Z: a", Until: now.Add(3 * h)},
		},
		"Thawed":       {"A freeze that is over does not hold.", gate.Input{Known: true, Schedule: freezes(freeze(-h, 0, "x"), freeze(h, 2*h, "y"))}, gate.Verdict{}},
		"Open":         {"In a window changes go.", gate.Input{Known: true, Schedule: windows(t, "0 8 * * 1-5", "", 8*h)}, gate.Verdict{}},
		"JustOpen":     {"The moment it opens is in it.", gate.Input{Known: true, Schedule: windows(t, "0 10 * * *", "", h)}, gate.Verdict{}},
		"JustClosed":   {"The moment it closes is not.", gate.Input{Known: true, Schedule: windows(t, "0 8 * * *", "", 2*h)}, gate.Verdict{Hold: gate.Closed, Reason: "outside of the deploy windows: the next one opens at 2026-12-17T08:00:00Z", Until: now.Add(22 * h)}},
		"Zone":         {"A window is in its zone: 8 in New York is 13 in UTC.", gate.Input{Known: true, Schedule: windows(t, "0 8 * * *", "America/New_York", h)}, gate.Verdict{Hold: gate.Closed, Reason: "outside of the deploy windows: the next one opens at 2026-12-16T13:00:00Z", Until: now.Add(3 * h)}},
		"NeverOpen":    {"A window that never opens holds, and says so.", gate.Input{Known: true, Schedule: windows(t, "0 8 30 2 *", "", h)}, gate.Verdict{Hold: gate.Closed, Reason: "outside of the deploy windows, none of which ever opens"}},
		"Soaked":       {"What was healthy for long enough is promoted.", gate.Input{Known: true, Sources: []gate.Source{healthy("a", h)}, Soak: h}, gate.Verdict{}},
		"Soaking":      {"The last of the sources counts.", gate.Input{Known: true, Sources: []gate.Source{healthy("a", h), healthy("b", h/2)}, Soak: h}, gate.Verdict{Hold: gate.Promotion, Reason: "soaking in the environment before: goes on at 2026-12-16T10:30:00Z", Until: now.Add(h / 2)}},
		"SourceBehind": {"A source that is behind says nothing of the commit.", gate.Input{Known: true, Sources: []gate.Source{healthy("b", h), {Release: "a", HealthySince: now.Add(-h)}}}, gate.Verdict{Hold: gate.Promotion, Reason: "waiting for a to take the commit"}},
		"SourceSick":   {"A source has to be healthy.", gate.Input{Known: true, Sources: []gate.Source{{Release: "a", Current: true}}}, gate.Verdict{Hold: gate.Promotion, Reason: "waiting for a to be healthy"}},
		"NeedMet":      {"What it depends on is there.", gate.Input{Known: true, Needs: []gate.Source{healthy("a", 0)}}, gate.Verdict{}},
		"NeedBehind":   {"What it depends on has to have the commit too.", gate.Input{Known: true, Needs: []gate.Source{healthy("a", h), {Release: "b"}}}, gate.Verdict{Hold: gate.Depends, Reason: "waiting for b to take the commit"}},
		"NeedSick":     {"And to be healthy.", gate.Input{Known: true, Needs: []gate.Source{{Release: "b", Current: true}}}, gate.Verdict{Hold: gate.Depends, Reason: "waiting for b to be healthy"}},
		"NeedRemoval":  {"Nobody has to be there for a removal.", gate.Input{Known: true, Remove: true, Needs: []gate.Source{{Release: "b"}}}, gate.Verdict{}},
		"NeedInPlace":  {"What is there already stays, whatever becomes of what it depends on.", gate.Input{Known: true, InPlace: "new", Needs: []gate.Source{{Release: "b"}}}, gate.Verdict{}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			tc.in.Now = now
			if tc.in.Digest == "" {
				tc.in.Digest = "new"
			}
			if diff := cmp.Diff(tc.want, gate.Decide(tc.in)); diff != "" {
				t.Errorf("%s\n-want +got:\n%s", tc.reason, diff)
			}
		})
	}
}

// TestUntil: at the time that a verdict names, the rule that held does not hold any more, and before that it does.
func TestUntil(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		hours := func(label string) time.Duration {
			return time.Duration(rapid.IntRange(-48, 48).Draw(rt, label)) * time.Hour
		}
		in := gate.Input{Now: now, Known: true, Digest: "new", Soak: 3 * time.Hour}
		env := v1alpha1.EnvironmentSpec{}
		for range rapid.IntRange(0, 4).Draw(rt, "freezes") {
			from := hours("from")
			env.Freezes = append(env.Freezes, freeze(from, from+time.Duration(rapid.IntRange(1, 24).Draw(rt, "length"))*time.Hour, "x"))
		}
		for range rapid.IntRange(0, 2).Draw(rt, "windows") {
			env.Windows = append(env.Windows, v1alpha1.DeployWindow{
				Schedule: rapid.SampledFrom([]string{"0 8 * * *", "30 22 * * 1-5", "0 0 1 * *", "0 9-17 * * *"}).Draw(rt, "cron"),
				Duration: v1alpha1.Duration(time.Duration(rapid.IntRange(1, 20).Draw(rt, "open")) * time.Hour),
			})
		}
		for range rapid.IntRange(0, 2).Draw(rt, "sources") {
			in.Sources = append(in.Sources, gate.Source{Current: true, HealthySince: now.Add(-time.Duration(rapid.IntRange(0, 6).Draw(rt, "healthy")) * time.Hour)})
		}
		in.Schedule = schedule(t, env)
		v := gate.Decide(in)
		if v.Hold == "" {
			return
		}
		if !v.Until.After(now) {
			rt.Fatalf("%+v is over already", v)
		}
		in.Now = v.Until.Add(-time.Second)
		if before := gate.Decide(in); before.Hold == "" {
			rt.Fatalf("%+v: a second before, nothing holds", v)
		}
		in.Now = v.Until
		if after := gate.Decide(in); after.Hold == v.Hold {
			rt.Fatalf("%+v: it still holds then: %+v", v, after)
		}
	})
}
