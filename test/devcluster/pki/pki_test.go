// SPDX-License-Identifier: Apache-2.0

package pki_test

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/test/devcluster/pki"
)

func TestCertificatesVerifyAgainstTheirOwnAuthorityOnly(t *testing.T) {
	now := time.Now()
	ours, err := pki.NewAuthority("ours", now)
	if err != nil {
		t.Fatal(err)
	}
	other, err := pki.NewAuthority("ours", now)
	if err != nil {
		t.Fatal(err)
	}
	server, err := ours.Server("api", []string{"localhost"}, []net.IP{net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	client, err := ours.Client("admin", "system:masters")
	if err != nil {
		t.Fatal(err)
	}

	leaf := func(p pki.Pair) *x509.Certificate {
		t.Helper()
		pair, err := tls.X509KeyPair(p.Cert, p.Key)
		if err != nil {
			t.Fatal(err)
		}
		return pair.Leaf
	}
	pool := func(a *pki.Authority) *x509.CertPool {
		p := x509.NewCertPool()
		p.AppendCertsFromPEM(a.PEM)
		return p
	}
	for _, c := range []struct {
		reason string
		cert   *x509.Certificate
		opts   x509.VerifyOptions
		ok     bool
	}{
		{"a server is trusted under its address", leaf(server), x509.VerifyOptions{Roots: pool(ours), DNSName: "127.0.0.1"}, true},
		{"a server is not trusted under another name", leaf(server), x509.VerifyOptions{Roots: pool(ours), DNSName: "example.com"}, false},
		{"an authority of the same name is another authority", leaf(server), x509.VerifyOptions{Roots: pool(other)}, false},
		{
			"a server certificate does not serve as a client's", leaf(server),
			x509.VerifyOptions{Roots: pool(ours), KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}},
			false,
		},
		{
			"a client is trusted as a client", leaf(client),
			x509.VerifyOptions{Roots: pool(ours), KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}},
			true,
		},
	} {
		t.Run(c.reason, func(t *testing.T) {
			_, err := c.cert.Verify(c.opts)
			if diff := cmp.Diff(c.ok, err == nil); diff != "" {
				t.Errorf("verified (-want +got):\n%s\nerror: %v", diff, err)
			}
		})
	}
	if diff := cmp.Diff([]string{"system:masters"}, leaf(client).Subject.Organization); diff != "" {
		t.Errorf("groups (-want +got):\n%s", diff)
	}
}
