// SPDX-License-Identifier: Apache-2.0

package artifact

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"

	"github.com/notaryproject/notation-core-go/revocation"
	"github.com/notaryproject/notation-core-go/revocation/result"
	_ "github.com/notaryproject/notation-core-go/signature/cose" // one of the two forms of envelopes, which register themselves
	_ "github.com/notaryproject/notation-core-go/signature/jws"  // the other one
	notation "github.com/notaryproject/notation-go"
	"github.com/notaryproject/notation-go/verifier"
	"github.com/notaryproject/notation-go/verifier/trustpolicy"
	"github.com/notaryproject/notation-go/verifier/truststore"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"trunkline.dev/trunkline/api/artifact"
	"trunkline.dev/trunkline/api/v1alpha1"
)

// trustStore is the name of the certificates that are trusted, as the library wants one.
const trustStore = "given"

// notation returns nil if the owner of a certificate has signed an artifact by this. Nothing is asked: whether a certificate was revoked
// is not known here.
func (e evidence) notation(ctx context.Context, n v1alpha1.NotationSigner, of subject) error {
	policy := trustpolicy.TrustPolicy{
		Name: trustStore, RegistryScopes: []string{"*"}, TrustStores: []string{"ca:" + trustStore, "signingAuthority:" + trustStore}, TrustedIdentities: []string{"*"},
		SignatureVerification: trustpolicy.SignatureVerification{
			VerificationLevel: trustpolicy.LevelStrict.Name,
			Override:          map[trustpolicy.ValidationType]trustpolicy.ValidationAction{trustpolicy.TypeRevocation: trustpolicy.ActionSkip},
		},
	}
	if len(n.Subjects) > 0 {
		policy.TrustedIdentities = nil
		for _, s := range n.Subjects {
			policy.TrustedIdentities = append(policy.TrustedIdentities, "x509.subject:"+s)
		}
	}
	if n.TimestampRoots != "" {
		policy.TrustStores = append(policy.TrustStores, "tsa:"+trustStore)
		policy.SignatureVerification.VerifyTimestamp = trustpolicy.OptionAfterCertExpiry
	}
	v, err := verifier.NewWithOptions(
		&trustpolicy.Document{Version: "1.0", TrustPolicies: []trustpolicy.TrustPolicy{policy}}, given(n), nil,
		verifier.VerifierOptions{RevocationCodeSigningValidator: unasked{}, RevocationTimestampingValidator: unasked{}},
	)
	if err != nil {
		return err
	}
	described, err := of.descriptor()
	if err != nil {
		return err
	}
	_, err = v.Verify(ctx, described, e.Envelope, notation.VerifierVerifyOptions{ArtifactReference: of.repository + "@" + of.digest, SignatureMediaType: e.Type})
	return err
}

// descriptor is what is signed: the type and the size of the manifest too.
func (s subject) descriptor() (ocispec.Descriptor, error) {
	var m struct {
		MediaType string `json:"mediaType"`
	}
	if err := json.NewDecoder(bytes.NewReader(s.manifest)).Decode(&m); err != nil {
		return ocispec.Descriptor{}, err
	}
	if m.MediaType == "" {
		m.MediaType = ocispec.MediaTypeImageManifest
	}
	return ocispec.Descriptor{MediaType: m.MediaType, Digest: digest.Digest(s.digest), Size: int64(len(s.manifest))}, nil
}

// given are the certificates that a signer is trusted by.
type given v1alpha1.NotationSigner

// GetCertificates implements [truststore.X509TrustStore].
func (g given) GetCertificates(_ context.Context, kind truststore.Type, _ string) ([]*x509.Certificate, error) {
	if kind == truststore.TypeTSA {
		return artifact.ParseCertificates(g.TimestampRoots)
	}
	return artifact.ParseCertificates(g.Roots)
}

// unasked says of all certificates that they were not revoked.
type unasked struct{}

// ValidateContext implements [revocation.Validator].
func (unasked) ValidateContext(_ context.Context, opts revocation.ValidateContextOptions) ([]*result.CertRevocationResult, error) {
	if len(opts.CertChain) == 0 {
		return nil, errors.New("there are no certificates")
	}
	out := make([]*result.CertRevocationResult, len(opts.CertChain))
	for i := range out {
		out[i] = &result.CertRevocationResult{Result: result.ResultNonRevokable, ServerResults: []*result.ServerResult{{Result: result.ResultNonRevokable}}}
	}
	return out, nil
}
