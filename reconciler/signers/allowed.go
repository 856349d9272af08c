// SPDX-License-Identifier: Apache-2.0

package signers

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"
)

// allowed is a line of a file of allowed signers, as ssh-keygen(1) describes it.
type allowed struct {
	// place is the file and line.
	place string
	// principals are patterns of who it is.
	principals string
	key        ssh.PublicKey
	// authority says that the key signs certificates, and not commits.
	authority bool
	// namespaces are patterns; empty for any.
	namespaces    string
	after, before time.Time
}

// parseAllowed reads a file of allowed signers.
func parseAllowed(name string, data []byte) ([]allowed, error) {
	var all []allowed
	var errs []error
	number := 0
	for line := range bytes.Lines(data) {
		number++
		line = bytes.TrimSpace(line)
		if len(line) == 0 || line[0] == '#' {
			continue
		}
		a, err := parseLine(string(line))
		if a.place = fmt.Sprintf("%s:%d", name, number); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", a.place, err))
			continue
		}
		all = append(all, a)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("%s: nobody may sign by this file: write lines of \"PRINCIPAL KEYTYPE KEY\", as for ssh-keygen", name)
	}
	return all, nil
}

func parseLine(line string) (a allowed, err error) {
	var rest string
	if a.principals, rest, err = word(line); err != nil {
		return a, err
	}
	if a.principals == "" || rest == "" {
		return a, errors.New("the line is not of the form \"PRINCIPAL [OPTIONS] KEYTYPE KEY\"")
	}
	key, _, options, trailing, err := ssh.ParseAuthorizedKey([]byte(rest))
	if err != nil || len(bytes.TrimSpace(trailing)) > 0 {
		return a, errors.New("there is no public key of a known kind after the principals and options")
	}
	if _, is := key.(*ssh.Certificate); is {
		return a, errors.New("this is a certificate: write the key of its authority, with the option cert-authority")
	}
	a.key = key
	if bits := rsaBits(key); bits > 0 && bits < minRSABits {
		return a, fmt.Errorf("the RSA key has %d bits, and %d are needed", bits, minRSABits)
	}
	for _, o := range options {
		if err := a.option(o); err != nil {
			return a, err
		}
	}
	if !a.after.IsZero() && !a.before.IsZero() && !a.after.Before(a.before) {
		return a, errors.New("valid-before is not after valid-after, so that the key is never valid")
	}
	return a, nil
}

// word returns the first word of a line, which may be quoted, and what follows.
func word(line string) (first, rest string, err error) {
	if quoted, ok := strings.CutPrefix(line, `"`); ok {
		first, rest, ok = strings.Cut(quoted, `"`)
		if !ok {
			return "", "", errors.New("a quotation mark is not closed")
		}
		return first, strings.TrimLeft(rest, " \t"), nil
	}
	if i := strings.IndexAny(line, " \t"); i >= 0 {
		return line[:i], strings.TrimLeft(line[i:], " \t"), nil
	}
	return line, "", nil
}

func (a *allowed) option(o string) (err error) {
	name, value, valued := strings.Cut(o, "=")
	unquoted, quoted := strings.CutPrefix(value, `"`)
	if quoted {
		unquoted, quoted = strings.CutSuffix(unquoted, `"`)
	}
	wrong := func() error { return fmt.Errorf("the option %q is not of the form NAME=\"VALUE\"", printable(o)) }
	switch name = strings.ToLower(name); {
	case name == "cert-authority" && !valued:
		a.authority = true
		return nil
	case !slices.Contains([]string{"namespaces", "valid-after", "valid-before"}, name):
		return fmt.Errorf("the option %q is not known: write cert-authority, namespaces, valid-after or valid-before", printable(o))
	case !quoted || unquoted == "":
		return wrong()
	}
	switch name {
	case "namespaces":
		if a.namespaces != "" {
			return errors.New("the option namespaces is there twice")
		}
		a.namespaces = unquoted
	case "valid-after":
		a.after, err = timestamp(unquoted)
	case "valid-before":
		a.before, err = timestamp(unquoted)
	}
	if err != nil {
		return fmt.Errorf("the option %s: %w", name, err)
	}
	return nil
}

// timestamp reads YYYYMMDD[HHMM[SS]][Z]. What has no Z is in UTC as well, so that it means the same wherever the daemon runs;
// ssh-keygen takes it for local time.
func timestamp(s string) (time.Time, error) {
	digits := strings.TrimSuffix(s, "Z")
	for _, layout := range []string{"20060102", "200601021504", "20060102150405"} {
		if t, err := time.Parse(layout, digits); err == nil && len(digits) == len(layout) {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is not a time: write YYYYMMDD, YYYYMMDDHHMM or YYYYMMDDHHMMSS", printable(s))
}

// matches reports whether a text matches one of a list of patterns with commas between, and none of those that begin with "!".
func matches(patterns, s string) bool {
	found := false
	for p := range strings.SplitSeq(patterns, ",") {
		p, negated := strings.CutPrefix(p, "!")
		if !glob(p, s) {
			continue
		}
		if negated {
			return false
		}
		found = true
	}
	return found
}

// glob matches a pattern of "*" and "?". It goes back to the last "*" only, and so takes no longer than the product of the
// lengths.
func glob(pattern, s string) bool {
	p, i, star, mark := 0, 0, -1, 0
	for i < len(s) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, mark = p, i
			p++
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == s[i]):
			p++
			i++
		case star >= 0:
			mark++
			p, i = star+1, mark
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}

// vouches returns the principal if the line lets the key of a signature sign commits at a time; otherwise why it does not,
// and nothing at all if the line is about another key.
func (a allowed) vouches(s *sshSignature, at time.Time) (principal string, because error) {
	cert, certified := s.key.(*ssh.Certificate)
	if a.authority {
		if !certified || !bytes.Equal(cert.SignatureKey.Marshal(), a.key.Marshal()) {
			return "", nil
		}
	} else if !bytes.Equal(s.key.Marshal(), a.key.Marshal()) {
		return "", nil
	}
	switch {
	case a.namespaces != "" && !matches(a.namespaces, gitNamespace):
		return "", fmt.Errorf("%s lets the key sign %q, and not \"git\"", a.place, printable(a.namespaces))
	case !a.after.IsZero() && at.Before(a.after):
		return "", fmt.Errorf("%s lets the key sign from %s on", a.place, a.after.Format(time.RFC3339))
	case !a.before.IsZero() && !at.Before(a.before):
		return "", fmt.Errorf("%s lets the key sign until %s", a.place, a.before.Format(time.RFC3339))
	case !a.authority:
		return a.principals, nil
	}
	return a.certified(cert, at)
}

// certified returns the principal of a certificate that the line's authority made.
func (a allowed) certified(cert *ssh.Certificate, at time.Time) (string, error) {
	if cert.CertType != ssh.UserCert {
		return "", errors.New("the certificate is one of a host")
	}
	checker := ssh.CertChecker{Clock: func() time.Time { return at }}
	for _, principal := range cert.ValidPrincipals {
		if !matches(a.principals, principal) {
			continue
		}
		if err := checker.CheckCert(principal, cert); err != nil {
			return "", fmt.Errorf("the certificate of %q does not count: %s", printable(principal), printable(err.Error()))
		}
		return principal, nil
	}
	return "", fmt.Errorf("the certificate is of nobody whom %s names", a.place)
}
