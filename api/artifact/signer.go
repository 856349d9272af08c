// SPDX-License-Identifier: Apache-2.0

package artifact

import (
	"crypto"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"trunkline.dev/trunkline/api/v1alpha1"
)

// CheckSigner finds what is wrong with who signs artifacts. The field of a problem is a path, with dots.
func CheckSigner(s v1alpha1.Signer) (out []Problem) {
	ways := 0
	for _, given := range []bool{s.CosignKey != "", s.Keyless != nil, s.Notation != nil} {
		if given {
			ways++
		}
	}
	if ways != 1 {
		return []Problem{{"name", fmt.Sprintf("%s signs in %d ways, and one is wanted", s.Name, ways), "give one of cosignKey, keyless and notation; one of several signers is enough"}}
	}
	switch {
	case s.Keyless != nil:
		return checkKeyless(*s.Keyless)
	case s.Notation != nil:
		return checkNotation(*s.Notation)
	}
	if _, err := ParseKey(s.CosignKey); err != nil {
		out = append(out, Problem{"cosignKey", err.Error(), "write what is in cosign.pub, as a block of text"})
	}
	return out
}

func checkKeyless(k v1alpha1.KeylessSigner) (out []Problem) {
	wrong := func(field, message, hint string) { out = append(out, Problem{"keyless." + field, message, hint}) }
	if !strings.HasPrefix(k.Issuer, "https://") && !strings.HasPrefix(k.Issuer, "http://") {
		wrong("issuer", fmt.Sprintf("%q is no identity provider", k.Issuer), "write its address, such as https://token.actions.githubusercontent.com")
	}
	if strings.Trim(k.Identity, "*") == "" {
		wrong("identity", "it is anyone whom the issuer knows", "write the mail address or the URL of the workflow; * may be a part of it")
	}
	if k.TrustedRoot != "" {
		if k.FulcioRoots+k.RekorKeys+k.CTLogKeys != "" {
			wrong("trustedRoot", "it has what fulcioRoots, rekorKeys and ctLogKeys say too", "remove one or the other")
		}
		if !strings.Contains(mediaType(k.TrustedRoot), "dev.sigstore.trustedroot") {
			wrong("trustedRoot", "it is no trusted root of Sigstore in JSON", "write what is in trusted_root.json, as a block of text")
		}
		return out
	}
	if _, err := ParseCertificates(k.FulcioRoots); err != nil {
		wrong("fulcioRoots", err.Error(), "write the certificates of Fulcio, as a block of text; or all that Sigstore distributes as trustedRoot")
	}
	if _, err := ParseKeys(k.RekorKeys); err != nil {
		wrong("rekorKeys", err.Error(), "write the public key of Rekor, as a block of text; or all that Sigstore distributes as trustedRoot")
	}
	if k.CTLogKeys != "" {
		if _, err := ParseKeys(k.CTLogKeys); err != nil {
			wrong("ctLogKeys", err.Error(), "")
		}
	}
	return out
}

func mediaType(text string) string {
	var head struct {
		MediaType string `json:"mediaType"`
	}
	if json.Unmarshal([]byte(text), &head) != nil {
		return ""
	}
	return head.MediaType
}

func checkNotation(n v1alpha1.NotationSigner) (out []Problem) {
	wrong := func(field, message, hint string) { out = append(out, Problem{"notation." + field, message, hint}) }
	if _, err := ParseCertificates(n.Roots); err != nil {
		wrong("roots", err.Error(), "write the certificates of the authorities, as a block of text")
	}
	if n.TimestampRoots != "" {
		if _, err := ParseCertificates(n.TimestampRoots); err != nil {
			wrong("timestampRoots", err.Error(), "")
		}
	}
	for _, subject := range n.Subjects {
		for _, part := range []string{"C", "ST", "O"} {
			if !regexp.MustCompile(`(?:^|,)\s*` + part + `\s*=\s*[^,\s]`).MatchString(subject) {
				wrong("subjects", fmt.Sprintf("%q does not say %s", subject, part), `name the country, the state and the organization at least, such as "C=US, ST=WA, O=acme.io"`)
				break
			}
		}
	}
	return out
}

// ParseKeys reads public keys in PEM, at least one. The error repeats nothing of them.
func ParseKeys(text string) (out []crypto.PublicKey, err error) {
	for _, block := range blocks(text) {
		key, err := ParseKey(block)
		if err != nil {
			return nil, err
		}
		out = append(out, key)
	}
	if len(out) == 0 {
		return nil, errors.New("it is no public key in PEM")
	}
	return out, nil
}

// ParseCertificates reads certificates in PEM, at least one. The error repeats nothing of them.
func ParseCertificates(text string) (out []*x509.Certificate, err error) {
	rest := []byte(text)
	for {
		var block *pem.Block
		block, rest = pem.Decode(rest)
		switch {
		case block == nil && (len(out) == 0 || strings.TrimSpace(string(rest)) != ""):
			return nil, errors.New("it is no certificate in PEM")
		case block == nil:
			return out, nil
		case strings.Contains(block.Type, "PRIVATE"):
			return nil, errors.New("it is a private key: make another pair, since this one is in the repository, and write the certificate")
		case block.Type != "CERTIFICATE":
			return nil, errors.New("it is no certificate in PEM")
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, errors.New("it is no certificate in PEM")
		}
		out = append(out, cert)
	}
}

// blocks splits a text before each block of PEM.
func blocks(text string) (out []string) {
	const begin = "-----BEGIN "
	head, rest, more := strings.Cut(text, begin)
	if strings.TrimSpace(head) != "" {
		out = append(out, head) // which is none
	}
	for more {
		head, rest, more = strings.Cut(rest, begin)
		out = append(out, begin+head)
	}
	return out
}

// Sign is what a signer runs to sign an artifact.
func Sign(s v1alpha1.Signer, artifact string) string {
	switch {
	case s.Notation != nil:
		return "notation sign " + artifact
	case s.Keyless != nil:
		return "cosign sign " + artifact
	}
	return "cosign sign --key KEY " + artifact
}
