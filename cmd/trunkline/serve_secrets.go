// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"trunkline.dev/trunkline/console"
)

// callers are who may call the daemon.
type callers struct {
	tokens []console.Token
	hook   string
}

// secrets reads the files that hold secrets: those of the repository and the history go to the flags, and those of callers
// are returned.
func (s *serve) secrets() (callers, error) {
	var c callers
	shared := ""
	for _, secret := range []struct {
		file string
		into *string
	}{
		{s.listening.token, &shared},
		{s.listening.hook, &c.hook},
		{s.passwords.password, &s.remote.Auth.Password},
		{s.passwords.token, &s.remote.Auth.BearerToken},
		{s.passwords.passphrase, &s.remote.Auth.Passphrase},
		{s.history.dsnFile, &s.history.dsn},
	} {
		if err := readSecret(secret.file, secret.into); err != nil {
			return c, err
		}
	}
	if s.listening.tokens != "" {
		data, err := os.ReadFile(s.listening.tokens)
		if err != nil {
			return c, fmt.Errorf("reading a secret: %w", err)
		}
		if c.tokens, err = console.ParseTokens(s.listening.tokens, data); err != nil {
			return c, err
		}
	}
	if shared == "" {
		return c, nil
	}
	if slices.ContainsFunc(c.tokens, func(t console.Token) bool { return t.Secret == shared }) {
		return c, fmt.Errorf("the shared token of %s is also a caller's own in %s", s.listening.token, s.listening.tokens)
	}
	c.tokens = append(c.tokens, console.Token{Secret: shared})
	return c, nil
}

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
