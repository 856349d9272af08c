// SPDX-License-Identifier: Apache-2.0

package consoletest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"trunkline.dev/trunkline/api/lot"
	"trunkline.dev/trunkline/console"
	"trunkline.dev/trunkline/flow/plan"
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

// Log implements [console.LotKeeper].
func (l lots) Log(_ context.Context, environment, dataset string, at lot.Lot, attempt string) (console.LotLog, error) {
	if l.d.Err != nil {
		return console.LotLog{}, l.d.Err
	}
	for _, log := range l.d.LotLogs {
		if attempt == "" || attempt == log.Attempt {
			return log, nil
		}
	}
	return console.LotLog{}, fmt.Errorf("there is no log of %s of %s in %s: %w", at, dataset, environment, console.ErrNotFound)
}

// Act implements [console.LotKeeper].
func (l lots) Act(_ context.Context, act console.LotAct, by console.Attribution) (console.LotOutcome, error) {
	words := []string{act.Act, act.Of}
	if !act.Lot.IsZero() {
		words = append(words, act.Lot.ID())
	}
	for _, t := range []time.Time{act.From, act.Until} {
		if !t.IsZero() {
			words = append(words, t.UTC().Format(time.RFC3339))
		}
	}
	for what, is := range map[string]bool{"with data": act.Data, "dry": act.DryRun, fmt.Sprint("of ", act.Lots): act.Lots > 0} {
		if is {
			words = append(words, what)
		}
	}
	slices.Sort(words[2:])
	asked := strings.Join(words, " ")
	l.d.record(fmt.Sprintf("%s in %s by %s: %s", asked, act.Environment, by.Principal, by.Why))
	done := console.LotOutcome{Outcome: console.Outcome{Message: asked + " is done"}}
	if act.Checked() {
		done.Lots = 3
	}
	return done, l.d.Err
}

// KeepLots has a daemon keep lots in "prod": those of orders/raw@1, which come from outside, and of orders/clean@1, which are made of
// them. Of the first six hours of 2026 the third is missing, and the fifth could not be made. In "dev" nothing is known yet.
func (d *Daemon) KeepLots() {
	first := lot.Hourly.At(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
	g := plan.NewGraph([]plan.Series{
		{ID: "orders/raw@1", Unit: lot.Hourly, Since: first.Start, External: true}, {ID: "orders/clean@1", Unit: lot.Hourly, Since: first.Start},
	}, []plan.Arc{{ID: "orders/clean", Writes: []string{"orders/clean@1"}, Reads: []plan.Read{{Role: "raw", Series: "orders/raw@1", Lots: 1, Trigger: true}}}})
	now, s := first.Start.Add(6*time.Hour+time.Minute), &plan.Seen{}
	l := first
	for n := range 6 {
		if n != 2 {
			s.Lot("orders/raw@1", l, plan.Mark{State: plan.Complete, Written: l.End()})
		}
		if n != 2 && n != 4 {
			s.Lot("orders/clean@1", l, plan.Mark{State: plan.Complete, Written: l.End()})
		}
		if n == 4 {
			s.Run(plan.Run{Arc: "orders/clean", Lot: l, Attempt: 2, Failed: now.Add(-time.Second), Reason: "exit code 3"})
		}
		l = l.Next()
	}
	d.Environment, d.Seen = "prod", report.View{Graph: g, Planner: plan.New(g, s, plan.Limits{}, now), Now: now}
	d.LotsOf = []console.DatasetLots{
		{
			Environment: "prod", Dataset: "orders/raw@1", Project: "orders", Unit: "hourly", Known: true, Due: 6, There: 5, Missing: 1, Oldest: first.ID(),
			Newest: l.Prev().ID(), NewestEnd: l.Start, Late: &console.Late{Lot: l.ID(), Since: now},
		},
		{
			Environment: "prod", Dataset: "orders/clean@1", Project: "orders", Workload: "orders/clean", Unit: "hourly", Known: true, Due: 6, There: 4, Missing: 2,
			Failed: 1, Oldest: first.ID(), Newest: l.Prev().ID(), NewestEnd: l.Start, Disabled: "ann since 2026-01-01T05:00:00Z: the input is wrong",
		},
		{Environment: "dev", Dataset: "rates/fx@1", Project: "rates", Unit: "daily"},
		{Environment: "dev", Dataset: "rates/spot@1", Project: "rates", Unit: "daily", Trouble: "listing s3://rates/: AccessDenied"},
	}
	d.LotRuns = []console.LotRun{
		{Attempt: "r1aaaaabbbbbbb", Ended: now.Add(-time.Hour), Failed: true, Outcome: "see its partial manifest"},
		{
			Attempt: "r2aaaaabbbbbbb", Namespace: "orders-prod", Job: "clean-r2", Started: now.Add(-time.Minute), Ended: now.Add(-time.Second), Failed: true,
			Outcome: "failed: exit code 3",
		},
	}
	var text strings.Builder
	for n := range 30 {
		fmt.Fprintf(&text, "line %d\n", n+1)
	}
	d.LotLogs = []console.LotLog{
		{Attempt: "r2aaaaabbbbbbb", Outcome: "failed", Text: text.String() + "\x1b[31mKeyError: 'amount'\x1b[0m\n"},
		{Attempt: "r1aaaaabbbbbbb", Outcome: "failed", Kept: true, Text: "the first try\n"},
	}
}
