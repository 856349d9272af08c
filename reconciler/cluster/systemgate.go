// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"sync/atomic"
	"time"
)

// systemGate has the first inventory of a connection written alone: if the namespace of all inventories is not there yet, it
// is found out and made once, and not once for each release of a roll-out.
type systemGate struct {
	open atomic.Bool
	turn chan struct{}
}

// with writes, the first one alone. Nobody waits for long: a first write that hangs may hang for itself.
func (g *systemGate) with(ctx context.Context, write func() error) error {
	if g.open.Load() {
		return write()
	}
	late := time.NewTimer(slowAfter)
	defer late.Stop()
	select {
	case g.turn <- struct{}{}:
		if g.open.Load() {
			<-g.turn
			return write()
		}
		defer func() { <-g.turn }()
	case <-late.C:
		return write()
	case <-ctx.Done():
		return ctx.Err()
	}
	err := write()
	if err == nil {
		g.open.Store(true)
	}
	return err
}
