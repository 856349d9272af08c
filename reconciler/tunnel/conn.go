// SPDX-License-Identifier: Apache-2.0

package tunnel

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"time"

	"k8s.io/streaming/pkg/httpstream"
)

// maxFailure bounds what is read of why a connection failed, in bytes.
const maxFailure = 4 << 10

// conn is a connection to a port of a pod.
type conn struct {
	whole  httpstream.Connection
	data   httpstream.Stream
	once   sync.Once
	closed func()
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
		return n, nil
	}
	select {
	case <-c.failed: // the node ends both streams, and that of errors last
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

// address is of no network: which one the pod is in is the cluster's matter.
type address struct{}

func (address) Network() string { return "tunnel" }
func (address) String() string  { return "a port of a pod" }

// LocalAddr implements [net.Conn].
func (*conn) LocalAddr() net.Addr { return address{} }

// RemoteAddr implements [net.Conn].
func (*conn) RemoteAddr() net.Addr { return address{} }

// SetDeadline implements [net.Conn]: streams have none. Whoever has waited for long enough closes the connection.
func (*conn) SetDeadline(time.Time) error { return os.ErrNoDeadline }

// SetReadDeadline implements [net.Conn].
func (*conn) SetReadDeadline(time.Time) error { return os.ErrNoDeadline }

// SetWriteDeadline implements [net.Conn].
func (*conn) SetWriteDeadline(time.Time) error { return os.ErrNoDeadline }

var _ net.Conn = (*conn)(nil)
