// SPDX-License-Identifier: Apache-2.0

package usage

import (
	"math/big"
	"slices"
	"strings"
	"time"

	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/cost"
)

// TariffOf returns what something costs on a cluster from one time to another, by what a platform declares. Without a cluster that is
// declared nothing has a price.
func TariffOf(cat *catalog.Catalog, f Fact, takes cost.Taken) Tariff {
	t := Tariff{Currency: cost.DefaultCurrency, Steps: []Step{{PerHour: new(big.Rat), Unpriced: true}}}
	if cat == nil || cat.Clusters[f.Cluster] == nil {
		return t
	}
	platform, cluster, t := cat.Platform.Spec, cat.Clusters[f.Cluster].Spec, Tariff{}
	workload := workloadOf(cat, f)
	from := []time.Time{DayOf(f.Began)}
	for _, day := range cost.ChangesOf(platform, cluster) {
		if day.After(f.Began) && day.Before(f.Until) {
			from = append(from, day)
		}
	}
	if f.Kind == Claim { // whose price is one for a month, which may be longer or shorter
		for day := firstOfNext(f.Began); day.Before(f.Until); day = firstOfNext(day) {
			from = append(from, day)
		}
	}
	slices.SortFunc(from, time.Time.Compare)
	for _, day := range slices.CompactFunc(from, time.Time.Equal) {
		rates := cost.RatesOf(platform, f.Cluster, cluster, day)
		perHour, unpriced := rates.Hourly(takes, workload.Size, f.Spot, cost.MonthOf(day))
		t.Currency = rates.Currency()
		t.Steps = append(t.Steps, Step{From: day, PerHour: perHour, Unpriced: len(unpriced) > 0})
	}
	return t
}

// workloadOf returns what is declared of the workload that something is of; nothing if it is not declared any more.
func workloadOf(cat *catalog.Catalog, f Fact) catalog.Workload {
	p, ok := cat.Project(f.Place.Project)
	if !ok || f.Kind != Pod {
		return catalog.Workload{}
	}
	id := catalog.ReleaseID{Project: f.Place.Project, Environment: f.Place.Environment, Cluster: f.Cluster}
	if !slices.Contains(cat.ReleasesOf(p), id) {
		return catalog.Workload{}
	}
	for _, w := range cat.Release(p, id).Workloads {
		if w.Name == f.Place.Workload {
			return w
		}
	}
	return catalog.Workload{}
}

// OnSpot reports whether a pod is on a spot machine: as its node says, or else what it asks for, or else what its workload declares.
func OnSpot(cat *catalog.Catalog, f Fact, takes cost.Taken, node *bool) bool {
	for _, known := range []*bool{node, takes.SpotMachine()} {
		if known != nil {
			return *known
		}
	}
	return cat != nil && workloadOf(cat, f).Lifecycle == "spot"
}

// OwnerOf returns who owns a project; empty if it is not declared.
func OwnerOf(cat *catalog.Catalog, project string) string {
	if cat == nil {
		return ""
	}
	if p, ok := cat.Project(project); ok {
		return p.Spec.Owner
	}
	return ""
}

func firstOfNext(t time.Time) time.Time {
	y, m, _ := t.UTC().Date()
	return time.Date(y, m+1, 1, 0, 0, 0, 0, time.UTC)
}

// decimal writes an amount with some digits behind the point; there is no less than nothing of nothing.
func decimal(amount *big.Rat, digits int) string {
	text := amount.FloatString(digits)
	if strings.Trim(text, "-0.") == "" {
		return strings.TrimPrefix(text, "-")
	}
	return text
}
