// SPDX-License-Identifier: Apache-2.0

package clustertest

import (
	"net"
	"sync"
)

// cutter is a listener that can cut all connections that it has let in. Those who come again are let in again.
type cutter struct {
	net.Listener

	mu    sync.Mutex
	conns map[*cuttable]bool
}

// cuttable is a connection that its listener knows of until it is closed.
type cuttable struct {
	net.Conn
	from *cutter
}

// Accept implements [net.Listener].
func (c *cutter) Accept() (net.Conn, error) {
	conn, err := c.Listener.Accept()
	if err != nil {
		return nil, err
	}
	one := &cuttable{Conn: conn, from: c}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.conns[one] = true
	return one, nil
}

// Close implements [net.Conn].
func (c *cuttable) Close() error {
	c.from.mu.Lock()
	delete(c.from.conns, c)
	c.from.mu.Unlock()
	return c.Conn.Close()
}

// cut closes all connections, and does not wait for what was being done on them.
func (c *cutter) cut() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for one := range c.conns {
		_ = one.Conn.Close() // it may be closed already
	}
	clear(c.conns)
}
