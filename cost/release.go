// SPDX-License-Identifier: Apache-2.0

package cost

import (
	"fmt"
	"maps"
	"math/big"
	"slices"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"trunkline.dev/trunkline/api/lot"
	"trunkline.dev/trunkline/api/schedule"
	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/catalog"
)

// estimator estimates one release.
type estimator struct {
	terms   Terms
	cat     *catalog.Catalog
	project *catalog.Project
	cluster *v1alpha1.Cluster
	rates   *Rates
	clock   *clock
	rel     *catalog.Release
	out     *Release

	// workload is the one at hand, as the release has it, and entry what is said of it.
	workload catalog.Workload
	entry    *Workload
}

// release estimates what the release costs of which these are the objects.
func (e *estimator) release(list []*unstructured.Unstructured) *Release {
	names, of := workloadsOf(list)
	all := gather(list)
	e.out.Workloads = make([]Workload, len(names))
	for i, name := range names {
		e.entry, e.workload = &e.out.Workloads[i], catalog.Workload{Name: name}
		e.entry.Name = name
		for _, w := range e.rel.Workloads {
			if w.Name == name {
				e.workload = w
			}
		}
		for _, o := range of[name] {
			e.object(all, o)
		}
		e.out.Monthly = e.out.Monthly.Add(e.entry.Monthly)
	}
	return e.out
}

// missing notes that something is not estimated.
func (e *estimator) missing(object, reason string, atMost Sum) {
	e.out.Missing = append(e.out.Missing, Missing{Workload: e.workload.Name, Object: object, Reason: reason, AtMost: atMost})
}

// add adds what pods cost that run for so many hours together.
func (e *estimator) add(object string, p *pod, hours *big.Rat) {
	lines, unpriced := e.lines(object, p, hours)
	for _, l := range lines {
		e.entry.Monthly = e.entry.Monthly.Add(SumOf(l.Amount))
	}
	if e.terms.Lines {
		e.entry.Lines = append(e.entry.Lines, lines...)
	}
	e.unpriced(object, unpriced)
}

func (e *estimator) unpriced(object string, resources []resourceID) {
	for _, r := range resources {
		field := map[resourceKind]string{cpu: "cpu", memory: "memory", storage: "storage", nodeDisk: "ephemeralStorage", device: "devices"}[r.kind]
		e.missing(object, fmt.Sprintf("%s has no price in %s: set spec.rates.%s of the platform, or of the cluster %q", r, e.rates.currency, field, e.rel.ID.Cluster), Sum{})
	}
}

// sum is what pods cost that run for so many hours together; nothing if that is not known of all that they take.
func (e *estimator) sum(p *pod, hours *big.Rat) (s Sum) {
	lines, unpriced := e.lines("", p, hours)
	if len(unpriced)+len(p.unknown) > 0 {
		return Sum{}
	}
	return total(lines)
}

func total(lines []Line) (s Sum) {
	for _, l := range lines {
		s = s.Add(SumOf(l.Amount))
	}
	return s
}

// lines are the prices of what pods take that run for so many hours together, and what of it has none.
func (e *estimator) lines(object string, p *pod, hours *big.Rat) (lines []Line, unpriced []resourceID) {
	spot := e.workload.Lifecycle == v1alpha1.Spot
	if p.spot != nil {
		spot = *p.spot
	}
	line := func(what, unit string, quantity *big.Rat, rate Rate) {
		amount := new(big.Rat).Mul(quantity, rate.Price.amount)
		lines = append(lines, Line{Object: object, What: what, Unit: unit, Quantity: quantity, Rate: rate, Amount: Money{rate.Price.currency, amount}})
	}
	takes := p.demand
	if rate, ok := e.rates.size(e.workload.Size, spot); ok {
		if containers, rest := p.withoutSize(e.workload.Size); containers > 0 {
			takes = rest
			if quantity := new(big.Rat).Mul(big.NewRat(containers, 1), hours); quantity.Sign() > 0 {
				line("container", "container-hour", quantity, rate)
			}
		}
	}
	for _, id := range takes.ids() {
		quantity := new(big.Rat).Mul(takes[id], hours)
		if id.kind == storage {
			quantity.Quo(quantity, e.terms.Month.hours())
		}
		if quantity.Sign() == 0 {
			continue
		}
		rate, ok := e.rates.lookup(id, spot)
		if !ok {
			unpriced = append(unpriced, id)
			continue
		}
		line(id.String(), unitOf(id), quantity, rate)
	}
	for _, c := range p.crew {
		more, without := e.lines(object, c.pod, new(big.Rat).Mul(hours, big.NewRat(c.count, 1)))
		lines = append(lines, more...)
		for _, id := range without {
			if !slices.Contains(unpriced, id) {
				unpriced = append(unpriced, id)
			}
		}
	}
	return lines, unpriced
}

func unitOf(id resourceID) string {
	switch id.kind { //nolint:exhaustive // the others have a unit in common
	case cpu:
		return "core-hour"
	case storage:
		return "GiB-month"
	case device:
		return "device-hour"
	}
	return "GiB-hour"
}

// withoutSize returns how many of the containers are of a size class, and what the pod takes beside them.
func (p *pod) withoutSize(s v1alpha1.Size) (containers int64, rest demand) {
	cores, err := resource.ParseQuantity(string(s.CPU))
	bytes, err2 := resource.ParseQuantity(string(s.Memory))
	if err != nil || err2 != nil {
		return 0, nil
	}
	for _, c := range p.containers {
		requests := c.Resources.Requests
		if requests.Cpu().Cmp(cores) == 0 && requests.Memory().Cmp(bytes) == 0 {
			containers++
		}
	}
	rest = maps.Clone(p.demand)
	for _, q := range []struct {
		name corev1.ResourceName
		of   resource.Quantity
	}{{corev1.ResourceCPU, cores}, {corev1.ResourceMemory, bytes}} {
		id, amount := resourceOf(q.name, q.of)
		if rest[id] == nil {
			return 0, nil
		}
		rest[id] = new(big.Rat).Sub(rest[id], amount.Mul(amount, big.NewRat(containers, 1)))
		if rest[id].Sign() < 0 {
			return 0, nil // the pod as a whole is given less than its containers ask for
		}
	}
	return containers, rest
}

// run estimates what ends: so many pods at a time. Exclusive are runs of which none begins before the one before has ended.
func (e *estimator) run(p *pod, r Run, deadline time.Duration, pods int64, exclusive bool) {
	r.Takes, r.From = e.takes(deadline)
	length := r.Takes
	if !r.Known() {
		length, r.Bounded = deadline, deadline > 0
	}
	whole := func(runs int64) *big.Rat {
		hours := new(big.Rat).Mul(inHours(length), big.NewRat(runs, 1))
		if month := e.terms.Month.hours(); exclusive && hours.Cmp(month) > 0 {
			hours = month
		}
		return hours.Mul(hours, big.NewRat(pods, 1))
	}
	one := new(big.Rat).Mul(inHours(length), big.NewRat(pods, 1))
	r.CoreHours = new(big.Rat).Mul(one, p.cores())
	lines, unpriced := e.lines(r.Object, p, one)
	r.Each = total(lines)
	if !r.Known() {
		r.Each = e.sum(p, one)
		r.Bounded = r.Bounded && (len(unpriced)+len(p.unknown) == 0)
	}
	switch {
	case !r.Known() && r.Count > 0:
		e.missing(r.Object, "how long a run takes is not known: set typicalDuration of the workload", e.sum(p, whole(r.Count)))
	case r.Known() && r.Count > 0:
		e.add(r.Object, p, whole(r.Count))
	case r.Known():
		e.unpriced(r.Object, unpriced)
	}
	e.entry.Runs = append(e.entry.Runs, r)
}

// takes is how long a run usually takes, and who says so. None takes longer than it may.
func (e *estimator) takes(deadline time.Duration) (takes time.Duration, from string) {
	if w, _, ok := e.project.Workload(e.workload.Name); ok {
		if takes = e.project.TypicalDurationOf(w, e.rel.ID.Environment); takes > 0 {
			from = "declared"
		}
	}
	if from == "" {
		if takes = e.terms.Typical[WorkloadID{e.rel.ID, e.workload.Name}]; takes > 0 {
			from = "history"
		}
	}
	if deadline > 0 && takes > deadline {
		takes = deadline
	}
	return takes, from
}

// seriesOf returns the lots of what a workload writes, which have one unit.
func (e *estimator) seriesOf(w catalog.Workload) Series {
	for _, role := range slices.Sorted(maps.Keys(w.Writes)) {
		id := w.Writes[role].ID
		_, d, ok := e.cat.Dataset(id)
		if !ok || d.Lots == nil {
			continue
		}
		if unit, err := lot.ParseUnit(string(d.Lots.Unit)); err == nil {
			return Series{Dataset: id, Unit: unit, Since: d.Lots.Since.Time}
		}
	}
	return Series{}
}

// lotsIn is how many lots of a series lie between two times.
func lotsIn(s Series, from, before time.Time) int64 {
	if s.Since.After(from) {
		from = s.Since
	}
	return lot.Count(s.Unit, from, before)
}

// clock counts what schedules do in a month: many workloads have the same.
type clock struct {
	month Month
	mu    sync.Mutex
	runs  map[[2]string]firings
}

type firings struct {
	n   int64
	err error
}

// runsOf is how often a schedule fires in the month, as its time zone has it.
func (e *estimator) runsOf(expression, zone string) (int64, error) {
	c, key := e.clock, [2]string{expression, zone}
	c.mu.Lock()
	f, known := c.runs[key]
	c.mu.Unlock()
	if known {
		return f.n, f.err
	}
	s, err := schedule.Parse(expression, zone)
	if f.err = err; err == nil {
		f.n = s.Count(c.month.start(s.Location()), c.month.end(s.Location()))
	}
	c.mu.Lock()
	c.runs[key] = f
	c.mu.Unlock()
	return f.n, f.err
}
