// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/coder/websocket"
)

const (
	// ReachProtocol is the version of how a daemon reaches what runs in the cluster of an agent. One that speaks none, or another one, is not asked.
	ReachProtocol = 1
	// ReachPath is where an agent brings the connection for that.
	ReachPath = "/agents/reach"
	// MaxReached is how many requests to one agent are under way at a time.
	MaxReached = 200

	headerTicket = "Trunkline-Ticket"

	// windowUp and windowDown bound what of one request is on its way to the agent, and to the daemon, before its reader has taken it, in bytes. All requests
	// together may have theirs: one whose reader takes nothing does not hold up others.
	windowUp, windowDown = 64 << 10, 256 << 10
	// maxHeader bounds the header of a request, in bytes.
	maxHeader = 16 << 10
	// quiet is after how long without a word the other side is asked whether it is there, and how long it has for its answer.
	quiet = 10 * time.Second
)

// lineConn is a connection over a WebSocket.
type lineConn struct {
	net.Conn

	socket *websocket.Conn
	ended  chan struct{}
	once   sync.Once
}

// overSocket is a connection that carries bytes as they are, until it is closed or ctx ends.
func overSocket(ctx context.Context, socket *websocket.Conn) *lineConn {
	return &lineConn{Conn: websocket.NetConn(ctx, socket, websocket.MessageBinary), socket: socket, ended: make(chan struct{})}
}

// Close implements [net.Conn]. It waits for nobody.
func (c *lineConn) Close() error {
	c.once.Do(func() {
		close(c.ended)
		_ = c.socket.CloseNow() // the other side may be gone
		_ = c.Conn.Close()      // it waits for an answer only while the socket is open
	})
	return nil
}

// plainHTTP2 is HTTP/2 without TLS of its own: the connection has it already.
func plainHTTP2() *http.Protocols {
	var p http.Protocols
	p.SetUnencryptedHTTP2(true)
	return &p
}

// newLine is the daemon's end of a connection, by which it makes requests to the agent.
func newLine(ctx context.Context, conn net.Conn) (*http.ClientConn, error) {
	t := &http.Transport{
		DialContext: func(context.Context, string, string) (net.Conn, error) { return conn, nil },
		Protocols:   plainHTTP2(), DisableCompression: true,
		HTTP2: &http.HTTP2Config{MaxReceiveBufferPerStream: windowDown, SendPingTimeout: quiet, PingTimeout: quiet},
	}
	return t.NewClientConn(ctx, "http", "agent:80")
}

// serveLine is the agent's end of a connection: it answers requests until the connection or ctx ends, and waits for what is under way.
func serveLine(ctx context.Context, conn net.Conn, h http.Handler, log *slog.Logger) {
	var underWay sync.WaitGroup
	closed := make(chan struct{})
	server := &http.Server{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			underWay.Add(1)
			defer underWay.Done()
			h.ServeHTTP(w, r)
		}),
		Protocols: plainHTTP2(), MaxHeaderBytes: maxHeader, ReadHeaderTimeout: silence,
		HTTP2: &http.HTTP2Config{
			MaxConcurrentStreams: MaxReached, MaxReceiveBufferPerStream: windowUp, MaxReceiveBufferPerConnection: MaxReached * windowUp, SendPingTimeout: quiet, PingTimeout: quiet,
		},
		BaseContext: func(net.Listener) context.Context { return ctx },
		ConnState: func(_ net.Conn, state http.ConnState) {
			if state == http.StateClosed { // no request begins any more
				close(closed)
			}
		},
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	stop := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stop()
	listener := &single{conn: conn, closed: closed}
	_ = server.Serve(listener) // it ends with an error, always
	if !listener.given {
		_ = conn.Close() // ctx had ended before
		return
	}
	<-closed
	underWay.Wait()
}

// single is a listener to which one connection comes.
type single struct {
	conn   net.Conn
	closed chan struct{}
	given  bool
}

// Accept implements [net.Listener].
func (s *single) Accept() (net.Conn, error) {
	if !s.given {
		s.given = true
		return s.conn, nil
	}
	<-s.closed
	return nil, net.ErrClosed
}

// Close implements [net.Listener].
func (s *single) Close() error { return s.conn.Close() }

// Addr implements [net.Listener].
func (s *single) Addr() net.Addr { return s.conn.LocalAddr() }
