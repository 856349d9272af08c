// SPDX-License-Identifier: Apache-2.0

package github

import (
	"net/http"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// TestBudgetIsKept sends whatever it is allowed to, and waits as long as it is told: no minute and no hour has more than the
// budget allows, and waiting as told is enough.
func TestBudgetIsKept(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := Budget{Points: rapid.IntRange(5, 60).Draw(t, "points"), Writes: rapid.IntRange(1, 6).Draw(t, "writes"), CreatesAnHour: rapid.IntRange(1, 20).Draw(t, "an hour"), AtOnce: 1}
		type sent struct {
			at     time.Time
			points int
			create bool
		}
		var s spent
		var log []sent
		now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
		for range rapid.IntRange(1, 80).Draw(t, "requests") {
			now = now.Add(time.Duration(rapid.IntRange(0, 20_000).Draw(t, "pause")) * time.Millisecond)
			method := rapid.SampledFrom([]string{http.MethodGet, http.MethodPost, http.MethodPatch}).Draw(t, "method")
			if at := s.charge(b, method, now); at.After(now) {
				now = at
				if again := s.charge(b, method, now); again.After(now) {
					t.Fatalf("told to wait until %s, and then until %s", at, again)
				}
			}
			points := 5
			if method == http.MethodGet {
				points = 1
			}
			log = append(log, sent{now, points, method == http.MethodPost})
			minute, writes, hour := 0, 0, 0
			for _, l := range slices.Backward(log) {
				if age := now.Sub(l.at); age < time.Minute {
					minute += l.points
					if l.points > 1 {
						writes++
					}
				}
				if l.create && now.Sub(l.at) < time.Hour {
					hour++
				}
			}
			if minute > b.Points || writes > b.Writes || hour > b.CreatesAnHour {
				t.Fatalf("%d points and %d writes in a minute, %d creations in an hour, with %+v", minute, writes, hour, b)
			}
		}
	})
}
