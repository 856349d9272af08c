// SPDX-License-Identifier: Apache-2.0

package compose

import (
	"maps"
	"slices"
	"strings"
)

// State says at which commit each repository is, by the names of sources; the platform's own has an empty name. A source that is not in
// it is not known.
type State map[string]string

// Key identifies a state.
func (s State) Key() string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(s)) {
		b.WriteString(name + "=" + s[name] + " ")
	}
	return b.String()
}

// Moved lists the repositories that are at another commit than in a state before, sorted: those that have come, too.
func (s State) Moved(before State) (names []string) {
	for name, commit := range s {
		if before[name] != commit {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// Input is what is known when the next state is chosen.
type Input struct {
	// Accepted is the state that is kept; nil before the first.
	Accepted State
	// Platform is the newest commit of the platform's repository that may count; empty if there is none.
	Platform string
	// Heads returns the newest commits that may count of the sources that a commit of the platform includes: each of them has a key, and no
	// commit if there is none.
	Heads func(platform string) State
	// Refused returns whether a state was judged and refused, and which repositories are to blame as far as that is known.
	Refused func(State) (blamed []string, refused bool)
}

// Next returns the state to judge next; false if there is none. Whoever judges it calls again, with it as the accepted one or as a
// refused one, until there is none: then each repository that is not at its newest commit cannot be with what is accepted of the others.
//
// All together come first, so that what was moved from one repository to another at once is never missing in between, and what only works
// together is taken together. If they are refused, those to blame stay where they are, and then each is tried by itself: one that is
// refused holds up no other. The order in which commits came has no part in it.
func (in Input) Next() (State, bool) {
	for _, which := range in.choices() {
		s := in.with(which)
		if s == nil || s.Key() == in.current().Key() {
			continue
		}
		if _, refused := in.Refused(s); !refused {
			return s, true
		}
	}
	return nil, false
}

// choices are which repositories go to their newest commits, in the order in which that is tried.
func (in Input) choices() []func(string) bool {
	out := []func(string) bool{func(string) bool { return true }}
	for blamed := map[string]bool{}; ; {
		// Without those to blame others may turn out to be: each round has one less at least.
		last := out[len(out)-1]
		names, refused := in.Refused(in.with(last))
		more := false
		for _, name := range names {
			more = more || !blamed[name]
			blamed[name] = true
		}
		if !refused || !more {
			break
		}
		without := maps.Clone(blamed)
		out = append(out, func(name string) bool { return !without[name] })
	}
	for _, name := range in.names() {
		out = append(out, func(other string) bool { return other == name })
	}
	return out
}

// names are those of the repositories, the platform's own first.
func (in Input) names() []string {
	names := map[string]bool{"": true}
	for _, platform := range []string{in.Platform, in.Accepted[""]} {
		if platform != "" {
			for name := range in.Heads(platform) {
				names[name] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(names))
}

// current is the accepted state, without what its platform does not include.
func (in Input) current() State {
	if in.Accepted[""] == "" {
		return nil
	}
	return in.with(func(string) bool { return false })
}

// with returns the state in which some repositories are at their newest commits and the others where they are; nil if there is no
// platform in it.
func (in Input) with(newest func(name string) bool) State {
	platform := in.Accepted[""]
	if newest("") && in.Platform != "" {
		platform = in.Platform
	}
	if platform == "" {
		return nil
	}
	s := State{"": platform}
	for name, head := range in.Heads(platform) {
		if !newest(name) || head == "" {
			head = in.Accepted[name]
		}
		if head != "" {
			s[name] = head
		}
	}
	return s
}
