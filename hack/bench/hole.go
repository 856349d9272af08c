// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
)

// hole is a server that takes every connection and never says a word.
type hole struct {
	listener net.Listener

	mu    sync.Mutex
	conns []net.Conn
}

func digHole(ctx context.Context) (*hole, error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("making a server that hangs: %w", err)
	}
	h := &hole{listener: listener}
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return // it was closed
			}
			h.mu.Lock()
			h.conns = append(h.conns, conn)
			h.mu.Unlock()
		}
	}()
	return h, nil
}

// url of the server.
func (h *hole) url() string { return "https://" + h.listener.Addr().String() }

// fallen is how many connections were taken.
func (h *hole) fallen() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.conns)
}

func (h *hole) close() error {
	err := h.listener.Close()
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, conn := range h.conns {
		err = errors.Join(err, conn.Close())
	}
	return err
}
