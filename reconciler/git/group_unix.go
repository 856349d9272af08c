//go:build unix

package git

import (
	"errors"
	"os"
	"os/exec"
	"syscall"
)

// killsGroup puts a command that is not started yet into a process group of its own, and makes its context kill all of
// that: git starts helpers, which hold its pipes open.
func killsGroup(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error {
		err := syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		if errors.Is(err, syscall.ESRCH) {
			return os.ErrProcessDone
		}
		return err
	}
}
