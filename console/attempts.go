// SPDX-License-Identifier: Apache-2.0

package console

import (
	"sync"
	"time"
)

// attempts are the sign-ons, or whatever else was begun, that are over, as long as their cookies would be good: each ends once.
type attempts struct {
	mu   sync.Mutex
	over map[string]time.Time
}

// first reports whether one ends for the first time, of those whose cookies are good for life. If there are too many to remember, none does.
func (a *attempts) first(state string, now time.Time, life time.Duration) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	for s, until := range a.over {
		if !now.Before(until) {
			delete(a.over, s)
		}
	}
	if _, again := a.over[state]; again || len(a.over) >= maxAttempts {
		return false
	}
	if a.over == nil {
		a.over = map[string]time.Time{}
	}
	a.over[state] = now.Add(life)
	return true
}
