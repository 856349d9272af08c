// SPDX-License-Identifier: Apache-2.0

// Package attest says of files and images what they are and who made them, in the forms that cosign and Sigstore's libraries verify.
package attest

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"os"

	"github.com/secure-systems-lab/go-securesystemslib/encrypted"
	"github.com/sigstore/sigstore/pkg/cryptoutils"
	"github.com/sigstore/sigstore/pkg/signature"
)

// Key signs.
type Key struct {
	signer signature.Signer
	public crypto.PublicKey
	hint   string
}

// ReadKey reads a private key of ECDSA from a file: what "cosign generate-key-pair" has written, which the password opens, or PKCS 8
// without one.
func ReadKey(file, password string) (*Key, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("reading the key: %w", err)
	}
	key, err := parseKey(data, password)
	if err != nil {
		return nil, fmt.Errorf("the key in %s: %w", file, err)
	}
	return key, nil
}

func parseKey(data []byte, password string) (*Key, error) {
	block, _ := pem.Decode(data)
	if block == nil {
		return nil, errors.New("is not PEM: name the file cosign.key that \"cosign generate-key-pair\" writes")
	}
	der := block.Bytes
	switch block.Type {
	case "ENCRYPTED SIGSTORE PRIVATE KEY", "ENCRYPTED COSIGN PRIVATE KEY":
		var err error
		if der, err = encrypted.Decrypt(block.Bytes, []byte(password)); err != nil {
			return nil, errors.New("cannot be opened: the password in COSIGN_PASSWORD is not the one that it was made with")
		}
	case "PRIVATE KEY":
	default:
		return nil, fmt.Errorf("is a %q: only keys of cosign and of PKCS 8 can be read", block.Type)
	}
	parsed, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return nil, err
	}
	private, ok := parsed.(*ecdsa.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("is a %T: cosign's keys are of ECDSA", parsed)
	}
	signer, err := signature.LoadECDSASigner(private, crypto.SHA256)
	if err != nil {
		return nil, err
	}
	public, err := x509.MarshalPKIXPublicKey(private.Public())
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(public)
	return &Key{signer: signer, public: private.Public(), hint: base64.StdEncoding.EncodeToString(sum[:])}, nil
}

// Public is the public key in PEM, which whoever verifies needs.
func (k *Key) Public() ([]byte, error) { return cryptoutils.MarshalPublicKeyToPEM(k.public) }

func (k *Key) sign(data []byte) ([]byte, error) { return k.signer.SignMessage(bytes.NewReader(data)) }
