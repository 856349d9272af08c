// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"

	"github.com/coder/websocket"
)

// Server lets agents come to the daemon: it finds out who they are, and hands each to the desk of its cluster.
type Server struct {
	// Desk returns that of a cluster; nil if no agent keeps it.
	Desk func(cluster string) *Desk
	// Identity returns who the agent of a cluster is; false if there is none.
	Identity func(cluster string) (Identity, bool)
	// Leads reports whether this replica of the daemon has the releases, and Leader names the one that has. Nil: it is alone.
	Leads  func() bool
	Leader func() string
	// Version is the daemon's.
	Version string
	Log     *slog.Logger
}

// ServeHTTP implements [http.Handler].
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != Path && r.URL.Path != ReachPath {
		http.NotFound(w, r)
		return
	}
	name := r.Header.Get(headerCluster)
	log := s.Log.With("cluster", name, "from", r.RemoteAddr, "agent", r.Header.Get(headerVersion))
	w.Header().Set(headerVersion, s.Version)
	if spoken := r.Header.Get(headerProtocol); spoken != strconv.Itoa(Protocol) {
		log.Warn("an agent speaks another protocol", "its", spoken, "ours", Protocol)
		http.Error(w, fmt.Sprintf("this daemon (%s) speaks version %d of the protocol of agents, and the agent %q: use an agent of the daemon's own version",
			s.Version, Protocol, spoken), http.StatusUpgradeRequired)
		return
	}
	identity, ok := s.Identity(name)
	err := errors.New("no agent is configured for that cluster")
	if ok {
		err = identity.Verify(r)
	}
	if err != nil { // who may know why is whoever reads the log: a stranger learns nothing of which clusters there are
		log.Warn("an agent is not let in", "err", err.Error())
		http.Error(w, "who you are does not let you be the agent of that cluster; the log of the daemon says why", http.StatusUnauthorized)
		return
	}
	if s.Leads != nil && !s.Leads() {
		w.Header().Set("Retry-After", "1")
		w.Header().Set("Connection", "close") // the next one may lead to another replica
		http.Error(w, "this replica of the daemon does not lead; the one that does is "+strconv.Quote(s.Leader()), http.StatusServiceUnavailable)
		return
	}
	desk := s.Desk(name)
	if desk == nil {
		http.Error(w, "the daemon does not keep that cluster by an agent", http.StatusNotFound)
		return
	}
	if r.URL.Path == ReachPath {
		s.reach(w, r, desk, log)
		return
	}
	conn, err := websocket.Accept(w, r, &websocket.AcceptOptions{CompressionMode: websocket.CompressionContextTakeover})
	if err != nil {
		log.Warn("an agent cannot be talked to", "err", err.Error())
		return // the answer is written
	}
	conn.SetReadLimit(maxUp)
	log.Info("an agent has come")
	err = s.attend(r.Context(), r.Header.Get(headerVersion), desk, socket{conn})
	log.Info("an agent has gone", "why", closing(err))
}

// reach accepts the connection that an agent was asked for, and holds it until either side ends it.
func (s *Server) reach(w http.ResponseWriter, r *http.Request, desk *Desk, log *slog.Logger) {
	ticket := r.Header.Get(headerTicket)
	session := desk.expects(ticket)
	if session == nil {
		http.Error(w, "the daemon does not wait for this connection", http.StatusConflict)
		return
	}
	socket, err := websocket.Accept(w, r, &websocket.AcceptOptions{CompressionMode: websocket.CompressionDisabled})
	if err != nil {
		log.Warn("an agent cannot bring a connection", "err", err.Error())
		return // the answer is written
	}
	ctx, end := context.WithCancel(r.Context())
	defer end()
	stop := context.AfterFunc(session.ctx, end)
	defer stop()
	conn := overSocket(ctx, socket)
	defer conn.Close()
	line, err := newLine(ctx, conn)
	if err != nil {
		log.Warn("an agent cannot be reached by the connection that it has brought", "err", err.Error())
		return
	}
	defer line.Close()
	if !desk.brought(session, ticket, line) {
		return
	}
	log.Info("what runs in a cluster is reached through its agent")
	select {
	case <-conn.ended:
	case <-ctx.Done():
	}
	log.Info("what runs in a cluster is not reached through its agent any more")
}

// attend talks to an agent until either side ends it.
func (s *Server) attend(ctx context.Context, version string, desk *Desk, p pipe) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var in counter
	f, err := receive(ctx, p, &in)
	if err == nil && (f == nil || f.Hello == nil) {
		err = errors.New("the agent does not say what it has")
	}
	if err != nil {
		p.Close(closing(err))
		return err
	}
	session := &session{desk: desk, ctx: ctx, stop: stop, wake: make(chan struct{}, 1)}
	w, err := desk.begin(session, *f.Hello, version)
	if err != nil {
		p.Close(closing(err))
		return err
	}
	w.Version = s.Version
	defer desk.finish(session)
	return session.run(p, w)
}

// socket is a pipe over a WebSocket.
type socket struct{ conn *websocket.Conn }

// Read implements pipe.
func (s socket) Read(ctx context.Context) ([]byte, error) {
	_, data, err := s.conn.Read(ctx)
	if closed, ok := errors.AsType[websocket.CloseError](err); ok {
		return nil, fmt.Errorf("the other side has ended the connection: %s", closed.Reason)
	}
	return data, err
}

// Write implements pipe.
func (s socket) Write(ctx context.Context, data []byte) error {
	return s.conn.Write(ctx, websocket.MessageText, data)
}

// maxReason is how many bytes a WebSocket has for why it ends.
const maxReason = 120

// Close implements pipe.
func (s socket) Close(why string) {
	_ = s.conn.Close(websocket.StatusGoingAway, why[:min(len(why), maxReason)]) // it may be gone
	_ = s.conn.CloseNow()
}
