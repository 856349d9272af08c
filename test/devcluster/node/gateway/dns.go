// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/netip"
	"strings"
	"time"

	"golang.org/x/net/dns/dnsmessage"
	corev1 "k8s.io/api/core/v1"
)

const (
	// domain is that of all names of the cluster.
	domain = "cluster.local"
	// ttl is short: what a name stands for changes with its pods.
	ttl = 5
	// upstreamTimeout bounds a question to the machine's DNS server.
	upstreamTimeout = 2 * time.Second
	// maxDatagram is what is sent in one datagram; a client asks again on a stream for more.
	maxDatagram = 1232
)

func (g *gateway) servePackets(ctx context.Context, conn net.PacketConn) {
	buffer := make([]byte, 1<<16)
	for {
		n, from, err := conn.ReadFrom(buffer)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			continue // that of one datagram
		}
		question := bytes.Clone(buffer[:n])
		go func() {
			reply := g.reply(ctx, question)
			if len(reply) > maxDatagram {
				reply = truncated(reply)
			}
			if reply != nil {
				_, _ = conn.WriteTo(reply, from) // who asked asks again
			}
		}()
	}
}

// truncated is a reply without records, with the sign to ask on a stream.
func truncated(reply []byte) []byte {
	var message dnsmessage.Message
	if err := message.Unpack(reply); err != nil {
		return nil
	}
	message.Truncated, message.Answers, message.Authorities, message.Additionals = true, nil, nil, nil
	short, err := message.Pack()
	if err != nil {
		return nil
	}
	return short
}

func (g *gateway) serveStreams(ctx context.Context, listener net.Listener) {
	for {
		conn, err := listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			continue // that of one connection
		}
		go func() {
			defer conn.Close()
			stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
			defer stop()
			for {
				var size [2]byte
				if _, err := io.ReadFull(conn, size[:]); err != nil {
					return
				}
				question := make([]byte, binary.BigEndian.Uint16(size[:]))
				if _, err := io.ReadFull(conn, question); err != nil {
					return
				}
				reply := g.reply(ctx, question)
				if reply == nil {
					return
				}
				if _, err := conn.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(reply))), reply...)); err != nil { //nolint:gosec // a message is no longer
					return
				}
			}
		}()
	}
}

// reply answers a question; nil is no answer, to what is none.
func (g *gateway) reply(ctx context.Context, question []byte) []byte {
	var message dnsmessage.Message
	if err := message.Unpack(question); err != nil || message.Response || len(message.Questions) != 1 {
		return nil
	}
	q := message.Questions[0]
	name := strings.ToLower(strings.TrimSuffix(q.Name.String(), "."))
	if name == HostName {
		g.host.look(ctx)
	} else if name != domain && !strings.HasSuffix(name, "."+domain) {
		return g.forward(ctx, question, message)
	}
	records, known := g.resolve(name)
	message.Response, message.Authoritative, message.RecursionAvailable = true, true, true
	message.Additionals = nil
	if !known {
		message.RCode = dnsmessage.RCodeNameError
	}
	for _, body := range records {
		kind := typeOf(body)
		if kind == q.Type || kind == dnsmessage.TypeCNAME || q.Type == dnsmessage.TypeALL {
			message.Answers = append(message.Answers, dnsmessage.Resource{
				Header: dnsmessage.ResourceHeader{Name: q.Name, Type: kind, Class: dnsmessage.ClassINET, TTL: ttl}, Body: body,
			})
		}
	}
	return pack(message)
}

func pack(message dnsmessage.Message) []byte {
	reply, err := message.Pack()
	if err != nil {
		return nil
	}
	return reply
}

func typeOf(body dnsmessage.ResourceBody) dnsmessage.Type {
	switch body.(type) {
	case *dnsmessage.AResource:
		return dnsmessage.TypeA
	case *dnsmessage.CNAMEResource:
		return dnsmessage.TypeCNAME
	default:
		return dnsmessage.TypeSRV
	}
}

// forward asks the machine's DNS server.
func (g *gateway) forward(ctx context.Context, question []byte, message dnsmessage.Message) []byte {
	failed := func() []byte {
		message.Response, message.RecursionAvailable, message.RCode, message.Additionals = true, true, dnsmessage.RCodeServerFailure, nil
		return pack(message)
	}
	if g.Upstream == "" {
		return failed()
	}
	ctx, cancel := context.WithTimeout(ctx, upstreamTimeout)
	defer cancel()
	conn, err := (&net.Dialer{}).DialContext(ctx, "udp", net.JoinHostPort(g.Upstream, "53"))
	if err != nil {
		return failed()
	}
	defer conn.Close()
	if deadline, ok := ctx.Deadline(); ok {
		_ = conn.SetDeadline(deadline) // a socket has one
	}
	buffer := make([]byte, 1<<16)
	if _, err := conn.Write(question); err != nil {
		return failed()
	}
	n, err := conn.Read(buffer)
	if err != nil {
		return failed()
	}
	return buffer[:n]
}

// resolve returns what a name of the cluster stands for, by the rules of Kubernetes' specification of DNS.
func (g *gateway) resolve(name string) (records []dnsmessage.ResourceBody, known bool) {
	if name == HostName {
		return addresses(g.Host), true
	}
	labels := strings.Split(strings.TrimSuffix(strings.TrimSuffix(name, domain), "."), ".")
	kind := labels[len(labels)-1]
	switch {
	case kind == "pod" && len(labels) == 3: // 10-244-0-10.NAMESPACE.pod
		ip, err := netip.ParseAddr(strings.ReplaceAll(labels[0], "-", "."))
		if err != nil || !ip.Is4() {
			return nil, false
		}
		return addresses(ip.String()), true
	case kind != "svc" || len(labels) < 3:
		return nil, false
	}
	service, err := g.services.Services(labels[len(labels)-2]).Get(labels[len(labels)-3])
	if err != nil {
		return nil, false // there is none
	}
	switch rest := labels[:len(labels)-3]; {
	case len(rest) == 0:
		return g.ofService(service), true
	case len(rest) == 1: // a pod of a StatefulSet
		for _, e := range g.endpoints(service.Namespace, service.Name) {
			if e.hostname == rest[0] {
				records = append(records, addresses(e.address)...)
			}
		}
		return records, len(records) > 0
	case len(rest) == 2 && rest[1] == "_tcp":
		records = g.ports(service, strings.TrimPrefix(rest[0], "_"))
		return records, len(records) > 0
	default:
		return nil, false
	}
}

func (g *gateway) ofService(service *corev1.Service) (records []dnsmessage.ResourceBody) {
	switch {
	case service.Spec.Type == corev1.ServiceTypeExternalName:
		to, err := dnsmessage.NewName(strings.TrimSuffix(service.Spec.ExternalName, ".") + ".")
		if err != nil {
			return nil
		}
		return []dnsmessage.ResourceBody{&dnsmessage.CNAMEResource{CNAME: to}}
	case service.Spec.ClusterIP != corev1.ClusterIPNone:
		return addresses(service.Spec.ClusterIP)
	}
	for _, e := range g.endpoints(service.Namespace, service.Name) {
		records = append(records, addresses(e.address)...)
	}
	return records
}

// ports says where a named port of a Service is.
func (g *gateway) ports(service *corev1.Service, name string) (records []dnsmessage.ResourceBody) {
	base := service.Name + "." + service.Namespace + ".svc." + domain + "."
	add := func(port int32, target string) {
		if to, err := dnsmessage.NewName(target); err == nil {
			records = append(records, &dnsmessage.SRVResource{Weight: 1, Port: uint16(port), Target: to}) //nolint:gosec // a port fits
		}
	}
	if service.Spec.ClusterIP != corev1.ClusterIPNone {
		for _, port := range service.Spec.Ports {
			if port.Name == name && port.Protocol == corev1.ProtocolTCP {
				add(port.Port, base)
			}
		}
		return records
	}
	for _, e := range g.endpoints(service.Namespace, service.Name) {
		if port, ok := e.ports[name]; ok {
			target := base
			if e.hostname != "" {
				target = e.hostname + "." + base
			}
			add(port, target)
		}
	}
	return records
}

func addresses(text string) []dnsmessage.ResourceBody {
	ip, err := netip.ParseAddr(text)
	if err != nil || !ip.Is4() {
		return nil
	}
	return []dnsmessage.ResourceBody{&dnsmessage.AResource{A: ip.As4()}}
}
