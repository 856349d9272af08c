// SPDX-License-Identifier: Apache-2.0

package agenttest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

// Authority signs certificates and tokens, for tests.
type Authority struct {
	tb     testing.TB
	key    *ecdsa.PrivateKey
	cert   *x509.Certificate
	serial int64
}

// NewAuthority returns one of its own.
func NewAuthority(tb testing.TB) *Authority {
	tb.Helper()
	a := &Authority{tb: tb, key: newKey(tb)}
	a.cert = a.sign(&x509.Certificate{
		Subject: pkix.Name{CommonName: "authority"}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}, nil, &a.key.PublicKey)
	return a
}

func newKey(tb testing.TB) *ecdsa.PrivateKey {
	tb.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	return key
}

func (a *Authority) sign(c, by *x509.Certificate, public crypto.PublicKey) *x509.Certificate {
	a.tb.Helper()
	a.serial++
	c.SerialNumber, c.NotBefore, c.NotAfter = big.NewInt(a.serial), time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	if by == nil {
		by = c
	}
	data, err := x509.CreateCertificate(rand.Reader, c, by, public, a.key)
	if err != nil {
		a.tb.Fatal(err)
	}
	signed, err := x509.ParseCertificate(data)
	if err != nil {
		a.tb.Fatal(err)
	}
	return signed
}

// Certificate returns one for a DNS name, and for this machine.
func (a *Authority) Certificate(name string) tls.Certificate {
	a.tb.Helper()
	key := newKey(a.tb)
	c := a.sign(&x509.Certificate{
		Subject: pkix.Name{CommonName: name}, DNSNames: []string{name}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}, a.cert, &key.PublicKey)
	return tls.Certificate{Certificate: [][]byte{c.Raw}, PrivateKey: key, Leaf: c}
}

// Pool has the authority.
func (a *Authority) Pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(a.cert)
	return pool
}

// CAFile returns a file with the certificate of the authority.
func (a *Authority) CAFile() string {
	a.tb.Helper()
	return a.file("ca.pem", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.cert.Raw}))
}

// Files returns files with a certificate for a DNS name, and with its key.
func (a *Authority) Files(name string) (cert, key string) {
	a.tb.Helper()
	pair := a.Certificate(name)
	private, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
	if err != nil {
		a.tb.Fatal(err)
	}
	return a.file(name+".pem", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: pair.Certificate[0]})),
		a.file(name+".key", pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}))
}

// KeysFile returns a file with the keys by which tokens are checked.
func (a *Authority) KeysFile() string {
	a.tb.Helper()
	data, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: &a.key.PublicKey, KeyID: "1", Algorithm: string(jose.ES256), Use: "sig"}}})
	if err != nil {
		a.tb.Fatal(err)
	}
	return a.file("keys.json", data)
}

// Token returns one of an issuer about a subject, for an audience, that is good until a time.
func (a *Authority) Token(issuer, subject, audience string, until time.Time) string {
	a.tb.Helper()
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: a.key, KeyID: "1"}}, nil)
	if err != nil {
		a.tb.Fatal(err)
	}
	token, err := jwt.Signed(signer).Claims(jwt.Claims{
		Issuer: issuer, Subject: subject, Audience: jwt.Audience{audience}, Expiry: jwt.NewNumericDate(until), IssuedAt: jwt.NewNumericDate(time.Now()),
	}).Serialize()
	if err != nil {
		a.tb.Fatal(err)
	}
	return token
}

func (a *Authority) file(name string, data []byte) string {
	a.tb.Helper()
	file := filepath.Join(a.tb.TempDir(), name)
	if err := os.WriteFile(file, data, 0o600); err != nil {
		a.tb.Fatal(err)
	}
	return file
}
