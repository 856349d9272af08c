// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// TestOneReplicaLeads: what one replica does for all begins and ends with its lead, once at a time, and with the daemon.
func TestOneReplicaLeads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var leads atomic.Bool
		var running, begun atomic.Int32
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			defer close(done)
			whileLeading(ctx, leads.Load, func(ctx context.Context) {
				running.Add(1)
				begun.Add(1)
				<-ctx.Done()
				running.Add(-1)
			})
		}()
		for n, step := range []struct {
			reason           string
			leads            bool
			running, started int32
		}{
			{"Another one leads.", false, 0, 0},
			{"This one does.", true, 1, 1},
			{"It still does.", true, 1, 1},
			{"It does not any more.", false, 0, 1},
			{"It does again, and begins from the start.", true, 1, 2},
		} {
			leads.Store(step.leads)
			time.Sleep(2 * leadInterval)
			synctest.Wait()
			if running.Load() != step.running || begun.Load() != step.started {
				t.Errorf("step %d: %s %d run, and %d were begun", n, step.reason, running.Load(), begun.Load())
			}
		}
		stop()
		<-done
		if running.Load() != 0 {
			t.Error("it goes on after the daemon's end")
		}
	})
}
