// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"context"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/net/dns/dnsmessage"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	corelisters "k8s.io/client-go/listers/core/v1"
	discoverylisters "k8s.io/client-go/listers/discovery/v1"
	"k8s.io/client-go/tools/cache"
)

func service(name, ip string, spec corev1.ServiceSpec) *corev1.Service {
	spec.ClusterIP = ip
	return &corev1.Service{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: "ns"}, Spec: spec}
}

func slice(of, suffix string, port int32, endpoints ...discoveryv1.Endpoint) *discoveryv1.EndpointSlice {
	return &discoveryv1.EndpointSlice{
		ObjectMeta:  metav1.ObjectMeta{Name: of + suffix, Namespace: "ns", Labels: map[string]string{discoveryv1.LabelServiceName: of}},
		AddressType: discoveryv1.AddressTypeIPv4, Endpoints: endpoints,
		Ports: []discoveryv1.EndpointPort{{Name: new("http"), Port: &port, Protocol: new(corev1.ProtocolTCP)}},
	}
}

func at(address, hostname string, ready bool) discoveryv1.Endpoint {
	return discoveryv1.Endpoint{Addresses: []string{address}, Hostname: &hostname, Conditions: discoveryv1.EndpointConditions{Ready: &ready}}
}

// testGateway knows a Service with a cluster IP, one without, one without pods, and one that is a name.
func testGateway(t *testing.T) *gateway {
	t.Helper()
	http := []corev1.ServicePort{{Name: "http", Port: 80, Protocol: corev1.ProtocolTCP}}
	services := cache.NewIndexer(cache.MetaNamespaceKeyFunc, cache.Indexers{cache.NamespaceIndex: cache.MetaNamespaceIndexFunc})
	slices := cache.NewIndexer(cache.MetaNamespaceKeyFunc, cache.Indexers{cache.NamespaceIndex: cache.MetaNamespaceIndexFunc})
	for _, s := range []*corev1.Service{
		service("web", "10.96.0.20", corev1.ServiceSpec{Ports: http}),
		service("db", corev1.ClusterIPNone, corev1.ServiceSpec{Ports: http}),
		service("empty", "10.96.0.21", corev1.ServiceSpec{Ports: http}),
		service("away", "", corev1.ServiceSpec{Type: corev1.ServiceTypeExternalName, ExternalName: "example.com"}),
	} {
		if err := services.Add(s); err != nil {
			t.Fatal(err)
		}
	}
	for _, s := range []*discoveryv1.EndpointSlice{
		slice("web", "-1", 8080, at("10.244.0.11", "", true), at("10.244.0.12", "", false)),
		slice("web", "-2", 9090, at("10.244.0.13", "", true)),
		slice("db", "-1", 5432, at("10.244.0.14", "db-0", true), at("10.244.0.15", "db-1", true)),
	} {
		if err := slices.Add(s); err != nil {
			t.Fatal(err)
		}
	}
	cfg := Config{APIServer: "127.0.0.1:6443", Host: "10.244.0.2", Network: nowhere{}, Log: slog.New(slog.DiscardHandler)}
	return &gateway{
		Config: cfg, services: corelisters.NewServiceLister(services), slices: discoverylisters.NewEndpointSliceLister(slices), host: newHostPorts(cfg),
	}
}

// nowhere is a network in which nothing can be done.
type nowhere struct{}

func (nowhere) Listen(context.Context, string) (net.Listener, error) { return nil, net.ErrClosed }
func (nowhere) ListenPacket(context.Context, string) (net.PacketConn, error) {
	return nil, net.ErrClosed
}
func (nowhere) Dial(context.Context, string) (net.Conn, error) { return nil, net.ErrClosed }

func TestWhoAnswersForServices(t *testing.T) {
	want := map[string][]backend{
		"10.96.0.1:443": {{"127.0.0.1:6443", true}},
		"10.96.0.20:80": {{"10.244.0.11:8080", false}, {"10.244.0.13:9090", false}},
	}
	got := testGateway(t).wanted()
	// The slices of a Service come in no order.
	if b := got["10.96.0.20:80"]; len(b) == 2 && b[0].address > b[1].address {
		b[0], b[1] = b[1], b[0]
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(backend{})); diff != "" {
		t.Errorf("who answers (-want +got):\n%s", diff)
	}
}

func TestNames(t *testing.T) {
	g := testGateway(t)
	for _, c := range []struct {
		reason string
		name   string
		kind   dnsmessage.Type
		want   []string
		code   dnsmessage.RCode
	}{
		{"a Service is its address", "web.ns.svc.cluster.local.", dnsmessage.TypeA, []string{"10.96.0.20"}, 0},
		{"letters of names are alike", "Web.NS.svc.Cluster.Local.", dnsmessage.TypeA, []string{"10.96.0.20"}, 0},
		{"a Service without pods has its address, too", "empty.ns.svc.cluster.local.", dnsmessage.TypeA, []string{"10.96.0.21"}, 0},
		{"a headless Service is its pods", "db.ns.svc.cluster.local.", dnsmessage.TypeA, []string{"10.244.0.14", "10.244.0.15"}, 0},
		{"a pod of a StatefulSet has a name", "db-1.db.ns.svc.cluster.local.", dnsmessage.TypeA, []string{"10.244.0.15"}, 0},
		{"one that is not there has none", "db-2.db.ns.svc.cluster.local.", dnsmessage.TypeA, nil, dnsmessage.RCodeNameError},
		{"a named port has a place", "_http._tcp.web.ns.svc.cluster.local.", dnsmessage.TypeSRV, []string{"80 web.ns.svc.cluster.local."}, 0},
		{"of a headless Service, one for each pod", "_http._tcp.db.ns.svc.cluster.local.", dnsmessage.TypeSRV, []string{"5432 db-0.db.ns.svc.cluster.local.", "5432 db-1.db.ns.svc.cluster.local."}, 0},
		{"a Service may be another name", "away.ns.svc.cluster.local.", dnsmessage.TypeA, []string{"example.com."}, 0},
		{"a pod has a name of its address", "10-244-0-14.ns.pod.cluster.local.", dnsmessage.TypeA, []string{"10.244.0.14"}, 0},
		{"a name without that kind of address is no error", "web.ns.svc.cluster.local.", dnsmessage.TypeAAAA, nil, 0},
		{"a Service of another namespace is another", "web.other.svc.cluster.local.", dnsmessage.TypeA, nil, dnsmessage.RCodeNameError},
		{"a search path finds nothing by itself", "example.com.ns.svc.cluster.local.", dnsmessage.TypeA, nil, dnsmessage.RCodeNameError},
		{"the domain itself has no address", "cluster.local.", dnsmessage.TypeA, nil, dnsmessage.RCodeNameError},
		{"the machine has a name", "host.devcluster.internal.", dnsmessage.TypeA, []string{"10.244.0.2"}, 0},
		{"other names are the machine's DNS server's, if there is one", "example.com.", dnsmessage.TypeA, nil, dnsmessage.RCodeServerFailure},
	} {
		t.Run(c.reason, func(t *testing.T) {
			question := dnsmessage.Message{
				Header:    dnsmessage.Header{ID: 7, RecursionDesired: true},
				Questions: []dnsmessage.Question{{Name: dnsmessage.MustNewName(c.name), Type: c.kind, Class: dnsmessage.ClassINET}},
			}
			packed, err := question.Pack()
			if err != nil {
				t.Fatal(err)
			}
			var reply dnsmessage.Message
			if err := reply.Unpack(g.reply(t.Context(), packed)); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([]any{uint16(7), true, c.code}, []any{reply.ID, reply.Response, reply.RCode}); diff != "" {
				t.Errorf("head of the reply (-want +got):\n%s", diff)
			}
			var got []string
			for _, answer := range reply.Answers {
				switch body := answer.Body.(type) {
				case *dnsmessage.AResource:
					got = append(got, netip.AddrFrom4(body.A).String())
				case *dnsmessage.SRVResource:
					got = append(got, strings.TrimSpace(netip.AddrPortFrom(netip.IPv4Unspecified(), body.Port).String()[len("0.0.0.0:"):]+" "+body.Target.String()))
				case *dnsmessage.CNAMEResource:
					got = append(got, body.CNAME.String())
				}
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("answers (-want +got):\n%s", diff)
			}
		})
	}
	for reason, garbage := range map[string][]byte{"nothing": nil, "noise": []byte("noise"), "a reply": {0, 7, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0}} {
		if got := g.reply(t.Context(), garbage); got != nil {
			t.Errorf("%s is answered: %q", reason, got)
		}
	}
}

func TestServersOfTheMachine(t *testing.T) {
	// As on a machine whose words begin with the low byte; test on another would need another table.
	const table = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1 0 100 0 0 10 0
   1: 00000000:0050 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1 0 100 0 0 10 0
   2: 0201A8C0:01BB 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1 0 100 0 0 10 0
   3: 0100007F:D431 0100007F:1F90 01 00000000:00000000 00:00000000 00000000     0        0 1 1 0 100 0 0 10 0
   4: 00000000000000000000000001000000:2328 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1
   5: 00000000000000000000000000000000:2329 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1
   6: 0000000000000000FFFF00000100007F:232A 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1
   7: broken
`
	want := []string{"127.0.0.1:8080", "127.0.0.1:80", "[::1]:9000", "127.0.0.1:9001", "[::1]:9001", "127.0.0.1:9002"}
	var got []string
	for _, server := range listening(table) {
		got = append(got, server.String())
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("servers (-want +got):\n%s", diff)
	}
}
