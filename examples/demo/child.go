package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

// patience is how long a process may take to stop before it is killed.
const patience = 20 * time.Second

// child is a process that the demo started.
type child struct {
	name string
	log  string // file with all it says
	// ready receives what the process said to be ready with; see [childSpec].
	ready chan string

	wave     int
	cmd      *exec.Cmd
	lifeline io.Closer // its stdin, which ends with us at the latest
	stopping atomic.Bool
	done     chan struct{}
}

// childSpec is what a process is started with.
type childSpec struct {
	name string
	path string
	args []string
	log  string
	// ready finds in a line of the process's output that it is ready, and with what.
	ready func(line string) (value string, ok bool)
	// onStderr tells that it says so on its stderr.
	onStderr bool
	// wave is when the process is stopped: those of the highest wave first, because they use the others.
	wave int
}

// diedError tells that a process ended by itself.
type diedError struct {
	child *child
	state *os.ProcessState
}

func (e *diedError) Error() string {
	return fmt.Sprintf("%s ended by itself: %s", e.child.name, e.state)
}

// startChild starts a process in a process group of its own, so that Ctrl-C reaches the demo alone, which then
// stops its children in order. died is called if the process ends by itself.
func startChild(spec childSpec, hold *os.File, died func(error)) (*child, error) {
	log, err := os.OpenFile(spec.log, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fmt.Errorf("starting %s: %w", spec.name, err)
	}
	c := &child{name: spec.name, log: spec.log, wave: spec.wave, ready: make(chan string, 1), done: make(chan struct{})}
	out := &lineWriter{to: log, line: func(line string) {
		if value, ok := spec.ready(line); ok {
			select {
			case c.ready <- value:
			default: // it was said before
			}
		}
	}}
	c.cmd = exec.Command(spec.path, spec.args...) //nolint:noctx // ours; it is stopped by stop
	// What is read by us ends with us, and with it a process that goes on writing there. What a process needs to
	// say in any case, such as on its way down, goes straight to the file.
	c.cmd.Stdout, c.cmd.Stderr = io.Writer(log), io.Writer(log)
	if spec.onStderr {
		c.cmd.Stderr = out
	} else {
		c.cmd.Stdout = out
	}
	c.cmd.ExtraFiles = []*os.File{hold}
	c.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	c.cmd.WaitDelay = patience
	if c.lifeline, err = c.cmd.StdinPipe(); err != nil {
		return nil, errors.Join(fmt.Errorf("starting %s: %w", spec.name, err), log.Close())
	}
	if err := c.cmd.Start(); err != nil {
		return nil, errors.Join(fmt.Errorf("starting %s: %w", spec.name, err), log.Close())
	}
	go func() {
		_ = c.cmd.Wait() // the state says it
		if !c.stopping.Load() {
			died(&diedError{child: c, state: c.cmd.ProcessState})
		}
		_ = log.Close() // what was lost of a log is not worth a failure
		close(c.done)
	}()
	return c, nil
}

// waitReady gives what the process is ready with.
func (c *child) waitReady(ctx context.Context) (string, error) {
	select {
	case value := <-c.ready:
		return value, nil
	case <-ctx.Done():
		return "", fmt.Errorf("starting %s: %w", c.name, context.Cause(ctx))
	}
}

// stop asks the process to end, and kills it if it does not.
func (c *child) stop() error {
	c.stopping.Store(true)
	if err := c.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("stopping %s: %w", c.name, err)
	}
	_ = c.lifeline.Close() // may be closed by the end of the process
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-c.done:
		return nil
	case <-timer.C:
	}
	err := fmt.Errorf("stopping %s: it did not end within %s and was killed", c.name, patience)
	err = errors.Join(err, c.cmd.Process.Kill())
	<-c.done
	return err
}

// lineWriter passes on what is written, and shows it line by line.
type lineWriter struct {
	to   io.Writer
	line func(string)
	rest string
}

func (w *lineWriter) Write(p []byte) (int, error) {
	lines := strings.Split(w.rest+string(p), "\n")
	w.rest = lines[len(lines)-1]
	for _, line := range lines[:len(lines)-1] {
		w.line(line)
	}
	return w.to.Write(p)
}
