package cluster

import (
	"context"
	"errors"
	"fmt"
	"net/http"
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

// answered records how a call to the API server ended. One call without an answer says little: a proxy or a webhook
// may be in the way of that one alone. So the API server itself is probed, beside all calls; the outcome is the state of the
// cluster, which does not flap with each call.
func (c *Cluster) answered(conn *Conn, err error) {
	switch {
	case errors.Is(err, context.Canceled):
		// our own doing
	case apierrors.IsUnauthorized(err), Unreachable(err):
		conn.doubt()
	default:
		select {
		case conn.sign <- struct{}{}:
		default:
		}
	}
}

// doubt starts probing the API server, unless that is being done.
func (conn *Conn) doubt() {
	if conn.doubted.CompareAndSwap(false, true) {
		conn.observer.spawn(conn.probe)
	}
}

// probe asks until the API server says that it is there. After each question without a good answer the configuration is
// read again: the cluster may have come back elsewhere, or with other credentials.
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
		same := sameServer
		if apierrors.IsUnauthorized(err) {
			same = sameCredentials
		}
		replaced, replaceErr := conn.cluster.renew(ctx, conn, same)
		if replaced || ctx.Err() != nil {
			return
		}
		if replaceErr != nil {
			err = fmt.Errorf("%w; its configuration was changed and does not work either: %w", err, replaceErr)
		}
		conn.cluster.found(conn, State{Message: err.Error()})
		if !conn.pause(ctx, wait) {
			return
		}
	}
}

// pause waits before the API server is asked again: less if another call is answered meanwhile, but never less than
// firstProbe. It returns false if ctx has ended.
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

// ready asks the API server whether it can serve. Any answer counts as yes, except that it cannot and that it does not know
// us: not every proxy passes the question on.
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

// found records whether the API server is there, unless the connection was replaced meanwhile.
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
