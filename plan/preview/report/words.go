// SPDX-License-Identifier: Apache-2.0

package report

import (
	"fmt"
	"strings"

	"trunkline.dev/trunkline/plan"
	"trunkline.dev/trunkline/plan/preview"
)

// counts says how many releases fare how: "1 release is created, 2 change, 40 stay as they are".
type counts map[preview.Action]int

func countsOf(p preview.Preview) counts {
	c := counts{}
	for _, r := range p.Releases {
		c[r.Action]++
	}
	return c
}

// words are what is said of releases, in the order in which it is.
var words = []struct {
	action preview.Action
	word   string
}{
	{preview.Create, "created"},
	{preview.Change, "changed"},
	{preview.Remove, "removed"},
	{preview.Fail, "not known"},
	{preview.Unchanged, "unchanged"},
}

func (c counts) String() string {
	var parts []string
	for _, w := range words {
		if n := c[w.action]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, w.word))
		}
	}
	if len(parts) == 0 {
		return "no releases"
	}
	return "releases: " + strings.Join(parts, ", ")
}

// wordOf returns the word for what happens to a release.
func wordOf(a preview.Action) string {
	for _, w := range words {
		if w.action == a {
			return w.word
		}
	}
	return string(a)
}

// shown reports whether there is something to say of a release.
func shown(r preview.Release) bool { return r.Action != preview.Unchanged || len(r.Steps) > 0 }

// done are the words for what happens to objects, in the order in which they are said.
var done = []struct {
	action plan.Action
	word   string
}{
	{plan.Create, "created"},
	{plan.Adopt, "adopted"},
	{plan.Update, "updated"},
	{plan.Delete, "deleted"},
	{plan.Keep, "kept"},
	{plan.Blocked, "blocked"},
}

// objects counts what happens to the objects of a release: "1 created, 2 updated".
func objects(r preview.Release) string {
	effects := make([]Effect, len(r.Steps))
	for i, s := range r.Steps {
		effects[i] = Effect{Ref: s.Ref, Action: s.Action, Fails: s.Err != ""}
	}
	return tally(effects, r.Unchanged)
}

func tally(effects []Effect, unchanged int) string {
	n, failing := map[plan.Action]int{}, 0
	for _, e := range effects {
		if e.Fails {
			failing++
		} else {
			n[e.Action]++
		}
	}
	var parts []string
	for _, d := range done {
		if n[d.action] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n[d.action], d.word))
		}
	}
	if failing > 0 {
		parts = append(parts, fmt.Sprintf("%d would fail", failing))
	}
	if unchanged > 0 {
		parts = append(parts, fmt.Sprintf("%d unchanged", unchanged))
	}
	return strings.Join(parts, ", ")
}

// Effect is what happens to an object, as people see it.
type Effect struct {
	Ref    plan.Ref
	Action plan.Action
	Fails  bool
}

// Effects are what happens to the objects of a release. One that takes the place of another, since its name ends with a
// digest of its content, is the same object, updated.
func Effects(r preview.Release) (out []Effect) {
	replaced := map[plan.Ref]bool{}
	for _, s := range r.Steps {
		if s.Replaces != "" {
			old := s.Ref
			old.Name = s.Replaces
			replaced[old] = true
		}
	}
	for _, s := range r.Steps {
		e := Effect{Ref: s.Ref, Action: s.Action, Fails: s.Err != ""}
		switch {
		case s.Action == plan.Delete && replaced[s.Ref]:
			continue
		case s.Replaces != "":
			e.Action = plan.Update
		}
		out = append(out, e)
	}
	return out
}

// happening says what happens to an object, and why where that is not clear.
func happening(s preview.Step) string {
	switch {
	case s.Replaces != "" && s.Err == "":
		return fmt.Sprintf("%s in place of %s", s.Action, s.Replaces)
	case s.Err != "":
		return fmt.Sprintf("%s would fail", s.Action)
	case s.Action == plan.Create && s.Reason == plan.Missing, s.Action == plan.Update && s.Reason == plan.Changed:
		return string(s.Action)
	}
	return fmt.Sprintf("%s: %s", s.Action, s.Reason)
}

// drifting says of a field who has changed it, and what becomes of that.
func drifting(d preview.Drift) string {
	who, fate := d.Manager, "left as it is"
	if who == "" {
		who = "someone, who removed it"
	}
	if d.TakenBack {
		fate = "taken back"
	}
	return fmt.Sprintf("%s was changed by %s; %s", d.Field, who, fate)
}
