// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"time"

	"trunkline.dev/trunkline/console"
	"trunkline.dev/trunkline/reconciler/git"
	"trunkline.dev/trunkline/reconciler/signers"
)

// callers are who may call the daemon.
type callers struct {
	tokens []console.Token
	hook   string
	// arrivals is the token of object stores.
	arrivals string
}

// secretFiles are what files say that hold secrets, or whom to trust, as they are now.
type secretFiles struct {
	callers *files[callers]
	// repository are those by which the repository is read.
	repository *files[git.Auth]
	// signers are those who may sign commits; nil if nobody need.
	signers *files[*signers.Signers]
	// sources are the repositories that the platform may include, by their names.
	sources map[string]*sourceSettings
}

// secrets reads the files that hold secrets, which have to be good at first. That of the history goes to its flag: a connection
// string is used once.
func (s *serve) secrets(log *slog.Logger) (out secretFiles, err error) {
	if err := readSecret(s.history.dsnFile, &s.history.dsn); err != nil {
		return out, err
	}
	l, p := s.listening, s.passwords
	if out.callers, err = newFiles("the files that say who may call", []string{l.token, l.tokens, l.hook, l.arrivals}, l.callers, time.Now, log); err != nil {
		return out, err
	}
	if out.signers, err = s.admission.signers.watched(log); err != nil {
		return out, err
	}
	if out.sources, err = s.sources.read(log); err != nil {
		return out, err
	}
	out.repository, err = newFiles("the files with the repository's credentials", []string{p.password, p.token, p.passphrase}, s.credentials, time.Now, log)
	return out, err
}

// credentials are those of the repository.
func (s *serve) credentials() (git.Auth, error) {
	auth := s.remote.Auth
	for _, secret := range []struct {
		file string
		into *string
	}{
		{s.passwords.password, &auth.Password}, {s.passwords.token, &auth.BearerToken}, {s.passwords.passphrase, &auth.Passphrase},
	} {
		if err := readSecret(secret.file, secret.into); err != nil {
			return auth, err
		}
	}
	return auth, nil
}

// callers reads who may call. With files that say so, someone may: they are never empty.
func (l listening) callers() (c callers, err error) {
	shared := ""
	if err := readSecret(l.token, &shared); err != nil {
		return c, err
	}
	if err := readSecret(l.hook, &c.hook); err != nil {
		return c, err
	}
	if err := readSecret(l.arrivals, &c.arrivals); err != nil {
		return c, err
	}
	if l.tokens != "" {
		data, err := os.ReadFile(l.tokens)
		if err != nil {
			return c, fmt.Errorf("reading a secret: %w", err)
		}
		if c.tokens, err = console.ParseTokens(l.tokens, data); err != nil {
			return c, err
		}
	}
	if shared == "" {
		return c, nil
	}
	if slices.ContainsFunc(c.tokens, func(t console.Token) bool { return t.Secret == shared }) {
		return c, fmt.Errorf("the shared token of %s is also a caller's own in %s", l.token, l.tokens)
	}
	c.tokens = append(c.tokens, console.Token{Secret: shared})
	return c, nil
}

// asksForTokens reports whether callers need a token.
func (l listening) asksForTokens() bool { return l.token != "" || l.tokens != "" }

// readSecret reads a file, if there is one, that must not be empty.
func readSecret(file string, into *string) error {
	if file == "" {
		return nil
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("reading a secret: %w", err)
	}
	if *into = strings.TrimSpace(string(data)); *into == "" {
		return fmt.Errorf("the file %s holds no secret: it is empty", file)
	}
	return nil
}
