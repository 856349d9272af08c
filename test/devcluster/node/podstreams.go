// SPDX-License-Identifier: Apache-2.0

package node

import (
	"context"
	"fmt"
	"io"
	"os"
	"strconv"
	"sync"
	"time"

	"k8s.io/cri-streaming/pkg/streaming/remotecommand"
	utilexec "k8s.io/utils/exec"

	"trunkline.dev/trunkline/test/devcluster/node/container"
)

// Exec implements runningPod. The command ends with the container at the latest.
func (w *podWorker) Exec(ctx context.Context, name string, command []string, s streams) error {
	live, err := w.running(name)
	if err != nil {
		return err
	}
	spec, err := live.run.spec(w.dir, os.DevNull)
	if err != nil {
		return err
	}
	spec.Args = command
	var code int
	if s.tty {
		code, err = execTerminal(ctx, live, spec, s)
	} else {
		code, err = execPipes(ctx, live, spec, s)
	}
	if err != nil {
		return err
	}
	if code != 0 {
		return utilexec.CodeExitError{Err: fmt.Errorf("command terminated with exit code %d", code), Code: code}
	}
	return nil
}

func execTerminal(ctx context.Context, live *liveContainer, spec container.Spec, s streams) (int, error) {
	spec.Terminal = true
	proc, err := live.proc.Exec(spec)
	if err != nil {
		return 0, err
	}
	terminal := proc.Terminal()
	defer terminal.Close()
	go resize(proc, s.resize)
	if s.in != nil {
		go func() { _, _ = io.Copy(terminal, s.in) }() // it ends with the connection
	}
	shown := make(chan struct{})
	go func() {
		defer close(shown)
		if s.out != nil {
			_, _ = io.Copy(s.out, terminal) // until the process has closed it, which is an error
		}
	}()
	code := waitFor(ctx, proc)
	drain(shown)
	return code, nil
}

func execPipes(ctx context.Context, live *liveContainer, spec container.Spec, s streams) (int, error) {
	var ours, theirs []*os.File
	defer func() {
		for _, f := range ours {
			_ = f.Close() // read to its end, or of no use to anyone
		}
	}()
	pipe := func() (read, write *os.File, err error) {
		if read, write, err = os.Pipe(); err != nil {
			return nil, nil, fmt.Errorf("making a pipe: %w", err)
		}
		return read, write, nil
	}
	var copies sync.WaitGroup
	var start []func()
	for _, to := range []struct {
		stream io.WriteCloser
		file   **os.File
	}{{s.out, &spec.Output}, {s.errs, &spec.Errors}} {
		read, write, err := pipe()
		if err != nil {
			return 0, err
		}
		*to.file, ours, theirs = write, append(ours, read), append(theirs, write)
		stream := to.stream
		if stream == nil {
			stream = discard{}
		}
		start = append(start, func() { copies.Go(func() { _, _ = io.Copy(stream, read); _ = read.Close() }) })
	}
	if s.in != nil {
		read, write, err := pipe()
		if err != nil {
			return 0, err
		}
		spec.Stdin, theirs = read, append(theirs, read)
		start = append(start, func() {
			go func() { _, _ = io.Copy(write, s.in); _ = write.Close() }() // it ends with the connection
		})
	}
	proc, err := live.proc.Exec(spec)
	for _, f := range theirs {
		_ = f.Close() // the process has its own
	}
	if err != nil {
		return 0, err
	}
	for _, do := range start {
		do()
	}
	copied := make(chan struct{})
	go func() { copies.Wait(); close(copied) }()
	code := waitFor(ctx, proc)
	drain(copied)
	return code, nil
}

// waitFor returns the exit code of the process, which is ended when ctx is done.
func waitFor(ctx context.Context, proc *container.Container) int {
	stop := context.AfterFunc(ctx, proc.Kill)
	defer stop()
	return proc.Wait()
}

// drain waits for the rest of the output. Something that was left behind may hold it open.
func drain(done <-chan struct{}) {
	select {
	case <-done:
	case <-time.After(drainTime):
	}
}

func resize(proc *container.Container, sizes <-chan remotecommand.TerminalSize) {
	for size := range sizes {
		proc.Resize(int(size.Width), int(size.Height))
	}
}

// discard is where output goes that nobody asked for.
type discard struct{}

// Write implements io.Writer.
func (discard) Write(p []byte) (int, error) { return len(p), nil }

// Close implements io.Closer.
func (discard) Close() error { return nil }

// Attach implements runningPod.
func (w *podWorker) Attach(ctx context.Context, name string, s streams) error {
	live, err := w.running(name)
	if err != nil {
		return err
	}
	sink := live.attached.attach()
	defer live.attached.detach(sink)
	if live.proc.Terminal() != nil {
		go resize(live.proc, s.resize)
	}
	if s.in != nil && live.in != nil {
		go func() {
			_, _ = io.Copy(live.in, s.in) // it ends with the connection, or with the container
			if live.run.c.StdinOnce && live.proc.Terminal() == nil {
				_ = live.in.Close() // the container sees the end of its input
			}
		}()
	}
	out := s.out
	if out == nil {
		out = discard{}
	}
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case piece, more := <-sink:
			if !more {
				return nil
			}
			if _, err := out.Write(piece); err != nil {
				return fmt.Errorf("sending the output: %w", err)
			}
		}
	}
}

// dialTimeout bounds how long a port of a pod may take to answer.
const dialTimeout = 10 * time.Second

// Forward implements runningPod.
func (w *podWorker) Forward(ctx context.Context, port int32, stream io.ReadWriteCloser) error {
	w.mu.Lock()
	begun := w.state.sandbox
	w.mu.Unlock()
	if !begun {
		return fmt.Errorf("pod %s/%s does not run yet", w.pod.Namespace, w.pod.Name)
	}
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	conn, err := w.dialLocal(ctx, strconv.Itoa(int(port)))
	if err != nil {
		return fmt.Errorf("reaching port %d of pod %s/%s: %w", port, w.pod.Namespace, w.pod.Name, err)
	}
	join(conn, stream)
	return nil
}

// join copies both ways, and returns when both have ended.
func join(a, b io.ReadWriteCloser) {
	var both sync.WaitGroup
	both.Go(func() { _, _ = io.Copy(a, b); closeWrite(a) }) // the other end went away, which ends it
	both.Go(func() { _, _ = io.Copy(b, a); closeWrite(b) })
	both.Wait()
	_ = a.Close()
	_ = b.Close()
}

// closeWrite says that no more comes.
func closeWrite(to io.Closer) {
	if half, ok := to.(interface{ CloseWrite() error }); ok {
		_ = half.CloseWrite() // it may be closed already
		return
	}
	_ = to.Close() // for streams of a request that is no more than the end of writing
}
