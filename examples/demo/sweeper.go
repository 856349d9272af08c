// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
)

// The demo's folder has to go even when the demo is killed with a signal that nobody can catch. So a second
// process of this program, the sweeper, removes it: when the pipe that it reads ends, of which the demo and all
// processes that use the folder hold the other end.

const (
	sweepCommand = "sweep" // the first argument of the sweeper; the second is the folder
	folderPrefix = "trunkline-demo-"
)

// sweeper is the process, seen from the demo.
type sweeper struct {
	dir string
	cmd *exec.Cmd
	// hold is inherited by every process that uses the folder.
	hold *os.File
}

// startSweeper makes the folder, and starts the process that removes it.
func startSweeper() (*sweeper, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("finding the demo's own program: %w", err)
	}
	read, write, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("making a pipe: %w", err)
	}
	dir, err := os.MkdirTemp("", folderPrefix)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("making a folder for the demo: %w", err), read.Close(), write.Close())
	}
	s := &sweeper{dir: dir, hold: write, cmd: exec.Command(self, sweepCommand, dir)} //nolint:noctx // it ends with the pipe
	s.cmd.Stdin = read
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := errors.Join(s.cmd.Start(), read.Close()); err != nil {
		return nil, errors.Join(fmt.Errorf("starting the sweeper: %w", err), write.Close(), os.RemoveAll(dir))
	}
	return s, nil
}

// finish has the folder removed, and waits until it is.
func (s *sweeper) finish() error {
	err := errors.Join(s.hold.Close(), s.cmd.Wait())
	// If the sweeper was ended by someone, it is for us to do.
	if err := errors.Join(err, os.RemoveAll(s.dir)); err != nil {
		return fmt.Errorf("removing %s: %w", s.dir, err)
	}
	return nil
}

// sweep is what the sweeper does.
func sweep(dir string, hold io.Reader) int {
	if !strings.HasPrefix(filepath.Base(dir), folderPrefix) {
		return exitUsage // not one of ours
	}
	signal.Ignore(os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	_, _ = io.Copy(io.Discard, hold)          // nothing is ever written: it returns when the last holder is gone
	if err := os.RemoveAll(dir); err != nil { //nolint:gosec // its name was checked
		return exitFailed
	}
	return 0
}
