// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/oauth2"

	"trunkline.dev/trunkline/console"
)

// renewBefore is how long before its end a token is renewed.
const renewBefore = time.Minute

// keptLogin is what is kept of a sign-on: a file of the user's own, for each daemon.
type keptLogin struct {
	Server  string             `json:"server"`
	At      console.SignOnInfo `json:"at"`
	Token   string             `json:"token"`
	Refresh string             `json:"refresh,omitempty"`
	Expires time.Time          `json:"expires"`
}

// keptToken takes of an answer of an issuer what is kept.
func keptToken(info console.SignOnInfo, token *oauth2.Token) (keptLogin, error) {
	id, ok := token.Extra("id_token").(string)
	if !ok {
		return keptLogin{}, &troubleError{errors.New("the issuer sent no token that says who you are: does its client have the scope openid?")}
	}
	return keptLogin{At: info, Token: id, Refresh: token.RefreshToken, Expires: expiryOf(id, token.Expiry)}, nil
}

// expiryOf is when a token ends, as it says itself: for whom it is has been checked where it was made.
func expiryOf(id string, otherwise time.Time) time.Time {
	var said struct {
		Expiry int64 `json:"exp"`
	}
	if parts := strings.Split(id, "."); len(parts) == 3 {
		if data, err := decodePart(parts[1]); err == nil && json.Unmarshal(data, &said) == nil && said.Expiry > 0 {
			return time.Unix(said.Expiry, 0)
		}
	}
	return otherwise
}

// tokenFileOf is where the token of a daemon is kept.
func tokenFileOf(server string) (string, error) {
	dir, err := os.UserConfigDir()
	if err != nil {
		return "", &troubleError{fmt.Errorf("finding where to keep the token: %w", err)}
	}
	sum := sha256.Sum256([]byte(strings.TrimSuffix(server, "/")))
	return filepath.Join(dir, "trunkline", "logins", hex.EncodeToString(sum[:8])+".json"), nil
}

// saveToken keeps a token in a file that nobody else can read.
func saveToken(server string, kept keptLogin) error {
	file, err := tokenFileOf(server)
	if err != nil {
		return err
	}
	kept.Server = strings.TrimSuffix(server, "/")
	data, err := json.Marshal(kept)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return &troubleError{fmt.Errorf("keeping the token: %w", err)}
	}
	temp, err := os.CreateTemp(filepath.Dir(file), ".login-*") // it is for its owner alone
	if err != nil {
		return &troubleError{fmt.Errorf("keeping the token: %w", err)}
	}
	_, err = temp.Write(data)
	if err = errors.Join(err, temp.Close()); err == nil {
		err = os.Rename(temp.Name(), file)
	}
	if err != nil {
		return &troubleError{fmt.Errorf("keeping the token: %w", errors.Join(err, os.Remove(temp.Name())))}
	}
	return nil
}

// loggedIn returns the token that is kept for a daemon, renewed if it ends soon; empty if there is none. One that others could read
// or that cannot be read is an error: it is not passed over in silence.
func loggedIn(ctx context.Context, server string, now time.Time) (string, error) {
	file, err := tokenFileOf(server)
	if err != nil {
		return "", nil //nolint:nilerr // without a home there is no token, which is how programs are run
	}
	info, err := os.Stat(file)
	if errors.Is(err, os.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", &troubleError{fmt.Errorf("reading the token: %w", err)}
	}
	if info.Mode().Perm()&0o077 != 0 {
		return "", &troubleError{fmt.Errorf("others can read the token in %s: delete it, and sign on again with \"trunkline login\"", file)}
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return "", &troubleError{fmt.Errorf("reading the token: %w", err)}
	}
	var kept keptLogin
	if json.Unmarshal(data, &kept) != nil || kept.Server != strings.TrimSuffix(server, "/") {
		return "", &troubleError{fmt.Errorf("%s holds no token for this daemon: sign on again with \"trunkline login\"", file)}
	}
	if now.Before(kept.Expires.Add(-renewBefore)) {
		return kept.Token, nil
	}
	again := &troubleError{errors.New("your sign-on is over: sign on again with \"trunkline login\"")}
	if kept.Refresh == "" {
		return "", again
	}
	config, _, err := oauthAt(ctx, kept.At)
	if err != nil {
		return "", err
	}
	token, err := config.TokenSource(ctx, &oauth2.Token{RefreshToken: kept.Refresh}).Token()
	if err != nil {
		return "", again
	}
	renewed, err := keptToken(kept.At, token)
	if err != nil {
		return "", again
	}
	if renewed.Refresh == "" {
		renewed.Refresh = kept.Refresh
	}
	return renewed.Token, saveToken(server, renewed)
}

// writeMe says as whom a daemon knows someone.
func writeMe(w io.Writer, me console.Me) error {
	lines := []string{plain(me.Name) + " (" + plain(me.SignOn) + ")"}
	if me.Claim != "" {
		lines = append(lines, "claims to be "+plain(me.Claim))
	}
	if len(me.Groups) > 0 {
		lines = append(lines, "groups: "+plain(strings.Join(me.Groups, ", ")))
	}
	if !me.Declared {
		lines = append(lines, "no Access is declared")
	}
	if len(me.Platform) > 0 {
		var rights []string
		for _, r := range me.Platform {
			rights = append(rights, string(r))
		}
		lines = append(lines, "on the whole platform: "+strings.Join(rights, ", "))
	}
	return println(w, strings.Join(lines, "\n"))
}
