// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"runtime/debug"
	"time"
)

// restAfter is how long nothing has run when the daemon is at rest: longer than the waves of a roll-out are apart.
const restAfter = 20 * time.Second

// rest returns memory back to the system that was taken while much was going on, such as a start or a roll-out. The runtime
// keeps part of it for the next time, which may be in a week, and the stacks of workers stay as large as they were.
type rest struct {
	// after is how long nothing must happen, and release what is done then.
	after   time.Duration
	release func()
	busy    chan struct{}
}

func newRest() *rest {
	return &rest{after: restAfter, release: debug.FreeOSMemory, busy: make(chan struct{}, 1)}
}

// touch says that something happens. It does not block.
func (r *rest) touch() {
	select {
	case r.busy <- struct{}{}:
	default:
	}
}

// run releases memory once each time the daemon has come to rest, until ctx ends.
func (r *rest) run(ctx context.Context) {
	timer := time.NewTimer(r.after)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-r.busy:
			timer.Reset(r.after)
		case <-timer.C:
			r.release()
		}
	}
}
