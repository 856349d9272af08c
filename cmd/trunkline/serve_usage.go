// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/spf13/pflag"

	"trunkline.dev/trunkline/console"
	"trunkline.dev/trunkline/cost/usage"
	"trunkline.dev/trunkline/reconciler/cluster"
	"trunkline.dev/trunkline/reconciler/history"
	"trunkline.dev/trunkline/reconciler/meter"
)

// metering holds the flags of the daemon about what things cost.
type metering struct {
	on             bool
	keep, keepRuns time.Duration
}

func (m *metering) flags(f *pflag.FlagSet) {
	f.BoolVar(&m.on, "usage", false, "count what pods and claims cost, by what they request for as long as they are there; needs a history, and the right to list and watch pods")
	f.DurationVar(&m.keep, "usage-keep", meter.DefaultDays, "how long to keep what it did cost, by day and workload")
	f.DurationVar(&m.keepRuns, "usage-keep-runs", meter.DefaultThings, "how long to keep what single runs and lots did cost")
}

func (m *metering) check(past string) error {
	const day = 24 * time.Hour
	switch {
	case m.on && past == historyOff:
		return usagef("--usage keeps what it counts in the history, which is off: choose --history sqlite or postgres")
	case m.keepRuns < 2*day:
		return usagef("--usage-keep-runs is at least 48h")
	case m.keep < m.keepRuns:
		return usagef("--usage-keep is at least as long as --usage-keep-runs")
	}
	return nil
}

// counting counts what things cost; its zero value counts nothing.
type counting struct {
	ledger *meter.Ledger
	meter  *meter.Meter
	// outlook is what was found out last.
	outlook atomic.Pointer[outlook]
}

// makeUsage makes what counts, if that is asked for.
func (d *daemon) makeUsage() {
	if !d.flags.metering.on || d.past.recorder == nil {
		return
	}
	d.counting.ledger = meter.NewLedger(d.past.recorder)
	d.counting.meter = meter.New(meter.Options{
		Ledger: d.counting.ledger, Platform: d.board.Name, Catalog: d.rec.Catalog, Log: d.log, Now: time.Now,
		Keep: meter.Retention{Days: d.flags.metering.keep, Things: d.flags.metering.keepRuns},
	})
	d.counting.meter.SetClusters(metered(d.live.Load().configs))
	d.metrics.registry.MustRegister(&costCollector{&d.counting})
}

// metered are the clusters that are followed: the daemon reaches none that an agent keeps.
func metered(configs []cluster.Config) (all []meter.Cluster) {
	for _, c := range configs {
		if !c.Agent {
			all = append(all, meter.Cluster{Name: c.Name, Key: c, Config: c.REST})
		}
	}
	return all
}

// setClusters has other clusters followed from now on.
func (c *counting) setClusters(configs []cluster.Config) {
	if c.meter != nil {
		c.meter.SetClusters(metered(configs))
	}
}

// count has one replica count, and each look ahead.
func (d *daemon) count(ctx context.Context) {
	if d.counting.meter != nil {
		d.sharing.lead(ctx, d.counting.meter.Run)
	}
}

// forConsole returns what answers questions about costs; nil where none are counted.
func (c *counting) forConsole(platform func() string, log *slog.Logger) console.Costs {
	if c.ledger == nil {
		return nil
	}
	return costBook{c, platform, log}
}

// costBook answers questions about costs.
type costBook struct {
	*counting

	platform func() string
	log      *slog.Logger
}

// Query implements [console.Costs].
func (c costBook) Query(ctx context.Context, f usage.Filter) (usage.Answer, error) {
	f.Platform = c.platform()
	return c.ledger.Query(ctx, f)
}

// Outlook implements [console.Costs].
func (c costBook) Outlook() console.CostOutlook {
	if o := c.outlook.Load(); o != nil {
		return o.told()
	}
	return console.CostOutlook{}
}

// Histories implements [console.Costs].
func (c costBook) Histories(ctx context.Context, project, environment, run string) ([]string, error) {
	return c.ledger.Histories(ctx, c.platform(), project, environment, run)
}

// Samples implements [console.Costs].
func (c costBook) Samples(ctx context.Context, project, environment, run string) ([]usage.Sample, error) {
	return c.ledger.Samples(ctx, c.platform(), project, environment, run)
}

// Billed implements [console.Costs].
func (c costBook) Billed(ctx context.Context, since, until time.Time) ([]usage.Item, string, error) {
	return c.ledger.Billed(ctx, c.platform(), since, until)
}

// Import implements [console.Costs].
func (c costBook) Import(ctx context.Context, b usage.Bill, by console.Attribution) (bool, error) {
	changed, err := c.ledger.Import(ctx, c.platform(), b)
	if changed {
		c.log.Info("a bill was imported", "account", b.Account, "period", b.Period, "by", by.Principal.String(), "why", by.Why)
	}
	return changed, err
}

// tables are those of other owners in the database of the history.
func (m *metering) tables() []history.Tables {
	if !m.on {
		return nil
	}
	return []history.Tables{meter.Tables()}
}
