// SPDX-License-Identifier: Apache-2.0

package signtest

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"math/big"
	"sync"
	"testing"
	"time"

	"github.com/digitorus/timestamp"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/notaryproject/notation-core-go/testhelper"
	notation "github.com/notaryproject/notation-go"
	"github.com/notaryproject/notation-go/signer"
	"github.com/notaryproject/tspclient-go"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// The forms of notation's envelopes.
const (
	JWS  = "application/jose+json"
	COSE = "application/cose"
)

// Authority is one that has issued a certificate to a signer: of C=US, ST=WA, L=Seattle, O=Notary.
type Authority struct {
	// Roots is its certificate, in PEM.
	Roots string

	key  crypto.PrivateKey
	leaf *x509.Certificate
	root *x509.Certificate
	// stamped has signatures get a timestamp.
	stamped bool
}

// NewAuthority returns one.
func NewAuthority(testing.TB) *Authority {
	issuer, leaf := testhelper.GetECRootCertificate(), testhelper.GetECLeafCertificate()
	return &Authority{Roots: encode("CERTIFICATE", issuer.Cert.Raw), key: leaf.PrivateKey, leaf: leaf.Cert, root: issuer.Cert}
}

// Short returns the same authority with a signer whose certificate is over after a time, and whose signatures get a timestamp.
func (a *Authority) Short(t testing.TB, lives time.Duration) *Authority {
	t.Helper()
	issuer := testhelper.GetECRootCertificate()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: big.NewInt(7), Subject: pkix.Name{Country: []string{"US"}, Province: []string{"WA"}, Organization: []string{"Notary"}, CommonName: "short"},
		NotBefore: time.Now().Add(-time.Minute), NotAfter: time.Now().Add(lives), KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageCodeSigning},
	}, issuer.Cert, key.Public(), issuer.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &Authority{Roots: a.Roots, key: key, leaf: leaf, root: issuer.Cert, stamped: true}
}

// Over returns once the signer's certificate is.
func (a *Authority) Over() { time.Sleep(time.Until(a.leaf.NotAfter.Add(time.Second))) }

// Others are the certificates of another authority.
func Others() string { return encode("CERTIFICATE", testhelper.GetRSARootCertificate().Cert.Raw) }

// Sign signs what is described as that of one digest, and pushes that as the signature of another, which may be the same.
func (a *Authority) Sign(t testing.TB, repository, says, of, form string, expires time.Duration) {
	t.Helper()
	described := head(t, repository, says)
	s, err := signer.NewGenericSigner(a.key, []*x509.Certificate{a.leaf, a.root})
	if err != nil {
		t.Fatal(err)
	}
	opts := notation.SignerSignOptions{SignatureMediaType: form, ExpiryDuration: expires}
	if a.stamped {
		opts.Timestamper, opts.TSARootCAs = stamper{}, x509.NewCertPool()
		opts.TSARootCAs.AddCert(stampers().root)
	}
	envelope, _, err := s.Sign(context.Background(), ocispec.Descriptor{
		MediaType: string(described.MediaType), Digest: digest.Digest(described.Digest.String()), Size: described.Size,
	}, opts)
	if err != nil {
		t.Fatal(err)
	}
	refer(t, repository, of, "application/vnd.cncf.notary.signature", static.NewLayer(envelope, types.MediaType(form)))
}

// stampers are the certificates of an authority for timestamps, and its key: the one that stamps, then the root.
var stampers = sync.OnceValue(func() stampAuthority {
	rootKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(err)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(err)
	usage, err := asn1.Marshal([]asn1.ObjectIdentifier{{1, 3, 6, 1, 5, 5, 7, 3, 8}}) // timestamping, and nothing else
	must(err)
	from, until := time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	name := func(cn string) pkix.Name {
		return pkix.Name{Country: []string{"US"}, Province: []string{"WA"}, Organization: []string{"Stamps"}, CommonName: cn}
	}
	root := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: name("root"), NotBefore: from, NotAfter: until, KeyUsage: x509.KeyUsageCertSign, BasicConstraintsValid: true, IsCA: true,
	}
	a := stampAuthority{key: key, root: made(root, root, rootKey.Public(), rootKey)}
	a.leaf = made(&x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: name("stamps"), NotBefore: from, NotAfter: until, KeyUsage: x509.KeyUsageDigitalSignature,
		ExtraExtensions: []pkix.Extension{{Id: asn1.ObjectIdentifier{2, 5, 29, 37}, Critical: true, Value: usage}},
	}, a.root, key.Public(), rootKey)
	return a
})

type stampAuthority struct {
	key        *ecdsa.PrivateKey
	leaf, root *x509.Certificate
}

func made(template, parent *x509.Certificate, key crypto.PublicKey, by crypto.Signer) *x509.Certificate {
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key, by)
	must(err)
	out, err := x509.ParseCertificate(der)
	must(err)
	return out
}

// must ends the test where there is none at hand.
func must(err error) {
	if err != nil {
		panic(err)
	}
}

// StampRoots is that of the authority for timestamps, in PEM.
func StampRoots() string { return encode("CERTIFICATE", stampers().root.Raw) }

// stamper is the authority for timestamps.
type stamper struct{}

// Timestamp implements [tspclient.Timestamper].
func (stamper) Timestamp(_ context.Context, r *tspclient.Request) (*tspclient.Response, error) {
	der, err := r.MarshalBinary()
	if err != nil {
		return nil, err
	}
	asked, err := timestamp.ParseRequest(der)
	if err != nil {
		return nil, err
	}
	stamp := timestamp.Timestamp{
		HashAlgorithm: asked.HashAlgorithm, HashedMessage: asked.HashedMessage, Nonce: asked.Nonce, Time: time.Now(), Policy: asn1.ObjectIdentifier{1, 2, 3},
		AddTSACertificate: true,
	}
	if der, err = stamp.CreateResponseWithOpts(stampers().leaf, stampers().key, crypto.SHA256); err != nil {
		return nil, err
	}
	out := &tspclient.Response{}
	return out, out.UnmarshalBinary(der)
}
