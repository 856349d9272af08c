// SPDX-License-Identifier: Apache-2.0

//go:build !linux

package podnet

import (
	"context"
	"errors"
	"net"
)

var errNoNamespaces = errors.New("only Linux has network namespaces")

// New says that there are no namespaces.
func New(string) (*Network, error) { return nil, errNoNamespaces }

// Check says that there are no namespaces.
func Check(string) error { return errNoNamespaces }

// Add says that there are no namespaces.
func (n *Network) Add(uint32, string) (*Pod, error) { return nil, errNoNamespaces }

// Listen says that there are no namespaces.
func (n *Network) Listen(context.Context, string) (net.Listener, error) { return nil, errNoNamespaces }

// ListenPacket says that there are no namespaces.
func (n *Network) ListenPacket(context.Context, string) (net.PacketConn, error) {
	return nil, errNoNamespaces
}

// Dial says that there are no namespaces.
func (n *Network) Dial(context.Context, string) (net.Conn, error) { return nil, errNoNamespaces }

// Dial says that there are no namespaces.
func (p *Pod) Dial(context.Context, string) (net.Conn, error) { return nil, errNoNamespaces }

// Close does nothing.
func (n *Network) Close() {}
