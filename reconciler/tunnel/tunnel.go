// SPDX-License-Identifier: Apache-2.0

package tunnel

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"path"
	"strconv"
	"sync/atomic"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/portforward"
	"k8s.io/client-go/transport/spdy"
	"k8s.io/streaming/pkg/httpstream"

	"trunkline.dev/trunkline/reconciler/cluster"
)

const (
	// dialTimeout bounds how long it takes to open a connection.
	dialTimeout = 20 * time.Second
	// MaxOpen is how many connections to pods of a cluster are open at once, unless it is said otherwise: each is one to its API server.
	MaxOpen = 500
)

// The errors of this package.
var (
	// ErrTooMany means that as many connections are open as may be.
	ErrTooMany = errors.New("too many connections to what runs in the cluster are open")
	// ErrForbidden means that the API server does not let the account forward ports.
	ErrForbidden = errors.New("the account may not forward ports of pods")
	// ErrNotThere means that there is no such pod, or none that is ready.
	ErrNotThere = errors.New("nothing is there that could be connected to")
)

// As is as whom a connection is opened: the account of a namespace, or the daemon with its own rights if it is empty.
type As struct{ Namespace, Account string }

// Cluster opens connections to the pods of one cluster. Its methods may be called by any goroutine.
type Cluster struct {
	name   string
	config func() (*rest.Config, error)
	most   int64
	open   atomic.Int64
}

// New makes a cluster without connecting to it. The function reads how it is reached, once more for each connection: credentials may have been
// replaced. At most so many connections are open at once; 0 is [MaxOpen].
func New(name string, config func() (*rest.Config, error), most int) *Cluster {
	if most <= 0 {
		most = MaxOpen
	}
	return &Cluster{name: name, config: config, most: int64(most)}
}

// Name returns the cluster's name.
func (c *Cluster) Name() string { return c.name }

// Open is how many connections are open.
func (c *Cluster) Open() int { return int(c.open.Load()) }

// REST returns how the cluster is reached as someone.
func (c *Cluster) REST(as As) (*rest.Config, error) {
	cfg, err := c.config()
	if err != nil {
		return nil, err
	}
	cfg = rest.CopyConfig(cfg)
	if as.Account != "" {
		identity, err := cluster.ServiceAccount(as.Namespace, as.Account)
		if err != nil {
			return nil, err
		}
		cfg.Impersonate = rest.ImpersonationConfig{UserName: identity.String()}
	}
	return cfg, nil
}

// Dial opens a connection to a port of a pod. It is open until it is closed, or ctx ended before it was there; also until the pod ends.
func (c *Cluster) Dial(ctx context.Context, as As, pod string, port int) (net.Conn, error) {
	if c.open.Add(1) > c.most {
		c.open.Add(-1)
		return nil, fmt.Errorf("connecting to pod %s/%s: %w", as.Namespace, pod, ErrTooMany)
	}
	conn, err := c.dial(ctx, as, pod, port)
	if err != nil {
		c.open.Add(-1)
		return nil, fmt.Errorf("connecting to port %d of pod %s/%s in cluster %q: %w", port, as.Namespace, pod, c.name, err)
	}
	conn.closed = func() { c.open.Add(-1) }
	return conn, nil
}

func (c *Cluster) dial(ctx context.Context, as As, pod string, port int) (*conn, error) {
	cfg, err := c.REST(as)
	if err != nil {
		return nil, err
	}
	dialer, err := dialerOf(cfg, as.Namespace, pod)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	type result struct {
		conn *conn
		err  error
	}
	done := make(chan result) // the client's dialer knows no context
	go func() {
		made, err := connect(dialer, port)
		select {
		case done <- result{made, err}:
		case <-ctx.Done():
			if err == nil {
				_ = made.whole.Close() // nobody waits for it any more
			}
		}
	}()
	select {
	case r := <-done:
		return r.conn, refused(r.err)
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// dialerOf is the way of kubectl: WebSocket, or SPDY where an API server is too old for that or something between does not pass it on.
func dialerOf(cfg *rest.Config, namespace, pod string) (httpstream.Dialer, error) {
	base, _, err := rest.DefaultServerUrlFor(cfg)
	if err != nil {
		return nil, fmt.Errorf("reading the address of the API server: %w", err)
	}
	to := *base
	to.Path = path.Join("/", base.Path, "api/v1/namespaces", namespace, "pods", pod, "portforward")
	transport, upgrader, err := spdy.RoundTripperFor(cfg)
	if err != nil {
		return nil, fmt.Errorf("preparing a connection: %w", err)
	}
	sockets, err := portforward.NewSPDYOverWebsocketDialerForStreaming(&to, cfg)
	if err != nil {
		return nil, fmt.Errorf("preparing a connection: %w", err)
	}
	second := spdy.NewDialerForStreaming(upgrader, &http.Client{Transport: transport}, http.MethodPost, &url.URL{Scheme: to.Scheme, Host: to.Host, Path: to.Path})
	return portforward.NewFallbackDialerForStreaming(sockets, second, func(err error) bool {
		_, said := errors.AsType[*apierrors.StatusError](cause(err)) // it was understood, and refused
		return !said && (httpstream.IsUpgradeFailure(err) || httpstream.IsHTTPSProxyError(err))
	}), nil
}

// cause is what the API server said to a request for a connection.
func cause(err error) error {
	if failed, is := errors.AsType[*httpstream.UpgradeFailureError](err); is && failed.Cause != nil {
		return failed.Cause
	}
	return err
}

// refused is an error of this package, in the API server's words.
func refused(err error) error {
	if err == nil {
		return nil
	}
	err = cause(err)
	switch {
	case apierrors.IsForbidden(err):
		return fmt.Errorf("%w (create and get on pods/portforward): %w", ErrForbidden, err)
	case apierrors.IsNotFound(err):
		return fmt.Errorf("%w: %w", ErrNotThere, err)
	}
	return err
}

// connect opens the two streams of a port.
func connect(dialer httpstream.Dialer, port int) (*conn, error) {
	whole, protocol, err := dialer.Dial(portforward.PortForwardProtocolV1Name)
	if err != nil {
		return nil, err
	}
	if protocol != portforward.PortForwardProtocolV1Name {
		_ = whole.Close()
		return nil, fmt.Errorf("the API server speaks %q and not %q", protocol, portforward.PortForwardProtocolV1Name)
	}
	headers := http.Header{}
	headers.Set(corev1.StreamType, corev1.StreamTypeError)
	headers.Set(corev1.PortHeader, strconv.Itoa(port))
	headers.Set(corev1.PortForwardRequestIDHeader, "0")
	failures, err := whole.CreateStream(headers)
	if err == nil {
		_ = failures.Close() // nothing is written to it
		headers.Set(corev1.StreamType, corev1.StreamTypeData)
		var data httpstream.Stream
		if data, err = whole.CreateStream(headers); err == nil {
			return newConn(whole, data, failures), nil
		}
	}
	_ = whole.Close()
	return nil, err
}
