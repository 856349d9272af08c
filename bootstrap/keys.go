// SPDX-License-Identifier: Apache-2.0

package bootstrap

import (
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // known_hosts hides names by it
	"encoding/base64"
	"fmt"
	"net/url"
	"path"
	"regexp"
	"strings"
)

// scp is the short form of an address for ssh: user@host:path.
var scp = regexp.MustCompile(`^(?:[^@/\s]+@)?([^:/\s]+):([^\s]*)$`)

// Address is where a repository is.
type Address struct {
	// Scheme is ssh, https, http or file; Host has its port, if it names one.
	Scheme, Host, Path string
}

// ParseAddress reads the URL of a repository. A credential in it is refused: it would be in the repository.
func ParseAddress(text string) (Address, error) {
	if strings.Contains(text, "://") {
		u, err := url.Parse(text)
		if err != nil {
			return Address{}, fmt.Errorf("the address of the repository cannot be read")
		}
		if _, secret := u.User.Password(); secret || u.User != nil && u.Scheme != "ssh" {
			return Address{}, fmt.Errorf("the address of the repository at %s has a credential in it, which everybody could read: leave it out, and use --git-password-file", u.Host)
		}
		switch u.Scheme {
		case "ssh", "https", "http", "file":
			return Address{u.Scheme, u.Host, u.Path}, nil
		}
		return Address{}, fmt.Errorf("the address of the repository begins with %q: want ssh, https, http or file", u.Scheme)
	}
	if path.IsAbs(text) {
		return Address{Scheme: "file", Path: text}, nil
	}
	if m := scp.FindStringSubmatch(text); m != nil {
		return Address{"ssh", m[1], m[2]}, nil
	}
	return Address{}, fmt.Errorf("%q is not the address of a repository: write ssh://git@HOST/PATH, git@HOST:PATH or https://HOST/PATH", text)
}

// Name is the last part of the path, which most platforms are called like.
func (a Address) Name() string { return strings.TrimSuffix(path.Base(a.Path), ".git") }

// slug is OWNER/NAME at GitHub.
func (a Address) slug() string { return strings.Trim(strings.TrimSuffix(a.Path, ".git"), "/") }

// GitHub returns OWNER/NAME of a repository at github.com.
func (a Address) GitHub() (string, bool) {
	host, _, _ := strings.Cut(a.Host, ":")
	return a.slug(), (host == "github.com" || host == "ssh.github.com") && strings.Count(a.slug(), "/") == 1
}

// AddKey says where the public half of a deploy key goes, so that it can read the repository and no more.
func (a Address) AddKey() string {
	host, _, _ := strings.Cut(a.Host, ":")
	if slug, ok := a.GitHub(); ok {
		return fmt.Sprintf("https://github.com/%s/settings/keys/new, without write access; or: gh repo deploy-key add - --repo %[1]s --title %s", slug, Project)
	}
	if strings.Contains(host, "gitlab") {
		return fmt.Sprintf("https://%s/%s/-/settings/repository, below Deploy keys, without write access", host, a.slug())
	}
	return "the deploy keys of the repository at " + host + ", for reading"
}

// KnownHosts returns the lines of a known_hosts that are about a host, so that the daemon accepts those keys and no other.
func KnownHosts(file, host string) string {
	name := host
	if h, port, ok := strings.Cut(host, ":"); ok {
		if name = "[" + h + "]:" + port; port == "22" {
			name = h
		}
	}
	revoked := map[string]bool{}
	var lines [][]string
	for line := range strings.Lines(file) {
		fields := strings.Fields(line)
		marker := ""
		if len(fields) > 0 && strings.HasPrefix(fields[0], "@") {
			marker, fields = fields[0], fields[1:]
		}
		if len(fields) < 3 || strings.HasPrefix(fields[0], "#") || !names(fields[0], name) {
			continue
		}
		switch marker {
		case "":
			lines = append(lines, fields)
		case "@revoked":
			revoked[fields[2]] = true
		}
	}
	var out strings.Builder
	for _, fields := range lines {
		if !revoked[fields[2]] {
			fmt.Fprintf(&out, "%s %s %s\n", name, fields[1], fields[2])
		}
	}
	return out.String()
}

// names reports whether the names of a line have one.
func names(list, name string) bool {
	for pattern := range strings.SplitSeq(list, ",") {
		if pattern == name || hashOf(pattern, name) {
			return true
		}
	}
	return false
}

// hashOf reports whether a pattern is the hash of a name: |1|SALT|HASH.
func hashOf(pattern, name string) bool {
	rest, hashed := strings.CutPrefix(pattern, "|1|")
	salt, sum, ok := strings.Cut(rest, "|")
	if !hashed || !ok {
		return false
	}
	key, err := base64.StdEncoding.DecodeString(salt)
	want, errSum := base64.StdEncoding.DecodeString(sum)
	if err != nil || errSum != nil {
		return false
	}
	mac := hmac.New(sha1.New, key)
	_, _ = mac.Write([]byte(name)) // a hash never fails
	return hmac.Equal(mac.Sum(nil), want)
}
