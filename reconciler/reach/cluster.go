// SPDX-License-Identifier: Apache-2.0

package reach

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"sync/atomic"
	"time"

	"trunkline.dev/trunkline/reconciler/tunnel"
)

const (
	// dialTimeout bounds how long it takes to open a connection, and askTimeout to answer, with what the agent needs for its own part of that.
	dialTimeout, askTimeout = 30 * time.Second, 45 * time.Second
	// maxAnswer bounds what is read of an answer, in bytes.
	maxAnswer = 32 << 20
)

// Way leads to the agent of a cluster.
type Way interface {
	// Reachable returns why nothing is reached through it now; nil if that is not known to be so.
	Reachable() error
	// Reach returns what makes requests to its gate.
	Reach(ctx context.Context) (http.RoundTripper, error)
}

// Cluster is a cluster that an agent keeps, as the daemon reaches it. Its methods may be called by any goroutine.
type Cluster struct {
	name string
	way  Way
	most int64
	open atomic.Int64
}

// New makes a cluster without connecting to it. At most so many requests are under way at a time.
func New(name string, way Way, most int) *Cluster {
	return &Cluster{name: name, way: way, most: int64(most)}
}

// Reachable returns why nothing is reached in the cluster now; nil if that is not known to be so.
func (c *Cluster) Reachable() error {
	if err := c.way.Reachable(); err != nil {
		return c.failed(err)
	}
	return nil
}

func (c *Cluster) failed(err error) error {
	return fmt.Errorf("the cluster %q is kept by an agent: %w", c.name, err)
}

// request makes one. The caller closes the body of the answer, and calls done after that.
func (c *Cluster) request(ctx context.Context, path string, query url.Values, body io.Reader) (resp *http.Response, done func(), err error) {
	if c.open.Add(1) > c.most {
		c.open.Add(-1)
		return nil, nil, tunnel.ErrTooMany
	}
	defer func() {
		if err != nil {
			c.open.Add(-1)
		}
	}()
	way, err := c.way.Reach(ctx)
	if err != nil {
		return nil, nil, err
	}
	at := url.URL{Scheme: "http", Host: "agent", Path: path, RawQuery: query.Encode()}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, at.String(), body)
	if err != nil {
		return nil, nil, fmt.Errorf("asking it: %w", err)
	}
	if resp, err = way.RoundTrip(req); err != nil {
		return nil, nil, fmt.Errorf("the connection to it has ended: %w", err)
	}
	if resp.StatusCode == http.StatusOK {
		return resp, func() { c.open.Add(-1) }, nil
	}
	said, err := io.ReadAll(io.LimitReader(resp.Body, maxWhy))
	_ = resp.Body.Close()
	if err != nil {
		return nil, nil, fmt.Errorf("reading its answer: %w", err)
	}
	return nil, nil, failureOf(resp.StatusCode, string(said))
}

// Token returns the token by which an Airflow takes someone for who they are. The agent makes it: the key does not leave the cluster.
func (c *Cluster) Token(ctx context.Context, e Entrance) (string, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, dialTimeout, errSlow)
	defer cancel()
	resp, done, err := c.request(ctx, tokenPath, e.query(), http.NoBody)
	if err != nil {
		return "", c.failed(err)
	}
	defer done()
	defer resp.Body.Close()
	token, err := io.ReadAll(io.LimitReader(resp.Body, maxToken))
	if err != nil {
		return "", c.failed(fmt.Errorf("reading its answer: %w", err))
	}
	return string(token), nil
}

// errSlow says that an agent does not answer.
var errSlow = errors.New("it has not answered in time")

// Dial opens a connection. It is open until it is closed, or ctx ended before it was there; also until the pod or the agent ends it.
func (c *Cluster) Dial(ctx context.Context, to To) (net.Conn, error) {
	made, err := c.Connect(ctx, dialPath, to.query())
	if err != nil {
		return nil, fmt.Errorf("connecting to port %s of the Service %s of %s: %w", to.Port, to.Service, to.Release, err)
	}
	return made, nil
}

// Connect opens a connection by a request whose body and answer it is, which [Pass] passes on.
func (c *Cluster) Connect(ctx context.Context, path string, query url.Values) (net.Conn, error) {
	living, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() { cancel(context.Cause(ctx)) })
	late := time.AfterFunc(dialTimeout, func() { cancel(errSlow) })
	sent, send := io.Pipe()
	resp, done, err := c.request(living, path, query, sent)
	if inTime := late.Stop(); err == nil && stop() && inTime {
		return &conn{cluster: c, send: send, got: resp, cancel: cancel, done: done}, nil
	}
	if err == nil { // it came too late
		_ = resp.Body.Close()
		done()
	}
	if cause := context.Cause(living); cause != nil {
		err = cause
	}
	cancel(nil)
	_ = send.CloseWithError(err)
	return nil, c.failed(err)
}

// Ask asks for something as JSON, and decodes the answer.
func (c *Cluster) Ask(ctx context.Context, path string, what, into any) error {
	ctx, cancel := context.WithTimeoutCause(ctx, askTimeout, errSlow)
	defer cancel()
	data, err := json.Marshal(what)
	if err != nil {
		return c.failed(fmt.Errorf("asking it: %w", err))
	}
	resp, done, err := c.request(ctx, path, nil, bytes.NewReader(data))
	if err != nil {
		return c.failed(err)
	}
	defer done()
	defer resp.Body.Close()
	if err := json.NewDecoder(io.LimitReader(resp.Body, maxAnswer)).Decode(into); err != nil {
		return c.failed(fmt.Errorf("reading its answer: %w", err))
	}
	return nil
}
