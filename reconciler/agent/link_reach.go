// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"
	"net/http"
	"time"

	"github.com/coder/websocket"
)

// pauseReach is how long the daemon is not dialled again whose replica does not lead.
const pauseReach = 200 * time.Millisecond

// bring brings the daemon the connection that it has asked for, and has what it asks for over it be answered until that or ctx ends. There is one at a time.
func (l *Link) bring(ctx context.Context, ticket string) {
	ctx, end := context.WithCancel(ctx)
	defer end()
	l.mu.Lock()
	before := l.endLine
	l.endLine = end
	l.mu.Unlock()
	if before != nil {
		before()
	}
	socket, err := l.dialLine(ctx, ticket)
	if err != nil {
		if ctx.Err() == nil {
			l.opts.Log.Warn("the daemon is not brought the connection that it asks for", "err", err.Error())
			l.post(frame{Unreached: &unreached{Ticket: ticket, Why: err.Error()}})
		}
		return
	}
	l.opts.Log.Info("the daemon reaches what runs in the cluster")
	serveLine(ctx, overSocket(ctx, socket), l.opts.Reach, l.opts.Log)
	l.opts.Log.Info("the daemon does not reach any more what runs in the cluster")
}

// dialLine dials until the replica answers that has asked, or it does not wait any more.
func (l *Link) dialLine(ctx context.Context, ticket string) (*websocket.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, reachTimeout)
	defer cancel()
	for {
		header := http.Header{}
		header.Set(headerTicket, ticket)
		// What is not compressed says nothing by its length of the secrets in it.
		socket, status, err := l.dial(ctx, ReachPath, header, websocket.CompressionDisabled)
		if status != http.StatusServiceUnavailable {
			return socket, err
		}
		select {
		case <-ctx.Done():
			return nil, err
		case <-time.After(pauseReach):
		}
	}
}
