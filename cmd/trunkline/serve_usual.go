// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"maps"
	"sync/atomic"
	"time"

	"trunkline.dev/trunkline/cost"
	"trunkline.dev/trunkline/reconciler/history"
	"trunkline.dev/trunkline/reconciler/meter"
)

const (
	// usualInterval is how often it is asked how long runs usually take, and usualRetry how long is waited while that cannot be read.
	usualInterval, usualRetry = 10 * time.Minute, 5 * time.Second
	// usualSince is how old a run may be that counts.
	usualSince = 30 * 24 * time.Hour
)

// usual is how long the runs of workloads usually take, by the history: what estimates go by where nothing is declared.
type usual struct {
	known atomic.Pointer[map[cost.WorkloadID]time.Duration]
}

// durations returns what is known. It must not be changed.
func (u *usual) durations() map[cost.WorkloadID]time.Duration {
	if known := u.known.Load(); known != nil {
		return *known
	}
	return nil
}

// learn asks the history from time to time, until ctx ends.
func (u *usual) learn(ctx context.Context, h *historian, ledger *meter.Ledger) {
	for h.recorder != nil && ctx.Err() == nil {
		wait := usualRetry
		if name := h.board.Name(); name != "" {
			since := time.Now().Add(-usualSince)
			if runs, err := h.recorder.Usual(ctx, name, since); err == nil {
				u.set(runs, paidFor(ctx, ledger, name, since))
				wait = usualInterval
			}
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
		}
	}
}

// paidFor returns how long the pods of runs really were there, where that is counted, and for enough of them; it is what is paid for, and
// known of runs, too, that no lot is made by.
func paidFor(ctx context.Context, ledger *meter.Ledger, platform string, since time.Time) map[cost.WorkloadID]time.Duration {
	if ledger == nil {
		return nil
	}
	typical, err := ledger.Typical(ctx, platform, since)
	if err != nil {
		return nil // what the history knows is good enough
	}
	return typical
}

// set replaces what is known: what was counted is better than what the history has.
func (u *usual) set(runs []history.Usual, counted map[cost.WorkloadID]time.Duration) {
	known := make(map[cost.WorkloadID]time.Duration, len(runs))
	for _, r := range runs {
		known[cost.WorkloadID{ReleaseID: r.Release, Workload: r.Workload}] = r.Took
	}
	maps.Copy(known, counted)
	u.known.Store(&known)
}
