// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"trunkline.dev/trunkline/plan/compose"
	"trunkline.dev/trunkline/reconciler"
	"trunkline.dev/trunkline/reconciler/git"
	"trunkline.dev/trunkline/reconciler/signers"
	"trunkline.dev/trunkline/reconciler/status"
)

// sourceFlags are the flags about repositories that the platform may include. Each value is NAME=VALUE.
type sourceFlags struct {
	urls, users, passwords, tokens, cas, keys, passphrases, hosts, ssh, gpg, noRewrite, rewrites, githubs, githubTokens []string
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
		{&s.githubs, "source-github-repo", "`NAME=OWNER/REPO`: report on pull requests of a source, as those of --github-repo; can be repeated; default: none"},
		{&s.githubTokens, "source-github-token-file", "`NAME=FILE` with an access token for a source's pull requests, where the App is not installed"},
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
	// github is the repository at GitHub whose pull requests are worked on; empty: they are not. githubToken is a file.
	github, githubToken string

	// auth and who are what the files say, once they are read; who is nil if nobody need sign.
	auth *files[git.Auth]
	who  *files[*signers.Signers]
}

// open reports whether a source is read without credentials of its own.
func (c *sourceSettings) open() bool {
	return c.passwords == struct{ password, token, passphrase string }{} && c.remote.Auth == git.Auth{CAFile: c.remote.Auth.CAFile}
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
		{"source-github-repo", s.githubs, func(c *sourceSettings, v string) error { c.github = v; return nil }},
		{"source-github-token-file", s.githubTokens, func(c *sourceSettings, v string) error { c.githubToken = v; return nil }},
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
		if c.githubToken != "" && c.github == "" {
			return nil, usagef("--source-github-token-file %s goes with --source-github-repo: say which repository at GitHub it is", name)
		}
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
		if repository := atGitHubOf(c.remote.URL); repository != "" && of(repository) || c.github != "" && of(c.github) {
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

// accepted are the commits of all repositories that are accepted.
func (d *daemon) accepted() compose.State {
	commit, _ := d.rec.Accepted()
	return status.PartsOf(commit, d.partsOf(commit))
}

// join returns what joins a commit of a repository with those of the others: with what is accepted of them, or with those of a state.
func (d *daemon) join(source string) func(ctx context.Context, commit string, beside compose.State) (string, error) {
	return func(ctx context.Context, commit string, beside compose.State) (string, error) {
		if beside == nil {
			beside = d.accepted()
		}
		kept := git.Composition{Platform: beside[""]}
		for name, other := range beside {
			if name != "" && name != source {
				kept.Sources = append(kept.Sources, git.Part{Name: name, Commit: other})
			}
		}
		if source == "" {
			return reconciler.Join(ctx, d.store, d.flags.dir, commit, kept)
		}
		if kept.Platform == "" {
			return "", errors.New("no commit of the platform was accepted yet that the source could be joined with")
		}
		kept.Sources = append(kept.Sources, git.Part{Name: source, Commit: commit})
		return reconciler.Join(ctx, d.store, d.flags.dir, kept.Platform, kept)
	}
}
