// SPDX-License-Identifier: Apache-2.0

package container

import (
	"errors"
	"fmt"
	"os"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A mounted /proc shows the process namespace of whoever mounted it. Until a process is started, /proc has to be that of
// its starter: Go writes the user mapping of a child there, by the number that the starter sees. So the process is held
// before its first instruction, another one mounts a /proc from within its namespace, and then it goes on.

// spawnWithProc starts the command with a /proc of its own process namespace. pids opens that namespace.
// The calling thread must be locked, and is not to be used any more.
func spawnWithProc(spec Spec, attr *syscall.SysProcAttr, pids func(pid int) (*os.File, error)) (started, error) {
	attr.Ptrace = true // it stops when it has become the command
	s, err := spawn(spec, attr)
	if err != nil {
		return started{}, err
	}
	if err = mountProc(s.process.Pid, pids); err == nil {
		if err = unix.PtraceDetach(s.process.Pid); err != nil {
			err = fmt.Errorf("letting the process go on: %w", err)
		}
	}
	if err != nil {
		if s.terminal != nil {
			_ = s.terminal.Close() // nothing was written
		}
		return started{}, errors.Join(err, s.process.Kill())
	}
	return s, nil
}

func mountProc(pid int, pids func(pid int) (*os.File, error)) error {
	if err := awaitStop(pid); err != nil {
		return err
	}
	namespace, err := pids(pid)
	if err != nil {
		return fmt.Errorf("opening the process namespace: %w", err)
	}
	defer namespace.Close()
	if err := unix.Setns(int(namespace.Fd()), unix.CLONE_NEWPID); err != nil {
		return fmt.Errorf("entering the process namespace: %w", err)
	}
	child, errno := forkMountProc()
	if errno != 0 {
		return fmt.Errorf("starting what mounts /proc: %w", errno)
	}
	var status unix.WaitStatus
	for {
		_, err := unix.Wait4(child, &status, 0, nil)
		if err == nil {
			break
		}
		if !errors.Is(err, unix.EINTR) {
			return fmt.Errorf("mounting /proc: %w", err)
		}
	}
	if code := status.ExitStatus(); code != 0 {
		return fmt.Errorf("mounting /proc: %w", syscall.Errno(code))
	}
	return nil
}

// awaitStop waits until the process is held.
func awaitStop(pid int) error {
	var status unix.WaitStatus
	for {
		_, err := unix.Wait4(pid, &status, 0, nil)
		switch {
		case errors.Is(err, unix.EINTR):
		case err != nil:
			return fmt.Errorf("holding the process: %w", err)
		case status.Stopped() && status.StopSignal() == unix.SIGTRAP:
			return nil
		case status.Stopped():
			if err := unix.PtraceCont(pid, int(status.StopSignal())); err != nil {
				return fmt.Errorf("holding the process: %w", err)
			}
		default:
			return fmt.Errorf("holding the process: it ended with status %d", status.ExitStatus())
		}
	}
}

// What forkMountProc hands to the kernel.
var (
	procName = [...]byte{'p', 'r', 'o', 'c', 0}
	procPath = [...]byte{'/', 'p', 'r', 'o', 'c', 0}
)

// forkMountProc forks a process that mounts /proc and exits with the error's number. It is a copy of this thread alone, in
// which nothing of Go's runtime may be used: locks may be held by threads that it does not have. So it makes two system
// calls and nothing else.
//
//go:noinline
//go:norace
//go:nosplit
func forkMountProc() (int, syscall.Errno) {
	child, _, errno := syscall.RawSyscall6(unix.SYS_CLONE, uintptr(unix.SIGCHLD), 0, 0, 0, 0, 0)
	if errno != 0 || child != 0 {
		return int(child), errno
	}
	_, _, errno = syscall.RawSyscall6(unix.SYS_MOUNT, uintptr(unsafe.Pointer(&procName)), uintptr(unsafe.Pointer(&procPath)), //nolint:gosec // two constant strings for mount(2)
		uintptr(unsafe.Pointer(&procName)), unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, 0, 0) //nolint:gosec // two constant strings for mount(2)
	for {
		_, _, _ = syscall.RawSyscall(unix.SYS_EXIT_GROUP, uintptr(errno), 0, 0)
	}
}
