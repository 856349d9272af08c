// SPDX-License-Identifier: Apache-2.0

package signers

import (
	"bytes"
	"crypto"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/armor"
	pgperrors "github.com/ProtonMail/go-crypto/openpgp/errors"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
)

// skew is by how much the clock of a signer may be ahead.
const skew = 10 * time.Minute

const keyBlock = "-----BEGIN PGP PUBLIC KEY BLOCK-----"

// parseKeys reads a file of public OpenPGP keys, as "gpg --export" writes it: armoured, any number of blocks, or binary.
func parseKeys(name string, data []byte) (keys openpgp.EntityList, err error) {
	defer recovered(&err, name+": the OpenPGP keys are damaged")
	if bytes.Contains(data, []byte("PRIVATE KEY BLOCK")) {
		return nil, fmt.Errorf("%s holds a private key, which is nobody else's to have: write public ones, by \"gpg --export --armor\"", name)
	}
	var rings []io.Reader
	text := string(data)
	for {
		at := strings.Index(text, keyBlock)
		if at < 0 {
			break
		}
		text = text[at:]
		next := strings.Index(text[len(keyBlock):], keyBlock)
		one := text
		if next >= 0 {
			one = text[:len(keyBlock)+next]
		}
		text = text[len(one):]
		block, err := armor.Decode(strings.NewReader(one))
		if err != nil {
			return nil, fmt.Errorf("%s: the OpenPGP keys are damaged: %w", name, err)
		}
		rings = append(rings, block.Body)
	}
	if rings == nil && len(data) > 0 {
		rings = append(rings, bytes.NewReader(data))
	}
	for _, ring := range rings {
		list, err := openpgp.ReadKeyRing(ring)
		if err != nil {
			return nil, fmt.Errorf("%s: the OpenPGP keys are damaged, or of an unknown kind: %w", name, err)
		}
		keys = append(keys, list...)
	}
	for _, k := range keys {
		if k.PrivateKey != nil {
			return nil, fmt.Errorf("%s holds a private key, which is nobody else's to have: write public ones, by \"gpg --export --armor\"", name)
		}
		if self, _ := k.PrimarySelfSignature(); self == nil {
			return nil, fmt.Errorf("%s: the OpenPGP key %X is signed by nobody, not even by itself", name, k.PrimaryKey.Fingerprint)
		}
	}
	if len(keys) == 0 {
		return nil, fmt.Errorf("%s: nobody may sign by this file: it holds no public OpenPGP key; \"gpg --export --armor\" writes some", name)
	}
	return keys, nil
}

// recovered turns a panic of a decoder into an error: what others sign must not end the daemon.
func recovered(err *error, text string) {
	if p := recover(); p != nil {
		*err = errors.New(text)
	}
}

// verifyPGP returns the key that made an armoured signature over a payload, or why none of these did.
func verifyPGP(keys openpgp.EntityList, armoured, payload []byte, at time.Time) (by *openpgp.Entity, err error) {
	defer recovered(&err, "the OpenPGP signature is damaged")
	sig, raw, err := parsePGP(armoured)
	if err != nil {
		return nil, err
	}
	switch {
	case sig.SigType != packet.SigTypeBinary:
		return nil, errors.New("the OpenPGP signature is not one over a file")
	case sig.Hash != crypto.SHA256 && sig.Hash != crypto.SHA384 && sig.Hash != crypto.SHA512 && sig.Hash != crypto.SHA224 && sig.Hash != crypto.SHA3_256 && sig.Hash != crypto.SHA3_512:
		return nil, fmt.Errorf("the OpenPGP signature uses %s, which can be forged", sig.Hash)
	}
	if ahead := sig.CreationTime.Sub(at); ahead > 0 && ahead <= skew {
		at = sig.CreationTime
	}
	_, by, err = openpgp.VerifyDetachedSignature(keys, bytes.NewReader(payload), bytes.NewReader(raw), &packet.Config{Time: func() time.Time { return at }})
	if err != nil {
		return nil, pgpRefusal(sig, by, at, err)
	}
	for _, k := range by.Subkeys {
		if k.PublicKey.KeyId == *sig.IssuerKeyId {
			return by, shortKey(k.PublicKey)
		}
	}
	return by, shortKey(by.PrimaryKey)
}

// shortKey reports a key that is too short to count.
func shortKey(key *packet.PublicKey) error {
	switch key.PubKeyAlgo { //nolint:exhaustive // the others have one length, which is enough
	case packet.PubKeyAlgoRSA, packet.PubKeyAlgoRSASignOnly, packet.PubKeyAlgoDSA:
		if bits, err := key.BitLength(); err != nil || bits < minRSABits-1 { // some programs make one bit less
			return fmt.Errorf("the OpenPGP key %s has %d bits, and %d are needed", keyID(key.KeyId), bits, minRSABits)
		}
	}
	return nil
}

// parsePGP reads the one signature that there has to be.
func parsePGP(armoured []byte) (sig *packet.Signature, raw []byte, err error) {
	damaged := errors.New("the OpenPGP signature is damaged")
	r := bytes.NewReader(armoured)
	block, err := armor.Decode(r)
	if err != nil || block.Type != openpgp.SignatureType {
		return nil, nil, damaged
	}
	if raw, err = io.ReadAll(block.Body); err != nil {
		return nil, nil, damaged
	}
	if bytes.Count(armoured, []byte("-----BEGIN ")) > 1 {
		return nil, nil, errors.New("there are several OpenPGP signatures: one is needed")
	}
	packets := packet.NewReader(bytes.NewReader(raw))
	for {
		p, err := packets.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		next, ok := p.(*packet.Signature)
		switch {
		case err != nil || !ok:
			return nil, nil, damaged
		case sig != nil:
			return nil, nil, errors.New("there are several OpenPGP signatures: one is needed")
		}
		sig = next
	}
	if sig == nil || sig.IssuerKeyId == nil {
		return nil, nil, damaged
	}
	return sig, raw, nil
}

func pgpRefusal(sig *packet.Signature, by *openpgp.Entity, at time.Time, err error) error {
	id := keyID(*sig.IssuerKeyId)
	if by != nil {
		id += " of " + nameOf(by)
	}
	switch {
	case errors.Is(err, pgperrors.ErrUnknownIssuer):
		return fmt.Errorf("the OpenPGP key %s is none of those that may sign, or not one for signatures", id)
	case errors.Is(err, pgperrors.ErrKeyRevoked):
		return fmt.Errorf("the OpenPGP key %s is revoked", id)
	case errors.Is(err, pgperrors.ErrKeyExpired):
		return fmt.Errorf("the OpenPGP key %s has expired: extend it, and export it again", id)
	case errors.Is(err, pgperrors.ErrSignatureExpired) && sig.CreationTime.After(at):
		return fmt.Errorf("the signature by the OpenPGP key %s is from the future: %s", id, sig.CreationTime.UTC().Format(time.RFC3339))
	case errors.Is(err, pgperrors.ErrSignatureExpired):
		return fmt.Errorf("the signature by the OpenPGP key %s has expired", id)
	default:
		return fmt.Errorf("the signature by the OpenPGP key %s is not over this commit, or damaged", id)
	}
}

func keyID(id uint64) string { return fmt.Sprintf("%016X", id) }

// nameOf is whose a key is, by its own word.
func nameOf(e *openpgp.Entity) string {
	if id := e.PrimaryIdentity(); id != nil {
		return printable(id.Name)
	}
	return keyID(e.PrimaryKey.KeyId)
}
