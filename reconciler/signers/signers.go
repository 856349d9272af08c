// SPDX-License-Identifier: Apache-2.0

package signers

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"golang.org/x/crypto/ssh"
)

// File is a file and what is in it.
type File struct {
	Name string
	Data []byte
}

// Signers are those who may sign commits.
type Signers struct {
	ssh []allowed
	pgp openpgp.EntityList
}

// Read reads who may sign: files of allowed signers, as ssh-keygen and Git know them, and files of public OpenPGP keys. A
// file of which a part cannot be used is not used at all: who is missing would be found out by a commit that is refused.
func Read(ssh, pgp []File) (*Signers, error) {
	s := &Signers{}
	var errs []error
	for _, f := range ssh {
		lines, err := parseAllowed(f.Name, f.Data)
		s.ssh, errs = append(s.ssh, lines...), append(errs, err)
	}
	for _, f := range pgp {
		keys, err := parseKeys(f.Name, f.Data)
		s.pgp, errs = append(s.pgp, keys...), append(errs, err)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("reading who may sign: %w", err)
	}
	return s, nil
}

// Signer is who signed a commit.
type Signer struct {
	// Name is a principal, or the user of an OpenPGP key.
	Name string
	// Key is the fingerprint.
	Key string
}

// String returns the name and the key.
func (s Signer) String() string { return fmt.Sprintf("%s (%s)", s.Name, s.Key) }

// RefusedError says that a commit is signed by nobody who may, and who may.
type RefusedError struct {
	Because string
	// May are those who may sign, sorted.
	May []string
}

func (e *RefusedError) Error() string { return e.Because }

// mayMost is how many of those who may sign are told.
const mayMost = 10

// Who says who may sign.
func (e *RefusedError) Who() string {
	if more := len(e.May) - mayMost; more > 0 {
		return strings.Join(e.May[:mayMost], ", ") + fmt.Sprintf(" and %d more", more)
	}
	return strings.Join(e.May, ", ")
}

// Object is a commit as Git stores it, with the tree and the parents that whoever acts on it has read in it.
type Object struct {
	Raw     []byte
	Tree    string
	Parents []string
}

// Verify returns who signed a commit, or a [RefusedError]. What OpenPGP keys say of their validity holds at a time that the
// caller knows; if that is zero, at the commit's own. That of lines of allowed signers and of SSH certificates is held against
// the commit's own, as Git does.
func (s *Signers) Verify(o Object, at time.Time) (Signer, error) {
	signer, err := s.verifyObject(o, at)
	if err != nil {
		return Signer{}, &RefusedError{Because: err.Error(), May: s.Names()}
	}
	return signer, nil
}

func (s *Signers) verifyObject(o Object, at time.Time) (Signer, error) {
	c, err := parseCommit(o.Raw)
	if err != nil {
		return Signer{}, err
	}
	if c.tree != o.Tree || !slices.Equal(c.parents, o.Parents) {
		return Signer{}, errors.New("it can be read in two ways")
	}
	if at.IsZero() {
		at = c.when
	}
	return s.verify(c, at)
}

func (s *Signers) verify(c *commit, at time.Time) (by Signer, err error) {
	defer recovered(&err, "its signature is damaged")
	armour, _, _ := bytes.Cut(bytes.TrimLeft(c.signature, " \n"), []byte("\n"))
	switch kind := string(bytes.TrimSpace(armour)); {
	case len(c.signature) == 0:
		return Signer{}, errors.New("it is not signed")
	case kind == "-----BEGIN "+sshArmor+"-----":
		return s.verifySSH(c)
	case kind == "-----BEGIN PGP SIGNATURE-----" || kind == "-----BEGIN PGP MESSAGE-----":
		by, err := verifyPGP(s.pgp, c.signature, c.payload, at)
		if err != nil {
			return Signer{}, err
		}
		return Signer{nameOf(by), fmt.Sprintf("OpenPGP %X", by.PrimaryKey.Fingerprint)}, nil
	case kind == "-----BEGIN SIGNED MESSAGE-----":
		return Signer{}, errors.New("it is signed by an X.509 certificate, and only signatures of OpenPGP and SSH are known")
	default:
		return Signer{}, errors.New("its signature is of no known kind: neither of OpenPGP nor of SSH")
	}
}

func (s *Signers) verifySSH(c *commit) (Signer, error) {
	sig, err := parseSSH(c.signature)
	if err != nil {
		return Signer{}, err
	}
	key := ssh.FingerprintSHA256(sig.key)
	if cert, ok := sig.key.(*ssh.Certificate); ok {
		key = ssh.FingerprintSHA256(cert.Key)
	}
	if sig.namespace != gitNamespace {
		return Signer{}, fmt.Errorf("the signature by the SSH key %s is for %q, and not for \"git\"", key, printable(sig.namespace))
	}
	if err := sig.verify(c.payload); err != nil {
		return Signer{}, fmt.Errorf("SSH key %s: %w", key, err)
	}
	var reasons []string
	for _, line := range s.ssh {
		principal, because := line.vouches(sig, c.when)
		if principal != "" {
			return Signer{printable(principal), "SSH " + key}, nil
		}
		if because != nil {
			reasons = append(reasons, because.Error())
		}
	}
	if len(reasons) > 0 {
		return Signer{}, fmt.Errorf("the SSH key %s may not sign it: %s", key, strings.Join(reasons, "; "))
	}
	return Signer{}, fmt.Errorf("the SSH key %s is none of those that may sign", key)
}

// Names returns who may sign, sorted.
func (s *Signers) Names() []string {
	var names []string
	for _, line := range s.ssh {
		names = append(names, printable(line.principals))
	}
	for _, e := range s.pgp {
		names = append(names, nameOf(e))
	}
	slices.Sort(names)
	return slices.Compact(names)
}
