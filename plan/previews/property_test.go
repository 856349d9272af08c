// SPDX-License-Identifier: Apache-2.0

package previews_test

import (
	"math/big"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"trunkline.dev/trunkline/plan/previews"
)

var (
	heads  = rapid.SampledFrom([]string{"", "a", "b"})
	hours  = rapid.IntRange(0, 100)
	states = rapid.SampledFrom([]previews.State{previews.Open, previews.Open, previews.Open, previews.Closed, previews.Merged, ""})
	acts   = rapid.SampledFrom([]previews.Act{previews.Up, previews.Down, previews.Extend, previews.Sleep, previews.Wake})
	money  = rapid.SampledFrom([]*big.Rat{nil, big.NewRat(0, 1), big.NewRat(5, 1), big.NewRat(500, 1)})
	names  = rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"dev", "qa"}), 0, 2, rapid.ID)
)

// inputs are anything that there can be, with each number once.
var inputs = rapid.Custom(func(t *rapid.T) previews.Input {
	in := previews.Input{Now: noon}
	for _, name := range names.Draw(t, "templates") {
		in.Rules = append(in.Rules, previews.Rules{
			Environment: name, TTL: time.Duration(hours.Draw(t, "ttl")) * time.Hour, SleepAfter: time.Duration(hours.Draw(t, "sleep")) * time.Hour,
			Limit: rapid.IntRange(0, 3).Draw(t, "limit"), SpendCap: money.Draw(t, "cap"),
		})
	}
	for number := range rapid.IntRange(0, 6).Draw(t, "pulls") {
		p := previews.Pull{
			Number: number, State: states.Draw(t, "state"), Head: heads.Draw(t, "head"), Monthly: money.Draw(t, "monthly"),
			Fork: rapid.Bool().Draw(t, "fork"), Approved: heads.Draw(t, "approved"),
			Chosen: rapid.Bool().Draw(t, "chosen"), Environment: rapid.SampledFrom([]string{"dev", "qa", ""}).Draw(t, "of"),
			Verdict: rapid.SampledFrom([]previews.Verdict{previews.Passed, previews.Passed, previews.Refused, previews.Untouched, ""}).Draw(t, "verdict"),
		}
		for range rapid.IntRange(0, 2).Draw(t, "pushes") {
			p.Began = append(p.Began, previews.Begin{Head: heads.Draw(t, "began"), At: ago(hours.Draw(t, "at"))})
		}
		for id := range rapid.IntRange(0, 3).Draw(t, "commands") {
			p.Commands = append(p.Commands, previews.Command{ID: int64(id), At: ago(hours.Draw(t, "asked")), Do: acts.Draw(t, "act")})
		}
		if rapid.Bool().Draw(t, "known") {
			in.Pulls = append(in.Pulls, p)
		}
		if rapid.Bool().Draw(t, "there") {
			in.Exists = append(in.Exists, previews.Existing{
				Number: number, Head: heads.Draw(t, "exists"), Environment: rapid.SampledFrom([]string{"dev", "qa", ""}).Draw(t, "like"), Removing: rapid.Bool().Draw(t, "removing"),
			})
		}
	}
	return in
})

// TestNeverMoreThanTheLimit: whatever is made, there are never more than the limit; those that are there already, and of which
// nothing is known, are the only exception.
func TestNeverMoreThanTheLimit(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := inputs.Draw(t, "in")
		d := previews.Decide(in)
		there := map[int]previews.Existing{}
		for _, e := range in.Exists {
			there[e.Number] = e
		}
		for _, r := range in.Rules {
			want, made, held := 0, 0, 0
			for _, p := range d.Want {
				if p.Environment == r.Environment {
					want++
					if e, ok := there[p.Number]; !ok || e.Environment != r.Environment && e.Environment != "" {
						made++
					}
				}
			}
			for _, n := range d.Keep {
				if of := there[n.Number].Environment; of == r.Environment || of == "" {
					held++
				}
			}
			for _, n := range d.Remove {
				if of := there[n.Number].Environment; (of == r.Environment || of == "") && made > 0 {
					held++ // there is one until it is gone
				}
			}
			if want > 0 && want+held > r.Limit {
				t.Fatalf("%s has a limit of %d, and %d are wanted beside %d: %s", r.Environment, r.Limit, want, held, said(d))
			}
		}
	})
}

// TestOrderMeansNothing: however the lists are ordered, the decision is the same.
func TestOrderMeansNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := inputs.Draw(t, "in")
		other := in
		other.Rules = rapid.Permutation(in.Rules).Draw(t, "rules")
		other.Exists = rapid.Permutation(in.Exists).Draw(t, "exists")
		other.Pulls = slices.Clone(rapid.Permutation(in.Pulls).Draw(t, "pulls"))
		for i := range other.Pulls {
			other.Pulls[i].Began = rapid.Permutation(other.Pulls[i].Began).Draw(t, "began")
			other.Pulls[i].Commands = rapid.Permutation(other.Pulls[i].Commands).Draw(t, "commands")
		}
		if diff := cmp.Diff(previews.Decide(in), previews.Decide(other)); diff != "" {
			t.Fatalf("in another order (-first +second):\n%s", diff)
		}
	})
}

// TestForksOnlyAsApproved: a fork's preview is of exactly the head that was approved, and what is not any more goes.
func TestForksOnlyAsApproved(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := inputs.Draw(t, "in")
		d := previews.Decide(in)
		for _, p := range in.Pulls {
			if !p.Fork || p.State != previews.Open {
				continue
			}
			for _, w := range d.Want {
				if w.Number == p.Number && (w.Head != p.Approved || w.Head != p.Head || w.Head == "") {
					t.Fatalf("#%d was approved at %q, is at %q, and runs at %q", p.Number, p.Approved, p.Head, w.Head)
				}
			}
			for _, k := range d.Keep {
				e := in.Exists[slices.IndexFunc(in.Exists, func(e previews.Existing) bool { return e.Number == k.Number })]
				if k.Number == p.Number && (e.Head != p.Approved || e.Head != p.Head) {
					t.Fatalf("#%d was approved at %q, is at %q, and goes on at %q", p.Number, p.Approved, p.Head, e.Head)
				}
			}
		}
	})
}

// TestNothingUnknownIsRemoved: one whose pull request is not known is left as it is, unless it is being removed already; and
// nothing is done twice or left out.
func TestNothingUnknownIsRemoved(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := inputs.Draw(t, "in")
		d := previews.Decide(in)
		known, open := map[int]bool{}, map[int]bool{}
		for _, p := range in.Pulls {
			known[p.Number], open[p.Number] = p.State != "", p.State == previews.Open
		}
		fate := map[int]int{}
		for _, p := range d.Want {
			fate[p.Number]++
		}
		for _, k := range d.Keep {
			fate[k.Number]++
		}
		there := map[int]previews.Existing{}
		for _, e := range in.Exists {
			there[e.Number] = e
		}
		for _, r := range d.Remove {
			fate[r.Number]++
			e, ok := there[r.Number]
			if !ok {
				t.Fatalf("#%d is removed, and there is none: %s", r.Number, said(d))
			}
			if !known[r.Number] && !e.Removing {
				t.Fatalf("#%d is removed, and nobody knows of its pull request: %s", r.Number, said(d))
			}
		}
		for _, e := range in.Exists {
			if fate[e.Number] != 1 {
				t.Fatalf("%d things happen to #%d: %s", fate[e.Number], e.Number, said(d))
			}
		}
		for _, p := range d.Want {
			if !open[p.Number] || fate[p.Number] != 1 {
				t.Fatalf("#%d is wanted, and it is not open, or something else happens to it: %s", p.Number, said(d))
			}
		}
	})
}

// TestDecidingComesToRest: once what was decided is done, nothing else is decided.
func TestDecidingComesToRest(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := inputs.Draw(t, "in")
		for range 3 { // removals make room for others
			in = done(in, previews.Decide(in))
		}
		d := previews.Decide(in)
		if diff := cmp.Diff(in.Exists, done(in, d).Exists); diff != "" {
			t.Fatalf("it goes on and on (-before +after):\n%s\n%s", diff, said(d))
		}
	})
}

// done is what is known after a decision was carried out.
func done(in previews.Input, d previews.Decision) previews.Input {
	out := in
	out.Exists = slices.DeleteFunc(slices.Clone(in.Exists), func(e previews.Existing) bool {
		return !slices.ContainsFunc(d.Keep, func(k previews.None) bool { return k.Number == e.Number })
	})
	out.Pulls = slices.Clone(in.Pulls)
	for _, w := range d.Want {
		out.Exists = append(out.Exists, previews.Existing{Number: w.Number, Head: w.Head, Environment: w.Environment})
		for i := range out.Pulls {
			p := &out.Pulls[i]
			if p.Number == w.Number && !slices.ContainsFunc(p.Began, func(b previews.Begin) bool { return b.Head == w.Head }) {
				p.Began = append(slices.Clone(p.Began), previews.Begin{Head: w.Head, At: in.Now})
			}
		}
	}
	slices.SortFunc(out.Exists, func(a, b previews.Existing) int { return a.Number - b.Number })
	return out
}
