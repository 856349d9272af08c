// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"trunkline.dev/trunkline/reconciler"
	"trunkline.dev/trunkline/reconciler/git"
	"trunkline.dev/trunkline/reconciler/signers"
)

// sourceFlags are the flags about repositories that the platform may include. Each value is NAME=VALUE.
type sourceFlags struct {
	urls, users, passwords, tokens, cas, keys, passphrases, hosts, ssh, gpg, noRewrite, rewrites []string
}

func (s *sourceFlags) flags(f *pflag.FlagSet) {
	for _, one := range []struct {
		into        *[]string
		flag, usage string
	}{
		{&s.urls, "source-repo", "`NAME=URL` of a repository that the platform may include by that name; repeat for each; default: none"},
		{&s.users, "source-username", "`NAME=USER`: user name for http(s) of a source"},
		{&s.passwords, "source-password-file", "`NAME=FILE` with the password or access token for http(s) of a source"},
		{&s.tokens, "source-token-file", "`NAME=FILE` with a bearer token for http(s) of a source"},
		{&s.cas, "source-ca-file", "`NAME=FILE` with PEM certificates to trust for https of a source besides the system's"},
		{&s.keys, "source-key-file", "`NAME=FILE` with the private key for ssh of a source"},
		{&s.passphrases, "source-key-passphrase-file", "`NAME=FILE` with the passphrase of a source's private key"},
		{&s.hosts, "source-known-hosts", "`NAME=FILE` with the host keys to accept for ssh of a source"},
		{&s.ssh, "source-verify-ssh-signers", "`NAME=FILE` of allowed signers whose SSH keys may sign commits of a source; can be repeated"},
		{&s.gpg, "source-verify-gpg-keys", "`NAME=FILE` of public OpenPGP keys that may sign commits of a source; can be repeated"},
		{&s.noRewrite, "source-no-rewrite", "`NAME` of a source of which a head is refused that does not come after the accepted commit; can be repeated"},
		{&s.rewrites, "source-accept-rewrite", "`NAME=FROM..TO`: accept once that the branch of such a source left a commit for another one; can be repeated"},
	} {
		f.StringArrayVar(one.into, one.flag, nil, one.usage)
	}
}

// sourceSettings say how a source is read, as the daemon is configured now.
type sourceSettings struct {
	remote    git.Remote
	passwords struct{ password, token, passphrase string } // files
	signers   signerFiles
	noRewrite bool
	rewrites  []reconciler.Rewrite

	// auth and who are what the files say, once they are read; who is nil if nobody need sign.
	auth *files[git.Auth]
	who  *files[*signers.Signers]
}

// sources returns the sources by their names. No file is read yet.
func (s *sourceFlags) sources() (map[string]*sourceSettings, error) {
	out := map[string]*sourceSettings{}
	if err := eachNamed("--source-repo", s.urls, func(name, url string) error {
		if out[name] != nil {
			return usagef("--source-repo names %q twice", name)
		}
		out[name] = &sourceSettings{remote: git.Remote{URL: url, Branch: "main"}}
		return nil
	}); err != nil {
		return nil, err
	}
	for _, one := range []struct {
		flag   string
		values []string
		set    func(c *sourceSettings, value string) error
	}{
		{"source-username", s.users, func(c *sourceSettings, v string) error { c.remote.Auth.Username = v; return nil }},
		{"source-password-file", s.passwords, func(c *sourceSettings, v string) error { c.passwords.password = v; return nil }},
		{"source-token-file", s.tokens, func(c *sourceSettings, v string) error { c.passwords.token = v; return nil }},
		{"source-ca-file", s.cas, func(c *sourceSettings, v string) error { c.remote.Auth.CAFile = v; return nil }},
		{"source-key-file", s.keys, func(c *sourceSettings, v string) error { c.remote.Auth.PrivateKeyFile = v; return nil }},
		{"source-key-passphrase-file", s.passphrases, func(c *sourceSettings, v string) error { c.passwords.passphrase = v; return nil }},
		{"source-known-hosts", s.hosts, func(c *sourceSettings, v string) error { c.remote.Auth.KnownHostsFile = v; return nil }},
		{"source-verify-ssh-signers", s.ssh, func(c *sourceSettings, v string) error { c.signers.ssh = append(c.signers.ssh, v); return nil }},
		{"source-verify-gpg-keys", s.gpg, func(c *sourceSettings, v string) error { c.signers.gpg = append(c.signers.gpg, v); return nil }},
		{"source-no-rewrite", named(s.noRewrite), func(c *sourceSettings, _ string) error { c.noRewrite = true; return nil }},
		{"source-accept-rewrite", s.rewrites, func(c *sourceSettings, v string) error {
			r, err := reconciler.ParseRewrite(v)
			c.rewrites = append(c.rewrites, r)
			return err
		}},
	} {
		if err := eachNamed("--"+one.flag, one.values, func(name, value string) error {
			c := out[name]
			if c == nil {
				return usagef("--%s is about %q, which is no source: add --source-repo %s=URL", one.flag, name, name)
			}
			if err := one.set(c, value); err != nil {
				return &usageError{fmt.Errorf("--%s: %w", one.flag, err)}
			}
			return nil
		}); err != nil {
			return nil, err
		}
	}
	for name, c := range out {
		if err := c.remote.Validate(); err != nil {
			return nil, &usageError{fmt.Errorf("--source-repo %s: %w", name, err)}
		}
		if len(c.rewrites) > 0 && !c.noRewrite {
			return nil, usagef("--source-accept-rewrite goes with --source-no-rewrite %s: without it every head is accepted, whatever it comes after", name)
		}
	}
	return out, nil
}

// named makes values of names alone.
func named(names []string) (out []string) {
	for _, name := range names {
		out = append(out, name+"=true")
	}
	return out
}

// read returns the sources with what their files say, which have to be good at first.
func (s *sourceFlags) read(log *slog.Logger) (map[string]*sourceSettings, error) {
	sources, err := s.sources()
	if err != nil {
		return nil, err
	}
	for name, c := range sources {
		p := c.passwords
		read := func() (git.Auth, error) {
			auth := c.remote.Auth
			for file, into := range map[string]*string{p.password: &auth.Password, p.token: &auth.BearerToken, p.passphrase: &auth.Passphrase} {
				if err := readSecret(file, into); err != nil {
					return auth, err
				}
			}
			return auth, nil
		}
		if c.auth, err = newFiles("the files with the credentials of the source "+name, []string{p.password, p.token, p.passphrase}, read, time.Now, log); err != nil {
			return nil, err
		}
		if c.who, err = c.signers.watched(log); err != nil {
			return nil, err
		}
	}
	return sources, nil
}

// sourceOf returns a source as it is configured now; nil if there is none of that name.
func (d *daemon) sourceOf(name string) *sourceSettings { return d.live.Load().secrets.sources[name] }

// checkSource returns why a repository is not read as a platform includes it.
func (d *daemon) checkSource(line reconciler.SourceLine) error {
	return d.sourceOf(line.Name).check(line)
}

// check returns why a repository is not read as a platform includes it; c is nil if no source of its name is configured.
func (c *sourceSettings) check(line reconciler.SourceLine) error {
	switch {
	case c == nil:
		return fmt.Errorf("the daemon's configuration has no source %q: nothing is read from an address that only the repository names", line.Name)
	case !sameAddress(c.remote.URL, line.URL):
		return fmt.Errorf("the daemon's configuration has the source %q at %q, and not at %q", line.Name, git.Redact(c.remote.URL), git.Redact(line.URL))
	}
	return line.Remote(c.remote).Validate()
}

// sameAddress reports whether two texts name the same repository.
func sameAddress(a, b string) bool {
	trim := func(s string) string { return strings.TrimSuffix(strings.TrimRight(s, "/"), ".git") }
	return trim(a) == trim(b)
}

// sourceRemote returns where a line is read, with the credentials that are good now.
func (d *daemon) sourceRemote(ctx context.Context, line reconciler.SourceLine) (git.Remote, error) {
	if err := d.checkSource(line); err != nil {
		return git.Remote{}, err
	}
	c := d.sourceOf(line.Name)
	remote := c.remote
	remote.Auth = c.auth.get()
	if d.appToken != nil && remote.Auth == (git.Auth{CAFile: remote.Auth.CAFile}) {
		var err error
		if remote, err = d.appToken(ctx, remote); err != nil {
			return git.Remote{}, err
		}
	}
	return line.Remote(remote), nil
}

// makeSources makes what follows the repositories that the platform includes.
func (d *daemon) makeSources() *reconciler.Sources {
	d.sources = &reconciler.SourceWatch{
		Store: d.store, Remote: d.sourceRemote, Interval: d.flags.poll, Jitter: d.pause, Log: d.log,
		OnHead: func(l reconciler.SourceLine, h git.Head) {
			d.metrics.fetchedSource(l.Name, nil)
			d.follower.SourceHead(l, h)
		},
		OnError: func(l reconciler.SourceLine, err error) {
			d.metrics.fetchedSource(l.Name, err)
			d.follower.SourceFailed(l, err)
		},
	}
	return &reconciler.Sources{
		Store: d.store, Check: d.checkSource, Follow: d.sources.Follow, Known: d.sources.Known, Keep: d.sources.Keep,
		Admission: func(name string) reconciler.Admission {
			c := d.sourceOf(name)
			if c == nil {
				return reconciler.Admission{}
			}
			a := admission{noRewrite: c.noRewrite, rewrites: c.rewrites}
			return a.of(d.store, c.who)
		},
	}
}

// triggerAll has all repositories fetched now.
func (d *daemon) triggerAll() {
	git.Trigger(d.trigger)
	d.sources.Trigger(func(reconciler.SourceLine) bool { return true })
}

// triggerSource has those sources fetched now that are a repository of GitHub, and reports whether there are any.
func (d *daemon) triggerSource(of func(repository string) bool) bool {
	var names []string
	for name, c := range d.live.Load().secrets.sources {
		if repository := atGitHubOf(c.remote.URL); repository != "" && of(repository) {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return false
	}
	d.sources.Trigger(func(l reconciler.SourceLine) bool { return slices.Contains(names, l.Name) })
	return true
}

// atGitHubOf returns OWNER/NAME out of the address of a repository: the end of its path. Which host it is does not matter, since all that
// comes of it is a fetch.
func atGitHubOf(url string) string {
	url = strings.TrimSuffix(strings.TrimRight(url, "/"), ".git")
	parts := strings.FieldsFunc(url, func(r rune) bool { return r == '/' || r == ':' })
	if len(parts) < 3 {
		return ""
	}
	return strings.Join(parts[len(parts)-2:], "/")
}

// accepted identifies the commits of all repositories that are accepted.
func (d *daemon) accepted() string {
	commit, _ := d.rec.Accepted()
	return d.partsOf(commit)
}

// join joins a commit of the platform's repository with what is accepted of those that it includes.
func (d *daemon) join(ctx context.Context, commit string) (string, error) {
	accepted, _ := d.rec.Accepted()
	kept, _, err := d.store.Composition(accepted)
	if err != nil {
		return "", err
	}
	return reconciler.Join(ctx, d.store, d.flags.dir, commit, kept)
}
