// SPDX-License-Identifier: Apache-2.0

package artifact

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/sigstore/sigstore-go/pkg/bundle"
	"github.com/sigstore/sigstore-go/pkg/root"
	"github.com/sigstore/sigstore-go/pkg/verify"

	"trunkline.dev/trunkline/api/artifact"
	"trunkline.dev/trunkline/api/v1alpha1"
)

// keyless returns nil if someone of an identity has signed an artifact by this: the certificate is Fulcio's, it was valid when Rekor
// recorded the signature, and what is signed is that artifact. Nothing is asked.
func (e evidence) keyless(k v1alpha1.KeylessSigner, of subject) error {
	trusted, err := trustedBy(k)
	if err != nil {
		return err
	}
	opts := []verify.VerifierOption{verify.WithTransparencyLog(1), verify.WithObserverTimestamps(1)}
	if len(trusted.CTLogs()) > 0 {
		opts = append(opts, verify.WithSignedCertificateTimestamps(1))
	}
	verifier, err := verify.NewVerifier(trusted, opts...)
	if err != nil {
		return err
	}
	identity, err := verify.NewShortCertificateIdentity(k.Issuer, "", "", globbed(k.Identity))
	if err != nil {
		return err
	}
	var b bundle.Bundle
	if err := b.UnmarshalJSON(e.Bundle); err != nil {
		return err
	}
	signed, err := hex.DecodeString(strings.TrimPrefix(of.digest, "sha256:"))
	if err != nil {
		return err
	}
	what := verify.WithArtifactDigest("sha256", signed)
	if e.Type == "" {
		what = verify.WithArtifact(bytes.NewReader(e.Payload)) // which names the artifact
	}
	if _, err := verifier.Verify(&b, verify.NewPolicy(what, verify.WithCertificateIdentity(identity))); err != nil {
		return err
	}
	if e.Type == "" {
		if !simpleIsOf(e.Payload, of.digest) {
			return errOther
		}
		return nil
	}
	// The library has verified that the artifact is a subject of the statement, and not what is stated of it.
	content, err := b.SignatureContent()
	if err != nil || content.EnvelopeContent() == nil {
		return errors.New("the bundle has no envelope")
	}
	envelope := content.EnvelopeContent().RawEnvelope()
	payload, err := base64.StdEncoding.DecodeString(envelope.Payload)
	if err != nil || envelope.PayloadType != statementType || !statementIsOf(payload, of.digest) {
		return errOther
	}
	return nil
}

// globbed is a regular expression for a text in which a star is any text.
func globbed(text string) string {
	parts := strings.Split(text, "*")
	for i, part := range parts {
		parts[i] = regexp.QuoteMeta(part)
	}
	return "^" + strings.Join(parts, ".*") + "$"
}

// trust is what signatures without keys are verified by.
type trust struct {
	root.BaseTrustedMaterial

	authorities []root.CertificateAuthority
	rekor, ct   map[string]*root.TransparencyLog
}

func (t *trust) FulcioCertificateAuthorities() []root.CertificateAuthority { return t.authorities }
func (t *trust) RekorLogs() map[string]*root.TransparencyLog               { return t.rekor }
func (t *trust) CTLogs() map[string]*root.TransparencyLog                  { return t.ct }

func trustedBy(k v1alpha1.KeylessSigner) (root.TrustedMaterial, error) {
	if k.TrustedRoot != "" {
		return root.NewTrustedRootFromJSON([]byte(k.TrustedRoot))
	}
	certificates, err := artifact.ParseCertificates(k.FulcioRoots)
	if err != nil {
		return nil, err
	}
	t := &trust{}
	var between []*x509.Certificate
	for _, c := range certificates {
		if !bytes.Equal(c.RawIssuer, c.RawSubject) {
			between = append(between, c)
		}
	}
	for _, c := range certificates {
		if bytes.Equal(c.RawIssuer, c.RawSubject) {
			t.authorities = append(t.authorities, &root.FulcioCertificateAuthority{
				Root: c, Intermediates: between, ValidityPeriodStart: c.NotBefore, ValidityPeriodEnd: c.NotAfter,
			})
		}
	}
	if len(t.authorities) == 0 {
		return nil, errors.New("fulcioRoots has no root: each certificate is issued by another")
	}
	if t.rekor, err = logs(k.RekorKeys); err != nil {
		return nil, err
	}
	if k.CTLogKeys != "" {
		if t.ct, err = logs(k.CTLogKeys); err != nil {
			return nil, err
		}
	}
	return t, nil
}

// logs are the transparency logs of keys, each by the hash of its key.
func logs(keys string) (map[string]*root.TransparencyLog, error) {
	all, err := artifact.ParseKeys(keys)
	if err != nil {
		return nil, err
	}
	out := map[string]*root.TransparencyLog{}
	for _, key := range all {
		der, err := x509.MarshalPKIXPublicKey(key)
		if err != nil {
			return nil, err
		}
		id := sha256.Sum256(der)
		out[hex.EncodeToString(id[:])] = &root.TransparencyLog{
			ID: id[:], HashFunc: crypto.SHA256, PublicKey: key, SignatureHashFunc: hashOf(key),
			ValidityPeriodStart: time.Unix(1, 0), // ever; the library wants one
		}
	}
	return out, nil
}

// hashOf is the hash that a log signs with, by its key.
func hashOf(key crypto.PublicKey) crypto.Hash {
	switch k := key.(type) {
	case *ecdsa.PublicKey:
		switch k.Curve {
		case elliptic.P384():
			return crypto.SHA384
		case elliptic.P521():
			return crypto.SHA512
		}
	case ed25519.PublicKey:
		return crypto.SHA512
	}
	return crypto.SHA256
}

// bundled makes a bundle of what cosign had beside a signature before its version 3: the certificate, and what Rekor has recorded; nil
// if it is no signature without a key.
func bundled(annotations map[string]string, payload, signature []byte) []byte {
	block, _ := pem.Decode([]byte(annotations[certificateOf]))
	var record struct {
		SignedEntryTimestamp []byte
		Payload              struct {
			Body           []byte `json:"body"`
			IntegratedTime int64  `json:"integratedTime"`
			LogIndex       int64  `json:"logIndex"`
			LogID          string `json:"logID"`
		}
	}
	if block == nil || json.Unmarshal([]byte(annotations[recordOf]), &record) != nil {
		return nil
	}
	var entry struct {
		Kind    string `json:"kind"`
		Version string `json:"apiVersion"`
	}
	id, err := hex.DecodeString(record.Payload.LogID)
	if err != nil || json.Unmarshal(record.Payload.Body, &entry) != nil {
		return nil
	}
	type object = map[string]any
	sum := sha256.Sum256(payload)
	data, err := json.Marshal(object{
		"mediaType": "application/vnd.dev.sigstore.bundle+json;version=0.1",
		"verificationMaterial": object{
			"x509CertificateChain": object{"certificates": []any{object{"rawBytes": block.Bytes}}},
			"tlogEntries": []any{object{
				"logIndex": fmt.Sprint(record.Payload.LogIndex), "logId": object{"keyId": id}, "integratedTime": fmt.Sprint(record.Payload.IntegratedTime),
				"kindVersion": object{"kind": entry.Kind, "version": entry.Version}, "inclusionPromise": object{"signedEntryTimestamp": record.SignedEntryTimestamp},
				"canonicalizedBody": record.Payload.Body,
			}},
		},
		"messageSignature": object{"messageDigest": object{"algorithm": "SHA2_256", "digest": sum[:]}, "signature": signature},
	})
	if err != nil {
		return nil
	}
	return data
}
