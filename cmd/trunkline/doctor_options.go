// SPDX-License-Identifier: Apache-2.0

package main

import (
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"trunkline.dev/trunkline/cmd/trunkline/config"
	"trunkline.dev/trunkline/doctor"
	"trunkline.dev/trunkline/doctor/probe"
	"trunkline.dev/trunkline/reconciler/artifact"
	"trunkline.dev/trunkline/reconciler/cluster"
	"trunkline.dev/trunkline/reconciler/git"
	"trunkline.dev/trunkline/reconciler/secrets"
	"trunkline.dev/trunkline/reconciler/signers"
	"trunkline.dev/trunkline/webhooks/github/setup"
)

// secretFlags are the flags of a daemon that name files with secrets.
func secretFlags() []string {
	return []string{
		"git-password-file", "git-token-file", "git-key-file", "git-key-passphrase-file", "token-file", "tokens-file", "hook-secret-file", "arrivals-token-file",
		"tls-key-file", "history-dsn-file", "sops-age-key-file", "event-secret-file", "event-token-file", "github-app-key-file", "github-token-file",
		"image-registry-config", "artifact-config", "source-password-file", "source-token-file", "source-key-file", "source-key-passphrase-file", "source-github-token-file",
		"agent-tls-key-file", "sign-on-client-secret-file", "sign-on-session-key-file",
		"channel-url-file", "channel-token-file", "channel-secret-file", "traces-headers-file",
	}
}

// options says what to look at.
func (e *examining) options(flags *pflag.FlagSet) (probe.Options, error) {
	quietClients(slog.New(slog.DiscardHandler))
	o := probe.Options{
		Now: time.Now, Version: programVersion(), Timeout: e.timeout, From: e.from, Renderer: cachedRenderer(), Artifacts: userArtifacts, Keys: e.sops.decrypter,
		Server: git.Redact(e.daemon.server), Named: flags.Changed("server"), Folders: []doctor.Folder{{For: "temporary files", Path: os.TempDir()}},
	}
	if cache, err := os.UserCacheDir(); err == nil {
		o.Folders = append(o.Folders, doctor.Folder{For: "what was rendered and fetched", Path: filepath.Join(cache, "trunkline"), Private: true})
	}
	if e.daemon.tokenFile != "" {
		o.Secrets = append(o.Secrets, doctor.SecretFile{For: "--token-file", Path: e.daemon.tokenFile})
	}
	for _, file := range e.sops.ageFiles {
		o.Secrets = append(o.Secrets, doctor.SecretFile{For: "--sops-age-key-file", Path: afterEquals(file)})
	}
	if err := e.configured(&o, flags); err != nil {
		return o, err
	}
	if err := e.reach(&o); err != nil {
		return o, err
	}
	for _, c := range o.Clusters {
		if c.Kubeconfig != "" && !slices.ContainsFunc(o.Secrets, func(s doctor.SecretFile) bool { return s.Path == c.Kubeconfig }) {
			o.Secrets = append(o.Secrets, doctor.SecretFile{For: "the kubeconfig of " + c.Name, Path: c.Kubeconfig})
		}
	}
	var err error
	o.Daemon, err = e.daemon.client("")
	return o, err
}

// reach adds the clusters that were named.
func (e *examining) reach(o *probe.Options) error {
	clouds := newClouds()
	for _, text := range e.clusters {
		c, err := parseCluster(text, clouds)
		if err != nil {
			return &usageError{err}
		}
		c.AllowExec = e.allowExec
		o.Clusters = slices.DeleteFunc(o.Clusters, func(other cluster.Config) bool { return other.Name == c.Name })
		o.Clusters = append(o.Clusters, c)
	}
	slices.SortStableFunc(o.Clusters, func(a, b cluster.Config) int { return strings.Compare(a.Name, b.Name) })
	return nil
}

// configured adds what a daemon with a configuration would use. What is wrong with it is one of the findings.
func (e *examining) configured(o *probe.Options, own *pflag.FlagSet) error {
	if e.config == "" {
		return nil
	}
	o.Configuration.File = e.config
	cmd, s := serveCommand()
	flags := cmd.Flags()
	if err := flags.Set("config", e.config); err != nil {
		return err
	}
	wrong := func(err error) error {
		for line := range strings.SplitSeq(strings.TrimSpace(err.Error()), "\n") {
			if last := len(o.Configuration.Problems) - 1; last >= 0 && strings.HasPrefix(line, "    ") { // of the problem above
				o.Configuration.Problems[last] += "\n" + line
				continue
			}
			o.Configuration.Problems = append(o.Configuration.Problems, line)
		}
		return nil
	}
	if err := s.readConfig(flags); err != nil {
		return wrong(err)
	}
	configs, err := s.check()
	if err != nil {
		return wrong(err)
	}
	o.Clusters = configs
	o.Secrets = append(o.Secrets, s.secretFiles(flags)...)
	if s.data != "" {
		o.Folders = append(o.Folders, doctor.Folder{For: "the copy of the repository", Path: s.data, Private: true})
	}
	if s.github.setupFolder != "" {
		o.Folders = append(o.Folders, doctor.Folder{For: "the credentials of a GitHub App", Path: s.github.setupFolder, Private: true})
	}
	o.Remote = func() (git.Remote, error) {
		r := s.remote
		var err error
		r.Auth, err = s.credentials()
		return r, err
	}
	if s.admission.signers.given() {
		o.Signers = func() (*signers.Signers, error) { return s.admission.signers.read() }
	}
	o.NoRewrite = s.admission.noRewrite
	o.Source = s.asDaemon
	if len(e.sops.ageFiles)+len(e.sops.kms) == 0 {
		o.Keys = func() (*secrets.Decrypter, error) { return s.sops.decrypter() }
	}
	o.Artifacts = s.fetched
	e.listens(s, o, own)
	return s.atForge(o)
}

// fetched has the artifacts that a daemon may fetch, in a folder of the user's: that of the daemon is its own.
func (s *serve) fetched() (*artifact.Store, error) {
	dir, err := os.UserCacheDir()
	if err != nil {
		return nil, err
	}
	return s.artifacts.store(filepath.Join(dir, "trunkline"), s.clouds)
}

// listens has the daemon be asked where it listens, with the token that all callers share, unless someone says otherwise.
func (e *examining) listens(s *serve, o *probe.Options, own *pflag.FlagSet) {
	if own.Changed("server") {
		return
	}
	host, port, err := net.SplitHostPort(s.listening.address)
	if err != nil {
		return
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	scheme := "http"
	if s.listening.cert != "" {
		scheme = "https"
	}
	e.daemon.server = scheme + "://" + net.JoinHostPort(host, port)
	o.Server = e.daemon.server
	if e.daemon.tokenFile == "" {
		if _, err := os.Stat(s.listening.token); err == nil { // that it is not there is found elsewhere
			e.daemon.tokenFile = s.listening.token
		}
	}
}

// atForge adds the repository at GitHub, and what its App needs there.
func (s *serve) atForge(o *probe.Options) error {
	repository, client, err := s.github.client()
	if err != nil {
		o.Configuration.Problems = append(o.Configuration.Problems, err.Error())
		return nil
	}
	if repository == nil {
		return nil
	}
	o.GitHub = repository
	o.Permissions, o.Events = s.appNeeds()
	return s.sourcesAtForge(o, client)
}

// appNeeds are the permissions that the App needs for what the flags ask for, and the events that it has to be told of.
func (s *serve) appNeeds() (permissions []doctor.Permission, events []string) {
	needs := setup.Options{Webhook: s.listening.hook != "", Promotions: s.promotes()}
	for _, p := range needs.Permissions() {
		permissions = append(permissions, doctor.Permission{Name: p.Title, API: p.Name, Needed: p.Access})
		if needs.Webhook {
			events = append(events, p.Events...)
		}
	}
	slices.Sort(events)
	return permissions, events
}

// promotes reports whether the daemon commits to branches for what is newer.
func (s *serve) promotes() bool { return len(s.images.registries)+len(s.artifacts.hosts) > 0 }

// secretFiles are the files with secrets that the flags of a daemon name.
func (s *serve) secretFiles(flags *pflag.FlagSet) (files []doctor.SecretFile) {
	for _, name := range secretFlags() {
		f := flags.Lookup(name)
		what := "--" + name
		if key, ok := config.KeyOf(name); ok {
			what = key.Path
		}
		for _, value := range valuesOf(f) {
			if _, list := f.Value.(pflag.SliceValue); list {
				value = afterEquals(value)
			}
			if value != "" {
				files = append(files, doctor.SecretFile{For: what, Path: value})
			}
		}
	}
	return files
}

// afterEquals is the value of a flag that may be for something only: VALUE, or NAME=VALUE.
func afterEquals(s string) string {
	if _, value, named := strings.Cut(s, "="); named {
		return value
	}
	return s
}
