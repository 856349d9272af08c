// SPDX-License-Identifier: Apache-2.0

//go:build unix

package child

import (
	"errors"
	"os"
	"os/exec"
	"runtime"
	"syscall"
)

// Group puts a command that is not started yet into a process group of its own, for [Kill].
func Group(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }

// Terminate asks the process of a command, and everything that it has started and that is still in its group, to end.
func Terminate(cmd *exec.Cmd) error { return signal(cmd, syscall.SIGTERM) }

// Kill kills the process of a command and everything that it has started and that is still in its group.
func Kill(cmd *exec.Cmd) error { return signal(cmd, syscall.SIGKILL) }

// PeakMemory is how much memory, in bytes, the process of a command had at once at most, that was waited for to its end; 0 if that is not known.
func PeakMemory(cmd *exec.Cmd) int64 {
	if cmd.ProcessState == nil {
		return 0
	}
	usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	if !ok {
		return 0
	}
	peak := int64(usage.Maxrss) //nolint:unconvert // it is an int32 on systems of 32 bits
	if runtime.GOOS != "darwin" {
		peak <<= 10 // it is in KiB
	}
	return peak
}

func signal(cmd *exec.Cmd, s syscall.Signal) error {
	err := syscall.Kill(-cmd.Process.Pid, s)
	if errors.Is(err, syscall.ESRCH) {
		return os.ErrProcessDone
	}
	return err
}
