// SPDX-License-Identifier: Apache-2.0

package previews

import (
	"slices"
	"time"
)

// verdict is what one pull request should have: a preview if there is room for it, what it has, or none.
type verdict struct {
	preview *Preview
	rules   Rules
	// keep leaves what it has as it is, until a time at which it expires.
	keep  bool
	until time.Time
	none  None
}

func no(reason Reason, r Rules) verdict {
	return verdict{none: None{Reason: reason, Environment: r.Environment}}
}

// question is what is asked about one pull request, as if there were no other.
type question struct {
	now   time.Time
	rules []Rules // sorted
	pull  Pull
	// exists is the preview that it has, if there is one.
	exists Existing
	there  bool
}

// about answers it.
func about(q question) verdict {
	p := q.pull
	switch p.State {
	case Open:
	case Closed, Merged:
		return no(ByState, Rules{})
	default:
		return verdict{keep: true, none: None{Reason: Unknown}}
	}
	asked := Asked(p.Commands)
	r, known := q.chosen(asked == Up)
	used := replay(q.now, r, p)
	switch {
	case known && r.Environment == "":
		return no(ByDeclaration, r)
	case p.Fork && (p.Head == "" || p.Approved != p.Head):
		return no(ByFork, r)
	case !known:
		return q.stays(Unknown, r, used)
	case asked == Down:
		return no(ByCommand, r)
	case p.Verdict == Untouched:
		return no(ByUntouched, r)
	case used.expired(q.now, r):
		return no(ByTTL, r)
	case p.Verdict == Refused: // an older head stays until there is one that can take its place
		return q.stays(ByVerdict, r, used)
	case p.Verdict != Passed:
		return q.stays(Unknown, r, used)
	case r.SpendCap != nil && p.Monthly == nil:
		return q.stays(ByUnknownCost, r, used)
	case r.SpendCap != nil && used.left(r, p) <= 0:
		return no(ByCap, r)
	}
	return verdict{preview: used.preview(q.now, r, p), rules: r}
}

// chosen returns the rules by which it has a preview, without an environment if it has none, and whether that is known. A
// person who asks for one gets it also if it is declared for others only.
func (q question) chosen(up bool) (Rules, bool) {
	name := q.pull.Environment
	switch {
	case up && len(q.rules) > 0 && (!q.pull.Chosen || name == ""):
		return q.rules[0], true
	case !q.pull.Chosen:
		name = q.exists.Environment
	}
	if i := slices.IndexFunc(q.rules, func(r Rules) bool { return r.Environment == name }); i >= 0 {
		return q.rules[i], q.pull.Chosen
	}
	return Rules{}, q.pull.Chosen || len(q.rules) == 0
}

// stays leaves what there is as it is, since it is not known what should become of it; of a fork, only what was approved.
func (q question) stays(reason Reason, r Rules, used use) verdict {
	if q.pull.Fork && q.there && q.exists.Head != q.pull.Head {
		return no(ByFork, r)
	}
	v := verdict{keep: true, none: None{Reason: reason, Environment: r.Environment}}
	if !used.last.IsZero() {
		v.until = used.last.Add(r.TTL)
	}
	return v
}
