// SPDX-License-Identifier: Apache-2.0

package attest

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"

	"github.com/secure-systems-lab/go-securesystemslib/dsse"
	bundlepb "github.com/sigstore/protobuf-specs/gen/pb-go/bundle/v1"
	commonpb "github.com/sigstore/protobuf-specs/gen/pb-go/common/v1"
	dssepb "github.com/sigstore/protobuf-specs/gen/pb-go/dsse"
	"google.golang.org/protobuf/encoding/protojson"

	"trunkline.dev/trunkline/build/statement"
)

// The formats.
const (
	// BundleType is the media type of Sigstore's bundles, of a signature with all that is needed to verify it.
	BundleType = "application/vnd.dev.sigstore.bundle.v0.3+json"
)

// Annotations are what cosign looks for at a bundle that a registry holds, of a statement with this predicate.
func Annotations(predicate string) map[string]string {
	return map[string]string{
		"dev.sigstore.bundle.content":       "dsse-envelope",
		"dev.sigstore.bundle.predicateType": predicate,
	}
}

// Attest signs a statement and returns the bundle.
func (k *Key) Attest(said []byte) ([]byte, error) {
	sig, err := k.sign(dsse.PAE(statement.MediaType, said))
	if err != nil {
		return nil, err
	}
	return k.bundle(&bundlepb.Bundle{Content: &bundlepb.Bundle_DsseEnvelope{DsseEnvelope: &dssepb.Envelope{
		Payload: said, PayloadType: statement.MediaType, Signatures: []*dssepb.Signature{{Sig: sig}},
	}}})
}

// SignFile signs the content of a file and returns the bundle, which "cosign verify-blob" takes.
func (k *Key) SignFile(content []byte) ([]byte, error) {
	sig, err := k.sign(content)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(content)
	return k.bundle(&bundlepb.Bundle{Content: &bundlepb.Bundle_MessageSignature{MessageSignature: &commonpb.MessageSignature{
		MessageDigest: &commonpb.HashOutput{Algorithm: commonpb.HashAlgorithm_SHA2_256, Digest: sum[:]}, Signature: sig,
	}}})
}

func (k *Key) bundle(b *bundlepb.Bundle) ([]byte, error) {
	b.MediaType = BundleType
	b.VerificationMaterial = &bundlepb.VerificationMaterial{Content: &bundlepb.VerificationMaterial_PublicKey{PublicKey: &commonpb.PublicKeyIdentifier{Hint: k.hint}}}
	out, err := protojson.Marshal(b)
	if err != nil {
		return nil, fmt.Errorf("writing the bundle: %w", err)
	}
	return compact(out)
}

// compact takes out the spaces that protobuf puts in at random, so that nobody comes to rely on its bytes.
func compact(data []byte) ([]byte, error) {
	var v json.RawMessage = data
	return json.Marshal(v)
}
