// SPDX-License-Identifier: Apache-2.0

package pgtest

import (
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"strconv"
	"syscall"
)

// capDACOverride lets a process open files whatever their permissions say (CAP_DAC_OVERRIDE of capabilities(7)).
const capDACOverride = 1

// harden has a program end with this process, and run as "nobody" where this process is root's: PostgreSQL refuses to be
// root. The folders that lead to its files may be root's alone, so that it keeps the one right to pass through them.
func harden(cmd *exec.Cmd) error {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGQUIT, Setpgid: true}
	if os.Geteuid() != 0 {
		return nil
	}
	uid, gid, err := unprivilegedUser()
	if err != nil {
		return err
	}
	cmd.SysProcAttr.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	cmd.SysProcAttr.AmbientCaps = []uintptr{capDACOverride}
	cmd.Dir = "/"
	return nil
}

// own returns files to the user that [harden] has the server run as.
func own(files ...string) error {
	if os.Geteuid() != 0 {
		return nil
	}
	uid, gid, err := unprivilegedUser()
	if err != nil {
		return err
	}
	for _, f := range files {
		if err := os.Chown(f, uid, gid); err != nil {
			return fmt.Errorf("giving the files of PostgreSQL to nobody: %w", err)
		}
	}
	return nil
}

func unprivilegedUser() (uid, gid int, err error) {
	u, err := user.Lookup("nobody")
	if err != nil {
		return 0, 0, fmt.Errorf("PostgreSQL refuses to run as root, and there is nobody else: %w", err)
	}
	if uid, err = strconv.Atoi(u.Uid); err != nil {
		return 0, 0, fmt.Errorf("reading the id of nobody: %w", err)
	}
	if gid, err = strconv.Atoi(u.Gid); err != nil {
		return 0, 0, fmt.Errorf("reading the group of nobody: %w", err)
	}
	return uid, gid, nil
}
