// SPDX-License-Identifier: Apache-2.0

package stage

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync/atomic"
	"syscall"
	"time"
)

// stopLimit bounds how long a process may take to stop before it is killed.
const stopLimit = 30 * time.Second

// Spec is what a process is started with.
type Spec struct {
	Name string // for messages
	Path string
	Args []string
	// Log is the file that receives all output.
	Log string
	// Ready returns the value that the process is ready with, if the line of its output says that it is.
	Ready func(line string) (value string, ok bool)
	// OnStderr reports that such lines are on its stderr.
	OnStderr bool
	// Line is called for each of these lines; nil if nobody reads them.
	Line func(line string)
	// Files are inherited by the process.
	Files []*os.File
	// Exited is called if the process ends by itself; nil if nobody cares.
	Exited func(*ExitedError)
}

// Process is a running process.
type Process struct {
	// Began is just before the process was started.
	Began time.Time
	Name  string
	Log   string

	cmd      *exec.Cmd
	lifeline io.Closer // its stdin, which ends with us at the latest
	ready    chan string
	stopping atomic.Bool
	done     chan struct{}
}

// ExitedError reports that a process ended by itself.
type ExitedError struct {
	Process *Process
	State   *os.ProcessState
}

// Error names the process and how it ended.
func (e *ExitedError) Error() string {
	return fmt.Sprintf("%s ended by itself: %s", e.Process.Name, e.State)
}

// Start starts a process in a process group of its own, so that Ctrl-C reaches its parent alone, which then stops it.
func Start(spec Spec) (*Process, error) {
	log, err := os.OpenFile(spec.Log, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fmt.Errorf("starting %s: %w", spec.Name, err)
	}
	p := &Process{Name: spec.Name, Log: spec.Log, ready: make(chan string, 1), done: make(chan struct{})}
	p.cmd = exec.Command(spec.Path, spec.Args...) //nolint:noctx // Stop ends it, and lets it finish
	// What is read by us ends with us, and with it a process that goes on writing there. What a process needs to
	// say in any case, such as on its way down, goes straight to the file.
	p.cmd.Stdout, p.cmd.Stderr = io.Writer(log), io.Writer(log)
	if out := (&lineWriter{to: log, line: p.reader(spec)}); spec.OnStderr {
		p.cmd.Stderr = out
	} else {
		p.cmd.Stdout = out
	}
	p.cmd.ExtraFiles = spec.Files
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	p.cmd.WaitDelay = stopLimit
	if p.lifeline, err = p.cmd.StdinPipe(); err != nil {
		return nil, errors.Join(fmt.Errorf("starting %s: %w", spec.Name, err), log.Close())
	}
	p.Began = time.Now()
	if err := p.cmd.Start(); err != nil {
		return nil, errors.Join(fmt.Errorf("starting %s: %w", spec.Name, err), log.Close())
	}
	go func() {
		_ = p.cmd.Wait() // the state says it
		if spec.Exited != nil && !p.stopping.Load() {
			spec.Exited(&ExitedError{p, p.cmd.ProcessState})
		}
		_ = log.Close() // what was lost of a log is not worth a failure
		close(p.done)
	}()
	return p, nil
}

// reader returns what reads the lines of the process.
func (p *Process) reader(spec Spec) func(string) {
	return func(line string) {
		if value, ok := spec.Ready(line); ok {
			select {
			case p.ready <- value:
			default: // it was said before
			}
		}
		if spec.Line != nil {
			spec.Line(line)
		}
	}
}

// Ready waits until the process is ready, and returns with what.
func (p *Process) Ready(ctx context.Context) (string, error) {
	select {
	case value := <-p.ready:
		return value, nil
	case <-p.done:
		return "", fmt.Errorf("%w: %s", &ExitedError{p, p.cmd.ProcessState}, p.LastLine())
	case <-ctx.Done():
		return "", fmt.Errorf("starting %s: %w", p.Name, context.Cause(ctx))
	}
}

// Done is closed when the process has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// Pid returns the number of the process.
func (p *Process) Pid() int { return p.cmd.Process.Pid }

// Expect makes the end of the process one that was asked for, such as just before all of several are stopped.
func (p *Process) Expect() { p.stopping.Store(true) }

// Stop asks the process to end, and kills it if it does not.
func (p *Process) Stop() error {
	p.Expect()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("stopping %s: %w", p.Name, err)
	}
	_ = p.lifeline.Close() // may be closed by the end of the process
	timer := time.NewTimer(stopLimit)
	defer timer.Stop()
	select {
	case <-p.done:
		return nil
	case <-timer.C:
	}
	err := fmt.Errorf("stopping %s: it did not end within %s and was killed: %s", p.Name, stopLimit, p.LastLine())
	err = errors.Join(err, p.cmd.Process.Kill())
	<-p.done
	return err
}

// LastLine returns the last line of the log, for an error.
func (p *Process) LastLine() string {
	data, err := os.ReadFile(p.Log)
	if err != nil {
		return err.Error()
	}
	lines := bytes.Split(bytes.TrimSpace(data), []byte("\n"))
	return string(lines[len(lines)-1])
}
