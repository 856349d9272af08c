// SPDX-License-Identifier: Apache-2.0

package node

import "time"

// The kubelet's own times.
const (
	backoffFirst = 10 * time.Second
	backoffMost  = 5 * time.Minute
	// backoffForget is how long a container has to run for its earlier crashes to be forgotten.
	backoffForget = 10 * time.Minute
)

// backoff says how long to wait before a container starts again: the first time not at all, then 10 s, doubling up to
// 5 min.
type backoff struct{ next time.Duration }

// after returns the pause after a run of the given length.
func (b *backoff) after(ran time.Duration) time.Duration {
	if ran >= backoffForget {
		b.next = 0
	}
	pause := b.next
	b.next = min(max(2*pause, backoffFirst), backoffMost)
	return pause
}
