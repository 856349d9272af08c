// SPDX-License-Identifier: Apache-2.0

// Package signtest signs artifacts for tests as cosign does without keys, and as notation does, by their own libraries: with a Fulcio, a
// Rekor and an authority that are only there for the test.
//
// It imports nothing of Trunkline.
package signtest

import (
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
	bundlepb "github.com/sigstore/protobuf-specs/gen/pb-go/bundle/v1"
	commonpb "github.com/sigstore/protobuf-specs/gen/pb-go/common/v1"
	dssepb "github.com/sigstore/protobuf-specs/gen/pb-go/dsse"
	rekorpb "github.com/sigstore/protobuf-specs/gen/pb-go/rekor/v1"
	"github.com/sigstore/sigstore-go/pkg/root"
	"github.com/sigstore/sigstore-go/pkg/testing/ca"
	"github.com/sigstore/sigstore-go/pkg/tlog"
	"github.com/sigstore/sigstore-go/pkg/verify"
	"google.golang.org/protobuf/encoding/protojson"
)

const bundleType = "application/vnd.dev.sigstore.bundle.v0.3+json"

// Sigstore is a Fulcio and a Rekor. Its texts are what signatures of theirs are verified by, in PEM.
type Sigstore struct {
	virtual *ca.VirtualSigstore

	FulcioRoots, RekorKeys string
}

// NewSigstore makes one.
func NewSigstore(t testing.TB) *Sigstore {
	t.Helper()
	virtual, err := ca.NewVirtualSigstore()
	if err != nil {
		t.Fatal(err)
	}
	s := &Sigstore{virtual: virtual}
	for _, a := range virtual.FulcioCertificateAuthorities() {
		of, ok := a.(*root.FulcioCertificateAuthority)
		if !ok {
			t.Fatalf("an authority is %T", a)
		}
		for _, c := range append([]*x509.Certificate{of.Root}, of.Intermediates...) {
			s.FulcioRoots += encode("CERTIFICATE", c.Raw)
		}
	}
	for _, log := range virtual.RekorLogs() {
		der, err := x509.MarshalPKIXPublicKey(log.PublicKey)
		if err != nil {
			t.Fatal(err)
		}
		s.RekorKeys += encode("PUBLIC KEY", der)
	}
	return s
}

func encode(kind string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}

// Bundle signs the digest of an artifact as cosign does since version 3, and pushes that: what is stated is of a type. The signature is
// recorded so long after the certificate is made, which is valid for ten minutes.
func (s *Sigstore) Bundle(t testing.TB, repository, digest, identity, issuer, predicate string, after time.Duration) {
	t.Helper()
	statement := fmt.Appendf(nil, `{"_type":"https://in-toto.io/Statement/v1","subject":[{"digest":{"sha256":%q}}],"predicateType":%q,"predicate":{}}`,
		strings.TrimPrefix(digest, "sha256:"), predicate)
	signed, err := s.virtual.AttestAtTime(identity, issuer, statement, time.Now().Add(after), true)
	if err != nil {
		t.Fatal(err)
	}
	certificate, entry := s.parts(t, signed)
	content, err := signed.SignatureContent()
	if err != nil {
		t.Fatal(err)
	}
	envelope := content.EnvelopeContent().RawEnvelope()
	payload, err := base64.StdEncoding.DecodeString(envelope.Payload)
	if err != nil {
		t.Fatal(err)
	}
	data, err := protojson.Marshal(&bundlepb.Bundle{
		MediaType: bundleType,
		VerificationMaterial: &bundlepb.VerificationMaterial{
			Content:     &bundlepb.VerificationMaterial_Certificate{Certificate: &commonpb.X509Certificate{RawBytes: certificate.Raw}},
			TlogEntries: []*rekorpb.TransparencyLogEntry{entry},
		},
		Content: &bundlepb.Bundle_DsseEnvelope{DsseEnvelope: &dssepb.Envelope{
			Payload: payload, PayloadType: envelope.PayloadType, Signatures: []*dssepb.Signature{{Sig: content.Signature()}},
		}},
	})
	if err != nil {
		t.Fatal(err)
	}
	refer(t, repository, digest, bundleType, static.NewLayer(data, bundleType))
}

// Simple signs what says that it is of a digest as cosign did before version 3, and pushes that as the signature of an artifact.
func (s *Sigstore) Simple(t testing.TB, repository, says, of, identity, issuer string) {
	t.Helper()
	payload := fmt.Appendf(nil, `{"critical":{"identity":{"docker-reference":%q},"image":{"docker-manifest-digest":%q},"type":"cosign container image signature"},"optional":null}`, repository, says)
	signed, err := s.virtual.Sign(identity, issuer, payload)
	if err != nil {
		t.Fatal(err)
	}
	certificate, entry := s.parts(t, signed)
	content, err := signed.SignatureContent()
	if err != nil {
		t.Fatal(err)
	}
	record, err := json.Marshal(map[string]any{
		"SignedEntryTimestamp": entry.GetInclusionPromise().GetSignedEntryTimestamp(),
		"Payload": map[string]any{
			"body": entry.GetCanonicalizedBody(), "integratedTime": entry.GetIntegratedTime(), "logIndex": entry.GetLogIndex(), "logID": hex.EncodeToString(entry.GetLogId().GetKeyId()),
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	image, err := mutate.Append(mutate.MediaType(empty.Image, types.OCIManifestSchema1), mutate.Addendum{
		Layer: static.NewLayer(payload, "application/vnd.dev.cosign.simplesigning.v1+json"),
		Annotations: map[string]string{
			"dev.cosignproject.cosign/signature": base64.StdEncoding.EncodeToString(content.Signature()),
			"dev.sigstore.cosign/certificate":    encode("CERTIFICATE", certificate.Raw),
			"dev.sigstore.cosign/bundle":         string(record),
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	tag, err := name.NewTag(repository + ":" + strings.Replace(of, ":", "-", 1) + ".sig")
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.Write(tag, image); err != nil {
		t.Fatal(err)
	}
}

// parts are the certificate by which something is signed, and what Rekor has recorded of that, with its promise.
func (s *Sigstore) parts(t testing.TB, signed verify.SignedEntity) (*x509.Certificate, *rekorpb.TransparencyLogEntry) {
	t.Helper()
	content, err := signed.VerificationContent()
	if err != nil {
		t.Fatal(err)
	}
	entries, err := signed.TlogEntries()
	if err != nil || len(entries) != 1 {
		t.Fatalf("%d entries, %v", len(entries), err)
	}
	entry := entries[0].TransparencyLogEntry()
	var kind struct{ Kind, APIVersion string }
	if err := json.Unmarshal(entry.GetCanonicalizedBody(), &kind); err != nil {
		t.Fatal(err)
	}
	promise, err := s.virtual.RekorSignPayload(tlog.RekorPayload{
		Body: base64.StdEncoding.EncodeToString(entry.GetCanonicalizedBody()), IntegratedTime: entry.GetIntegratedTime(), LogIndex: entry.GetLogIndex(),
		LogID: hex.EncodeToString(entry.GetLogId().GetKeyId()),
	})
	if err != nil {
		t.Fatal(err)
	}
	entry.KindVersion = &rekorpb.KindVersion{Kind: kind.Kind, Version: kind.APIVersion}
	entry.InclusionPromise = &rekorpb.InclusionPromise{SignedEntryTimestamp: promise}
	return content.Certificate(), entry
}

func head(t testing.TB, repository, of string) *v1.Descriptor {
	t.Helper()
	ref, err := name.NewDigest(repository + "@" + of)
	if err != nil {
		t.Fatal(err)
	}
	described, err := remote.Head(ref)
	if err != nil {
		t.Fatal(err)
	}
	return described
}

// refer pushes an artifact of a type with one layer that refers to another.
func refer(t testing.TB, repository, to, kind string, layer v1.Layer) {
	t.Helper()
	with, err := mutate.Append(mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.MediaType(kind)), mutate.Addendum{Layer: layer})
	if err != nil {
		t.Fatal(err)
	}
	image, ok := mutate.Subject(with, *head(t, repository, to)).(v1.Image) // the last of the changes, which all others would undo
	if !ok {
		t.Fatal("it is no image")
	}
	of, err := image.Digest()
	if err != nil {
		t.Fatal(err)
	}
	ref, err := name.NewDigest(repository + "@" + of.String())
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.Write(ref, image); err != nil {
		t.Fatal(err)
	}
}
