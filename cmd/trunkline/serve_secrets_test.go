// SPDX-License-Identifier: Apache-2.0

package main

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestSecretsAreReadAgain: who may call, and the repository's credentials, are those that the files say now. What cannot be used
// changes nothing: neither does it lock out who may call, nor does it let in who may not.
func TestSecretsAreReadAgain(t *testing.T) {
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	write := func(name, text string) func() { return func() { overwrite(t, path(name), text) } }
	const long = "0123456789abcdef0123456789abcdef"
	for name, text := range map[string]string{"token": "shared-1\n", "tokens": "ann: " + long + "-ann\n", "hook": "hook-1", "password": "p1", "bearer": "b1", "phrase": "x1"} {
		write(name, text)()
	}
	s := &serve{}
	s.listening = listening{token: path("token"), tokens: path("tokens"), hook: path("hook")}
	s.passwords.password, s.passwords.token, s.passwords.passphrase = path("password"), path("bearer"), path("phrase")
	s.remote.Auth.Username = "bot"
	got, err := s.secrets(slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	got.callers.now, got.repository.now = func() time.Time { return now }, func() time.Time { return now }
	says := func() string {
		now = now.Add(time.Minute)
		c, auth := got.callers.get(), got.repository.get()
		var names []string
		for _, t := range c.tokens {
			names = append(names, strings.TrimPrefix(t.Name+"="+t.Secret, "="))
		}
		return strings.Join(append(names, "hook="+c.hook, auth.Username, auth.Password, auth.BearerToken, auth.Passphrase), " ")
	}
	const ann = "ann=" + long + "-ann"
	for _, step := range []struct {
		reason string
		change func()
		want   string
	}{
		{"as it was", func() {}, ann + " shared-1 hook=hook-1 bot p1 b1 x1"},
		{"a token is renewed", write("token", "shared-22"), ann + " shared-22 hook=hook-1 bot p1 b1 x1"},
		{"someone leaves, and another comes", write("tokens", "bob: "+long+"-bobby\n"), "bob=" + long + "-bobby shared-22 hook=hook-1 bot p1 b1 x1"},
		{"nobody is left: that is no wish to let everybody in", write("tokens", ""), "bob=" + long + "-bobby shared-22 hook=hook-1 bot p1 b1 x1"},
		{"a file is half written", write("tokens", "ann: \n  - x: ["), "bob=" + long + "-bobby shared-22 hook=hook-1 bot p1 b1 x1"},
		{"a token is too short", write("tokens", "ann: short"), "bob=" + long + "-bobby shared-22 hook=hook-1 bot p1 b1 x1"},
		{"the shared token is a person's own", write("tokens", "ann: shared-22"), "bob=" + long + "-bobby shared-22 hook=hook-1 bot p1 b1 x1"},
		{"it is mended", write("tokens", "ann: "+long+"-ann\n"), ann + " shared-22 hook=hook-1 bot p1 b1 x1"},
		{"a file is away", func() { _ = os.Remove(path("token")) }, ann + " shared-22 hook=hook-1 bot p1 b1 x1"},
		{"it is back", write("token", "shared-333"), ann + " shared-333 hook=hook-1 bot p1 b1 x1"},
		{"the hook's secret is renewed", write("hook", "hook-22"), ann + " shared-333 hook=hook-22 bot p1 b1 x1"},
		{"the token for the repository is renewed", write("bearer", "b22"), ann + " shared-333 hook=hook-22 bot p1 b22 x1"},
		{"the password, which is empty at first", write("password", " "), ann + " shared-333 hook=hook-22 bot p1 b22 x1"},
		{"and then is not", write("password", "p22"), ann + " shared-333 hook=hook-22 bot p22 b22 x1"},
	} {
		step.change()
		if diff := cmp.Diff(step.want, says()); diff != "" {
			t.Errorf("%s: -want +got:\n%s", step.reason, diff)
		}
	}
	if _, err := (&serve{listening: listening{tokens: path("never")}}).secrets(slog.New(slog.DiscardHandler)); err == nil {
		t.Error("a daemon starts with a file that is not there")
	}
}

// TestNoFilesNoSecrets: without files there is nothing to read, and no token is asked for.
func TestNoFilesNoSecrets(t *testing.T) {
	got, err := (&serve{}).secrets(slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if c := got.callers.get(); len(c.tokens) != 0 || c.hook != "" || (listening{}).asksForTokens() {
		t.Errorf("got %+v", c)
	}
}
