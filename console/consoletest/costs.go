// SPDX-License-Identifier: Apache-2.0

package consoletest

import (
	"context"
	"time"

	"trunkline.dev/trunkline/console"
	"trunkline.dev/trunkline/cost/usage"
)

// costs are those of a daemon.
type costs struct{ d *Daemon }

// Query implements [console.Costs].
func (c costs) Query(_ context.Context, f usage.Filter) (usage.Answer, error) {
	c.d.mu.Lock()
	defer c.d.mu.Unlock()
	c.d.costs = &f
	return c.d.Spent, c.d.CostErr
}

// Outlook implements [console.Costs].
func (c costs) Outlook() console.CostOutlook { return c.d.Ahead }

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
