// SPDX-License-Identifier: Apache-2.0

package preview

import (
	"fmt"
	"maps"
	"slices"

	"trunkline.dev/trunkline/api/field"
	"trunkline.dev/trunkline/plan"
	"trunkline.dev/trunkline/plan/ownership"
)

// Course is all that happens to a release until nothing is left to do, if everything that is applied becomes healthy.
type Course struct {
	// Steps are what is done, in this order, and then what is kept or blocked.
	Steps []plan.Step
	// Unchanged counts the objects that need nothing.
	Unchanged int
}

// Follow plans, takes the plan as done, and plans again until nothing is left: one plan goes only as far as the first
// wave that has to be waited for.
func Follow(in plan.Input) (Course, error) {
	var course Course
	there := map[plan.Ref]plan.Observed{}
	for _, o := range in.Observed {
		o.Settled = true
		there[o.Ref] = o
	}
	in.Applied = maps.Clone(in.Applied)
	if in.Applied == nil {
		in.Applied = map[plan.Ref]plan.Applied{}
	}
	rounds := len(in.Desired) + len(in.Observed) + 1 // each does something to one object at least
	for range rounds {
		in.Observed = slices.SortedFunc(maps.Values(there), func(a, b plan.Observed) int { return a.Ref.Compare(b.Ref) })
		p, err := plan.Compute(in)
		if err != nil {
			return Course{}, err
		}
		if p.Empty() {
			course.Steps = append(course.Steps, p.Rest...)
			course.Unchanged = max(p.Unchanged-done(course.Steps), 0)
			return course, nil
		}
		for _, s := range slices.Concat(slices.Concat(p.Apply...), slices.Concat(p.Prune...)) {
			course.Steps = append(course.Steps, s)
			if s.Action == plan.Delete {
				delete(there, s.Ref)
				continue
			}
			there[s.Ref] = plan.Observed{Ref: s.Ref, UID: "simulated", Digest: s.Digest, Settled: true}
			if in.Applied[s.Ref], err = applied(s); err != nil {
				return Course{}, err
			}
		}
	}
	return Course{}, fmt.Errorf("planning does not come to an end after %d rounds", rounds)
}

// done counts what was applied: it counts as unchanged in the plans after it.
func done(steps []plan.Step) (n int) {
	for _, s := range steps {
		if s.Object != nil {
			n++
		}
	}
	return n
}

// applied is what is known of an object once the step is done. Nobody owns anything in a simulation, and none of that
// is drift.
func applied(s plan.Step) (plan.Applied, error) {
	lost, err := plan.Lost(s.Object, ownership.Owners{})
	if err != nil {
		return plan.Applied{}, fmt.Errorf("reading %s: %w", s.Ref, err)
	}
	paths := make([]field.Path, len(lost))
	for i, f := range lost {
		paths[i] = f.Path
	}
	return plan.Applied{Digest: s.Digest, Lost: paths}, nil
}
