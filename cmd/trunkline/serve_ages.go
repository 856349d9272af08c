// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"time"

	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/console"
	"trunkline.dev/trunkline/reconciler/history"
	"trunkline.dev/trunkline/reconciler/status"
)

const (
	// maxAgePages bounds how far back the ages of releases are looked for, in pages of the history.
	maxAgePages = 20
	// ageRetry is the wait while the history cannot be read, or nothing is accepted yet.
	ageRetry = 500 * time.Millisecond
)

// recallAges has releases keep their age over a restart, as far as the history knows it. What it does not know is as old as
// the daemon, which harms nobody: an error is asked about again until ctx ends.
func (h *historian) recallAges(ctx context.Context) {
	for h.recorder != nil && ctx.Err() == nil {
		if name := h.board.Name(); name != "" {
			if ages, err := agesOf(ctx, h.recorder, name); err == nil {
				h.board.Recall(ages)
				return
			}
		}
		select {
		case <-time.After(ageRetry):
		case <-ctx.Done():
		}
	}
}

// agesOf reads since when releases have been healthy: of each, the newest event about its health counts.
func agesOf(ctx context.Context, past console.History, platform string) (map[catalog.ReleaseID]status.Age, error) {
	ages, seen := map[catalog.ReleaseID]status.Age{}, map[catalog.ReleaseID]bool{}
	f := history.Filter{Platform: platform, Kinds: []history.Kind{history.Healthy, history.Unhealthy}, Limit: history.MaxLimit}
	for range maxAgePages {
		page, err := past.Query(ctx, f)
		if err != nil {
			return nil, err
		}
		for _, e := range page.Events {
			if !seen[e.Release] && e.Kind == history.Healthy {
				ages[e.Release] = status.Age{Commit: e.Commit, Since: e.Time}
			}
			seen[e.Release] = true
		}
		if page.Next == 0 {
			break
		}
		f.Before = page.Next
	}
	return ages, nil
}
