// SPDX-License-Identifier: Apache-2.0

package cost

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"maps"
	"runtime"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"trunkline.dev/trunkline/catalog"
)

// Terms are what is estimated for, beside the declarations.
type Terms struct {
	// Now is the time up to which lots are there that a change would have made.
	Now time.Time
	// Month is that whose costs are estimated; that of Now if it is zero.
	Month Month
	// Typical is how long a run of a workload took before, as the median of its history, for those that do not declare it.
	// It must not be changed.
	Typical map[WorkloadID]time.Duration
	// Lines has each line of what workloads cost kept, and not only what they come to.
	Lines bool
}

// Terms are what is estimated for beside the declarations, for what is to be compared with the estimate.
func (e *Estimate) Terms(now time.Time) Terms { return Terms{Now: now, Typical: e.terms.Typical} }

// complete returns the terms with their month.
func (t Terms) complete() Terms {
	if t.Month == (Month{}) {
		t.Month = MonthOf(t.Now)
	}
	return t
}

// Subject is a release to estimate.
type Subject struct {
	Release *catalog.Release
	// Objects returns what it renders to. It is called from several goroutines at once.
	Objects func() ([]*unstructured.Unstructured, error)
	// Same says that it renders to what it did in the estimate before, and that its project, environment, cluster and
	// platform, and the datasets that it names, are declared as they were.
	Same bool
}

// Group is what sums are made of.
type Group string

// The groups.
const (
	ByProject     Group = "project"
	ByEnvironment Group = "environment"
	ByOwner       Group = "owner"
	ByCluster     Group = "cluster"
	ByRelease     Group = "release"
	ByWorkload    Group = "workload"
)

// Groups lists all groups.
func Groups() []Group {
	return []Group{ByProject, ByEnvironment, ByOwner, ByCluster, ByRelease, ByWorkload}
}

// ParseGroup reads the name of a group.
func ParseGroup(name string) (Group, error) {
	if g := Group(name); slices.Contains(Groups(), g) {
		return g, nil
	}
	return "", fmt.Errorf("%.40q is nothing that costs are added up by: say project, environment, owner, cluster, release or workload", name)
}

// place is a project in an environment: what budgets are about.
const place Group = "project/environment"

// kept are the groups whose sums are kept; the others are made when they are asked for.
func kept() []Group { return []Group{ByProject, ByEnvironment, ByOwner, ByCluster, place} }

// keyOf returns what a release counts to, of a group that is kept.
func (g Group) keyOf(r *Release) string {
	switch g { //nolint:exhaustive // the others are made of the releases
	case ByProject:
		return r.ID.Project
	case ByEnvironment:
		return r.ID.Environment
	case ByOwner:
		return r.Owner
	case ByCluster:
		return r.ID.Cluster
	}
	return r.ID.Project + "/" + r.ID.Environment
}

// Estimate is what a platform costs in a month. It does not change.
type Estimate struct {
	terms    Terms
	currency string
	// releases are in the order of their ids.
	releases []*Release
	tallies  map[Group]map[string]tally
	total    Sum
	rates    map[string]*Rates
	// prices is the day since which all prices are those that count.
	prices time.Time
}

// Of estimates what releases cost; they come in the order of their ids. What is the same as in the estimate before is taken
// over from there, if there is one and it was made for the same month.
func Of(ctx context.Context, cat *catalog.Catalog, terms Terms, subjects iter.Seq[Subject], before *Estimate) (*Estimate, error) {
	terms = terms.complete()
	e := &Estimate{terms: terms, currency: cmp.Or(string(cat.Platform.Spec.Rates.Currency), DefaultCurrency), prices: pricesOf(cat, terms.day())}
	var known []*Release
	if before != nil && before.terms.Month == terms.Month && before.terms.Lines == terms.Lines && before.prices.Equal(e.prices) {
		known = before.releases
	}
	e.releases = make([]*Release, 0, len(known))
	shared := &clock{month: terms.Month, runs: map[[2]string]firings{}}
	rates := ratesOf(cat, terms.day())
	e.rates = rates
	group, working := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	made := map[int]**Release{} // by their places, where there is nothing yet
	for s := range subjects {
		for len(known) > 0 && known[0].ID.Compare(s.Release.ID) < 0 { // both are in the order of ids
			known = known[1:]
		}
		if s.Same && len(known) > 0 && known[0].ID == s.Release.ID && slices.Equal(known[0].typical, terms.typicalOf(s.Release)) {
			e.releases = append(e.releases, known[0])
			continue
		}
		slot := new(*Release)
		made[len(e.releases)] = slot
		e.releases = append(e.releases, nil)
		group.Go(func() error {
			*slot = one(cat, terms, s, rates[s.Release.ID.Cluster], shared)
			return context.Cause(working)
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	for at, slot := range made {
		e.releases[at] = *slot
	}
	e.addUp(before)
	return e, nil
}

// day is that whose prices count: today in this month, and else the first one of the month.
func (t Terms) day() time.Time {
	if MonthOf(t.Now) == t.Month {
		return t.Now
	}
	return t.Month.start(time.UTC)
}

// pricesOf is the last day until a given one on which any price has changed.
func pricesOf(cat *catalog.Catalog, day time.Time) (last time.Time) {
	for _, cluster := range cat.Clusters {
		for _, from := range ChangesOf(cat.Platform.Spec, cluster.Spec) {
			if !from.After(day) && from.After(last) {
				last = from
			}
		}
	}
	return last
}

// ratesOf returns the rates of each cluster on a day.
func ratesOf(cat *catalog.Catalog, day time.Time) map[string]*Rates {
	rates := map[string]*Rates{}
	for name, cluster := range cat.Clusters {
		rates[name] = RatesOf(cat.Platform.Spec, name, cluster.Spec, day)
	}
	return rates
}

// typicalOf returns what is known of the runs of a release, in the order of its workloads.
func (t Terms) typicalOf(rel *catalog.Release) (known []time.Duration) {
	if len(t.Typical) == 0 {
		return nil
	}
	for _, w := range rel.Workloads {
		known = append(known, t.Typical[WorkloadID{rel.ID, w.Name}])
	}
	return known
}

// one estimates one release.
func one(cat *catalog.Catalog, terms Terms, s Subject, rates *Rates, shared *clock) *Release {
	out := &Release{ID: s.Release.ID, Owner: s.Release.Owner, typical: terms.typicalOf(s.Release)}
	list, err := s.Objects()
	project, ok := cat.Project(s.Release.ID.Project)
	switch {
	case err != nil:
		out.Failed, out.Missing = true, []Missing{{Reason: "it does not render: " + err.Error()}}
		return out
	case !ok || rates == nil:
		out.Failed, out.Missing = true, []Missing{{Reason: "its project or cluster is not declared"}}
		return out
	}
	e := &estimator{
		terms: terms, cat: cat, project: project, cluster: cat.Clusters[s.Release.ID.Cluster],
		rates: rates, clock: shared, rel: s.Release, out: out,
	}
	return e.release(list)
}

// tally is what a key of a group comes to.
type tally struct {
	monthly           Sum
	releases, missing int
}

// addUp makes the sums: of those before, by what is different.
func (e *Estimate) addUp(before *Estimate) {
	e.tallies = map[Group]map[string]tally{}
	var old []*Release
	if before != nil {
		old, e.total = before.releases, before.total
	}
	for _, g := range kept() {
		e.tallies[g] = map[string]tally{}
		if before != nil {
			e.tallies[g] = maps.Clone(before.tallies[g])
		}
	}
	for was, is := range pairs(old, e.releases) {
		if was == is {
			continue
		}
		e.count(is, 1)
		e.count(was, -1)
	}
}

// count adds a release to the sums, or takes it out.
func (e *Estimate) count(r *Release, sign int) {
	if r == nil {
		return
	}
	change := r.Monthly
	if sign < 0 {
		change = Sum{}.Sub(r.Monthly)
	}
	e.total = e.total.Add(change)
	for g, tallies := range e.tallies {
		key := g.keyOf(r)
		t := tallies[key]
		t.monthly, t.releases, t.missing = t.monthly.Add(change), t.releases+sign, t.missing+sign*len(r.Missing)
		if tallies[key] = t; t.releases == 0 {
			delete(tallies, key)
		}
	}
}

// pairs goes through two lists of releases in the order of their ids; one that a list does not have is nil there.
func pairs(before, after []*Release) iter.Seq2[*Release, *Release] {
	return func(yield func(*Release, *Release) bool) {
		for len(before)+len(after) > 0 {
			var was, is *Release
			switch c := compareHeads(before, after); {
			case c < 0:
				was, before = before[0], before[1:]
			case c > 0:
				is, after = after[0], after[1:]
			default:
				was, is, before, after = before[0], after[0], before[1:], after[1:]
			}
			if !yield(was, is) {
				return
			}
		}
	}
}

// compareHeads says which of two lists has the next release.
func compareHeads(a, b []*Release) int {
	switch {
	case len(a) == 0:
		return 1
	case len(b) == 0:
		return -1
	}
	return a[0].ID.Compare(b[0].ID)
}

// Month is that whose costs are estimated.
func (e *Estimate) Month() Month { return e.terms.Month }

// Currency is that of the platform.
func (e *Estimate) Currency() string { return e.currency }

// Total is what the platform costs in the month, as far as it is estimated.
func (e *Estimate) Total() Sum { return e.total }

// ListPrices are the built-in prices that count, each with the clusters that it counts on, for want of others.
func (e *Estimate) ListPrices() map[string][]string {
	out := map[string][]string{}
	for _, name := range slices.Sorted(maps.Keys(e.rates)) {
		if r := e.rates[name]; r.list != "" {
			out[r.list] = append(out[r.list], name)
		}
	}
	return out
}

// Releases are in the order of their ids. They must not be changed.
func (e *Estimate) Releases() []*Release { return e.releases }

// Release finds a release.
func (e *Estimate) Release(id catalog.ReleaseID) (*Release, bool) {
	i, ok := slices.BinarySearchFunc(e.releases, id, func(r *Release, id catalog.ReleaseID) int { return r.ID.Compare(id) })
	if !ok {
		return nil, false
	}
	return e.releases[i], true
}

// Missing counts what is not estimated.
func (e *Estimate) Missing() (n int) {
	for _, r := range e.releases {
		n += len(r.Missing)
	}
	return n
}

// Part is what a project, an environment, an owner or a cluster costs.
type Part struct {
	Name    string
	Monthly Sum
	// Missing is how many things of it are not estimated.
	Missing int
}

// By returns the parts of a group, the one that costs most first.
func (e *Estimate) By(g Group) []Part {
	tallies := e.of(g)
	parts := make([]Part, 0, len(tallies))
	for name, t := range tallies {
		parts = append(parts, Part{name, t.monthly, t.missing})
	}
	slices.SortFunc(parts, func(a, b Part) int {
		return cmp.Or(b.Monthly.Compare(a.Monthly, e.currency), strings.Compare(a.Name, b.Name))
	})
	return parts
}

// of returns the sums of a group.
func (e *Estimate) of(g Group) map[string]tally {
	if tallies, ok := e.tallies[g]; ok {
		return tallies
	}
	out := map[string]tally{}
	for _, r := range e.releases {
		name := r.ID.String()
		if g == ByRelease {
			out[name] = tally{r.Monthly, 1, len(r.Missing)}
			continue
		}
		for _, w := range r.Workloads {
			t := tally{monthly: w.Monthly, releases: 1}
			for _, m := range r.Missing {
				if m.Workload == w.Name {
					t.missing++
				}
			}
			out[name+" "+w.Name] = t
		}
		if r.Failed {
			out[name] = tally{releases: 1, missing: len(r.Missing)}
		}
	}
	return out
}

// In is what a project costs in an environment, and how many things of it are not estimated.
func (e *Estimate) In(project, environment string) Part {
	name := project + "/" + environment
	t := e.tallies[place][name]
	return Part{name, t.monthly, t.missing}
}
