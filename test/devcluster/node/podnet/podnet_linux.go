// SPDX-License-Identifier: Apache-2.0

package podnet

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"runtime"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

const (
	bridge = "pods"
	// anywhere is where pods send what is for no neighbour.
	anywhere = "0.0.0.0/0"
)

// New makes the network of a cluster. Addresses of services are answered by this process; see [Network.Listen].
func New(services string) (*Network, error) {
	n := &Network{}
	err := onOwnThread(func() (err error) {
		if n.ns, err = newNamespace(); err != nil {
			return err
		}
		if err := setUp(services); err != nil {
			_ = n.ns.Close() // only held
			return explain(err)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return n, nil
}

// setUp makes the bridge, in the namespace of the calling thread.
func setUp(services string) error {
	attrs := netlink.NewLinkAttrs()
	attrs.Name = bridge
	// An address of its own, or it has that of one of its ports, and another one whenever a pod comes or goes.
	attrs.HardwareAddr = net.HardwareAddr{0x02, 0, 10, 244, 0, 1}
	link := &netlink.Bridge{LinkAttrs: attrs}
	if err := netlink.LinkAdd(link); err != nil {
		return fmt.Errorf("making a bridge: %w", err)
	}
	bits := netip.MustParsePrefix(PodRange).Bits()
	for address, bits := range map[string]int{Gateway: bits, Host: 32} {
		if err := netlink.AddrAdd(link, at(address, bits)); err != nil {
			return fmt.Errorf("giving the bridge the address %s: %w", address, err)
		}
	}
	if err := netlink.LinkSetUp(link); err != nil {
		return fmt.Errorf("switching the bridge on: %w", err)
	}
	lo, err := netlink.LinkByName("lo")
	if err != nil {
		return fmt.Errorf("finding the loopback interface: %w", err)
	}
	_, all, err := net.ParseCIDR(services)
	if err != nil {
		return fmt.Errorf("reading the range of services: %w", err)
	}
	// All addresses of services are the cluster's own, without an interface that has them.
	err = netlink.RouteAdd(&netlink.Route{
		LinkIndex: lo.Attrs().Index, Dst: all, Type: unix.RTN_LOCAL, Table: unix.RT_TABLE_LOCAL, Scope: netlink.SCOPE_HOST,
	})
	if err != nil {
		return fmt.Errorf("taking the addresses of services: %w", err)
	}
	return nil
}

// Check reports whether pods can have a network of their own here, by making one for a pod.
func Check(services string) error {
	n, err := New(services)
	if err != nil {
		return err
	}
	defer n.Close()
	p, err := n.Add(0, Address(0))
	if err != nil {
		return err
	}
	p.Close()
	return nil
}

// Add makes the network of a pod. number is unlike that of any other pod there is.
func (n *Network) Add(number uint32, address string) (*Pod, error) {
	p, port := &Pod{}, fmt.Sprintf("pod%d", number)
	err := onOwnThread(func() (err error) {
		if p.ns, err = newNamespace(); err != nil {
			return err
		}
		// As container runtimes do: a container is not root, and may listen on port 80.
		if err := os.WriteFile("/proc/sys/net/ipv4/ip_unprivileged_port_start", []byte("0"), 0); err != nil {
			return fmt.Errorf("opening low ports: %w", err)
		}
		attrs := netlink.NewLinkAttrs()
		attrs.Name = "eth0"
		if err := netlink.LinkAdd(&netlink.Veth{LinkAttrs: attrs, PeerName: port, PeerNamespace: netlink.NsFd(int(n.ns.Fd()))}); err != nil {
			return fmt.Errorf("making a pair of interfaces: %w", err)
		}
		return plug(address)
	})
	if err == nil {
		err = n.inside(func() error { return connect(port) })
	}
	if err != nil {
		if p.ns != nil {
			p.Close()
		}
		return nil, fmt.Errorf("making the network of a pod: %w", explain(err))
	}
	return p, nil
}

// plug sets a pod's side up, in the namespace of the calling thread.
func plug(address string) error {
	link, err := netlink.LinkByName("eth0")
	if err != nil {
		return fmt.Errorf("finding the pod's interface: %w", err)
	}
	if err := netlink.AddrAdd(link, at(address, netip.MustParsePrefix(PodRange).Bits())); err != nil {
		return fmt.Errorf("giving the pod the address %s: %w", address, err)
	}
	if err := netlink.LinkSetUp(link); err != nil {
		return fmt.Errorf("switching the pod's interface on: %w", err)
	}
	_, all, err := net.ParseCIDR(anywhere)
	if err != nil {
		return err
	}
	if err := netlink.RouteAdd(&netlink.Route{LinkIndex: link.Attrs().Index, Dst: all, Gw: net.ParseIP(Gateway)}); err != nil {
		return fmt.Errorf("leading the pod's traffic to the cluster: %w", err)
	}
	return nil
}

// connect sets the cluster's side of a pod up, in the namespace of the calling thread.
func connect(port string) error {
	link, err := netlink.LinkByName(port)
	if err != nil {
		return fmt.Errorf("finding the pod's port: %w", err)
	}
	to, err := netlink.LinkByName(bridge)
	if err != nil {
		return fmt.Errorf("finding the bridge: %w", err)
	}
	if err := netlink.LinkSetMaster(link, to); err != nil {
		return fmt.Errorf("connecting the pod's port: %w", err)
	}
	if err := netlink.LinkSetUp(link); err != nil {
		return fmt.Errorf("switching the pod's port on: %w", err)
	}
	return nil
}

// Listen listens in the cluster's network.
func (n *Network) Listen(ctx context.Context, address string) (l net.Listener, err error) {
	err = n.inside(func() (err error) {
		l, err = (&net.ListenConfig{}).Listen(ctx, "tcp4", address)
		return err
	})
	return l, err
}

// ListenPacket listens for datagrams in the cluster's network.
func (n *Network) ListenPacket(ctx context.Context, address string) (c net.PacketConn, err error) {
	err = n.inside(func() (err error) {
		c, err = (&net.ListenConfig{}).ListenPacket(ctx, "udp4", address)
		return err
	})
	return c, err
}

// Dial connects to a pod, from the cluster's side. The address is a number.
func (n *Network) Dial(ctx context.Context, address string) (net.Conn, error) {
	return dial(ctx, n.ns, address)
}

// Dial connects from within the pod. The address is a number.
func (p *Pod) Dial(ctx context.Context, address string) (net.Conn, error) {
	return dial(ctx, p.ns, address)
}

func dial(ctx context.Context, ns *os.File, address string) (conn net.Conn, err error) {
	err = inside(ns, func() (err error) {
		conn, err = (&net.Dialer{}).DialContext(ctx, "tcp", address) // a socket stays where it was made
		return err
	})
	return conn, err
}

// Close lets go of the network.
func (n *Network) Close() { _ = n.ns.Close() } // only held

func (n *Network) inside(do func() error) error { return inside(n.ns, do) }

func at(address string, bits int) *netlink.Addr {
	return &netlink.Addr{IPNet: &net.IPNet{IP: net.ParseIP(address), Mask: net.CIDRMask(bits, 32)}}
}

// newNamespace gives the calling thread a network namespace, with a loopback interface.
func newNamespace() (*os.File, error) {
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		return nil, fmt.Errorf("making a network namespace: %w", err)
	}
	lo, err := netlink.LinkByName("lo")
	if err != nil {
		return nil, fmt.Errorf("finding the loopback interface: %w", err)
	}
	if err := netlink.LinkSetUp(lo); err != nil {
		return nil, fmt.Errorf("switching the loopback interface on: %w", err)
	}
	ns, err := os.Open("/proc/thread-self/ns/net")
	if err != nil {
		return nil, fmt.Errorf("holding the network namespace: %w", err)
	}
	return ns, nil
}

// explain adds what to do where the kernel lacks something.
func explain(err error) error {
	if errors.Is(err, unix.EOPNOTSUPP) {
		return fmt.Errorf("%w; the kernel needs its modules bridge and veth (sudo modprobe -a bridge veth)", err)
	}
	return err
}

// inside runs do on a thread in the namespace.
func inside(ns *os.File, do func() error) error {
	return onOwnThread(func() error {
		if err := unix.Setns(int(ns.Fd()), unix.CLONE_NEWNET); err != nil {
			return fmt.Errorf("entering a network namespace: %w", err)
		}
		return do()
	})
}

// onOwnThread runs do on a thread that nothing else uses, before or after: the thread is not unlocked, so it ends with
// the goroutine.
func onOwnThread(do func() error) error {
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		done <- do()
	}()
	return <-done
}
