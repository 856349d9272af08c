// SPDX-License-Identifier: Apache-2.0

package node

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

// TestWatchMemory: a container that uses more than its limit is told of once that is seen, and one that uses just as much never.
func TestWatchMemory(t *testing.T) {
	for name, tc := range map[string]struct {
		reason string
		used   []int64
		want   time.Duration
	}{
		"Over":   {"It is looked at twice a second.", []int64{10, 100, 101}, 3 * memoryInterval},
		"AtOnce": {"Not before the first look.", []int64{1000}, memoryInterval},
		"Equal":  {"What it may have it may use.", []int64{100}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				looks, begun, tooMuch := 0, time.Now(), make(chan struct{})
				go watchMemory(ctx, func() int64 {
					looks++
					return tc.used[min(looks, len(tc.used))-1]
				}, 100, tooMuch)
				var after time.Duration
				select {
				case <-tooMuch:
					after = time.Since(begun)
				case <-ctx.Done():
				}
				if after != tc.want {
					t.Errorf("%s It was killed after %v, want %v", tc.reason, after, tc.want)
				}
				synctest.Wait()
			})
		})
	}
}
