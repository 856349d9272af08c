// SPDX-License-Identifier: Apache-2.0

package container

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// NamespaceAttr is how to start the process that starts containers: as root of a user namespace that maps only the
// calling user, in mount, process and IPC namespaces of its own. As that process is the first of its process
// namespace, the kernel ends every container when it ends, however it ends.
func NamespaceAttr() (*syscall.SysProcAttr, error) {
	return &syscall.SysProcAttr{
		Cloneflags:  unix.CLONE_NEWUSER | unix.CLONE_NEWNS | unix.CLONE_NEWPID | unix.CLONE_NEWIPC,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Geteuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getegid(), Size: 1}},
	}, nil
}

// ShowOwnProcesses has /proc show the processes of this process namespace, by the numbers that they have here. It is for the
// process that was started with [NamespaceAttr].
func ShowOwnProcesses() error {
	if err := unix.Mount("proc", "/proc", "proc", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, ""); err != nil {
		return fmt.Errorf("mounting /proc: %w", procRefused(err))
	}
	return nil
}

// Check reports whether a container can be isolated from here, by making one's file system in the given empty folder.
// Some systems allow user namespaces but no mounts in them.
func Check(scratch string) error {
	return onOwnThread(func() error {
		_, err := enterRoot(Spec{Scratch: scratch})
		return err
	})
}

// startIsolated makes the container's file system on a thread of its own and starts the process from there. The
// program is not re-executed for it: that would cost a tenth of a second for every container.
func startIsolated(spec Spec) (*Container, error) {
	c := &Container{}
	err := onOwnThread(func() error {
		mounts, err := enterRoot(spec)
		if err != nil {
			return err
		}
		if err := enterNetwork(spec); err != nil {
			_ = mounts.Close() // only held
			return err
		}
		attr := isolatedAttr(spec)
		attr.Cloneflags |= unix.CLONE_NEWPID | unix.CLONE_NEWIPC
		join := &namespaces{mounts: mounts}
		s, err := spawnWithProc(spec, attr, func(pid int) (*os.File, error) {
			var err error
			if join.pids, err = os.Open(fmt.Sprintf("/proc/%d/ns/pid", pid)); err != nil {
				return nil, err
			}
			return os.Open(join.pids.Name())
		})
		if err != nil {
			join.close()
			return err
		}
		c.process, c.terminal, c.join, c.usage = s.process, s.terminal, join, newUsage(s.process.Pid)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return c, nil
}

// plainAttr makes a process group, so that all of it can be ended, and a process that dies with its starter.
func plainAttr() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// isolatedAttr maps the one user there is to the one the container asked for.
func isolatedAttr(spec Spec) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{
		Setpgid:     true,
		Cloneflags:  unix.CLONE_NEWUSER,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: spec.UID, HostID: 0, Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: spec.GID, HostID: 0, Size: 1}},
	}
}

func enterNetwork(spec Spec) error {
	if spec.Network == nil {
		return nil
	}
	if err := unix.Setns(int(spec.Network.Fd()), unix.CLONE_NEWNET); err != nil {
		return fmt.Errorf("entering the pod's network: %w", err)
	}
	return nil
}

// namespaces are those of a running container.
type namespaces struct{ mounts, pids *os.File }

func (n *namespaces) start(spec Spec) (s started, err error) {
	if n.pids == nil {
		return started{}, errors.New("the container has ended")
	}
	err = onOwnThread(func() error {
		// A thread that shares its root with others may not change it.
		if err := unix.Unshare(unix.CLONE_FS); err != nil {
			return fmt.Errorf("leaving the shared root: %w", err)
		}
		if err := unix.Setns(int(n.mounts.Fd()), unix.CLONE_NEWNS); err != nil {
			return fmt.Errorf("entering the container's mounts: %w", err)
		}
		if err := unix.Setns(int(n.pids.Fd()), unix.CLONE_NEWPID); err != nil {
			return fmt.Errorf("entering the container's processes: %w", err)
		}
		if err := enterNetwork(spec); err != nil {
			return err
		}
		// In a copy of the mounts, where /proc is that of the starter again.
		if err := unix.Unshare(unix.CLONE_NEWNS); err != nil {
			return fmt.Errorf("copying the container's mounts: %w", err)
		}
		if err := unix.Unmount("/proc", unix.MNT_DETACH); err != nil {
			return fmt.Errorf("uncovering /proc: %w", err)
		}
		s, err = spawnWithProc(spec, isolatedAttr(spec), func(int) (*os.File, error) {
			fd, err := unix.FcntlInt(n.pids.Fd(), unix.F_DUPFD_CLOEXEC, 0)
			return os.NewFile(uintptr(fd), n.pids.Name()), err
		})
		return err
	})
	return s, err
}

func (n *namespaces) close() {
	_ = n.mounts.Close() // only held
	if n.pids != nil {
		_ = n.pids.Close() // only held
	}
}

// onOwnThread runs do on a thread that nothing else uses, before or after: the thread is not unlocked, so it ends with
// the goroutine.
func onOwnThread(do func() error) error {
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		done <- do()
	}()
	return <-done
}
