// SPDX-License-Identifier: Apache-2.0

package tunnel

import (
	"net"
	"os"
	"time"
)

// Streamed is the part of a [net.Conn] to a port of a pod that is the same for all streams within other connections: they have no addresses of their own, and no
// deadlines. Whoever has waited for long enough closes the connection.
type Streamed struct{}

// address is of no network: which one the pod is in is the cluster's matter.
type address struct{}

func (address) Network() string { return "tunnel" }
func (address) String() string  { return "a port of a pod" }

// LocalAddr implements [net.Conn].
func (Streamed) LocalAddr() net.Addr { return address{} }

// RemoteAddr implements [net.Conn].
func (Streamed) RemoteAddr() net.Addr { return address{} }

// SetDeadline implements [net.Conn].
func (Streamed) SetDeadline(time.Time) error { return os.ErrNoDeadline }

// SetReadDeadline implements [net.Conn].
func (Streamed) SetReadDeadline(time.Time) error { return os.ErrNoDeadline }

// SetWriteDeadline implements [net.Conn].
func (Streamed) SetWriteDeadline(time.Time) error { return os.ErrNoDeadline }
