// SPDX-License-Identifier: Apache-2.0

package node

import (
	"context"
	"io"
	"time"
)

// LogRequest asks for the log of one container.
type LogRequest struct {
	Namespace, Pod, Container string
	// Follow keeps sending until the container has ended.
	Follow bool
	// Previous asks for the attempt before the current one.
	Previous bool
	// Timestamps puts the time in front of every line.
	Timestamps bool
	// Tail limits the answer to the last lines; negative means all.
	Tail int64
	// Since leaves out older lines; zero means all.
	Since time.Time
	// LimitBytes ends the answer after so many bytes; zero means never.
	LimitBytes int64
}

// LogReader sends a log.
type LogReader interface {
	// Send writes the log to w; flush is called whenever w should pass on what it has.
	Send(ctx context.Context, w io.Writer, flush func()) error
}

// logText is a fixed log.
type logText struct{ r io.ReadCloser }

// Send implements LogReader.
func (t logText) Send(_ context.Context, w io.Writer, _ func()) error {
	defer t.r.Close()
	_, err := io.Copy(w, t.r)
	return err
}
