// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"k8s.io/client-go/discovery"
	"k8s.io/client-go/rest"
)

// rereadInterval is how often the configuration of a connection that works is read again. It is a file or three; a change
// of the context or of the authority is followed without waiting for the old one to fail.
const rereadInterval = 10 * time.Second

// follow reads the configuration again and again, and replaces the connection when it has changed.
func (conn *Conn) follow(ctx context.Context) {
	ticks := time.NewTicker(rereadInterval)
	defer ticks.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticks.C:
		case <-conn.reread:
		}
		// An error is not reported: the connection works, and what works is kept over a file that does not.
		if replaced, _ := conn.cluster.renew(ctx, conn, sameServer); replaced {
			return
		}
	}
}

// renew returns the connection up if its configuration is another one now, which works. A file that is missing or half
// written, or that leads to nowhere, replaces nothing. Giving the connection up costs all watches, so with the same
// configuration it is kept, however it fails.
//
// The error says why a configuration that was changed is not used; it is nil if none was.
func (c *Cluster) renew(ctx context.Context, conn *Conn, same func(a, b *rest.Config) bool) (bool, error) {
	of := c.cfg.Load()
	cfg, err := of.REST()
	if err != nil {
		return false, err
	}
	if of.Managed == conn.managed && same(cfg, conn.config) { // an identity is a function, and cannot be seen in a configuration
		return false, nil
	}
	call, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	if err := c.try(call, cfg); err != nil {
		return false, err
	}
	c.mu.Lock()
	current := c.conn == conn
	if current {
		c.drop()
		// With the next connection all releases are to be run: nobody has watched anything meanwhile.
		c.state = State{Message: "connecting again: its configuration has changed"}
	}
	c.mu.Unlock()
	if current {
		c.changed(Event{})
		c.changed(Event{Dropped: true})
	}
	return true, nil
}

// try makes one authenticated call with a configuration.
func (c *Cluster) try(ctx context.Context, cfg *rest.Config) error {
	client, err := rest.HTTPClientFor(cfg)
	if err != nil {
		return fmt.Errorf("connecting to cluster %q: %w", c.Name(), err)
	}
	return c.greet(ctx, cfg, client)
}

// greet makes one authenticated call: it tells a wrong configuration from a right one before anything is attempted.
func (c *Cluster) greet(ctx context.Context, cfg *rest.Config, client *http.Client) error {
	disco, err := discovery.NewDiscoveryClientForConfigAndClient(cfg, client)
	if err == nil {
		err = disco.RESTClient().Get().AbsPath("/version").Do(ctx).Error()
	}
	if err != nil {
		return fmt.Errorf("connecting to cluster %q at %s: %w", c.Name(), cfg.Host, err)
	}
	return nil
}
