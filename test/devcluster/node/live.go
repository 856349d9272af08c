// SPDX-License-Identifier: Apache-2.0

package node

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"trunkline.dev/trunkline/test/devcluster/node/container"
)

// liveContainer is an attempt of a container while it runs.
type liveContainer struct {
	run  *containerRun
	proc *container.Container
	// in is the standard input, nil where the container asked for none.
	in *os.File
	// attached receive what the container writes.
	attached fanOut
	since    time.Time
	measured measurement
}

// close lets go of those who are attached, and of the input.
func (l *liveContainer) close() {
	l.attached.close()
	if l.in != nil {
		_ = l.in.Close() // nobody reads it any more
	}
}

// setLive remembers the attempt of a container that runs; nil is none.
func (w *podWorker) setLive(name string, live *liveContainer) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if live == nil {
		delete(w.live, name)
	} else {
		w.live[name] = live
	}
}

// running returns the attempt of a container that runs.
func (w *podWorker) running(name string) (*liveContainer, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if live := w.live[name]; live != nil {
		return live, nil
	}
	if findContainer(w.pod, name) == nil {
		return nil, fmt.Errorf("pod %s/%s has no container %q", w.pod.Namespace, w.pod.Name, name)
	}
	return nil, fmt.Errorf("container %q of pod %s/%s does not run", name, w.pod.Namespace, w.pod.Name)
}

// stdio is what a process reads and writes by itself: pipes, or a terminal.
type stdio struct {
	// in is for us to write, nil where the process gets no input; out is for us to read.
	in, out *os.File
	theirs  []*os.File
}

// newStdio gives the process to start pipes or a terminal. Output and errors go the same way.
func newStdio(spec *container.Spec, input, terminal bool) (*stdio, error) {
	s := &stdio{}
	if terminal {
		spec.Terminal = true
		return s, nil
	}
	read, write, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("making a pipe for the output: %w", err)
	}
	s.out, spec.Output, s.theirs = read, write, append(s.theirs, write)
	if !input {
		return s, nil
	}
	if spec.Stdin, s.in, err = os.Pipe(); err != nil {
		return nil, errors.Join(fmt.Errorf("making a pipe for the input: %w", err), read.Close(), write.Close())
	}
	s.theirs = append(s.theirs, spec.Stdin)
	return s, nil
}

// started closes what only the process needs. failed is why it did not start, and is returned.
func (s *stdio) started(proc *container.Container, failed error) error {
	for _, f := range s.theirs {
		_ = f.Close() // the process has its own
	}
	if failed == nil && proc.Terminal() != nil {
		s.in, s.out = proc.Terminal(), proc.Terminal()
	}
	if failed != nil {
		for _, f := range []*os.File{s.in, s.out} {
			if f != nil {
				_ = f.Close() // nothing was written
			}
		}
	}
	return failed
}

// sinkRoom is how many pieces of output may wait for who is attached.
const sinkRoom = 256

// fanOut passes what is written to it on to whoever is attached. Who does not keep up is cut off: a container must never wait
// for those who look at it.
type fanOut struct {
	mu     sync.Mutex
	sinks  map[chan []byte]bool
	closed bool
}

// Write implements io.Writer.
func (f *fanOut) Write(p []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for sink := range f.sinks {
		select {
		case sink <- bytes.Clone(p):
		default:
			close(sink)
			delete(f.sinks, sink)
		}
	}
	return len(p), nil
}

// attach returns a channel of what is written from now on; it is closed at the end.
func (f *fanOut) attach() chan []byte {
	f.mu.Lock()
	defer f.mu.Unlock()
	sink := make(chan []byte, sinkRoom)
	if f.closed {
		close(sink)
		return sink
	}
	if f.sinks == nil {
		f.sinks = map[chan []byte]bool{}
	}
	f.sinks[sink] = true
	return sink
}

func (f *fanOut) detach(sink chan []byte) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.sinks, sink)
}

func (f *fanOut) close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed = true
	for sink := range f.sinks {
		close(sink)
	}
	f.sinks = nil
}

var _ io.Writer = (*fanOut)(nil)
