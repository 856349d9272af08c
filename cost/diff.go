// SPDX-License-Identifier: Apache-2.0

package cost

import (
	"cmp"
	"math/big"
	"slices"
	"strings"
	"time"

	"trunkline.dev/trunkline/catalog"
)

// Diff is what a change makes of the costs. It does not change.
type Diff struct {
	// Month is that whose costs are compared, and Currency that of the platform after the change.
	Month    Month
	Currency string
	// Before and After are what the platform costs in the month.
	Before, After Sum
	// Once is what the change costs once, the dearest first: lots that it has computed, and runs that it starts.
	Once []Once
	// Appeared and Gone are what is not estimated after the change and was before, and the other way round.
	Appeared, Gone []Unestimated

	before, after *Estimate
}

// Unestimated is something of a release that is not estimated.
type Unestimated struct {
	Release catalog.ReleaseID
	Missing
}

// Change is what a change makes of the costs of a project, an environment, an owner or a cluster.
type Change struct {
	Name          string
	Before, After Sum
}

// Difference is what there is more, or less, in a month.
func (c Change) Difference() Sum { return c.After.Sub(c.Before) }

// Once is what a change costs once.
type Once struct {
	Release          catalog.ReleaseID
	Workload, Object string
	// Lots are those that are computed; their count is zero if the object just runs.
	Lots Lots
	// Runs is how many runs there are: one for each lot.
	Runs int64
	// CoreHours is what they take of cores.
	CoreHours *big.Rat
	// Amount is what they cost together. If it is not known how long one takes, it is a bound if Bounded says so, and else
	// nothing that is known.
	Amount         Sum
	Known, Bounded bool
}

// Lots are those of a workload that a change has computed.
type Lots struct {
	Environment string
	// Workload is "project/name", and Datasets are those that get lots, "project/name@version".
	Workload string
	Datasets []string
	Count    int64
	// From is the start of the first of them, and Until the end of the last; there may be others between.
	From, Until time.Time
}

// Compare says what a change from one estimate to another makes of the costs, and what the lots cost that it has computed. Both are for
// the same month: it is that of the latter which is told.
func Compare(before, after *Estimate, lots []Lots) Diff {
	d := Diff{Month: after.terms.Month, Currency: after.currency, Before: before.total, After: after.total, before: before, after: after}
	for was, is := range pairs(before.releases, after.releases) {
		if was == is {
			continue
		}
		d.Once = append(d.Once, onceOf(was, is)...)
		d.Appeared = append(d.Appeared, notIn(is, was)...)
		d.Gone = append(d.Gone, notIn(was, is)...)
	}
	d.Once = append(d.Once, computed(before, after, lots)...)
	slices.SortStableFunc(d.Once, func(a, b Once) int { return b.Amount.Compare(a.Amount, d.Currency) })
	return d
}

// Difference is what the platform costs more, or less, in a month.
func (d Diff) Difference() Sum { return d.After.Sub(d.Before) }

// OnceTotal is what is known of what the change costs once.
func (d Diff) OnceTotal() (s Sum) {
	for _, o := range d.Once {
		if o.Known {
			s = s.Add(o.Amount)
		}
	}
	return s
}

// IsZero reports whether the change makes no difference at all that can be told.
func (d Diff) IsZero() bool {
	return len(d.By(ByProject)) == 0 && len(d.Once) == 0 && len(d.Appeared) == 0 && len(d.Gone) == 0
}

// By returns the parts of a group that cost more or less than before, the largest difference first.
func (d Diff) By(g Group) []Change {
	var out []Change
	was, is := d.before.of(g), d.after.of(g)
	for name, t := range is {
		if !t.monthly.Equal(was[name].monthly) {
			out = append(out, Change{name, was[name].monthly, t.monthly})
		}
	}
	for name, t := range was {
		if _, there := is[name]; !there && !t.monthly.IsZero() {
			out = append(out, Change{Name: name, Before: t.monthly})
		}
	}
	slices.SortFunc(out, func(a, b Change) int {
		return cmp.Or(b.Difference().Size().Compare(a.Difference().Size(), d.Currency), strings.Compare(a.Name, b.Name))
	})
	return out
}

// notIn returns what is not estimated of a release, and is not said of another state of it.
func notIn(r, other *Release) (out []Unestimated) {
	if r == nil {
		return nil
	}
	for _, m := range r.Missing {
		same := func(o Missing) bool { return o.Workload == m.Workload && o.Object == m.Object && o.Reason == m.Reason }
		if other == nil || !slices.ContainsFunc(other.Missing, same) {
			out = append(out, Unestimated{r.ID, m})
		}
	}
	return out
}

// computed returns what lots cost. Of a release that does not render now, or did not before, nothing is known.
func computed(before, after *Estimate, lots []Lots) (out []Once) {
	type at struct{ environment, workload string }
	wanted := map[at]Lots{}
	for _, l := range lots {
		wanted[at{l.Environment, l.Workload}] = l
	}
	if len(wanted) == 0 {
		return nil
	}
	for was, is := range pairs(before.releases, after.releases) {
		if is == nil || is.Failed || was != nil && was.Failed {
			continue
		}
		for _, w := range is.Workloads {
			l, ok := wanted[at{is.ID.Environment, is.ID.Project + "/" + w.Name}]
			for _, r := range w.Runs {
				if ok && r.By == ByLot {
					one := onceFor(is, w, r, l.Count)
					one.Lots = l
					out = append(out, one)
				}
			}
		}
	}
	return out
}

// onceFor is what some runs of an object cost.
func onceFor(rel *Release, w Workload, r Run, runs int64) Once {
	n := big.NewRat(runs, 1)
	return Once{
		Release: rel.ID, Workload: w.Name, Object: r.Object, Runs: runs, Known: r.Known(), Bounded: r.Bounded,
		Amount: r.Each.Times(n), CoreHours: new(big.Rat).Mul(r.CoreHours, n),
	}
}

// onceOf returns what a change of a release costs once: the runs of what has changed and runs once.
func onceOf(was, is *Release) (out []Once) {
	if is == nil || is.Failed || was != nil && was.Failed {
		return nil // what there was before is not known
	}
	before := runsOf(was)
	for _, w := range is.Workloads {
		for _, r := range w.Runs {
			if r.By == ByChange && !r.Suspended && !slices.ContainsFunc(before[w.Name], r.sameAs) {
				out = append(out, onceFor(is, w, r, 1))
			}
		}
	}
	return out
}

func runsOf(r *Release) map[string][]Run {
	out := map[string][]Run{}
	if r != nil {
		for _, w := range r.Workloads {
			out[w.Name] = w.Runs
		}
	}
	return out
}

// sameAs reports whether two runs are one: what has ended is not run again.
func (r Run) sameAs(o Run) bool {
	return r.By == o.By && r.Object == o.Object && r.Content == o.Content && !o.Suspended
}
