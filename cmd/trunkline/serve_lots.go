// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	lotflow "trunkline.dev/trunkline/flow"
	"trunkline.dev/trunkline/flow/jobs"
)

// lotsInterval is how often the stores of manifests are listed if nobody says so, and minLotsInterval how often at most.
const (
	lotsInterval    = time.Minute
	minLotsInterval = time.Second
)

// makeLots makes what keeps the lots of environments.
func (d *daemon) makeLots() {
	runs := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "trunkline_lot_runs_total", Help: "Runs for lots that have ended, by what came of them.",
	}, []string{"environment", "outcome"})
	options := lotflow.Options{
		Accepted: d.rec.Catalog, Account: d.flags.account, Stores: d.flags.stores, Interval: d.flags.lotsInterval, Limits: lotflow.DefaultLimits(),
		Log: d.log, Now: time.Now, Ended: func(environment, outcome string) { runs.WithLabelValues(environment, outcome).Inc() },
	}
	for _, c := range d.clusters {
		options.Clusters = append(options.Clusters, jobs.New(c.Name, c.REST, d.log))
	}
	d.lots = lotflow.New(options)
	d.metrics.registry.MustRegister(runs, &lotsCollector{d.lots})
}

// keepLots has one replica keep the lots.
func (d *daemon) keepLots(ctx context.Context) { d.sharing.lead(ctx, d.lots.Run) }

// lotsCollector asks the keeper when it is scraped.
type lotsCollector struct{ keeper *lotflow.Keeper }

func lotsDescription() *prometheus.Desc {
	return prometheus.NewDesc("trunkline_lots", "Lots that are running or have failed, by workload, and those that wait for their turn or are held.",
		[]string{"environment", "workload", "state"}, nil)
}

// Describe implements [prometheus.Collector].
func (c *lotsCollector) Describe(ch chan<- *prometheus.Desc) { ch <- lotsDescription() }

// Collect implements [prometheus.Collector].
func (c *lotsCollector) Collect(ch chan<- prometheus.Metric) {
	desc := lotsDescription()
	for _, n := range c.keeper.Counts() {
		ch <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, float64(n.Lots), n.Environment, n.Workload, n.State)
	}
}
