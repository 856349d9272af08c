// SPDX-License-Identifier: Apache-2.0

package git

import (
	"fmt"
	"log/slog"
	"net/url"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Remote is the branch of a repository to follow.
type Remote struct {
	// URL is a path, a file://, http://, https:// or ssh:// URL, or the short form user@host:path.
	URL string
	// Branch is a branch name such as "main", or a full ref such as "refs/pull/7/head" or "refs/tags/v1".
	Branch string
	// Commit is set instead of Branch for one that stays what it is.
	Commit string
	Auth   Auth
}

// Auth holds the credentials of a remote. Which fields count depends on the URL's scheme; fields that
// cannot apply to it, or contradict each other, make a fetch fail instead of being ignored.
type Auth struct {
	// Username and Password are sent as HTTP basic authentication. Forges take an access token as password.
	Username, Password string
	// BearerToken is sent as an HTTP bearer token instead.
	BearerToken string
	// CAFile holds PEM certificates that are trusted for https besides the system's.
	CAFile string

	// PrivateKeyFile is the private key for ssh, Passphrase what it is encrypted with, if it is.
	PrivateKeyFile, Passphrase string
	// KnownHostsFile lists the host keys to accept for ssh. It is required: an unknown host is never trusted.
	KnownHostsFile string
}

// String returns which kind of credentials is set, and none of them.
func (a Auth) String() string {
	switch {
	case a.BearerToken != "":
		return "bearer token"
	case a.Password != "" || a.Username != "":
		return "basic authentication"
	case a.PrivateKeyFile != "":
		return "ssh key " + a.PrivateKeyFile
	}
	return "none"
}

// GoString keeps %#v from printing what String hides.
func (a Auth) GoString() string { return "git.Auth{" + a.String() + "}" }

// LogValue keeps slog from printing what String hides.
func (a Auth) LogValue() slog.Value { return slog.StringValue(a.String()) }

// fixed is what the head of a fixed commit is called in a track.
func (r Remote) fixed() string { return "commit/" + r.Commit }

// Picked returns the head of the branch or commit as of the track's last successful fetch of it, as [Track.Head] does.
func (t *Track) Picked(r Remote) (Head, bool, error) {
	if r.Commit == "" {
		return t.Head(r.Branch)
	}
	return t.head(r.fixed())
}

// String is the redacted URL and the branch.
func (r Remote) String() string { return Redact(r.URL) + "@" + r.Branch + r.Commit }

// GoString keeps %#v from printing what String hides.
func (r Remote) GoString() string { return "git.Remote{" + r.String() + "}" }

// LogValue keeps slog from printing what String hides.
func (r Remote) LogValue() slog.Value { return slog.StringValue(r.String()) }

// Validate reports the first thing about the remote that will never work: a refused URL or branch, or
// credentials that contradict each other. Fetch does it too; this is for failing when the daemon starts.
func (r Remote) Validate() error {
	_, _, err := r.parse()
	return err
}

// parse takes the remote apart, or refuses it, and returns where it is and the full name of its branch.
func (r Remote) parse() (loc location, full string, err error) {
	if loc, err = parseLocation(r.URL); err != nil {
		return loc, "", err
	}
	switch {
	case r.Commit == "":
		full, err = refName(r.Branch)
	case !IsHash(r.Commit):
		err = &RefusedError{What: "commit", Value: printable(r.Commit, 80), Because: errNotHash.Error()}
	default:
		full = r.fixed()
	}
	if err != nil {
		return loc, "", err
	}
	return loc, full, r.Auth.check(loc)
}

// location is a URL that was taken apart once, so that what is checked is what is used.
type location struct {
	scheme         string // file, http, https or ssh
	user, password string
	host           string
	port           int
	path           string
}

var (
	hostName = regexp.MustCompile(`^([A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9.])?|[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*)$`)
	userName = regexp.MustCompile(`^[A-Za-z0-9_.][A-Za-z0-9_.@+-]*$`)
	scpLike  = regexp.MustCompile(`^(?:([^@:/]*)@)?([^@:/]+):(.*)$`)
)

// parseLocation takes a URL apart, or refuses it.
func parseLocation(raw string) (location, error) {
	refuse := func(because string) (location, error) {
		return location{}, &RefusedError{What: "URL", Value: Redact(raw), Because: because}
	}
	switch {
	case raw == "":
		return refuse("it is empty")
	case len(raw) > 2048:
		return refuse("it is longer than 2048 bytes")
	case hasControl(raw):
		return refuse("it holds a control character or is not UTF-8")
	case strings.HasPrefix(raw, "-"):
		return refuse("it begins like a command-line option")
	case !strings.Contains(raw, "://") && strings.Contains(raw, "::"):
		return refuse("remote helpers (name::address) run programs")
	}
	loc, because := splitLocation(raw)
	if because == "" {
		because = loc.suspicious()
	}
	if because != "" {
		return refuse(because)
	}
	return loc, nil
}

func splitLocation(raw string) (loc location, because string) {
	if !strings.Contains(raw, "://") {
		if m := scpLike.FindStringSubmatch(raw); m != nil {
			return location{scheme: "ssh", user: m[1], host: m[2], path: m[3]}, ""
		}
		if before, _, found := strings.Cut(raw, ":"); found && !strings.Contains(before, "/") {
			return loc, "it is neither a path nor user@host:path"
		}
		path, err := filepath.Abs(raw)
		if err != nil {
			return loc, "the current folder is not known"
		}
		return location{scheme: "file", path: path}, ""
	}
	u, err := url.Parse(raw)
	if err != nil {
		return loc, "it is not a valid URL"
	}
	loc = location{scheme: u.Scheme, host: u.Hostname(), path: u.Path, user: u.User.Username()}
	loc.password, _ = u.User.Password()
	if p := u.Port(); p != "" {
		if loc.port, err = strconv.Atoi(p); err != nil || loc.port < 1 || loc.port > 65535 {
			return loc, "its port is not a number from 1 to 65535"
		}
	}
	if u.RawQuery != "" || u.Fragment != "" || u.ForceQuery {
		return loc, "a repository's URL has no query and no fragment"
	}
	return loc, ""
}

// suspicious says why the parts of a URL cannot be used, or "".
func (l location) suspicious() string {
	switch l.scheme {
	case "file":
		if l.host != "" && l.host != "localhost" || l.user != "" || l.port != 0 {
			return "a file:// URL names no host"
		}
		if !filepath.IsAbs(l.path) {
			return "a file:// URL needs an absolute path"
		}
	case "http", "https", "ssh":
		if !hostName.MatchString(l.host) {
			return "its host is missing or is not a host name"
		}
		if l.scheme == "ssh" && l.user != "" && !userName.MatchString(l.user) {
			return "its user is not a user name"
		}
		if l.scheme == "ssh" && l.password != "" {
			return "ssh takes no password here, use a key"
		}
	default:
		return fmt.Sprintf("scheme %q is not one of file, http, https, ssh", l.scheme)
	}
	switch {
	case strings.Trim(l.path, "/") == "":
		return "it names no repository on the host"
	case strings.HasPrefix(l.path, "-"):
		return "its path begins like a command-line option"
	case hasControl(l.path + l.user + l.password):
		return "it holds an escaped control character or is not UTF-8"
	}
	return ""
}

func hasControl(s string) bool {
	return !utf8.ValidString(s) || strings.IndexFunc(s, unicode.IsControl) >= 0
}

// refName returns the full name of a branch, or refuses it. The rules are those of git check-ref-format,
// which also keep a name from being an option, a revision expression or a path out of refs/.
func refName(branch string) (string, error) {
	full := branch
	if !strings.HasPrefix(branch, "refs/") {
		full = "refs/heads/" + branch
	}
	because := ""
	switch {
	case branch == "":
		because = "it is empty"
	case len(branch) > 255:
		because = "it is longer than 255 bytes"
	case strings.HasPrefix(branch, "-"):
		because = "it begins like a command-line option"
	case hasControl(branch):
		because = "it holds a control character or is not UTF-8"
	case strings.ContainsAny(branch, ` ~^:?*[\`) || strings.Contains(branch, "@{") || branch == "@":
		because = `it holds one of: space ~ ^ : ? * [ \ @{`
	case strings.Contains(branch, ".."):
		because = `it holds ".."`
	default:
		for part := range strings.SplitSeq(full, "/") {
			if part == "" || strings.HasPrefix(part, ".") || strings.HasSuffix(part, ".") || strings.HasSuffix(part, ".lock") {
				because = `a part between slashes is empty, begins or ends with ".", or ends with ".lock"`
			}
		}
	}
	if because != "" {
		return "", &RefusedError{What: "branch", Value: printable(branch, 255), Because: because}
	}
	return full, nil
}
