// SPDX-License-Identifier: Apache-2.0

package git

import (
	"encoding/base64"
	"errors"
	"net/url"
	"regexp"
	"strings"
	"unicode"
)

const hidden = "***"

// Redact returns a URL without what could be a secret: user information (for ssh the password only,
// since the user name there is "git" and useful) and query. It works on text rather than on a parsed
// URL, because the URL that leaks is usually the one that does not parse.
func Redact(raw string) string {
	raw = printable(raw, 2048)
	if i := strings.IndexAny(raw, "?#"); i >= 0 {
		raw = raw[:i] + raw[i:i+1] + hidden
	}
	scheme, rest, isURL := strings.Cut(raw, "://")
	if !isURL {
		rest = raw
	}
	// The last "@" counts: a password may hold "/" and "@" by mistake.
	at := strings.LastIndexByte(rest, '@')
	if at < 0 {
		return raw
	}
	user, host := rest[:at], rest[at:]
	keepsUser := !isURL || strings.EqualFold(scheme, "ssh")
	name, password, hasPassword := strings.Cut(user, ":")
	switch {
	case strings.ContainsAny(name, "/@") && !isURL:
		// A path with an "@" in it is neither user nor password.
		return raw
	case !keepsUser, hasPassword && password != "" && !isURL:
		user = hidden
	case hasPassword:
		user = name + ":" + hidden
	}
	if isURL {
		return scheme + "://" + user + host
	}
	return user + host
}

// scrubber removes the secrets of one remote from text that libraries and servers wrote.
type scrubber struct{ replacer *strings.Replacer }

func newScrubber(r Remote) scrubber {
	var pairs []string
	hide := func(secret, with string) {
		if secret != "" {
			pairs = append(pairs, secret, with)
		}
	}
	hide(r.URL, Redact(r.URL))
	secrets := []string{r.Auth.Password, r.Auth.BearerToken, r.Auth.Passphrase}
	user := r.Auth.Username
	if u, err := url.Parse(r.URL); err == nil && u.User != nil {
		password, has := u.User.Password()
		secrets = append(secrets, password)
		if !has && u.Scheme != "ssh" {
			secrets = append(secrets, u.User.Username())
		}
		hide(base64.StdEncoding.EncodeToString([]byte(u.User.Username()+":"+password)), hidden)
	}
	if r.Auth.Password != "" {
		hide(base64.StdEncoding.EncodeToString([]byte(user+":"+r.Auth.Password)), hidden)
	}
	for _, s := range secrets {
		hide(s, hidden)
		hide(url.PathEscape(s), hidden)
		hide(url.QueryEscape(s), hidden)
	}
	return scrubber{strings.NewReplacer(pairs...)}
}

var userInfo = regexp.MustCompile(`([A-Za-z][A-Za-z0-9+.-]*://)[^\s"'/]*@`)

// text scrubs s and makes it one printable line of bounded length.
func (s scrubber) text(in string) string {
	return printable(userInfo.ReplaceAllString(s.replacer.Replace(in), "${1}"+hidden+"@"), 600)
}

// scrubbed is an error whose text was cleaned. It answers errors.Is about its cause but has no Unwrap,
// so the cause cannot be printed by accident.
type scrubbed struct {
	text  string
	cause error
}

func (s scrubber) wrap(err error) error {
	if limit, ok := errors.AsType[*LimitError](err); ok {
		return limit
	}
	return &scrubbed{text: s.text(err.Error()), cause: err}
}

func (e *scrubbed) Error() string        { return e.text }
func (e *scrubbed) Is(target error) bool { return errors.Is(e.cause, target) }

// printable makes one line of s: control characters, which can drive a terminal, become spaces, bytes
// that are not UTF-8 are replaced, and what exceeds max bytes is cut.
func printable(s string, max int) string {
	cut := len(s) > max
	if cut {
		s = s[:max]
	}
	s = strings.ToValidUTF8(s, "�")
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || r == '\u2028' || r == '\u2029' {
			return ' '
		}
		return r
	}, s)
	s = strings.TrimSpace(s)
	if cut {
		s += "…"
	}
	return s
}
