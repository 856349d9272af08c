// SPDX-License-Identifier: Apache-2.0

// Package process runs the components of a devcluster as children of this process, such that none can outlive it.
//
// Every child inherits the read end of a pipe (file descriptor [LifelineFD]) whose write end only the parent holds.
// The kernel closes the write end however the parent ends, kill -9 included, and the child, which calls
// [ExitWithParent] first thing, then ends too. It may import only the standard library.
package process

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// LifelineFD is the file descriptor of the lifeline in a child; files of [Spec.Files] follow from LifelineFD+1 on.
const LifelineFD = 3

// Spec says what to run.
type Spec struct {
	// Name is the component's name in messages.
	Name string
	// Args follow the program's own path on the command line.
	Args []string
	// Dir is the working directory.
	Dir string
	// LogPath receives stdout and stderr; it is appended to.
	LogPath string
	// Files are inherited from descriptor LifelineFD+1 on. They stay the caller's to close.
	Files []*os.File
	// Attr are attributes of the operating system, such as namespaces; may be nil.
	Attr *syscall.SysProcAttr
	// Stdout receives the child's standard output instead of the log; may be nil.
	Stdout io.Writer
}

// Process is a running (or ended) child.
type Process struct {
	spec     Spec
	cmd      *exec.Cmd
	lifeline *os.File
	done     chan struct{}
	err      error
}

// Start re-executes this program as the child that spec describes.
func Start(spec Spec) (*Process, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("finding this program's own path to start %s: %w", spec.Name, err)
	}
	log, err := os.OpenFile(spec.LogPath, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644) //nolint:gosec // a log for people to read
	if err != nil {
		return nil, fmt.Errorf("opening the log of %s: %w", spec.Name, err)
	}
	defer log.Close()
	r, w, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("making the lifeline of %s: %w", spec.Name, err)
	}
	defer r.Close()

	cmd := exec.Command(self, spec.Args...) //nolint:noctx // ended through the lifeline and Kill, not a context
	cmd.Dir = spec.Dir
	cmd.Stdout, cmd.Stderr = log, log
	if spec.Stdout != nil {
		cmd.Stdout = spec.Stdout
	}
	cmd.ExtraFiles = append([]*os.File{r}, spec.Files...)
	cmd.SysProcAttr = &syscall.SysProcAttr{}
	if spec.Attr != nil {
		attr := *spec.Attr
		cmd.SysProcAttr = &attr
	}
	// Ctrl-C reaches the whole foreground process group; the parent decides in which order the children end.
	cmd.SysProcAttr.Setpgid = true
	if err := cmd.Start(); err != nil {
		return nil, errors.Join(fmt.Errorf("starting %s: %w", spec.Name, err), w.Close())
	}
	p := &Process{spec: spec, cmd: cmd, lifeline: w, done: make(chan struct{})}
	go func() {
		p.err = cmd.Wait()
		_ = w.Close()
		close(p.done)
	}()
	return p, nil
}

// Name is the component's name.
func (p *Process) Name() string { return p.spec.Name }

// Done is closed when the process has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// ExitCode is the exit code of an ended process, -1 when a signal ended it. Call it only after Done.
func (p *Process) ExitCode() int { return p.cmd.ProcessState.ExitCode() }

// Failure describes how an ended process ended, with the last lines of its log. Call it only after Done.
func (p *Process) Failure() error {
	how := "exit status 0"
	if p.err != nil {
		how = p.err.Error()
	}
	return fmt.Errorf("%s ended unexpectedly (%s); last lines of %s:\n%s", p.spec.Name, how, p.spec.LogPath, p.LogTail(12))
}

// Run starts a child and waits for its end.
func Run(spec Spec) error {
	p, err := Start(spec)
	if err != nil {
		return err
	}
	<-p.Done()
	if p.err != nil {
		return fmt.Errorf("%s: %w: %s", p.Name(), p.err, strings.TrimSpace(p.LogTail(1)))
	}
	return nil
}

// Stop asks the process to end, and ends it by force when it has not done so after the grace.
func (p *Process) Stop(grace time.Duration) {
	if grace > 0 {
		_ = p.cmd.Process.Signal(syscall.SIGTERM) // it may have ended already
		select {
		case <-p.done:
			return
		case <-time.After(grace):
		}
	}
	_ = p.cmd.Process.Kill() // it may have ended already
	<-p.done
}

// LogTail returns the last n lines of the process's log, indented.
func (p *Process) LogTail(n int) string { return logTail(p.spec.LogPath, n) }

func logTail(path string, n int) string {
	const most = 64 << 10
	f, err := os.Open(path)
	if err != nil {
		return "  (" + err.Error() + ")"
	}
	defer f.Close()
	if size, err := f.Seek(0, io.SeekEnd); err == nil {
		_, _ = f.Seek(max(0, size-most), io.SeekStart) // worst case: the wrong lines are shown
	}
	content, err := io.ReadAll(f)
	if err != nil {
		return "  (" + err.Error() + ")"
	}
	lines := strings.Split(string(bytes.TrimSpace(content)), "\n")
	return "  " + strings.Join(lines[max(0, len(lines)-n):], "\n  ")
}

// ExitWithParent calls onExit as soon as the process that started this one has ended; nil means to exit at once. It must
// be called first in every child.
func ExitWithParent(onExit func()) {
	lifeline := os.NewFile(LifelineFD, "lifeline")
	go func() {
		_, _ = io.Copy(io.Discard, lifeline) // nothing is ever written: it returns when the parent is gone
		if onExit == nil {
			os.Exit(1)
		}
		onExit()
	}()
}
