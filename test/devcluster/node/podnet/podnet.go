// SPDX-License-Identifier: Apache-2.0

// Package podnet gives pods a network of their own, with an address for each, without root: a namespace for the cluster,
// one for each pod, and a bridge between them. Nothing leads from there to the machine's network but what this process
// carries. As all of it lives in namespaces that only this process and the pods hold, it ends with them.
//
// It may import only the standard library, golang.org/x/sys and github.com/vishvananda/netlink.
package podnet

import (
	"net/netip"
	"os"
)

// The addresses of a cluster's network. It is the same in every cluster, as none reaches another's.
const (
	// Gateway is the cluster's side of the bridge, to which pods send what is not for other pods.
	Gateway = "10.244.0.1"
	// Host is where pods find the services of the machine's loopback interface.
	Host = "10.244.0.2"
	// PodRange is the range of all of these.
	PodRange = "10.244.0.0/16"
	// firstPod is the first address of a pod, after PodRange's.
	firstPod = 10
)

// Address is the address of the n-th pod. Addresses come again after some ten thousand pods.
func Address(n uint32) string {
	const room = 1<<16 - firstPod - 1
	base := netip.MustParsePrefix(PodRange).Addr().As4()
	at := firstPod + n%room
	base[2], base[3] = byte(at>>8), byte(at) //nolint:gosec // two bytes of 16 bits
	return netip.AddrFrom4(base).String()
}

// Network is the network of a cluster. It can be used by several goroutines at a time.
type Network struct{ ns *os.File }

// Pod is the network of a pod, which is there until it is closed and all processes in it have ended.
type Pod struct{ ns *os.File }

// Namespace is for processes to be started in.
func (p *Pod) Namespace() *os.File { return p.ns }

// Close lets go of the network.
func (p *Pod) Close() { _ = p.ns.Close() } // only held
