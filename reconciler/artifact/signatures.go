// SPDX-License-Identifier: Apache-2.0

package artifact

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"trunkline.dev/trunkline/api/artifact"
	"trunkline.dev/trunkline/reconciler/oci"
)

// The forms in which signatures are beside an artifact. cosign stores them as layers of the tag "sha256-….sig" and, since its version 3, as
// bundles that refer to the artifact; notation as envelopes that do.
const (
	simpleSigning = "application/vnd.dev.cosign.simplesigning.v1+json"
	signatureOf   = "dev.cosignproject.cosign/signature"
	certificateOf = "dev.sigstore.cosign/certificate"
	recordOf      = "dev.sigstore.cosign/bundle"
	bundleType    = "application/vnd.dev.sigstore.bundle"
	notationType  = "application/vnd.cncf.notary.signature"
)

const (
	maxEvidence   = 1 << 20
	maxSignatures = 50
)

// evidence is what was signed, and the signature. It is nothing until it is verified.
type evidence struct {
	// Type is that of the payload in a bundle, which is signed with it, or of the envelope; empty for the older form of cosign.
	Type      string `json:"type,omitempty"`
	Payload   []byte `json:"payload,omitempty"`
	Signature []byte `json:"signature,omitempty"`
	// Bundle is that of Sigstore, in JSON, of what was signed without a key.
	Bundle []byte `json:"bundle,omitempty"`
	// Envelope is that of notation.
	Envelope []byte `json:"envelope,omitempty"`
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
		l.found = append(l.found, evidence{Payload: data, Signature: signed, Bundle: bundled(of.Annotations, data, signed)})
	}
	return nil
}

// referring reads signatures that refer to the artifact.
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
		notation := of.ArtifactType == notationType
		if !notation && !strings.HasPrefix(of.ArtifactType, bundleType) || i >= maxSignatures {
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
		if notation {
			l.found = append(l.found, evidence{Type: string(m.Layers[0].MediaType), Envelope: data})
		} else if e, ok := ofBundle(data); ok {
			l.found = append(l.found, e)
		}
	}
	return nil
}

// ofBundle reads a bundle of Sigstore.
func ofBundle(data []byte) (evidence, bool) {
	var bundle struct {
		Envelope struct {
			Payload     []byte `json:"payload"`
			PayloadType string `json:"payloadType"`
			Signatures  []struct {
				Sig []byte `json:"sig"`
			} `json:"signatures"`
		} `json:"dsseEnvelope"`
		Material struct {
			Certificate, X509CertificateChain json.RawMessage
		} `json:"verificationMaterial"`
	}
	if json.Unmarshal(data, &bundle) != nil || len(bundle.Envelope.Signatures) != 1 || bundle.Envelope.PayloadType == "" {
		return evidence{}, false
	}
	e := evidence{Type: bundle.Envelope.PayloadType, Payload: bundle.Envelope.Payload, Signature: bundle.Envelope.Signatures[0].Sig}
	if bundle.Material.Certificate != nil || bundle.Material.X509CertificateChain != nil {
		e.Bundle = data
	}
	return e, true
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
