// SPDX-License-Identifier: Apache-2.0

package usage_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"trunkline.dev/trunkline/cost/usage"
)

// TestSampled: however long something runs, its samples are few; all of them while it is short, and none is far from the next.
func TestSampled(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		interval := time.Duration(rapid.IntRange(1, 120).Draw(t, "interval")) * time.Second
		measured := rapid.IntRange(1, 30_000).Draw(t, "measured")
		began := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
		var last time.Time
		kept := 0
		var widest time.Duration
		for i := range measured {
			now := began.Add(time.Duration(i+1) * interval)
			if !usage.Sampled(began, last, now, interval) {
				continue
			}
			if !last.IsZero() {
				widest = max(widest, now.Sub(last))
			}
			last, kept = now, kept+1
		}
		if measured <= 200 && kept != measured {
			t.Errorf("of %d measurements %d are kept", measured, kept)
		}
		if kept > 1200 || widest > time.Duration(measured)*interval/50+interval {
			t.Errorf("of %d measurements %d are kept, the widest gap is %s", measured, kept, widest)
		}
	})
}
