// SPDX-License-Identifier: Apache-2.0

package artifact

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"trunkline.dev/trunkline/api/artifact"
	"trunkline.dev/trunkline/api/v1alpha1"
)

const (
	simpleType      = "cosign container image signature"
	statementType   = "application/vnd.in-toto+json"
	signedPredicate = "https://sigstore.dev/cosign/sign/v1"
)

// subject is an artifact that is to be signed.
type subject struct {
	repository, digest string
	manifest           []byte
}

// verify refuses an artifact that is not signed by one of each group of signers.
func (s *Store) verify(ctx context.Context, source artifact.Source, ref artifact.Ref, manifest []byte) error {
	if len(ref.Signers) == 0 {
		return nil
	}
	if source.Repository == "" {
		return fmt.Errorf("it has to be signed by %s, and a Helm repository has no signatures: push the chart to a registry, and sign it there", among(ref.Signers[0]))
	}
	of := subject{source.Repository, ref.Digest, manifest}
	if group, _ := missing(ctx, ref, of, s.disk.evidence(ref.Digest)); group == nil {
		return nil
	}
	all, err := asked(ctx, s, source.Host, func(ctx context.Context) ([]evidence, error) { return s.evidenceOf(ctx, source, ref.Digest) })
	if err != nil {
		return fmt.Errorf("looking for its signatures: %w", err)
	}
	if group, why := missing(ctx, ref, of, all); group != nil {
		return unsigned(group, why, len(all) > 0, source.Repository+"@"+ref.Digest)
	}
	if err := s.disk.putEvidence(ref.Digest, all); err != nil {
		return fmt.Errorf("keeping its signatures on the disk: %w", err)
	}
	return nil
}

// unsigned says to people that none of a group has signed. Why is what is wrong with a signature that might be one of theirs.
func unsigned(group []v1alpha1.Signer, why error, any bool, name string) error {
	found := "it is not signed"
	if any {
		found = "it is signed by others only"
	}
	if why != nil {
		found += " (" + why.Error() + ")"
	}
	return fmt.Errorf("%s, and has to be by %s: let them run %s", found, among(group), artifact.Sign(group[0], name))
}

func among(group []v1alpha1.Signer) string {
	names := make([]string, 0, len(group))
	for _, s := range group {
		names = append(names, s.Name)
	}
	return strings.Join(names, " or ")
}

// missing returns the first group of which none has signed, with what is wrong with a signature that might be theirs; nil if there is
// none.
func missing(ctx context.Context, ref artifact.Ref, of subject, all []evidence) (group []v1alpha1.Signer, why error) {
	for _, group := range ref.Signers {
		if signed, why := signedByOne(ctx, group, of, all); !signed {
			return group, why
		}
	}
	return nil, nil
}

func signedByOne(ctx context.Context, group []v1alpha1.Signer, of subject, all []evidence) (signed bool, why error) {
	for _, signer := range group {
		for _, e := range all {
			err := e.by(ctx, signer, of)
			if err == nil {
				return true, nil
			}
			if why == nil && !errors.Is(err, errOther) {
				why = fmt.Errorf("%s: %s", signer.Name, brief(err))
			}
		}
	}
	return false, why
}

// errOther is why a signature says nothing of a signer: it is of another kind, or of another key.
var errOther = errors.New("it is another's signature")

// by returns nil if a signer has signed an artifact by this.
func (e evidence) by(ctx context.Context, signer v1alpha1.Signer, of subject) error {
	switch {
	case signer.Keyless != nil && e.Bundle != nil:
		return e.keyless(*signer.Keyless, of)
	case signer.Notation != nil && e.Envelope != nil:
		return e.notation(ctx, *signer.Notation, of)
	case signer.CosignKey != "" && e.Envelope == nil:
		key, err := artifact.ParseKey(signer.CosignKey)
		if err != nil || !e.shows(key, of.digest) {
			return errOther
		}
		return nil
	}
	return errOther
}

// maxBrief bounds what is repeated of an error of others.
const maxBrief = 200

func brief(err error) string {
	text := strings.Join(strings.Fields(err.Error()), " ")
	if len(text) > maxBrief {
		text = strings.ToValidUTF8(text[:maxBrief], "") + "…"
	}
	return text
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
