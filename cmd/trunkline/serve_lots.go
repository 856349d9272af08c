// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	lotflow "trunkline.dev/trunkline/flow"
	"trunkline.dev/trunkline/flow/notice"
)

// lotsInterval is how often the stores of manifests are listed if nobody says so, and minLotsInterval how often at most.
const (
	lotsInterval    = time.Minute
	minLotsInterval = time.Second
)

// makeLots makes what keeps the lots of environments.
func (d *daemon) makeLots() error {
	runs := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "trunkline_lot_runs_total", Help: "Runs for lots that have ended, by what came of them.",
	}, []string{"environment", "outcome"})
	options := lotflow.Options{
		Accepted: d.rec.Catalog, Account: d.flags.account, Stores: d.flags.stores, Interval: d.flags.lotsInterval, Limits: lotflow.DefaultLimits(),
		Log: d.log, Now: time.Now, Ended: func(e lotflow.Ended) {
			runs.WithLabelValues(e.Release.Environment, e.Outcome).Inc()
			d.past.lotEnded(e)
			d.tracesLot(e)
		},
		Told: func(all []lotflow.Dataset) { d.board.SetLots(lotsByRelease(all)) },
		Late: func(l lotflow.Lateness) { tellLate(d.log, l) }, Expired: func(e lotflow.Expired) { d.past.record(expiredEvent(e)) },
	}
	d.airflows = newAirflows(d)
	options.Airflow = d.airflows
	var err error
	if d.events, err = d.makeEvents(); err != nil {
		return err
	}
	options.Teller = d.events
	options.Clusters = d.jobsOf(d.live.Load().configs)
	d.lots = lotflow.New(options)
	heard := func(objects []string) { d.lots.Hint(objects) }
	d.sharing.heard.Store(&heard)
	d.metrics.registry.MustRegister(runs, &lotsCollector{d.lots, time.Now})
	return nil
}

// tellLate logs that a dataset became late, or is not late any more.
func tellLate(log *slog.Logger, l lotflow.Lateness) {
	words := []any{"environment", l.Environment, "dataset", l.Dataset, "lot", l.Lot.ID(), "since", l.Since.Format(time.RFC3339)}
	if l.Late {
		log.Warn("a dataset is late", words...)
		return
	}
	log.Info("a dataset is not late any more", words...)
}

// notified has it looked where a notification of an object store says, by whichever replica keeps the lots; what it says decides nothing.
func (d *daemon) notified(header func(string) string, body []byte) (answer any, err error) {
	n, err := notice.Read(header, body)
	if err != nil {
		return nil, err
	}
	d.lots.Hint(n.Objects)
	d.sharing.say(n.Objects)
	if n.Answer != nil {
		return n.Answer, nil
	}
	return nil, nil //nolint:nilnil // there is nothing to answer, which is no error
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
type lotsCollector struct {
	keeper interface {
		Counts() []lotflow.Count
		Datasets() []lotflow.Dataset
		Listed() map[string]time.Time
	}
	now func() time.Time
}

// lotsDescribed are the metrics that come from the keeper.
type lotsDescribed struct{ lots, datasets, age, late, listed *prometheus.Desc }

func lotsDescriptions() lotsDescribed {
	of := []string{"environment", "dataset"}
	return lotsDescribed{
		lots: prometheus.NewDesc("trunkline_lots", "Lots that are running or have failed, by workload, and those that wait for their turn or are held.",
			[]string{"environment", "workload", "state"}, nil),
		datasets: prometheus.NewDesc("trunkline_dataset_lots", "Lots that are due, by dataset: there or missing.", append(of, "state"), nil),
		age: prometheus.NewDesc("trunkline_dataset_age_seconds", "How long ago the newest lot of a dataset that is there has ended; of one that has none there is no value.",
			of, nil),
		late: prometheus.NewDesc("trunkline_dataset_late", "1 if a dataset is late, by the freshness that it declares.", of, nil),
		listed: prometheus.NewDesc("trunkline_lots_listed_age_seconds", "How long ago all manifests of an environment were last listed; there is no value before they were.",
			[]string{"environment"}, nil),
	}
}

// Describe implements [prometheus.Collector].
func (c *lotsCollector) Describe(ch chan<- *prometheus.Desc) {
	d := lotsDescriptions()
	for _, desc := range []*prometheus.Desc{d.lots, d.datasets, d.age, d.late, d.listed} {
		ch <- desc
	}
}

// Collect implements [prometheus.Collector].
func (c *lotsCollector) Collect(ch chan<- prometheus.Metric) {
	desc, now := lotsDescriptions(), c.now()
	gauge := func(d *prometheus.Desc, value float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
	}
	for _, n := range c.keeper.Counts() {
		gauge(desc.lots, float64(n.Lots), n.Environment, n.Workload, n.State)
	}
	for environment, at := range c.keeper.Listed() {
		gauge(desc.listed, now.Sub(at).Seconds(), environment)
	}
	for _, d := range c.keeper.Datasets() {
		if !d.Known {
			continue
		}
		gauge(desc.datasets, float64(d.There), d.Environment, d.Dataset, "there")
		gauge(desc.datasets, float64(d.Missing()), d.Environment, d.Dataset, "missing")
		gauge(desc.late, number(!d.Late.IsZero()), d.Environment, d.Dataset)
		if !d.Newest.IsZero() {
			gauge(desc.age, now.Sub(d.Newest.End()).Seconds(), d.Environment, d.Dataset)
		}
	}
}
