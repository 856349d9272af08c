// SPDX-License-Identifier: Apache-2.0

package container

import (
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// openTerminal makes a terminal, in the file system as the calling thread sees it. What is written to far can be read from
// near, which is for the process, and the other way round.
func openTerminal() (far, near *os.File, err error) {
	far, err = os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		return nil, nil, err
	}
	if near, err = nearEnd(far); err != nil {
		_ = far.Close() // nothing was written
		return nil, nil, err
	}
	return far, near, nil
}

func nearEnd(far *os.File) (*os.File, error) {
	if err := control(far, func(fd int) error { return unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0) }); err != nil {
		return nil, fmt.Errorf("unlocking it: %w", err)
	}
	number := 0
	if err := control(far, func(fd int) (err error) { number, err = unix.IoctlGetInt(fd, unix.TIOCGPTN); return err }); err != nil {
		return nil, fmt.Errorf("asking for its name: %w", err)
	}
	return os.OpenFile("/dev/pts/"+strconv.Itoa(number), os.O_RDWR|unix.O_NOCTTY, 0)
}

// Resize tells the process how large its terminal is.
func (c *Container) Resize(columns, rows int) {
	if c.terminal == nil {
		return
	}
	size := &unix.Winsize{Col: uint16(columns), Row: uint16(rows)}                                         //nolint:gosec // that is all that a terminal has
	_ = control(c.terminal, func(fd int) error { return unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, size) }) // it may have been closed
}

// control calls do with the file's descriptor, without making the file a blocking one.
func control(f *os.File, do func(fd int) error) error {
	raw, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	if err := raw.Control(func(fd uintptr) { failed = do(int(fd)) }); err != nil {
		return err
	}
	return failed
}
