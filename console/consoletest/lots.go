// SPDX-License-Identifier: Apache-2.0

package consoletest

import (
	"context"
	"fmt"
	"time"

	"trunkline.dev/trunkline/api/lot"
	"trunkline.dev/trunkline/console"
	"trunkline.dev/trunkline/flow/report"
)

// lots are those of a daemon.
type lots struct{ d *Daemon }

// Datasets implements [console.LotKeeper].
func (l lots) Datasets() ([]console.DatasetLots, error) {
	return append([]console.DatasetLots{}, l.d.LotsOf...), l.d.Err
}

// View implements [console.LotKeeper].
func (l lots) View(_ context.Context, environment string, look func(report.View) error) error {
	if environment != l.d.Environment {
		return fmt.Errorf("there is no environment %q that keeps lots: %w", environment, console.ErrNotFound)
	}
	if l.d.Err != nil {
		return l.d.Err
	}
	return look(l.d.Seen)
}

// Runs implements [console.LotKeeper].
func (l lots) Runs(context.Context, string, string, lot.Lot) ([]console.LotRun, error) {
	return append([]console.LotRun{}, l.d.LotRuns...), l.d.Err
}

// Act implements [console.LotKeeper].
func (l lots) Act(_ context.Context, act console.LotAct, by console.Attribution) (string, error) {
	asked := act.Act + " " + act.Of
	if act.Lot != (lot.Lot{}) {
		asked += " " + act.Lot.ID()
	}
	for _, t := range []time.Time{act.From, act.Until} {
		if !t.IsZero() {
			asked += " " + t.UTC().Format(time.RFC3339)
		}
	}
	l.d.record(fmt.Sprintf("%s in %s by %s: %s", asked, act.Environment, by.Principal, by.Why))
	return asked + " is done", l.d.Err
}
