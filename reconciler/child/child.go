// SPDX-License-Identifier: Apache-2.0

// Package child ends processes that the daemon has started, with whatever they have started, and never waits for one
// without a bound: a process that hangs in the kernel does not die, and one that it started may hold its pipes open.
//
// It may import the standard library only.
package child

import (
	"os/exec"
	"sync"
	"time"
)

// PipeDelay is how long the pipes of a process may outlive it; set it as a command's WaitDelay.
const PipeDelay = 5 * time.Second

// waitTimeout bounds the wait for a process that was killed, pipes included.
const waitTimeout = 2 * PipeDelay

// Waiter waits for a process. Make one per process with [NewWaiter]; it may be used by any goroutine.
type Waiter struct {
	cmd   *exec.Cmd
	once  sync.Once
	ended chan struct{} // closed when the process is gone
}

// NewWaiter makes the only one to wait for a command.
func NewWaiter(cmd *exec.Cmd) *Waiter { return &Waiter{cmd: cmd, ended: make(chan struct{})} }

// Wait waits until the process is gone, but not for ever, and reports whether it is. How it ended does not matter.
func (w *Waiter) Wait() bool {
	// In a goroutine of its own, as nothing ends the wait for a process but that process.
	w.once.Do(func() {
		go func() {
			defer close(w.ended)
			_ = w.cmd.Wait()
		}()
	})
	timer := time.NewTimer(waitTimeout)
	defer timer.Stop()
	select {
	case <-w.ended:
		return true
	case <-timer.C:
		return false
	}
}
