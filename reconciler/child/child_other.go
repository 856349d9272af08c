// SPDX-License-Identifier: Apache-2.0

//go:build !unix

package child

import "os/exec"

// Group does nothing: there are no process groups here.
func Group(*exec.Cmd) {}

// Terminate kills the process of a command: there is no asking here.
func Terminate(cmd *exec.Cmd) error { return Kill(cmd) }

// PeakMemory is how much memory the process of a command had, which is not known here.
func PeakMemory(*exec.Cmd) int64 { return 0 }

// Kill kills the process of a command.
func Kill(cmd *exec.Cmd) error { return cmd.Process.Kill() }
