package preview

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/reconciler/gate"
	"trunkline.dev/trunkline/reconciler/ownership"
	"trunkline.dev/trunkline/reconciler/plan"
)

// defaultMaxRemovals is how many percent of an environment's releases one commit may remove unasked.
const defaultMaxRemovals = 50

// Rendered is what a release renders to, or why it does not.
type Rendered struct {
	Objects []*unstructured.Unstructured
	Err     error
}

// Side is one state of the repository.
type Side struct {
	Catalog  *catalog.Catalog
	Releases map[catalog.ReleaseID]Rendered
}

// Merge says what happens to every release when the head is merged at the given time, if the clusters are as the base
// declares and all is healthy. The releases come in the order of their ids.
func Merge(base, head Side, now time.Time) []Release {
	ids := map[catalog.ReleaseID]bool{}
	removed, total := map[string]int{}, map[string]int{}
	for id := range base.Releases {
		ids[id] = true
		total[id.Environment]++
		if _, stays := head.Releases[id]; !stays {
			removed[id.Environment]++
		}
	}
	for id := range head.Releases {
		ids[id] = true
	}
	out := make([]Release, 0, len(ids))
	for id := range ids {
		r := one(base, head, id)
		out = append(out, r)
	}
	slices.SortFunc(out, func(a, b Release) int { return strings.Compare(a.ID.String(), b.ID.String()) })
	changed := map[catalog.ReleaseID]bool{}
	for _, r := range out {
		changed[r.ID] = r.Action != Unchanged
	}
	for i := range out {
		if out[i].Action == Unchanged || out[i].Action == Fail {
			continue
		}
		var err error
		env := out[i].ID.Environment
		if out[i].Held, err = held(base, head, out[i], changed, gate.Removals{Environment: env, Removed: removed[env], Of: total[env]}, now); err != nil {
			out[i].Err = err.Error()
		}
	}
	return out
}

func one(base, head Side, id catalog.ReleaseID) Release {
	was, before := base.Releases[id]
	is, after := head.Releases[id]
	r := Release{ID: id, Action: Change}
	mask := NewMask(slices.Concat(was.Objects, is.Objects)...)
	switch {
	case !after:
		r.Action = Remove
	case !before:
		r.Action = Create
	}
	if is.Err != nil {
		r.Action, r.Err = Fail, mask.Text(is.Err.Error())
		return r
	}
	if was.Err != nil {
		// What is in place is what was there before the base; only the cluster knows.
		r.Action, r.Err = Fail, "what it is now is not known, since the base does not render: "+mask.Text(was.Err.Error())
		return r
	}
	var err error
	if r.Steps, err = simulate(was.Objects, is.Objects, mask); err != nil {
		r.Action, r.Err = Fail, mask.Text(err.Error())
	} else if len(r.Steps) == 0 && r.Action == Change {
		r.Action = Unchanged
	}
	return r
}

// simulate plans, takes the plan as done, and plans again until nothing is left: one plan goes only as far as the
// first wave that has to be waited for.
func simulate(was, is []*unstructured.Unstructured, mask Mask) ([]Step, error) {
	before, after := byRef(was), byRef(is)
	in := plan.Input{Desired: is, Applied: map[plan.Ref]plan.Applied{}, Drift: plan.Drift{Correct: true}}
	there := map[plan.Ref]plan.Observed{}
	put := func(ref plan.Ref, o *unstructured.Unstructured) error {
		digest, err := plan.Digest(o)
		if err != nil {
			return fmt.Errorf("reading %s: %w", ref, err)
		}
		there[ref] = plan.Observed{
			Ref: ref, UID: "simulated", Digest: digest, Settled: true, Prune: plan.Prune(o.GetAnnotations()[plan.PruneAnnotation]),
		}
		if next := after[ref]; next != nil {
			lost, err := ownership.Lost(next.Object, ownership.Owners{})
			if err != nil {
				return fmt.Errorf("reading %s: %w", ref, err)
			}
			applied := plan.Applied{Digest: digest}
			for _, f := range lost { // nobody owns anything here: none of it is drift
				applied.Lost = append(applied.Lost, f.Path)
			}
			in.Applied[ref] = applied
		}
		return nil
	}
	for ref, o := range before {
		if err := put(ref, o); err != nil {
			return nil, err
		}
	}
	var steps []Step
	for range len(before) + len(after) + 1 { // each round does something to one object at least
		in.Observed = slices.SortedFunc(maps.Values(there), func(a, b plan.Observed) int { return a.Ref.Compare(b.Ref) })
		p, err := plan.Compute(in)
		if err != nil {
			return nil, err
		}
		if p.Empty() {
			for _, s := range p.Rest {
				steps = append(steps, StepOf(s))
			}
			return steps, nil
		}
		for _, s := range slices.Concat(slices.Concat(p.Apply...), slices.Concat(p.Prune...)) {
			step := StepOf(s)
			if step.Diff, err = mask.Diff(before[s.Ref], after[s.Ref]); err != nil {
				return nil, err
			}
			steps = append(steps, step)
			if s.Action == plan.Delete {
				delete(there, s.Ref)
			} else if err := put(s.Ref, after[s.Ref]); err != nil {
				return nil, err
			}
		}
	}
	return steps, fmt.Errorf("planning does not come to an end after %d rounds", len(before)+len(after)+1)
}

func byRef(objects []*unstructured.Unstructured) map[plan.Ref]*unstructured.Unstructured {
	m := make(map[plan.Ref]*unstructured.Unstructured, len(objects))
	for _, o := range objects {
		m[plan.RefOf(o)] = o
	}
	return m
}

// held asks the gate.
func held(base, head Side, r Release, changed map[catalog.ReleaseID]bool, removals gate.Removals, now time.Time) (gate.Verdict, error) {
	in := gate.Input{
		Now: now, Commit: "head", Digest: digest(head.Releases[r.ID].Objects), InPlace: digest(base.Releases[r.ID].Objects), Known: true,
		Remove: r.Action == Remove,
	}
	if r.Action == Create {
		in.InPlace = ""
	}
	removals.Max = defaultMaxRemovals
	// That an environment was protected is remembered, so that a commit cannot lift that and remove at once.
	if env, ok := base.Catalog.Environments[r.ID.Environment]; ok {
		in.Protected = env.Spec.Protected
	}
	if env, ok := head.Catalog.Environments[r.ID.Environment]; ok {
		in.Protected = (in.Protected || env.Spec.Protected) && !slices.Contains(env.Spec.Removals, r.ID.Project)
		in.Soak = time.Duration(env.Spec.Soak)
		if env.Spec.MaxRemovals != nil {
			removals.Max = *env.Spec.MaxRemovals
		}
		var err error
		if in.Schedule, err = gate.NewSchedule(env.Spec); err != nil {
			return gate.Verdict{}, fmt.Errorf("environment %q: %w", r.ID.Environment, err)
		}
		for id := range head.Releases {
			if id.Project == r.ID.Project && id.Environment == env.Spec.PromotesFrom && changed[id] && !in.Remove {
				in.Sources = append(in.Sources, gate.Source{Release: id.String()})
			}
		}
		slices.SortFunc(in.Sources, func(a, b gate.Source) int { return strings.Compare(a.Release, b.Release) })
	}
	if in.Remove {
		in.Removals = &removals
	}
	return gate.Decide(in), nil
}

func digest(objects []*unstructured.Unstructured) string {
	h := sha256.New()
	for _, o := range objects {
		d, err := plan.Digest(o)
		if err != nil {
			return "" // planning has said so already
		}
		h.Write([]byte(d))
	}
	return hex.EncodeToString(h.Sum(nil))
}
