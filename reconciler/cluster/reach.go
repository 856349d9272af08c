// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync/atomic"
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
		if worked(err) {
			conn.life.seen()
		}
		select {
		case conn.sign <- struct{}{}:
		default:
		}
	}
}

// worked reports whether the API server did its work on a call, be it to refuse it.
func worked(err error) bool {
	var status apierrors.APIStatus
	return err == nil || errors.As(err, &status) && status.Status().Code > 0 && status.Status().Code < http.StatusInternalServerError
}

// life is when the API server did its work last.
type life struct{ at atomic.Int64 }

func (l *life) seen() { l.at.Store(time.Now().UnixNano()) }

// since reports whether the API server has done its work after a time.
func (l *life) since(t time.Time) bool { return l.at.Load() > t.UnixNano() }

// suspect starts probing the API server since a request is slow, unless it answers others: a slow one says that it is busy,
// perhaps with what we ask of it ourselves, and another question does not help. As long as there are slow requests, it looks
// again from time to time whether any is answered. It does not block.
func (conn *Conn) suspect() {
	if !conn.suspected.CompareAndSwap(false, true) {
		return
	}
	conn.observer.spawn(func(ctx context.Context) {
		defer conn.suspected.Store(false)
		for asked := time.Now().Add(-slowAfter); conn.places.lingering(); {
			if !conn.life.since(asked) {
				conn.doubt()
				return
			}
			asked = time.Now()
			select {
			case <-time.After(slowAfter):
			case <-ctx.Done():
				return
			}
		}
	})
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
		asked := time.Now()
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
		// While it does its work for others it is there, whatever it says: under load its own checks fail first.
		if !conn.life.since(asked) || apierrors.IsUnauthorized(err) {
			conn.cluster.found(conn, State{Message: err.Error()})
		}
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
