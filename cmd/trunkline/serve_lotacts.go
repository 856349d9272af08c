// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"trunkline.dev/trunkline/api/lot"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/console"
	lotflow "trunkline.dev/trunkline/flow"
	"trunkline.dev/trunkline/flow/acts"
	"trunkline.dev/trunkline/flow/report"
	"trunkline.dev/trunkline/reconciler/history"
)

// lotKeeper answers the console by a keeper of lots, and records what people ask for.
type lotKeeper struct {
	keeper *lotflow.Keeper
	record func(history.Event)
	log    *slog.Logger
	now    func() time.Time
}

// Datasets implements [console.LotKeeper].
func (k *lotKeeper) Datasets() ([]console.DatasetLots, error) {
	all := k.keeper.Datasets()
	if all == nil {
		return nil, &actError{errors.New("this replica does not keep lots at the moment: ask the one that leads"), console.ErrNotKnown}
	}
	out := make([]console.DatasetLots, len(all))
	for i, d := range all {
		out[i] = shownDataset(d)
	}
	return out, nil
}

func shownDataset(d lotflow.Dataset) console.DatasetLots {
	project, _, _ := strings.Cut(d.Dataset, "/")
	out := console.DatasetLots{
		Environment: d.Environment, Dataset: d.Dataset, Project: project, Workload: d.Workload, Unit: d.Unit.String(), Known: d.Known, Trouble: d.Trouble,
		Due: d.Due, There: d.There, Missing: d.Missing(), Running: d.Running, Failed: d.Failed, Disabled: d.Disabled, Refused: d.Refused, RefusedWhy: d.RefusedWhy,
	}
	if !d.Newest.IsZero() {
		out.Oldest, out.Newest, out.NewestEnd = d.Oldest.ID(), d.Newest.ID(), d.Newest.End()
	}
	if !d.Late.IsZero() {
		out.Late = &console.Late{Lot: d.Late.ID(), Since: d.LateSince}
	}
	return out
}

// View implements [console.LotKeeper].
func (k *lotKeeper) View(ctx context.Context, environment string, look func(report.View) error) error {
	return ofAsked(k.keeper.View(ctx, environment, look))
}

// Runs implements [console.LotKeeper].
func (k *lotKeeper) Runs(ctx context.Context, environment, dataset string, l lot.Lot) ([]console.LotRun, error) {
	all, err := k.keeper.Runs(ctx, environment, dataset, l)
	out := make([]console.LotRun, len(all))
	for i, r := range all {
		out[i] = console.LotRun{
			Attempt: r.Attempt, Namespace: r.Namespace, Job: r.Job, Started: r.Started, Ended: r.Ended, Failed: r.Failed, Outcome: r.Outcome, NoLog: r.NoLog,
		}
	}
	return out, ofAsked(err)
}

// Log implements [console.LotKeeper].
func (k *lotKeeper) Log(ctx context.Context, environment, dataset string, l lot.Lot, attempt string) (console.LotLog, error) {
	found, err := k.keeper.Log(ctx, environment, dataset, l, attempt)
	return console.LotLog{Attempt: found.Attempt, Outcome: found.Outcome, Kept: found.Kept, Text: found.Text}, ofAsked(err)
}

// Act implements [console.LotKeeper].
func (k *lotKeeper) Act(ctx context.Context, act console.LotAct, by console.Attribution) (done console.LotOutcome, err error) {
	hand := acts.By{By: by.Principal.String(), Why: by.Why, At: k.now().UTC()}
	kind, object := history.Removed, act.Of
	switch act.Act {
	case "retry":
		kind = history.Retried
		done.Message, err = k.keeper.Retry(ctx, act.Environment, act.Of, act.From, act.Until, hand)
	case "enable":
		kind = history.Enabled
		done.Message, err = k.keeper.Enable(ctx, act.Environment, act.Of, hand)
	case "disable":
		kind = history.Disabled
		done.Message, err = k.keeper.Disable(ctx, act.Environment, act.Of, hand)
	case "remove":
		if act.Checked() {
			done, err = k.removeLots(ctx, act, hand)
			break
		}
		object += " " + act.Lot.ID()
		done.Message, err = k.keeper.Remove(ctx, act.Environment, act.Of, act.Lot, hand)
	default:
		return done, fmt.Errorf("there is no act %q on lots", act.Act)
	}
	if act.DryRun || err != nil && done.Lots == 0 {
		return done, ofAsked(err)
	}
	k.log.Info("asked by hand", "act", act.Act, "of", object, "environment", act.Environment, "by", hand.By, "why", hand.Why)
	project, _, _ := strings.Cut(act.Of, "/")
	k.record(history.Event{
		Kind: kind, Release: catalog.ReleaseID{Project: project, Environment: act.Environment}, By: hand.By, SignOn: string(by.Principal.SignOn), Why: hand.Why, Object: object, Message: done.Message,
	})
	return done, ofAsked(err) // what was done before an error is recorded
}

// removeLots removes the lots of a range, or says which that would be.
func (k *lotKeeper) removeLots(ctx context.Context, act console.LotAct, by acts.By) (done console.LotOutcome, err error) {
	r := lotflow.Removing{From: act.From, Until: act.Until, Data: act.Data, Dry: act.DryRun, Confirmed: act.Lots}
	if !act.Lot.IsZero() {
		r.From, r.Until = act.Lot.Start, act.Lot.End()
	}
	found, err := k.keeper.RemoveLots(ctx, act.Environment, act.Of, r, by)
	done.Message, done.Lots, done.Objects = found.Said, found.Lots, found.Objects
	if found.Lots > 0 {
		done.First, done.Last = found.First.ID(), found.Last.ID()
	}
	return done, err
}

// expiredEvent is what the history has of lots that were removed since they are not kept any more.
func expiredEvent(e lotflow.Expired) history.Event {
	project, _, _ := strings.Cut(e.Dataset, "/")
	said := fmt.Sprintf("%d lots are removed with their data, %s to %s", e.Lots, e.First.ID(), e.Last.ID())
	if e.Lots == 1 {
		said = fmt.Sprintf("1 lot is removed with its data, %s", e.First.ID())
	}
	return history.Event{
		Kind: history.Removed, Release: catalog.ReleaseID{Project: project, Environment: e.Environment}, By: "retention", Why: e.Why, Object: e.Dataset, Message: said,
	}
}
