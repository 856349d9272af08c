// SPDX-License-Identifier: Apache-2.0

package bootstrap_test

import (
	"strings"
	"testing"

	"golang.org/x/crypto/ssh/knownhosts"

	"trunkline.dev/trunkline/bootstrap"
)

// TestParseAddress: where a repository is, and where its deploy keys go; a credential is refused, and not repeated.
func TestParseAddress(t *testing.T) {
	for _, tt := range []struct{ text, scheme, host, name, key, err string }{
		{text: "git@github.com:acme/data.git", scheme: "ssh", host: "github.com", name: "data", key: "https://github.com/acme/data/settings/keys/new"},
		{text: "ssh://git@github.com/acme/data", scheme: "ssh", host: "github.com", name: "data", key: "gh repo deploy-key add - --repo acme/data"},
		{text: "ssh://git@git.example.com:2222/srv/data.git", scheme: "ssh", host: "git.example.com:2222", name: "data", key: "the deploy keys of the repository at git.example.com"},
		{text: "gitlab.example.com:a/b/c.git", scheme: "ssh", host: "gitlab.example.com", name: "c", key: "https://gitlab.example.com/a/b/c/-/settings/repository"},
		{text: "https://github.com/acme/data.git", scheme: "https", host: "github.com", name: "data"},
		{text: "file:///srv/data.git", scheme: "file", name: "data"},
		{text: "/srv/data", scheme: "file", name: "data"},
		{text: "https://ann:hunter2@github.com/acme/data.git", err: "has a credential in it"},
		{text: "https://ghp_hunter2@github.com/acme/data.git", err: "has a credential in it"},
		{text: "ssh://git:hunter2@github.com/acme/data.git", err: "has a credential in it"},
		{text: "ftp://example.com/x", err: `begins with "ftp"`},
		{text: "data", err: "is not the address of a repository"},
	} {
		got, err := bootstrap.ParseAddress(tt.text)
		switch {
		case tt.err != "" && (err == nil || !strings.Contains(err.Error(), tt.err) || strings.Contains(err.Error(), "hunter2")):
			t.Errorf("%s: the error is %v, want one with %q", tt.text, err, tt.err)
		case tt.err == "" && (err != nil || got.Scheme != tt.scheme || got.Host != tt.host || got.Name() != tt.name):
			t.Errorf("%s is %+v: %v", tt.text, got, err)
		case tt.key != "" && !strings.Contains(got.AddKey(), tt.key):
			t.Errorf("%s: keys go to %s, want %s", tt.text, got.AddKey(), tt.key)
		}
	}
}

// TestKnownHosts: only keys of the very host are taken, whether its name is hidden or not.
func TestKnownHosts(t *testing.T) {
	file := "# comment\n" +
		"github.com,140.82.121.3 ssh-ed25519 AAAA1 a comment\n" +
		knownhosts.HashHostname("[git.example.com]:2222") + " ssh-rsa AAAA2\n" +
		knownhosts.HashHostname("github.com") + " ecdsa-sha2-nistp256 AAAA3\n" +
		"@revoked github.com ssh-rsa AAAA4\n" +
		"github.com ssh-rsa AAAA4\n" +
		"git.example.com ssh-ed25519 AAAA5\n" +
		"|1|broken|hash ssh-rsa AAAA6\nshort\n"
	for host, want := range map[string]string{
		"github.com":           "github.com ssh-ed25519 AAAA1\ngithub.com ecdsa-sha2-nistp256 AAAA3\n",
		"github.com:22":        "github.com ssh-ed25519 AAAA1\ngithub.com ecdsa-sha2-nistp256 AAAA3\n",
		"git.example.com:2222": "[git.example.com]:2222 ssh-rsa AAAA2\n",
		"git.example.com":      "git.example.com ssh-ed25519 AAAA5\n",
		"gitlab.com":           "",
	} {
		if got := bootstrap.KnownHosts(file, host); got != want {
			t.Errorf("of %s there is %q, want %q", host, got, want)
		}
	}
}
