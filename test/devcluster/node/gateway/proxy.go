// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"sync"
	"time"
)

// dialTimeout bounds how long a backend may take to answer before the next is tried.
const dialTimeout = 5 * time.Second

// proxies are servers in the cluster's network that pass connections on.
type proxies struct {
	network network
	log     *slog.Logger
	by      map[string]*proxy
}

// proxy passes the connections of one address on.
type proxy struct {
	listener net.Listener

	mu       sync.Mutex
	backends []backend
	next     int
}

func newProxies(n network, log *slog.Logger) *proxies {
	return &proxies{network: n, log: log, by: map[string]*proxy{}}
}

// set listens on the wanted addresses and no others. Connections that there are stay.
func (p *proxies) set(ctx context.Context, want map[string][]backend) {
	for address, old := range p.by {
		if len(want[address]) == 0 {
			_ = old.listener.Close() // which ends who accepts
			delete(p.by, address)
		}
	}
	for address, backends := range want {
		if there := p.by[address]; there != nil {
			there.mu.Lock()
			there.backends = backends
			there.mu.Unlock()
			continue
		}
		listener, err := p.network.Listen(ctx, address)
		if err != nil {
			p.log.Error("cannot listen for a Service", "address", address, "error", err)
			continue
		}
		added := &proxy{listener: listener, backends: backends}
		p.by[address] = added
		go added.serve(ctx, p.network)
	}
}

func (p *proxies) close() {
	for _, old := range p.by {
		_ = old.listener.Close() // which ends who accepts
	}
}

func (p *proxy) serve(ctx context.Context, n network) {
	for {
		conn, err := p.listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			continue // that of one connection, such as one that was given up at once
		}
		go p.pass(ctx, n, conn)
	}
}

// pass joins a connection with the next backend that answers.
func (p *proxy) pass(ctx context.Context, n network, conn net.Conn) {
	p.mu.Lock()
	p.next++
	backends, first := p.backends, p.next
	p.mu.Unlock()
	for i := range backends {
		to, err := dialBackend(ctx, n, backends[(first+i)%len(backends)])
		if err == nil {
			stop := context.AfterFunc(ctx, func() { _ = conn.Close(); _ = to.Close() })
			defer stop()
			join(conn, to)
			return
		}
	}
	_ = conn.Close() // nobody answers
}

func dialBackend(ctx context.Context, n network, to backend) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	if to.machine {
		return (&net.Dialer{}).DialContext(ctx, "tcp", to.address)
	}
	return n.Dial(ctx, to.address)
}
