// SPDX-License-Identifier: Apache-2.0

// Package gateway answers in a cluster's network for what is no pod: the addresses of Services, the cluster's DNS, the API
// server, and the services of the machine's loopback interface.
package gateway

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"sync"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	corelisters "k8s.io/client-go/listers/core/v1"
	discoverylisters "k8s.io/client-go/listers/discovery/v1"
	"k8s.io/client-go/tools/cache"
)

const (
	// DNS is the address of the cluster's DNS server, the customary one.
	DNS = "10.96.0.10"
	// APIServer is the address of the Service kubernetes.
	APIServer = "10.96.0.1"
	// HostName is the name by which pods find the machine's loopback interface.
	HostName = "host.devcluster.internal"
)

// network is that of the cluster; see package podnet.
type network interface {
	Listen(ctx context.Context, address string) (net.Listener, error)
	ListenPacket(ctx context.Context, address string) (net.PacketConn, error)
	Dial(ctx context.Context, address string) (net.Conn, error)
}

// Config describes a gateway.
type Config struct {
	Client  kubernetes.Interface
	Network network
	// Host is the address that stands for the machine.
	Host string
	// APIServer is where this process reaches the API server, host and port.
	APIServer string
	// Upstream is a DNS server of the machine, for names that are not the cluster's; empty is none.
	Upstream string
	Log      *slog.Logger
}

// gateway is one while it runs.
type gateway struct {
	Config
	services corelisters.ServiceLister
	slices   discoverylisters.EndpointSliceLister
	host     *hostPorts
}

// Run answers until ctx is done. It calls ready as soon as it does.
func Run(ctx context.Context, cfg Config, ready func()) error {
	if err := reserveDNS(ctx, cfg.Client); err != nil {
		return err
	}
	factory := informers.NewSharedInformerFactory(cfg.Client, 0)
	services, slices := factory.Core().V1().Services(), factory.Discovery().V1().EndpointSlices()
	g := &gateway{Config: cfg, services: services.Lister(), slices: slices.Lister(), host: newHostPorts(cfg)}
	changed := make(chan struct{}, 1)
	note := func(any) {
		select {
		case changed <- struct{}{}:
		default: // it will be looked at anyway
		}
	}
	for _, informer := range []cache.SharedIndexInformer{services.Informer(), slices.Informer()} {
		handlers := cache.ResourceEventHandlerFuncs{AddFunc: note, UpdateFunc: func(_, object any) { note(object) }, DeleteFunc: note}
		if _, err := informer.AddEventHandler(handlers); err != nil {
			return fmt.Errorf("watching Services: %w", err)
		}
	}
	var group sync.WaitGroup
	defer group.Wait()
	defer factory.Shutdown()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	factory.Start(ctx.Done())
	factory.WaitForCacheSync(ctx.Done())
	packets, err := cfg.Network.ListenPacket(ctx, net.JoinHostPort(DNS, "53"))
	if err != nil {
		return fmt.Errorf("listening for questions of names: %w", err)
	}
	streams, err := cfg.Network.Listen(ctx, net.JoinHostPort(DNS, "53"))
	if err != nil {
		return fmt.Errorf("listening for questions of names: %w", err)
	}
	group.Go(func() { <-ctx.Done(); _ = packets.Close(); _ = streams.Close() }) // which ends who serves them
	group.Go(func() { g.servePackets(ctx, packets) })
	group.Go(func() { g.serveStreams(ctx, streams) })
	group.Go(func() { g.host.follow(ctx) })

	p := newProxies(cfg.Network, cfg.Log)
	defer p.close()
	p.set(ctx, g.wanted())
	ready()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-changed:
			p.set(ctx, g.wanted())
		}
	}
}

// reserveDNS makes the Service whose address the DNS server has, so that no other gets it.
func reserveDNS(ctx context.Context, client kubernetes.Interface) error {
	_, err := client.CoreV1().Services(metav1.NamespaceSystem).Create(ctx, &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Name: "kube-dns", Namespace: metav1.NamespaceSystem},
		Spec: corev1.ServiceSpec{ClusterIP: DNS, Ports: []corev1.ServicePort{
			{Name: "dns", Protocol: corev1.ProtocolUDP, Port: 53}, {Name: "dns-tcp", Protocol: corev1.ProtocolTCP, Port: 53},
		}},
	}, metav1.CreateOptions{})
	if err != nil && !apierrors.IsAlreadyExists(err) {
		return fmt.Errorf("reserving the address of the DNS server: %w", err)
	}
	return nil
}

// backend is a place that answers for a Service.
type backend struct {
	address string
	// machine says that it is in the network of the machine, not in that of the cluster.
	machine bool
}

// wanted is who answers for which address and port of a Service. A Service without anyone is not in it, so that clients are
// refused.
func (g *gateway) wanted() map[string][]backend {
	want := map[string][]backend{net.JoinHostPort(APIServer, "443"): {{g.APIServer, true}}}
	services, err := g.services.List(labels.Everything())
	if err != nil {
		g.Log.Error("cannot list Services", "error", err)
		return want
	}
	for _, service := range services {
		for _, port := range service.Spec.Ports {
			if service.Spec.ClusterIP == "" || service.Spec.ClusterIP == corev1.ClusterIPNone || port.Protocol != corev1.ProtocolTCP {
				continue
			}
			var backends []backend
			for _, e := range g.endpoints(service.Namespace, service.Name) {
				if number, ok := e.ports[port.Name]; ok {
					backends = append(backends, backend{address: net.JoinHostPort(e.address, fmt.Sprint(number))})
				}
			}
			if len(backends) > 0 {
				want[net.JoinHostPort(service.Spec.ClusterIP, fmt.Sprint(port.Port))] = backends
			}
		}
	}
	return want
}

// endpoint is a ready endpoint of a Service.
type endpoint struct {
	address, hostname string
	// ports of TCP, by their names.
	ports map[string]int32
}

func (g *gateway) endpoints(namespace, service string) []endpoint {
	slices, err := g.slices.EndpointSlices(namespace).List(labels.Set{discoveryv1.LabelServiceName: service}.AsSelector())
	if err != nil {
		g.Log.Error("cannot list EndpointSlices", "error", err)
		return nil
	}
	var all []endpoint
	for _, slice := range slices {
		ports := map[string]int32{}
		for _, port := range slice.Ports {
			if port.Port != nil && (port.Protocol == nil || *port.Protocol == corev1.ProtocolTCP) {
				name := ""
				if port.Name != nil {
					name = *port.Name
				}
				ports[name] = *port.Port
			}
		}
		for _, e := range slice.Endpoints {
			if slice.AddressType != discoveryv1.AddressTypeIPv4 || len(e.Addresses) == 0 || e.Conditions.Ready != nil && !*e.Conditions.Ready {
				continue
			}
			hostname := ""
			if e.Hostname != nil {
				hostname = *e.Hostname
			}
			all = append(all, endpoint{e.Addresses[0], hostname, ports})
		}
	}
	return all
}

// join copies both ways, and returns when both have ended.
func join(a, b net.Conn) {
	var both sync.WaitGroup
	both.Go(func() { _, _ = io.Copy(a, b); closeWrite(a) }) // one of them went away, which ends the other
	both.Go(func() { _, _ = io.Copy(b, a); closeWrite(b) })
	both.Wait()
	_ = a.Close()
	_ = b.Close()
}

// closeWrite says that no more comes.
func closeWrite(to net.Conn) {
	if half, ok := to.(interface{ CloseWrite() error }); ok {
		_ = half.CloseWrite() // it may be closed already
	}
}
