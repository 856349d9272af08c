// SPDX-License-Identifier: Apache-2.0

package builders

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"sync"
	"time"

	"trunkline.dev/trunkline/reconciler/builders/frame"
	"trunkline.dev/trunkline/reconciler/child"
)

// process is one that builds or evaluates. It is used by one goroutine at a time, but for kill and end.
type process struct {
	cmd    *exec.Cmd
	stdin  io.WriteCloser
	stdout *bufio.Reader
	last   *words
	expiry *time.Timer
	waiter *child.Waiter
	closes func() // closes the pipes
}

// start starts a process. It gets an environment of its own: what it renders has no business with the daemon's.
func start(command []string) (*process, error) {
	w := &process{cmd: exec.Command(command[0], command[1:]...), last: &words{found: map[string]bool{}}} //nolint:noctx // it outlives a build; kill ends it
	w.cmd.Env = []string{"GOMAXPROCS=2", "GOTRACEBACK=none"}
	w.cmd.Stderr = w.last
	stdin, err := w.cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("starting it: %w", err)
	}
	stdout, err := w.cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("starting it: %w", err)
	}
	w.stdin, w.stdout = stdin, bufio.NewReaderSize(stdout, 64<<10)
	w.closes = func() {
		_ = stdin.Close()
		_ = stdout.Close()
	}
	w.cmd.WaitDelay = child.PipeDelay
	w.waiter = child.NewWaiter(w.cmd)
	child.Group(w.cmd)
	if err := w.cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting it: %w", err)
	}
	return w, nil
}

// do answers one request. An [*Error] means that the process is of no more use; any other is what the engine reports.
func (w *process) do(ctx context.Context, engine string, request [][]byte, stat frame.Asker, take func([][]byte) error, memory int64) error {
	stop := context.AfterFunc(ctx, w.kill)
	defer stop()
	err := w.exchange(request, stat, take)
	if err == nil {
		return nil
	}
	if _, said := err.(engineError); said { //nolint:errorlint // never wrapped
		return err
	}
	var peak int64
	if w.end() { // so that all is said that it says
		peak = child.PeakMemory(w.cmd)
	}
	return &Error{engine, w.last.reason(memory, peak, err)}
}

// engineError is what Kustomize, or the evaluator of a language, reports.
type engineError string

func (e engineError) Error() string { return string(e) }

func (w *process) exchange(request [][]byte, stat frame.Asker, take func([][]byte) error) error {
	if err := frame.Write(w.stdin, request...); err != nil {
		return err
	}
	for {
		fields, err := frame.Read(w.stdout)
		if err != nil {
			return err
		}
		switch what := string(fields[0]); {
		case what == frame.Ask && len(fields) == 2:
			kind, data := stat(string(fields[1]))
			if err := frame.Write(w.stdin, []byte(frame.Entry), []byte{kind}, data); err != nil {
				return err
			}
		case what == frame.Done:
			return take(fields[1:])
		case what == frame.Failed && len(fields) == 2:
			return engineError(fields[1])
		default:
			return frame.ErrFrame
		}
	}
}

// kill ends the process, and everything that reads from it or writes to it.
func (w *process) kill() {
	_ = child.Kill(w.cmd)
	w.closes()
}

// end ends the process, waits until it is gone, and reports whether it is: nothing depends on it any more, so that it is left if that takes too
// long.
func (w *process) end() (gone bool) {
	_ = child.Kill(w.cmd)
	gone = w.waiter.Wait() // which also waits for what it says
	w.closes()
	return gone
}

// words looks for why a process ends in what it writes to stderr, which is never kept or shown: it can hold what is
// rendered.
type words struct {
	mu    sync.Mutex
	tail  []byte
	found map[string]bool
}

// The words with which Go's runtime reports why it gives up.
var (
	wordsMemory = []string{"out of memory", "cannot allocate memory"}
	wordsStack  = []string{"stack exceeds", "stack overflow"}
)

func (w *words) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	text := append(w.tail, p...) //nolint:gocritic // the tail is made again below
	for _, word := range slices.Concat(wordsMemory, wordsStack) {
		if bytes.Contains(text, []byte(word)) {
			w.found[word] = true
		}
	}
	// A word can come in two pieces.
	w.tail = bytes.Clone(text[max(0, len(text)-64):])
	return len(p), nil
}

// reason says why a process ended, as far as that is known. Peak is the memory that it had at most, in bytes; 0 if that is not known.
func (w *words) reason(memory, peak int64, err error) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	found := func(word string) bool { return w.found[word] }
	switch {
	case slices.ContainsFunc(wordsMemory, found):
		return fmt.Sprintf("it took more than %d MiB of memory", memory>>20)
	case slices.ContainsFunc(wordsStack, found):
		return "something nests too deep"
	case peak >= memory/2:
		// Where Go's garbage collector gets no memory for what it needs itself, it ends by a fault that says nothing of memory.
		return fmt.Sprintf("it took more than %d MiB of memory", memory>>20)
	}
	return "it ended by itself (" + err.Error() + ")"
}
