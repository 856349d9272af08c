// SPDX-License-Identifier: Apache-2.0

package signers

import (
	"bytes"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/pem"
	"errors"
	"fmt"

	"golang.org/x/crypto/ssh"
)

// The parts of SSH signatures, as PROTOCOL.sshsig of OpenSSH describes them.
const (
	sshArmor = "SSH SIGNATURE"
	sshMagic = "SSHSIG"
	// gitNamespace is what Git signs for. A signature for something else, such as a file or an e-mail, is none of a commit.
	gitNamespace = "git"
)

// sshSignature is a signature by an SSH key, with the key or the certificate that it is of.
type sshSignature struct {
	key       ssh.PublicKey
	namespace string
	hash      string
	reserved  string
	signature *ssh.Signature
}

// parseSSH reads an armoured signature.
func parseSSH(armoured []byte) (*sshSignature, error) {
	block, rest := pem.Decode(armoured)
	if block == nil || block.Type != sshArmor || len(block.Headers) > 0 {
		return nil, errors.New("the SSH signature is damaged")
	}
	if len(bytes.TrimSpace(rest)) > 0 {
		return nil, errors.New("something follows the SSH signature: one signature is needed")
	}
	blob, ok := bytes.CutPrefix(block.Bytes, []byte(sshMagic))
	if !ok {
		return nil, errors.New("the SSH signature is damaged")
	}
	var parts struct {
		Version                   uint32
		Key                       []byte
		Namespace, Reserved, Hash string
		Signature                 []byte
	}
	if err := ssh.Unmarshal(blob, &parts); err != nil {
		return nil, errors.New("the SSH signature is damaged")
	}
	if parts.Version != 1 {
		return nil, fmt.Errorf("the SSH signature is of version %d, and 1 is known", parts.Version)
	}
	s := &sshSignature{namespace: parts.Namespace, hash: parts.Hash, reserved: parts.Reserved}
	var err error
	if s.key, err = ssh.ParsePublicKey(parts.Key); err != nil {
		return nil, errors.New("the key in the SSH signature is damaged, or of an unknown kind")
	}
	s.signature = &ssh.Signature{}
	if err := ssh.Unmarshal(parts.Signature, s.signature); err != nil {
		return nil, errors.New("the SSH signature is damaged")
	}
	return s, nil
}

// verify reports why the signature is not one of the key over a payload.
func (s *sshSignature) verify(payload []byte) error {
	var sum []byte
	switch s.hash {
	case "sha256":
		h := sha256.Sum256(payload)
		sum = h[:]
	case "sha512":
		h := sha512.Sum512(payload)
		sum = h[:]
	default:
		return fmt.Errorf("the SSH signature uses the hash %q; sha256 and sha512 are known", printable(s.hash))
	}
	if s.signature.Format == ssh.KeyAlgoRSA {
		return errors.New("the SSH signature uses SHA-1, which can be forged")
	}
	if bits := rsaBits(s.key); bits > 0 && bits < minRSABits {
		return fmt.Errorf("the RSA key has %d bits, and %d are needed", bits, minRSABits)
	}
	signed := ssh.Marshal(struct {
		Magic                     [6]byte
		Namespace, Reserved, Hash string
		Sum                       []byte
	}{[6]byte([]byte(sshMagic)), s.namespace, s.reserved, s.hash, sum})
	if err := s.key.Verify(signed, s.signature); err != nil {
		return errors.New("the SSH signature is not over this commit, or damaged")
	}
	return nil
}

// minRSABits is the shortest RSA key that counts.
const minRSABits = 2048

// rsaBits returns the length of an RSA key, of a certificate too; 0 if it is another kind of key.
func rsaBits(key ssh.PublicKey) int {
	if cert, ok := key.(*ssh.Certificate); ok {
		key = cert.Key
	}
	c, ok := key.(ssh.CryptoPublicKey)
	if !ok {
		return 0
	}
	k, ok := c.CryptoPublicKey().(*rsa.PublicKey)
	if !ok {
		return 0
	}
	return k.N.BitLen()
}
