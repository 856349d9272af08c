// SPDX-License-Identifier: Apache-2.0

package apps

import (
	"sync"
	"time"
)

// maxUsed bounds how many tickets are remembered.
const maxUsed = 10_000

// used are the tickets that were, as long as they would be good. The zero value has none.
type used struct {
	mu    sync.Mutex
	until map[string]time.Time
}

// first reports whether a ticket is used for the first time. If there are too many to remember, none is.
func (u *used) first(id string, now time.Time) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	for other, until := range u.until {
		if !now.Before(until) {
			delete(u.until, other)
		}
	}
	if _, again := u.until[id]; again || len(u.until) >= maxUsed {
		return false
	}
	if u.until == nil {
		u.until = map[string]time.Time{}
	}
	u.until[id] = now.Add(ticketLife)
	return true
}
