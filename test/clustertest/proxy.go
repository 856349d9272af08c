// SPDX-License-Identifier: Apache-2.0

package clustertest

import (
	"errors"
	"io"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"k8s.io/client-go/tools/clientcmd"
)

// Proxy stands between a client and the API server of a cluster, and can be taken down and up again: to the
// client, the server is gone and comes back with all that it held.
type Proxy struct {
	// Kubeconfig is like the cluster's, but leads through the proxy.
	Kubeconfig string

	target  string
	address string

	mu       sync.Mutex
	listener net.Listener
	conns    map[net.Conn]bool
}

// Proxy starts a proxy that ends with the test.
func (c *Cluster) Proxy(tb testing.TB) *Proxy {
	tb.Helper()
	u, err := url.Parse(c.Config.Host)
	if err != nil {
		tb.Fatal(err)
	}
	p := &Proxy{target: u.Host, address: "127.0.0.1:0", conns: map[net.Conn]bool{}}
	p.Up(tb)
	p.Kubeconfig = filepath.Join(tb.TempDir(), "kubeconfig")
	cfg, err := clientcmd.LoadFromFile(c.Kubeconfig)
	if err != nil {
		tb.Fatal(err)
	}
	for _, cluster := range cfg.Clusters {
		cluster.Server = "https://" + p.address
	}
	if err := clientcmd.WriteToFile(*cfg, p.Kubeconfig); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { p.Down(tb) })
	return p
}

// Up lets connections through.
func (p *Proxy) Up(tb testing.TB) {
	tb.Helper()
	listener, err := net.Listen("tcp", p.address)
	if err != nil {
		tb.Fatal(err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.listener, p.address = listener, listener.Addr().String()
	go p.accept(listener)
}

// Down refuses new connections and cuts those that are there.
func (p *Proxy) Down(tb testing.TB) {
	tb.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.listener == nil {
		return
	}
	if err := p.listener.Close(); err != nil && !errors.Is(err, os.ErrClosed) {
		tb.Error(err)
	}
	p.listener = nil
	for conn := range p.conns {
		_ = conn.Close()
	}
	clear(p.conns)
}

func (p *Proxy) accept(listener net.Listener) {
	for {
		client, err := listener.Accept()
		if err != nil {
			return // the listener was closed
		}
		server, err := net.Dial("tcp", p.target)
		if err != nil {
			_ = client.Close()
			continue
		}
		p.mu.Lock()
		if p.listener != listener {
			_, _ = client.Close(), server.Close()
			p.mu.Unlock()
			return
		}
		p.conns[client], p.conns[server] = true, true
		p.mu.Unlock()
		go p.copy(client, server)
		go p.copy(server, client)
	}
}

// copy passes on what one side says, until one of them ends.
func (p *Proxy) copy(to, from net.Conn) {
	_, _ = io.Copy(to, from)
	_, _ = to.Close(), from.Close()
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.conns, to)
	delete(p.conns, from)
}
