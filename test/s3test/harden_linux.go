// SPDX-License-Identifier: Apache-2.0

package s3test

import (
	"os/exec"
	"syscall"
)

// harden has a program end with this process, however that comes about.
func harden(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
}
