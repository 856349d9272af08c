// SPDX-License-Identifier: Apache-2.0

// Package container runs one command as a container of a devcluster: with its own view of the file system where the
// system allows (Linux, in a user namespace, rootless or not), as a plain process elsewhere.
//
// It isolates for fidelity, not for safety: a container has the rights of the user who runs the devcluster, the whole
// network of the machine, and no limits. It may import only the standard library and golang.org/x/sys.
package container

import (
	"os"
	"syscall"
)

// Spec describes a container to start.
type Spec struct {
	// Args is the command with its arguments; the first is looked up in Path.
	Args []string
	// Env is the whole environment.
	Env []string
	// Path is where commands are looked up, as in the environment variable of that name.
	Path string
	// Dir is the working directory inside; it is created if it is missing. Empty means /.
	Dir string
	// UID and GID are what the process sees as its own. On the host it is always the user who runs the devcluster.
	UID, GID int
	// Mounts are placed into the container's file system, parents before children whatever their order here.
	Mounts []Mount
	// ReadOnlyRoot makes everything but the mounts read-only.
	ReadOnlyRoot bool
	// Network is the network namespace to run in; nil is that of this process. Plain containers have no other.
	Network *os.File
	// Scratch is a folder of the host, for this container alone, that exists.
	Scratch string
	// Stdin is the standard input; nil means an empty one.
	Stdin *os.File
	// Output receives stdout, and stderr too where Errors is nil.
	Output, Errors *os.File
	// Terminal gives the process a terminal in place of Stdin, Output and Errors; see [Container.Terminal].
	Terminal bool
}

// Mount shows a file or folder of the host inside a container.
type Mount struct {
	// Path is where, Source is what: absolute both.
	Path, Source string
	// ReadOnly refuses writes.
	ReadOnly bool
	// Optional mounts are left out where the system knows no mounts; others are an error there.
	Optional bool
	// Foreign folders are not ours to create mount points in.
	Foreign bool
}

// Container is a started container.
type Container struct {
	process  *os.Process
	terminal *os.File
	join     joiner
	usage    *usage
}

// started is a process that runs, with the other end of its terminal if it has one.
type started struct {
	process  *os.Process
	terminal *os.File
}

// joiner is what is needed to start another process beside the first.
type joiner interface {
	start(spec Spec) (started, error)
	close()
}

// Start starts a container.
func Start(spec Spec, isolated bool) (*Container, error) {
	if isolated {
		return startIsolated(spec)
	}
	return startPlain(spec)
}

// Exec starts another process inside the container: same files, same processes to see. Mounts are not looked at.
func (c *Container) Exec(spec Spec) (*Container, error) {
	s, err := c.join.start(spec)
	if err != nil {
		return nil, err
	}
	c.usage.add(s.process.Pid)
	return &Container{process: s.process, terminal: s.terminal, join: nothing{}, usage: c.usage}, nil
}

// Terminal is the other end of the process's terminal, nil without one. Whoever asked for it closes it.
func (c *Container) Terminal() *os.File { return c.terminal }

// Usage is what the container's processes use, those that were started beside the first included.
func (c *Container) Usage() Usage { return c.usage.now() }

// Terminate asks the container's first process to end.
func (c *Container) Terminate() { _ = c.process.Signal(syscall.SIGTERM) } // it may have ended already

// Kill ends the container by force.
func (c *Container) Kill() {
	_ = syscall.Kill(-c.process.Pid, syscall.SIGKILL) // the group, for systems without namespaces
	_ = c.process.Kill()                              // it may have ended already
}

// Wait returns the exit code once the first process has ended, 128 plus the signal's number when a signal ended it.
// Call it once.
func (c *Container) Wait() int {
	state, err := c.process.Wait()
	c.usage.ended(c.process.Pid, state)
	c.Kill() // what the first process left behind, where there is no namespace to do it
	c.join.close()
	if err != nil {
		return 255
	}
	if status, ok := state.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return 128 + int(status.Signal())
	}
	return state.ExitCode()
}

// nothing cannot be joined: it is the joiner of a process that was itself an exec.
type nothing struct{}

func (nothing) start(Spec) (started, error) { return started{}, os.ErrInvalid }
func (nothing) close()                      {}
