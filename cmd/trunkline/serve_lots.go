// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	lotflow "trunkline.dev/trunkline/flow"
	"trunkline.dev/trunkline/flow/jobs"
)

// lotsInterval is how often the stores of manifests are listed, which finds what others have written.
const lotsInterval = time.Minute

// makeLots makes what keeps the lots of environments.
func (d *daemon) makeLots() error {
	runs := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "trunkline_lot_runs_total", Help: "Runs for lots that have ended, by what came of them.",
	}, []string{"environment", "outcome"})
	options := lotflow.Options{
		Accepted: d.rec.Catalog, Account: d.flags.account, Stores: d.flags.stores, Interval: lotsInterval, Limits: lotflow.DefaultLimits(),
		Log: d.log, Now: time.Now, Ended: func(environment, outcome string) { runs.WithLabelValues(environment, outcome).Inc() },
	}
	var err error
	if d.events, err = d.makeEvents(); err != nil {
		return err
	}
	options.Teller = d.events
	for _, c := range d.clusters {
		options.Clusters = append(options.Clusters, jobs.New(c.Name, c.REST, d.log))
	}
	d.lots = lotflow.New(options)
	d.metrics.registry.MustRegister(runs, &lotsCollector{d.lots})
	return nil
}

// keepLots has one replica keep the lots, and tell others of them.
func (d *daemon) keepLots(ctx context.Context) {
	d.sharing.lead(ctx, func(ctx context.Context) {
		var telling sync.WaitGroup
		defer telling.Wait()
		telling.Go(func() { d.events.Run(ctx) })
		d.lots.Run(ctx)
	})
}

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
