// SPDX-License-Identifier: Apache-2.0

package artifact

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"strings"
)

// minRSA is how many bits an RSA key has at least.
const minRSA = 2048

// ParseKey reads a public key in PEM. The error repeats nothing of it, since people confuse the two halves.
func ParseKey(text string) (crypto.PublicKey, error) {
	block, rest := pem.Decode([]byte(text))
	switch {
	case block == nil:
		return nil, errors.New("it is no public key in PEM")
	case strings.Contains(block.Type, "PRIVATE"):
		return nil, errors.New("it is a private key: make another pair, since this one is in the repository, and write the public one")
	case block.Type != "PUBLIC KEY" || strings.TrimSpace(string(rest)) != "":
		return nil, errors.New("it is not one public key in PEM")
	}
	key, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return nil, errors.New("it is no public key in PEM")
	}
	switch k := key.(type) {
	case *ecdsa.PublicKey, ed25519.PublicKey:
		return key, nil
	case *rsa.PublicKey:
		if k.N.BitLen() >= minRSA {
			return key, nil
		}
		return nil, errors.New("it is an RSA key of less than 2048 bits")
	}
	return nil, errors.New("it is a key of a kind that cosign does not sign with")
}
