package reconciler

import (
	"slices"
	"strings"
	"time"

	"trunkline.dev/trunkline/plan"
	"trunkline.dev/trunkline/plan/ownership"
	"trunkline.dev/trunkline/reconciler/status"
)

// maxDrifts bounds how many corrected drifts of a release are told of; all are in the history.
const maxDrifts = 10

// drifts are what others have changed of a release: what is so now, and what was corrected last.
type drifts struct {
	open      map[plan.Ref]status.Drift
	corrected []status.Drift
}

// list gives all for people, the open ones first.
func (d *drifts) list() []status.Drift {
	out := make([]status.Drift, 0, len(d.open)+len(d.corrected))
	for _, one := range d.open {
		out = append(out, one)
	}
	slices.SortFunc(out, func(a, b status.Drift) int { return strings.Compare(a.Object, b.Object) })
	return append(out, d.corrected...)
}

// look takes in what a plan has found: drift that is left to others is open, and what was open and is not in the plan
// any more is over. It gives what is new.
func (d *drifts) look(p plan.Plan, fights *plan.Fights, now time.Time) (fresh []status.Drift) {
	open := map[plan.Ref]status.Drift{}
	for _, s := range append(slices.Concat(p.Apply...), p.Rest...) {
		if len(s.Left) == 0 {
			continue
		}
		one := driftOf(s.Ref, s.Left, now)
		for _, f := range s.Left {
			one.Rounds = max(one.Rounds, fights.Rounds(s.Ref, f.Path))
		}
		if before, ok := d.open[s.Ref]; ok && slices.Equal(before.Fields, one.Fields) && before.Manager == one.Manager {
			one.Time, one.Rounds = before.Time, max(before.Rounds, one.Rounds)
		} else {
			fresh = append(fresh, one)
		}
		open[s.Ref] = one
	}
	d.open = open
	return fresh
}

// mended takes in that drift was corrected.
func (d *drifts) mended(one status.Drift) {
	one.Corrected = true
	d.corrected = append([]status.Drift{one}, d.corrected...)
	if len(d.corrected) > maxDrifts {
		d.corrected = d.corrected[:maxDrifts]
	}
}

// driftOf tells people of fields that others have changed: who, which, and when.
func driftOf(ref plan.Ref, fields []ownership.Field, now time.Time) status.Drift {
	one := status.Drift{Object: ref.String(), Time: now}
	var managers []string
	for _, f := range fields {
		one.Fields = append(one.Fields, f.Path.String())
		who := ownership.Manager{Name: f.Manager, Subresource: f.Subresource}.String()
		if who != "" && !slices.Contains(managers, who) {
			managers = append(managers, who)
		}
		if !f.Time.IsZero() {
			one.Time = f.Time
		}
	}
	one.Manager = strings.Join(managers, ", ")
	return one
}

func changedBy(d status.Drift) string {
	if d.Manager == "" {
		return "removed"
	}
	return "changed by " + d.Manager
}
