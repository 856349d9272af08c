// SPDX-License-Identifier: Apache-2.0

//go:build unix

package child

import (
	"errors"
	"os"
	"os/exec"
	"syscall"
)

// Group puts a command that is not started yet into a process group of its own, for [Kill].
func Group(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }

// Terminate asks the process of a command, and everything that it has started and that is still in its group, to end.
func Terminate(cmd *exec.Cmd) error { return signal(cmd, syscall.SIGTERM) }

// Kill kills the process of a command and everything that it has started and that is still in its group.
func Kill(cmd *exec.Cmd) error { return signal(cmd, syscall.SIGKILL) }

func signal(cmd *exec.Cmd, s syscall.Signal) error {
	err := syscall.Kill(-cmd.Process.Pid, s)
	if errors.Is(err, syscall.ESRCH) {
		return os.ErrProcessDone
	}
	return err
}
