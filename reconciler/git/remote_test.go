// SPDX-License-Identifier: Apache-2.0

package git_test

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"trunkline.dev/trunkline/reconciler/git"
)

func TestRefusedURLs(t *testing.T) {
	for _, tc := range []struct{ url, because string }{
		{"", "empty"},
		{"--upload-pack=touch /tmp/x", "command-line option"},
		{"-oProxyCommand=x", "command-line option"},
		{"ext::sh -c touch% /tmp/x", "run programs"},
		{"fd::17", "run programs"},
		{"git://example.com/x", `scheme "git"`},
		{"ftp://example.com/x", `scheme "ftp"`},
		{"javascript://example.com/x", `scheme "javascript"`},
		{"ssh://-oProxyCommand=x/repo", "host name"},
		{"ssh://git@-oProxyCommand=x/repo", "host name"},
		{"ssh://-oProxyCommand=x@host/repo", "user name"},
		{"-oProxyCommand=x@host:repo", "command-line option"},
		{"git@-oProxyCommand=x:repo", "host name"},
		{"git@host:--upload-pack=x", "command-line option"},
		{"host:-x", "command-line option"},
		{"ssh://git:pw@host/x", "no password"},
		{"http://", "host"},
		{"https:///x", "host"},
		{"https://host", "no repository"},
		{"https://host/", "no repository"},
		{"git@host:", "no repository"},
		{"https://ho st/x", "valid URL"},
		{"https://host:99999/x", "port"},
		{"https://host:x/x", "valid URL"},
		{"https://host/x?token=1", "no query"},
		{"https://host/x#y", "no query"},
		{"https://host/x\ny", "control"},
		{"https://host/x%0ay", "control"},
		{"https://host/x%00", "control"},
		{"https://us%0aer@host/x", "control"},
		{"/tmp/x\x00y", "control"},
		{"/tmp/\xff", "control"},
		{"file://host/x", "no host"},
		{"file:///", "no repository"},
		{"file:x", "neither"},
		{"https://" + strings.Repeat("a", 3000), "longer"},
	} {
		err := git.Remote{URL: tc.url, Branch: "main"}.Validate()
		refused, ok := errors.AsType[*git.RefusedError](err)
		if tc.url == "file:x" {
			// Reads as host:path, as git does; then it lacks a key.
			if !ok {
				t.Errorf("%q: got %v", tc.url, err)
			}
			continue
		}
		if !ok || !strings.Contains(refused.Because, tc.because) || git.ClassOf(err) != git.Terminal {
			t.Errorf("%q: got %v, want a terminal refusal because of %q", tc.url, err, tc.because)
		}
		if _, err := openStore(t).Fetch(t.Context(), git.Remote{URL: tc.url, Branch: "main"}); err == nil {
			t.Errorf("%q: was fetched", tc.url)
		}
	}
}

func TestAcceptedURLs(t *testing.T) {
	ssh := git.Auth{PrivateKeyFile: "key", KnownHostsFile: "hosts"}
	for url, auth := range map[string]git.Auth{
		"https://github.com/acme/platform.git":      {},
		"https://ada:pw@example.com:8443/a/b":       {},
		"http://[::1]:8080/x.git":                   {},
		"https://example.com/with%20space/x.git":    {},
		"git@github.com:acme/platform.git":          ssh,
		"host:path":                                 ssh,
		"ssh://git@example.com:2222/srv/x.git":      ssh,
		"ssh://org-123@github.com/acme/x":           ssh,
		"/srv/git/platform.git":                     {},
		"./relative":                                {},
		"relative/with:colon":                       {},
		"file:///srv/git/platform.git":              {},
		"file://localhost/srv/git/platform.git":     {},
		"https://example.com/~ada/x.git":            {},
		"https://dev.azure.com/org/proj/_git/repo":  {},
		"https://source.developers.google.com/p/-x": {},
	} {
		if err := (git.Remote{URL: url, Branch: "main", Auth: auth}).Validate(); err != nil {
			t.Errorf("%q: %v", url, err)
		}
	}
}

func TestBranchNames(t *testing.T) {
	for _, good := range []string{"main", "feature/x", "v1.0", "a-b_c", "refs/pull/7/head", "ünï", "a@b"} {
		if err := (git.Remote{URL: "/x", Branch: good}).Validate(); err != nil {
			t.Errorf("%q: %v", good, err)
		}
	}
	for _, bad := range []string{
		"", "-x", "--upload-pack=x", "a..b", "../x", "refs/../x", "a b", "a~1", "a^", "a:b", "a?", "a*", "a[", `a\b`,
		"a\x00", "a\n", "\x7f", "/a", "a/", "a//b", ".a", "a/.b", "a.", "a.lock", "a.lock/b", "@{1}", "@", "\xff", strings.Repeat("a", 300),
		"refs/", "refs/heads/",
	} {
		err := git.Remote{URL: "/x", Branch: bad}.Validate()
		if _, ok := errors.AsType[*git.RefusedError](err); !ok {
			t.Errorf("%q: got %v, want a refusal", bad, err)
		}
	}
}

func TestRedact(t *testing.T) {
	for in, want := range map[string]string{
		"https://example.com/x":                 "https://example.com/x",
		"https://ada:s3cret@example.com/x":      "https://***@example.com/x",
		"https://s3cret@example.com/x":          "https://***@example.com/x",
		"https://ada:s3/cr@et@example.com/x":    "https://***@example.com/x",
		"https://ada:s3cret@host:bad port/x":    "https://***@host:bad port/x",
		"https://example.com/x?token=s3cret":    "https://example.com/x?***",
		"https://example.com/x#s3cret":          "https://example.com/x#***",
		"ssh://git@example.com/x":               "ssh://git@example.com/x",
		"ssh://git:s3cret@example.com/x":        "ssh://git:***@example.com/x",
		"git@example.com:x":                     "git@example.com:x",
		"ada:s3cret@example.com:x":              "***@example.com:x",
		"/srv/a@b":                              "/srv/a@b",
		"/srv/x\x1b[31m":                        "/srv/x [31m",
		"ext::https://ada:s3cret@example.com/x": "ext::https://***@example.com/x",
	} {
		if got := git.Redact(in); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}

func TestCredentialsAreNotPrinted(t *testing.T) {
	r := git.Remote{
		URL: "https://ada:s3cret@example.com/x", Branch: "main",
		Auth: git.Auth{Username: "u", Password: "s3cret", BearerToken: "s3cret", Passphrase: "s3cret"},
	}
	var log strings.Builder
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "remote", r, "auth", r.Auth)
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "remote", r, "auth", r.Auth)
	for _, text := range []string{fmt.Sprintf("%v %+v %#v %s", r, r, r, r), fmt.Sprintf("%v %+v %#v %s", r.Auth, r.Auth, r.Auth, r.Auth), log.String()} {
		if strings.Contains(text, "s3cret") {
			t.Errorf("a credential is printed: %s", text)
		}
	}
}

// FuzzRemote: whatever is not refused has the shape that the transports rely on, and no error leaks a password.
func FuzzRemote(f *testing.F) {
	for _, url := range []string{"https://u:p@h/x", "git@h:x", "/x", "ext::x", "ssh://u@h:1/x", "--x", "https://h/%0a"} {
		f.Add(url, "main")
	}
	f.Add("/x", "refs/heads/a..b")
	f.Fuzz(func(t *testing.T, url, branch string) {
		git.Redact(url)
		err := git.Remote{URL: url, Branch: branch, Auth: git.Auth{}}.Validate()
		if err != nil {
			if text := err.Error(); strings.ContainsAny(text, "\n\x00\x1b") {
				t.Errorf("control character in %q", text)
			}
			return
		}
		if strings.HasPrefix(url, "-") || strings.HasPrefix(branch, "-") || strings.Contains(branch, "..") || strings.ContainsAny(url+branch, "\x00\n\r\x1b") {
			t.Errorf("accepted %q %q", url, branch)
		}
	})
}

// FuzzRedact: a password never survives, wherever it is put.
func FuzzRedact(f *testing.F) {
	f.Add("https", "ada", "example.com/x")
	f.Fuzz(func(t *testing.T, scheme, user, rest string) {
		if strings.ContainsAny(scheme+user+rest, "?#@") {
			return
		}
		const secret = "pA55w0rd-kept-out"
		for _, scheme := range []string{"http", "https", "ssh"} {
			if got := git.Redact(scheme + "://" + user + ":" + secret + "@" + rest); strings.Contains(got, secret) {
				t.Errorf("kept: %q", got)
			}
		}
	})
}
