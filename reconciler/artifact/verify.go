// SPDX-License-Identifier: Apache-2.0

package artifact

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"trunkline.dev/trunkline/api/artifact"
	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/reconciler/oci"
)

// The forms in which cosign stores signatures beside an artifact: as layers of the tag "sha256-….sig", and, since its version 3, as
// bundles that refer to the artifact.
const (
	simpleType      = "cosign container image signature"
	simpleSigning   = "application/vnd.dev.cosign.simplesigning.v1+json"
	signatureOf     = "dev.cosignproject.cosign/signature"
	bundleType      = "application/vnd.dev.sigstore.bundle"
	statementType   = "application/vnd.in-toto+json"
	signedPredicate = "https://sigstore.dev/cosign/sign/v1"
)

const (
	maxEvidence   = 1 << 20
	maxSignatures = 50
)

// evidence is what was signed, and the signature. It is nothing until it is verified.
type evidence struct {
	// Type is that of the payload in a bundle, which is signed with it; empty for the older form.
	Type      string `json:"type,omitempty"`
	Payload   []byte `json:"payload"`
	Signature []byte `json:"signature"`
}

// verify refuses an artifact that is not signed by one of each group of signers.
func (s *Store) verify(ctx context.Context, source artifact.Source, ref artifact.Ref) error {
	if len(ref.Signers) == 0 {
		return nil
	}
	if source.Repository == "" {
		return fmt.Errorf("it has to be signed by %s, and a Helm repository has no signatures of cosign: push the chart to a registry, and sign it there", among(ref.Signers[0]))
	}
	if missing(ref, s.disk.evidence(ref.Digest)) == nil {
		return nil
	}
	all, err := asked(ctx, s, source.Host, func(ctx context.Context) ([]evidence, error) { return s.evidenceOf(ctx, source, ref.Digest) })
	if err != nil {
		return fmt.Errorf("looking for its signatures: %w", err)
	}
	if group := missing(ref, all); group != nil {
		found := "it is not signed"
		if len(all) > 0 {
			found = "it is signed by others only"
		}
		return fmt.Errorf("%s, and has to be by %s: let them run cosign sign --key KEY %s@%s", found, among(group), source.Repository, ref.Digest)
	}
	if err := s.disk.putEvidence(ref.Digest, all); err != nil {
		return fmt.Errorf("keeping its signatures on the disk: %w", err)
	}
	return nil
}

func among(group []v1alpha1.Signer) string {
	names := make([]string, 0, len(group))
	for _, s := range group {
		names = append(names, s.Name)
	}
	return strings.Join(names, " or ")
}

// missing returns the first group of which none has signed; nil if there is none.
func missing(ref artifact.Ref, all []evidence) []v1alpha1.Signer {
	for _, group := range ref.Signers {
		if !signedByOne(group, ref.Digest, all) {
			return group
		}
	}
	return nil
}

func signedByOne(group []v1alpha1.Signer, of string, all []evidence) bool {
	for _, signer := range group {
		key, err := artifact.ParseKey(signer.CosignKey)
		if err != nil {
			continue
		}
		for _, e := range all {
			if e.shows(key, of) {
				return true
			}
		}
	}
	return false
}

// shows reports whether the owner of a key has signed an artifact by this.
func (e evidence) shows(key crypto.PublicKey, of string) bool {
	signed := e.Payload
	if e.Type != "" {
		signed = fmt.Appendf(nil, "DSSEv1 %d %s %d %s", len(e.Type), e.Type, len(e.Payload), e.Payload)
	}
	if !verified(key, signed, e.Signature) {
		return false
	}
	if e.Type == "" {
		return simpleIsOf(e.Payload, of)
	}
	return e.Type == statementType && statementIsOf(e.Payload, of)
}

// simpleIsOf reports whether a payload says that an artifact is signed.
func simpleIsOf(data []byte, of string) bool {
	var simple struct {
		Critical struct {
			Type  string `json:"type"`
			Image struct {
				Digest string `json:"docker-manifest-digest"`
			} `json:"image"`
		} `json:"critical"`
	}
	return json.Unmarshal(data, &simple) == nil && simple.Critical.Type == simpleType && simple.Critical.Image.Digest == of
}

// verified reports whether a signature is that of a key, as cosign makes them: of the SHA-256 of what is signed, unless the key has a
// hash of its own.
func verified(key crypto.PublicKey, signed, signature []byte) bool {
	sum := sha256.Sum256(signed)
	switch k := key.(type) {
	case *ecdsa.PublicKey:
		return ecdsa.VerifyASN1(k, sum[:], signature)
	case *rsa.PublicKey:
		return rsa.VerifyPKCS1v15(k, crypto.SHA256, sum[:], signature) == nil
	case ed25519.PublicKey:
		return ed25519.Verify(k, signed, signature)
	}
	return false
}

// statementIsOf reports whether a statement is that an artifact is signed, and not one of the others that may be made about it.
func statementIsOf(data []byte, of string) bool {
	var statement struct {
		PredicateType string `json:"predicateType"`
		Subject       []struct {
			Digest map[string]string `json:"digest"`
		} `json:"subject"`
	}
	if json.Unmarshal(data, &statement) != nil || statement.PredicateType != signedPredicate {
		return false
	}
	for _, subject := range statement.Subject {
		if "sha256:"+subject.Digest["sha256"] == of {
			return true
		}
	}
	return false
}

// evidenceOf asks a registry for what was signed of an artifact.
func (s *Store) evidenceOf(ctx context.Context, source artifact.Source, of string) ([]evidence, error) {
	repo, err := s.repository(source)
	if err != nil {
		return nil, err
	}
	l := looking{repo: repo}
	if err := l.tagged(ctx, repo.Tag(strings.Replace(of, ":", "-", 1)+".sig")); err != nil {
		return nil, err
	}
	if err := l.referring(ctx, repo.Digest(of)); err != nil {
		return nil, err
	}
	return l.found, nil
}

type looking struct {
	repo  *oci.Repository
	found []evidence
}

// tagged reads signatures that are layers of an image with a tag.
func (l *looking) tagged(ctx context.Context, tag name.Tag) error {
	m, err := l.manifest(ctx, tag)
	if m == nil || err != nil {
		return err
	}
	for i, of := range m.Layers {
		if string(of.MediaType) != simpleSigning || i >= maxSignatures {
			continue
		}
		signed, err := base64.StdEncoding.DecodeString(of.Annotations[signatureOf])
		if err != nil || len(signed) == 0 {
			continue
		}
		data, err := l.blob(ctx, of)
		if err != nil {
			return err
		}
		l.found = append(l.found, evidence{Payload: data, Signature: signed})
	}
	return nil
}

// referring reads signatures that are bundles which refer to the artifact.
func (l *looking) referring(ctx context.Context, to name.Digest) error {
	index, err := remote.Referrers(to, append(slices.Clip(l.repo.Asking), remote.WithContext(ctx))...)
	if err != nil {
		return oci.Absent(err)
	}
	list, err := index.IndexManifest()
	if err != nil {
		return oci.Explain(err, "")
	}
	for i, of := range list.Manifests {
		if !strings.HasPrefix(of.ArtifactType, bundleType) || i >= maxSignatures {
			continue
		}
		m, err := l.manifest(ctx, l.repo.Digest(of.Digest.String()))
		if err != nil {
			return err
		}
		if m == nil || len(m.Layers) != 1 {
			continue
		}
		data, err := l.blob(ctx, m.Layers[0])
		if err != nil {
			return err
		}
		if e, ok := ofBundle(data); ok {
			l.found = append(l.found, e)
		}
	}
	return nil
}

// ofBundle reads the envelope in a bundle of Sigstore; what else is in it is of use for signatures without keys.
func ofBundle(data []byte) (evidence, bool) {
	var bundle struct {
		Envelope struct {
			Payload     []byte `json:"payload"`
			PayloadType string `json:"payloadType"`
			Signatures  []struct {
				Sig []byte `json:"sig"`
			} `json:"signatures"`
		} `json:"dsseEnvelope"`
	}
	if json.Unmarshal(data, &bundle) != nil || len(bundle.Envelope.Signatures) != 1 || bundle.Envelope.PayloadType == "" {
		return evidence{}, false
	}
	e := bundle.Envelope
	return evidence{Type: e.PayloadType, Payload: e.Payload, Signature: e.Signatures[0].Sig}, true
}

// manifest reads a manifest; nil if there is none.
func (l *looking) manifest(ctx context.Context, ref name.Reference) (*v1.Manifest, error) {
	got, err := l.repo.Get(ctx, ref)
	if err != nil {
		return nil, oci.Absent(err)
	}
	m, err := v1.ParseManifest(bytes.NewReader(got.Manifest))
	if err != nil || m.MediaType.IsIndex() {
		return nil, nil //nolint:nilerr,nilnil // what cannot be read is no signature
	}
	return m, nil
}

func (l *looking) blob(ctx context.Context, of v1.Descriptor) ([]byte, error) {
	if of.Size < 0 || of.Size > maxEvidence {
		return nil, errors.New("a signature has more than 1 MiB")
	}
	layer, err := l.repo.Layer(ctx, l.repo.Digest(of.Digest.String()))
	if err != nil {
		return nil, oci.Explain(err, "the registry does not have its content")
	}
	in, err := layer.Compressed()
	if err != nil {
		return nil, oci.Explain(err, "the registry does not have its content")
	}
	defer func() { _ = in.Close() }() // it was read
	return readAll(in, of.Digest.String())
}
