// SPDX-License-Identifier: Apache-2.0

package consoletest

import (
	"context"
	"slices"
	"time"

	"trunkline.dev/trunkline/console"
	"trunkline.dev/trunkline/cost/usage"
)

// costs are those of a daemon.
type costs struct{ d *Daemon }

// Query implements [console.Costs]. What a row does not say is as it was asked for.
func (c costs) Query(_ context.Context, f usage.Filter) (usage.Answer, error) {
	c.d.mu.Lock()
	defer c.d.mu.Unlock()
	c.d.costs = &f
	out := c.d.Spent
	out.Rows = slices.DeleteFunc(slices.Clone(out.Rows), func(r usage.Row) bool {
		for _, part := range [][2]string{
			{f.Place.Project, r.Project},
			{f.Place.Environment, r.Environment},
			{f.Place.Owner, r.Owner},
			{f.Place.Workload, r.Workload},
			{f.Place.Run, r.Run},
			{f.Place.Lot, r.Lot},
			{f.Cluster, r.Cluster},
		} {
			if part[0] != "" && part[1] != "" && part[0] != part[1] {
				return true
			}
		}
		return false
	})
	if f.Place != (usage.Place{}) {
		out.Idle = nil
	}
	for i, r := range c.d.Spent.Rows {
		if i == 0 {
			out.Total = 0
		}
		if slices.Contains(out.Rows, r) {
			out.Total += r.Nano
		}
	}
	return out, c.d.CostErr
}

// Outlook implements [console.Costs].
func (c costs) Outlook() console.CostOutlook { return c.d.Ahead }

// Samples implements [console.Costs].
func (c costs) Samples(context.Context, string, string, string) ([]usage.Sample, error) {
	if c.d.Samples == nil {
		return []usage.Sample{}, c.d.CostErr
	}
	return c.d.Samples, c.d.CostErr
}

// Histories implements [console.Costs].
func (c costs) Histories(context.Context, string, string, string) ([]string, error) {
	return c.d.Histories, c.d.CostErr
}

// Billed implements [console.Costs].
func (c costs) Billed(context.Context, time.Time, time.Time) ([]usage.Item, string, error) {
	c.d.mu.Lock()
	defer c.d.mu.Unlock()
	return c.d.Bill.Items, c.d.Bill.Currency, c.d.CostErr
}

// Import implements [console.Costs].
func (c costs) Import(_ context.Context, b usage.Bill, by console.Attribution) (bool, error) {
	c.d.record("bill of " + b.Account + " by " + by.Principal.String() + ": " + by.Why)
	c.d.mu.Lock()
	defer c.d.mu.Unlock()
	changed := len(c.d.Bill.Items) == 0
	c.d.Bill = b
	return changed, c.d.CostErr
}

// CostFilter returns what the costs were last queried for; nil: they were not.
func (d *Daemon) CostFilter() *usage.Filter {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.costs
}
