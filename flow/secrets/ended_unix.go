// SPDX-License-Identifier: Apache-2.0

//go:build unix

package secrets

import (
	"os"
	"syscall"
)

// passed are the signals that are passed on.
var passed = []os.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGHUP, syscall.SIGUSR1, syscall.SIGUSR2}

// exitCode is how a program ended, as shells say it.
func exitCode(state *os.ProcessState) int {
	if status, ok := state.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return signalled + int(status.Signal())
	}
	return state.ExitCode()
}
