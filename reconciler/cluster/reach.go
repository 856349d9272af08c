package cluster

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

const (
	// probeTimeout bounds one question whether the API server is there.
	probeTimeout = 10 * time.Second
	// Between these, the wait before it is asked again doubles.
	firstProbe = time.Second
	lastProbe  = 10 * time.Second
)

// answered takes in how a call to the API server ended. One call without an answer says little: a proxy or a webhook
// may be in the way of that one alone. So the API server is asked whether it is there, beside all calls; what that finds is the
// state of the cluster, which does not go to and fro with each call.
func (c *Cluster) answered(conn *Conn, err error) {
	switch {
	case errors.Is(err, context.Canceled):
		// our own doing
	case apierrors.IsUnauthorized(err):
		if !c.renewed(conn, err) {
			conn.doubt()
		}
	case Unreachable(err):
		conn.doubt()
	default:
		select {
		case conn.sign <- struct{}{}:
		default:
		}
	}
}

// renewed gives the connection up if there are other credentials now than those that it was made with. Giving it
// up costs all watches, and with the same credentials the next one would be no better.
func (c *Cluster) renewed(conn *Conn, refused error) bool {
	cfg, err := c.cfg.REST()
	if err != nil || reflect.DeepEqual(cfg, conn.config) {
		return false
	}
	c.mu.Lock()
	current := c.conn == conn
	if current {
		c.drop()
		c.state = State{Message: refused.Error()}
	}
	c.mu.Unlock()
	if current {
		c.changed(Event{})
		c.changed(Event{Dropped: true})
	}
	return true
}

// doubt has the API server asked whether it is there, unless that is being done.
func (conn *Conn) doubt() {
	if conn.doubted.CompareAndSwap(false, true) {
		conn.observer.spawn(conn.probe)
	}
}

// probe asks until the API server says that it is there.
func (conn *Conn) probe(ctx context.Context) {
	for wait := firstProbe; ; wait = min(2*wait, lastProbe) {
		err := conn.ready(ctx)
		if ctx.Err() != nil {
			return
		}
		if err == nil {
			conn.cluster.found(conn, State{Reachable: true})
			conn.doubted.Store(false)
			return
		}
		if apierrors.IsUnauthorized(err) && conn.cluster.renewed(conn, err) {
			return
		}
		conn.cluster.found(conn, State{Message: err.Error()})
		if !conn.pause(ctx, wait) {
			return
		}
	}
}

// pause waits before the API server is asked again: less if another call is answered meanwhile, but never less than
// firstProbe. It is false if ctx has ended.
func (conn *Conn) pause(ctx context.Context, wait time.Duration) bool {
	least, most := time.NewTimer(firstProbe), time.NewTimer(wait)
	defer least.Stop()
	defer most.Stop()
	select {
	case <-least.C:
	case <-ctx.Done():
		return false
	}
	select {
	case <-conn.sign: // perhaps from before
	default:
	}
	select {
	case <-conn.sign:
	case <-most.C:
	case <-ctx.Done():
		return false
	}
	return true
}

// ready asks the API server whether it can serve. Any answer will do, but for that it cannot and that it does not know us:
// not every proxy lets the question through.
func (conn *Conn) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	code := 0
	err := conn.discovery.RESTClient().Get().AbsPath("/readyz").MaxRetries(0).Do(ctx).StatusCode(&code).Error()
	if err == nil || code != 0 && code < http.StatusInternalServerError && code != http.StatusUnauthorized {
		return nil
	}
	return fmt.Errorf("the API server at %s is not ready: %w", conn.config.Host, err)
}

// found takes in whether the API server is there, if it is still the one of the connection.
func (c *Cluster) found(conn *Conn, next State) {
	c.mu.Lock()
	changed := c.conn == conn && c.state != next
	if changed {
		c.state = next
	}
	c.mu.Unlock()
	if changed {
		c.changed(Event{})
	}
}
