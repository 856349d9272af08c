// SPDX-License-Identifier: Apache-2.0

package tunnel

import (
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"

	"k8s.io/streaming/pkg/httpstream"
)

// maxFailure bounds what is read of why a connection failed, in bytes.
const maxFailure = 4 << 10

// conn is a connection to a port of a pod.
type conn struct {
	Streamed

	whole  httpstream.Connection
	data   httpstream.Stream
	once   sync.Once
	closed func()
	// read reports whether anything has come, so that the node has connected. It is the reader's.
	read bool
	// failed is closed once it is known whether the node could connect to the port, and why is what it said if not.
	failed chan struct{}
	why    string
}

func newConn(whole httpstream.Connection, data, failures httpstream.Stream) *conn {
	c := &conn{whole: whole, data: data, failed: make(chan struct{}), closed: func() {}}
	go func() {
		defer close(c.failed)
		said, err := io.ReadAll(io.LimitReader(failures, maxFailure))
		c.why = strings.TrimSpace(string(said))
		if err != nil && c.why == "" {
			c.why = "the connection to the node broke"
		}
		if c.why != "" {
			_ = data.Reset() // whoever reads waits for what does not come
		}
	}()
	return c
}

// Read implements [net.Conn]. Where the node could not connect to the port, it says why.
func (c *conn) Read(p []byte) (int, error) {
	n, err := c.data.Read(p)
	if err == nil || n > 0 {
		c.read = c.read || n > 0
		return n, nil
	}
	if c.read && errors.Is(err, io.EOF) {
		return 0, io.EOF
	}
	// It may be that the node did not connect. Why not is known once it ends the stream of errors, which it does after we have ended ours.
	_ = c.data.Close()
	select {
	case <-c.failed:
		if c.why != "" {
			return 0, fmt.Errorf("the node says: %s: %w", c.why, io.ErrUnexpectedEOF)
		}
	case <-c.whole.CloseChan():
	}
	if errors.Is(err, io.EOF) {
		return 0, io.EOF
	}
	return 0, fmt.Errorf("reading from a port of a pod: %w", err)
}

// Write implements [net.Conn].
func (c *conn) Write(p []byte) (int, error) {
	n, err := c.data.Write(p)
	if err != nil {
		return n, fmt.Errorf("writing to a port of a pod: %w", err)
	}
	return n, nil
}

// CloseWrite tells the other side that no more comes.
func (c *conn) CloseWrite() error {
	if err := c.data.Close(); err != nil {
		return fmt.Errorf("ending what is written to a port of a pod: %w", err)
	}
	return nil
}

// Close implements [net.Conn].
func (c *conn) Close() (err error) {
	c.once.Do(func() {
		_ = c.data.Reset() // what was not read would hold up the rest
		if err = c.whole.Close(); err != nil {
			err = fmt.Errorf("closing a connection to a pod: %w", err)
		}
		c.closed()
	})
	return err
}

var _ net.Conn = (*conn)(nil)
