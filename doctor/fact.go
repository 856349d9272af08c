// SPDX-License-Identifier: Apache-2.0

package doctor

import "fmt"

// Fact is what was found out about something, if it was.
type Fact[T any] struct {
	// Value is nil if nothing is known, and Unknown says why.
	Value   *T
	Unknown string
	// Silent reports that nothing is known since no answer came in time.
	Silent bool
}

// Known is a fact.
func Known[T any](v T) Fact[T] { return Fact[T]{Value: &v} }

// Unknown is what is not known, and why.
func Unknown[T any](format string, args ...any) Fact[T] {
	return Fact[T]{Unknown: fmt.Sprintf(format, args...)}
}

// why says why nothing is known.
func (f Fact[T]) why() string {
	if f.Unknown == "" {
		return "it was not looked at"
	}
	return f.Unknown
}

// judge has a fact be judged. One that is not known is not checked.
func judge[T any](f Fact[T], where string, by func(T) []Verdict) []Verdict {
	if f.Value == nil {
		return []Verdict{{Result: Unchecked, Where: where, Found: f.why()}}
	}
	return by(*f.Value)
}

// must is judge for what has to answer: one that does not in time fails.
func must[T any](f Fact[T], where, do string, by func(T) []Verdict) []Verdict {
	if f.Value == nil && f.Silent {
		return []Verdict{{Fails, where, f.why(), do}}
	}
	return judge(f, where, by)
}

func ok(where, format string, args ...any) []Verdict {
	return []Verdict{{Result: OK, Where: where, Found: fmt.Sprintf(format, args...)}}
}

func unchecked(where, format string, args ...any) []Verdict {
	return []Verdict{{Result: Unchecked, Where: where, Found: fmt.Sprintf(format, args...)}}
}

// each has every thing be judged, or says that there is none.
func each[T any](things []T, none string, by func(T) []Verdict) (out []Verdict) {
	for _, t := range things {
		out = append(out, by(t)...)
	}
	if len(out) == 0 {
		return unchecked("", "%s", none)
	}
	return out
}
