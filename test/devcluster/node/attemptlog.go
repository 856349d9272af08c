// SPDX-License-Identifier: Apache-2.0

package node

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"
)

// maxLog bounds the log of one attempt of a container on disk.
const maxLog = 10 << 20

// maxLine is where a line without an end is cut.
const maxLine = 64 << 10

// stampWidth is the width of the time in front of every stored line: fixed, so that it can be cut off unparsed.
const (
	stampFormat = "2006-01-02T15:04:05.000000000Z"
	stampWidth  = len(stampFormat)
)

// attemptLog is the log of one attempt of a container: lines in a file, each with its time.
type attemptLog struct {
	path string

	mu      sync.Mutex
	file    *os.File
	size    int64
	full    bool
	ended   bool
	changed chan struct{} // closed and replaced at every change
}

func newAttemptLog(path string) (*attemptLog, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("making a container's log: %w", err)
	}
	return &attemptLog{path: path, file: file, changed: make(chan struct{})}, nil
}

// consume stores everything that it reads from r, and then ends the log.
func (l *attemptLog) consume(r io.Reader) {
	defer l.end()
	lines := bufio.NewReaderSize(r, maxLine)
	for {
		line, err := lines.ReadSlice('\n')
		if len(line) > 0 {
			if errors.Is(err, bufio.ErrBufferFull) {
				line = append(bytes.Clone(line), '\n') // every stored line needs its time
			}
			l.append(line, time.Now())
		}
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			return // the end, or as good as
		}
	}
}

// append stores one line. After maxLog bytes it says so once and drops the rest: whoever writes must never be blocked.
func (l *attemptLog) append(line []byte, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.full {
		return
	}
	if l.size+int64(len(line)) > maxLog {
		l.full = true
		line = fmt.Appendf(nil, "[devcluster: the log is cut off here, after %d MiB]\n", maxLog>>20)
	}
	stamped := append([]byte(now.UTC().Format(stampFormat)+" "), line...)
	n, err := l.file.Write(stamped)
	l.size += int64(n)
	l.full = l.full || err != nil // a full disk: nothing sensible can be added
	close(l.changed)
	l.changed = make(chan struct{})
}

func (l *attemptLog) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.ended {
		l.ended = true
		_ = l.file.Close() // every write was checked
		close(l.changed)
	}
}

// state returns whether the log has ended, and a channel that is closed when there is more.
func (l *attemptLog) state() (ended bool, changed <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.ended, l.changed
}

// tail returns the last n lines, at most limit bytes, without their times.
func (l *attemptLog) tail(n, limit int) string {
	content, err := os.ReadFile(l.path)
	if err != nil {
		return ""
	}
	var out []byte
	for _, line := range lastLines(content, int64(n)) {
		out = append(out, line[min(len(line), stampWidth+1):]...)
	}
	return string(out[max(0, len(out)-limit):])
}

// reader returns a LogReader for a request.
func (l *attemptLog) reader(request LogRequest) LogReader { return logSender{l, request} }

type logSender struct {
	log     *attemptLog
	request LogRequest
}

// Send implements LogReader.
func (s logSender) Send(ctx context.Context, w io.Writer, flush func()) error {
	file, err := os.Open(s.log.path)
	if err != nil {
		return fmt.Errorf("opening a container's log: %w", err)
	}
	defer file.Close()
	var rest []byte
	for first := true; ; first = false {
		ended, changed := s.log.state() // before reading, so that nothing is missed
		more, err := io.ReadAll(file)
		if err != nil {
			return fmt.Errorf("reading a container's log: %w", err)
		}
		rest = append(rest, more...)
		whole := bytes.LastIndexByte(rest, '\n') + 1
		if ended {
			whole = len(rest)
		}
		lines := lastLines(rest[:whole], -1)
		if first {
			lines = lastLines(rest[:whole], s.request.Tail)
		}
		if err := s.sendLines(w, lines); err != nil {
			return err
		}
		rest = rest[whole:]
		flush()
		if ended || !s.request.Follow {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-changed:
		}
	}
}

func (s logSender) sendLines(w io.Writer, lines [][]byte) error {
	since := ""
	if !s.request.Since.IsZero() {
		since = s.request.Since.UTC().Format(stampFormat)
	}
	for _, line := range lines {
		if len(line) <= stampWidth || string(line[:stampWidth]) < since {
			continue
		}
		if !s.request.Timestamps {
			line = line[stampWidth+1:]
		}
		if _, err := w.Write(line); err != nil {
			return fmt.Errorf("sending a container's log: %w", err)
		}
	}
	return nil
}

// lastLines returns the last n lines with their ends; all for a negative n.
func lastLines(content []byte, n int64) [][]byte {
	lines := bytes.SplitAfter(content, []byte("\n"))
	if len(lines) > 0 && len(lines[len(lines)-1]) == 0 {
		lines = lines[:len(lines)-1]
	}
	if n >= 0 && int64(len(lines)) > n {
		lines = lines[int64(len(lines))-n:]
	}
	return lines
}
