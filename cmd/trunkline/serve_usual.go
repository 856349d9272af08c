// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"sync/atomic"
	"time"

	"trunkline.dev/trunkline/cost"
	"trunkline.dev/trunkline/reconciler/history"
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
func (u *usual) learn(ctx context.Context, h *historian) {
	for h.recorder != nil && ctx.Err() == nil {
		wait := usualRetry
		if name := h.board.Name(); name != "" {
			if runs, err := h.recorder.Usual(ctx, name, time.Now().Add(-usualSince)); err == nil {
				u.set(runs)
				wait = usualInterval
			}
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
		}
	}
}

func (u *usual) set(runs []history.Usual) {
	known := make(map[cost.WorkloadID]time.Duration, len(runs))
	for _, r := range runs {
		known[cost.WorkloadID{ReleaseID: r.Release, Workload: r.Workload}] = r.Took
	}
	u.known.Store(&known)
}
