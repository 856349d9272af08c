// SPDX-License-Identifier: Apache-2.0

package reach

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"

	"trunkline.dev/trunkline/reconciler/tunnel"
)

// conn is a connection to a port of a pod, at the daemon: a request with its answer. What a pod has ended has ended for us, too.
type conn struct {
	tunnel.Streamed

	cluster *Cluster
	send    *io.PipeWriter
	got     *http.Response
	cancel  context.CancelCauseFunc
	done    func()
	once    sync.Once
}

// errClosed is why a connection ends that is closed here.
var errClosed = errors.New("the connection is closed")

// Read implements [net.Conn]. Where the connection did not end in order, it says why.
func (c *conn) Read(p []byte) (int, error) {
	n, err := c.got.Body.Read(p)
	switch {
	case err == nil || n > 0:
		return n, nil
	case errors.Is(err, io.EOF):
		if why := c.got.Trailer.Get(whyTrailer); why != "" {
			return 0, c.cluster.failed(fmt.Errorf("it says: %s: %w", why, io.ErrUnexpectedEOF))
		}
		return 0, io.EOF
	}
	return 0, c.cluster.failed(fmt.Errorf("reading from what runs there: %w", err))
}

// Write implements [net.Conn].
func (c *conn) Write(p []byte) (int, error) {
	n, err := c.send.Write(p)
	if err != nil {
		return n, c.cluster.failed(fmt.Errorf("writing to what runs there: %w", err))
	}
	return n, nil
}

// CloseWrite tells the other side that no more comes.
func (c *conn) CloseWrite() error { return c.send.Close() }

// Close implements [net.Conn].
func (c *conn) Close() error {
	c.once.Do(func() {
		c.cancel(errClosed)
		_ = c.send.CloseWithError(errClosed)
		_ = c.got.Body.Close() // it ends the request
		c.done()
	})
	return nil
}

var _ net.Conn = (*conn)(nil)
