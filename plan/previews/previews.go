// SPDX-License-Identifier: Apache-2.0

// Package previews decides which pull requests have an environment of their own: at which head, asleep or awake, until when,
// and why one has none. It is a pure function over values; who carries it out, and where what it is based on was found, is
// no business of it.
//
// Of Trunkline it imports nothing.
package previews

import (
	"cmp"
	"maps"
	"math/big"
	"slices"
	"time"
)

// Input is what is known. The order of lists has no meaning.
type Input struct {
	Now time.Time
	// Rules are what the environments of the base declare, one for each that is a template of previews.
	Rules []Rules
	// Pulls are the pull requests that are known. One that is not here is not known, and neither is whether it is open.
	Pulls []Pull
	// Exists are the previews that there are, or that are being made or removed.
	Exists []Existing
}

// Rules is what an environment declares of the previews that are made after it.
type Rules struct {
	// Environment is the one that previews are made after.
	Environment string
	// TTL is how long a preview stays after it was last used: a push, or a command.
	TTL time.Duration
	// SleepAfter is how long it stays awake after it was last used; zero: until it is gone.
	SleepAfter time.Duration
	// Limit is how many there may be at a time.
	Limit int
	// SpendCap is what one may cost over its whole life; nil: no bound.
	SpendCap *big.Rat
}

// State is whether a pull request is open.
type State string

// The states.
const (
	Open   State = "open"
	Closed State = "closed" // without having been merged
	Merged State = "merged"
)

// Verdict is what is known of a head.
type Verdict string

// The verdicts; anything else is that it is not known.
const (
	Passed    Verdict = "passed"
	Refused   Verdict = "refused"
	Untouched Verdict = "untouched" // nothing of the platform changes
)

// id names a pull request: numbers are those of a repository.
type id struct {
	number int
	source string
}

func (a id) compare(b id) int {
	return cmp.Or(cmp.Compare(a.number, b.number), cmp.Compare(a.source, b.source))
}

// Pull is a pull request.
type Pull struct {
	// Source names the repository that it is of; empty: the platform's own. So in all that has a Number.
	Source string
	Number int
	State  State
	Head   string
	// Fork reports whether the head is in another repository, and Approved is the head that people who may have approved.
	Fork     bool
	Approved string
	// Chosen reports whether it is known which environment its preview is made after, by what the base declares, and
	// Environment is that one; empty: none.
	Chosen      bool
	Environment string
	// Verdict is that on Head, and on a preview of it.
	Verdict Verdict
	// Monthly is what a preview of Head costs in a month while it is awake, in the currency of the bound; nil: not known.
	Monthly *big.Rat
	// Commands are those that were done.
	Commands []Command
	// Began are the heads that had a preview, with when they got it. That of Head may be missing.
	Began []Begin
}

// Begin is when a head got a preview.
type Begin struct {
	Head string
	At   time.Time
}

// Act is what a command asks for.
type Act string

// The acts.
const (
	Up     Act = "up"
	Down   Act = "down"
	Extend Act = "extend"
	Sleep  Act = "sleep"
	Wake   Act = "wake"
)

// Command is a command of someone who may give it.
type Command struct {
	// ID orders commands of the same time.
	ID int64
	At time.Time
	Do Act
}

// Existing is a preview that there is.
type Existing struct {
	Source string
	Number int
	Head   string
	// Environment is the one that it was made after; empty: that is not known, and it may be any.
	Environment string
	// Removing reports whether it is being removed: it has its place until it is gone.
	Removing bool
}

// Reason is why there is no preview.
type Reason string

// The reasons.
const (
	// ByState says that the pull request is not open; Removal.State says what it is.
	ByState Reason = "state"
	// ByFork says that it is a fork's, and that nobody who may has approved just this head.
	ByFork Reason = "fork"
	// ByDeclaration says that no environment of the base declares previews for it.
	ByDeclaration Reason = "declaration"
	ByCommand     Reason = "down"
	ByTTL         Reason = "ttl"
	ByCap         Reason = "cap"
	// ByUnknownCost says that there is a bound of what it may cost, and that it is not known what it costs.
	ByUnknownCost Reason = "cost unknown"
	ByLimit       Reason = "limit"
	// ByVerdict says that the head is refused, ByUntouched that it changes nothing, and Unknown that neither is known yet.
	ByVerdict   Reason = "refused"
	ByUntouched Reason = "untouched"
	Unknown     Reason = "unknown"
)

// Preview is one that there should be.
type Preview struct {
	Source      string
	Number      int
	Head        string
	Environment string // that it is made after
	Asleep      bool
	// Sleeps is when it goes to sleep unless it is used; zero: not before it expires, or it sleeps. Expires is when it is
	// removed, and Spends when it will have cost what it may if it stays awake; zero: never.
	Sleeps, Expires, Spends time.Time
}

// None is a pull request that has no preview.
type None struct {
	Source string
	Number int
	Reason Reason
	// Environment is the one whose rule it is; empty if it is none's.
	Environment string
}

// Removal is a preview that is to go.
type Removal struct {
	None

	State State // of the pull request
}

func (p Pull) id() id     { return id{p.Number, p.Source} }
func (e Existing) id() id { return id{e.Number, e.Source} }
func (p Preview) id() id  { return id{p.Number, p.Source} }
func (n None) id() id     { return id{n.Number, n.Source} }

// Decision is what there should be. Each list is sorted by number, and then by the names of repositories.
type Decision struct {
	Want []Preview
	// None are the open pull requests without a preview; one that has a preview which stays as it is, is not among them.
	None []None
	// Keep are previews that stay as they are since it is not known what should become of them.
	Keep []None
	// Remove are those of Exists that are to go.
	Remove []Removal
	// Again is when to decide again at the latest; zero: only an event can change it.
	Again time.Time
}

// Decide decides.
func Decide(in Input) Decision {
	rules := slices.SortedFunc(slices.Values(in.Rules), func(a, b Rules) int { return cmp.Compare(a.Environment, b.Environment) })
	exists, room := map[id]Existing{}, places{kept: map[string]int{}, going: map[string]int{}}
	for _, e := range in.Exists {
		exists[e.id()] = e
	}
	pulls := map[id]Pull{}
	for _, p := range in.Pulls {
		pulls[p.id()] = p
	}
	var d Decision
	var candidates []candidate
	for _, one := range union(pulls, exists) {
		p, known := pulls[one]
		e, there := exists[one]
		v := verdict{keep: true, none: None{Reason: Unknown}}
		if known {
			v = about(question{in.Now, rules, p, e, there})
		}
		v.none.Source, v.none.Number = one.source, one.number
		switch {
		case there && e.Removing && (v.keep || v.preview != nil):
			// It is made again once it is gone.
			d.Remove = append(d.Remove, Removal{None: None{Source: one.source, Number: one.number, Reason: Unknown, Environment: e.Environment}, State: p.State})
			room.going[e.Environment]++
		case v.preview != nil:
			candidates = append(candidates, candidate{*v.preview, there, e, v.rules})
		case v.keep && there:
			d.Keep = append(d.Keep, v.none)
			d.again(in.Now, v.until)
			room.kept[e.Environment]++
		default:
			if known && p.State == Open {
				d.None = append(d.None, v.none)
			}
			if there {
				d.Remove = append(d.Remove, Removal{None: v.none, State: p.State})
				room.going[e.Environment]++
			}
		}
	}
	d.place(candidates, room)
	d.sort()
	for _, p := range d.Want {
		d.again(in.Now, p.Sleeps)
		d.again(in.Now, p.Expires)
		d.again(in.Now, p.Spends)
	}
	return d
}

func union(pulls map[id]Pull, exists map[id]Existing) []id {
	all := slices.Collect(maps.Keys(pulls))
	for one := range exists {
		if _, known := pulls[one]; !known {
			all = append(all, one)
		}
	}
	slices.SortFunc(all, id.compare)
	return all
}

// candidate is a preview that there should be if there is room for it.
type candidate struct {
	Preview

	there  bool
	exists Existing
	rules  Rules
}

// places counts, for each template, the previews that stay, and those that are there until they are gone.
type places struct{ kept, going map[string]int }

// free reports whether there is a place for a candidate. What goes anyway takes none from a preview that is there already.
func (p places) free(c candidate) bool {
	n := p.kept[c.Environment] + p.kept[""]
	if !c.keeps() {
		n += p.going[c.Environment] + p.going[""]
	}
	return n < c.rules.Limit
}

// place gives the places that there are to candidates: first to those that have one, then to the pull requests
// with the lowest numbers, which are the oldest of a repository.
func (d *Decision) place(candidates []candidate, room places) {
	slices.SortFunc(candidates, func(a, b candidate) int {
		return cmp.Or(-cmp.Compare(order(a.keeps()), order(b.keeps())), a.id().compare(b.id()))
	})
	for _, c := range candidates {
		if c.there && !c.keeps() {
			room.going[c.exists.Environment]++ // it is made after another environment from now on
		}
	}
	for _, c := range candidates {
		if room.free(c) {
			room.kept[c.Environment]++
			d.Want = append(d.Want, c.Preview)
			continue
		}
		none := None{Source: c.Source, Number: c.Number, Reason: ByLimit, Environment: c.Environment}
		d.None = append(d.None, none)
		if c.there {
			d.Remove = append(d.Remove, Removal{None: none, State: Open})
			if c.keeps() {
				room.going[c.Environment]++
			}
		}
	}
}

// keeps reports whether there is the preview already that there should be, whatever its head.
func (c candidate) keeps() bool {
	return c.there && (c.exists.Environment == c.Environment || c.exists.Environment == "")
}

func order(b bool) int {
	if b {
		return 1
	}
	return 0
}

func (d *Decision) sort() {
	slices.SortFunc(d.Want, func(a, b Preview) int { return a.id().compare(b.id()) })
	slices.SortFunc(d.None, func(a, b None) int { return a.id().compare(b.id()) })
	slices.SortFunc(d.Remove, func(a, b Removal) int { return a.id().compare(b.id()) })
}

func (d *Decision) again(now, at time.Time) {
	if at.After(now) && (d.Again.IsZero() || at.Before(d.Again)) {
		d.Again = at
	}
}
