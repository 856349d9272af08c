// SPDX-License-Identifier: Apache-2.0

// Package session keeps who has signed on in cookies that nobody but the daemon can read or make. They are sealed with AES-256-GCM
// of the standard library; several daemons with the same keys read each other's. What is in a cookie ends by itself, and so is
// short; whoever keeps sessions can have it name what ends it before.
//
// Of Trunkline it may import access.
package session

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
)

const (
	// minKey is the least length of a key, in bytes: a shorter one can be guessed.
	minKey = 32
	// maxCookie is what browsers keep of a cookie, in bytes.
	maxCookie = 3900
	// secureOnly is the prefix of names that browsers take from a host for itself alone, by https.
	secureOnly = "__Host-"
)

// ErrTooLarge means that what is to be kept does not fit into a cookie.
var ErrTooLarge = errors.New("it does not fit into a cookie")

// errSealed means that a cookie is not one of ours, or has ended.
var errSealed = errors.New("not a cookie of this daemon, or one that has ended")

// Jar seals and opens cookies. It does not change.
type Jar struct {
	aeads  []cipher.AEAD
	secure bool
}

// New returns a jar with keys, one on each line: the first seals, and all of them open, so that a key can be replaced while cookies
// of the one before are good. Secure: people come by https.
func New(keys string, secure bool) (*Jar, error) {
	j := &Jar{secure: secure}
	for line := range strings.Lines(keys) {
		key := strings.TrimSpace(line)
		if key == "" {
			continue
		}
		if len(key) < minKey {
			return nil, fmt.Errorf("a key has to be one line of at least %d characters, such as \"openssl rand -hex 32\" prints", minKey)
		}
		derived, err := hkdf.Key(sha256.New, []byte(key), nil, "trunkline session", 32)
		if err != nil {
			return nil, fmt.Errorf("deriving the key of sessions: %w", err)
		}
		block, err := aes.NewCipher(derived)
		if err != nil {
			return nil, fmt.Errorf("preparing the key of sessions: %w", err)
		}
		aead, err := cipher.NewGCMWithRandomNonce(block)
		if err != nil {
			return nil, fmt.Errorf("preparing the key of sessions: %w", err)
		}
		j.aeads = append(j.aeads, aead)
	}
	if len(j.aeads) == 0 {
		return nil, errors.New("there is no key")
	}
	return j, nil
}

// envelope is what a cookie holds.
type envelope struct {
	Ends  int64           `json:"ends"`
	Value json.RawMessage `json:"value"`
}

// Name is what a cookie is called.
func (j *Jar) Name(name string) string {
	if j.secure {
		return secureOnly + name
	}
	return name
}

// Seal returns a cookie that holds a value until it ends. Its name is part of what is sealed: a cookie passes for no other one.
func (j *Jar) Seal(name string, value any, now, ends time.Time) (*http.Cookie, error) {
	data, err := json.Marshal(value)
	if err != nil {
		return nil, fmt.Errorf("writing a cookie: %w", err)
	}
	whole, err := json.Marshal(envelope{ends.Unix(), data})
	if err != nil {
		return nil, fmt.Errorf("writing a cookie: %w", err)
	}
	sealed := base64.RawURLEncoding.EncodeToString(j.aeads[0].Seal(nil, nil, whole, []byte(name))) //nolint:gosec // it makes a nonce of its own
	if len(sealed) > maxCookie {
		return nil, ErrTooLarge
	}
	return j.cookie(name, sealed, int(ends.Sub(now).Seconds())), nil
}

// Open reads the value of a cookie of a request.
func (j *Jar) Open(r *http.Request, name string, now time.Time, into any) error {
	sent := r.CookiesNamed(j.Name(name))
	if len(sent) != 1 || len(sent[0].Value) > maxCookie {
		return errSealed
	}
	sealed, err := base64.RawURLEncoding.Strict().DecodeString(sent[0].Value)
	if err != nil {
		return errSealed
	}
	for _, aead := range j.aeads {
		whole, err := aead.Open(nil, nil, sealed, []byte(name))
		if err != nil {
			continue
		}
		var e envelope
		if json.Unmarshal(whole, &e) != nil || !now.Before(time.Unix(e.Ends, 0)) || json.Unmarshal(e.Value, into) != nil {
			return errSealed
		}
		return nil
	}
	return errSealed
}

// Remove returns the cookie that takes one away.
func (j *Jar) Remove(name string) *http.Cookie { return j.cookie(name, "", -1) }

// cookie is kept from scripts and from requests that other sites make; a link from elsewhere that is followed has it.
func (j *Jar) cookie(name, value string, age int) *http.Cookie {
	//nolint:gosec // it is secure where the daemon is reached by https
	return &http.Cookie{Name: j.Name(name), Value: value, Path: "/", MaxAge: age, HttpOnly: true, Secure: j.secure, SameSite: http.SameSiteLaxMode}
}
