// SPDX-License-Identifier: Apache-2.0

// Package config reads the configuration of a daemon, and says which flags of "trunkline serve" it stands for.
//
// Of Trunkline it may import api and reconciler/cloud.
package config

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/reconciler/cloud"
)

// Setting is a flag, and the value that the configuration has for it.
type Setting struct {
	Flag   string
	Values []string
	// Position is where the configuration says so.
	Position v1alpha1.Position
	// Path is the field.
	Path string
}

// Read decodes a configuration. Problems are empty if it can be used.
func Read(file string, data []byte) ([]Setting, v1alpha1.Problems) {
	doc, problems := v1alpha1.DecodeDaemonConfiguration(file, data)
	if doc == nil {
		return nil, problems
	}
	declared, _ := doc.Object.(*v1alpha1.DaemonConfiguration)
	r := &reader{doc: doc, dir: filepath.Dir(file)}
	r.repository(declared.Spec.Repository)
	r.sources(declared.Spec.Sources)
	r.clusters(declared.Spec.Clusters)
	r.serve(declared.Spec)
	r.rest(declared.Spec)
	if len(r.problems) > 0 {
		return nil, r.problems
	}
	return r.settings, nil
}

// reader collects the settings of a configuration.
type reader struct {
	doc      *v1alpha1.Document
	dir      string
	settings []Setting
	problems v1alpha1.Problems
}

// set adds a setting, unless the field is not there.
func (r *reader) set(flag string, values []string, path ...any) {
	var given []string
	for _, v := range values {
		if v != "" {
			given = append(given, v)
		}
	}
	if len(given) > 0 {
		path = append([]any{"spec"}, path...)
		r.settings = append(r.settings, Setting{flag, given, r.doc.Position(path...), v1alpha1.FieldPath(path...)})
	}
}

func (r *reader) text(flag, value string, path ...any) { r.set(flag, []string{value}, path...) }

// file adds the name of a file, which is relative to the folder of the configuration.
func (r *reader) file(flag, name string, path ...any) { r.text(flag, r.inDir(name), path...) }

func (r *reader) files(flag string, names []string, path ...any) {
	var inDir []string
	for _, name := range names {
		inDir = append(inDir, r.inDir(name))
	}
	r.set(flag, inDir, path...)
}

func (r *reader) inDir(name string) string {
	if name == "" || filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(r.dir, name)
}

func (r *reader) flag(flag string, value bool, path ...any) {
	if value {
		r.text(flag, "true", path...)
	}
}

func (r *reader) duration(flag string, value v1alpha1.Duration, path ...any) {
	if value > 0 {
		r.text(flag, time.Duration(value).String(), path...)
	}
}

func (r *reader) days(flag string, value v1alpha1.Days, path ...any) {
	if value > 0 {
		r.text(flag, (time.Duration(value) * 24 * time.Hour).String(), path...)
	}
}

func (r *reader) wrong(message, hint string, path ...any) {
	path = append([]any{"spec"}, path...)
	r.problems = append(r.problems, v1alpha1.Problem{
		Rule: v1alpha1.RuleInvalidValue, Position: r.doc.Position(path...), Path: v1alpha1.FieldPath(path...), Severity: v1alpha1.Deny, Message: message, Hint: hint,
	})
}

func (r *reader) repository(d v1alpha1.DaemonRepository) {
	at := "repository"
	url := d.URL
	if isLocal(url) {
		url = r.inDir(url)
	}
	r.text("repo", url, at, "url")
	r.text("branch", d.Branch, at, "branch")
	r.text("dir", d.Folder, at, "folder")
	r.duration("poll", d.Poll, at, "poll")
	r.text("git-username", d.Username, at, "username")
	r.file("git-password-file", d.PasswordFile, at, "passwordFile")
	r.file("git-token-file", d.TokenFile, at, "tokenFile")
	r.file("git-ca-file", d.CAFile, at, "caFile")
	r.file("git-key-file", d.KeyFile, at, "keyFile")
	r.file("git-key-passphrase-file", d.KeyPassphraseFile, at, "keyPassphraseFile")
	r.file("git-known-hosts", d.KnownHostsFile, at, "knownHostsFile")
	r.files("verify-ssh-signers", d.Verify.SSHSignersFiles, at, "verify", "sshSignersFiles")
	r.files("verify-gpg-keys", d.Verify.GPGKeysFiles, at, "verify", "gpgKeysFiles")
	r.flag("no-rewrite", d.NoRewrite, at, "noRewrite")
	r.set("accept-rewrite", d.AcceptRewrites, at, "acceptRewrites")
}

// sources adds what is said of the repositories that the platform may include: a flag for each field, with the name of the source.
func (r *reader) sources(declared []v1alpha1.DaemonSource) {
	of := map[string][]string{}
	add := func(flag, name string, values ...string) {
		for _, value := range values {
			if value != "" {
				of[flag] = append(of[flag], name+"="+value)
			}
		}
	}
	for i, s := range declared {
		if s.Name == "" || strings.Contains(s.Name, "=") {
			r.wrong(fmt.Sprintf("%q is not the name of a source", s.Name), "write the name that the platform has for it", "sources", i, "name")
			continue
		}
		url := s.URL
		if isLocal(url) {
			url = r.inDir(url)
		}
		add("source-repo", s.Name, url)
		add("source-username", s.Name, s.Username)
		for flag, file := range map[string]string{
			"source-password-file": s.PasswordFile, "source-token-file": s.TokenFile, "source-ca-file": s.CAFile, "source-key-file": s.KeyFile,
			"source-key-passphrase-file": s.KeyPassphraseFile, "source-known-hosts": s.KnownHostsFile,
		} {
			add(flag, s.Name, r.inDir(file))
		}
		for flag, files := range map[string][]string{
			"source-verify-ssh-signers": s.Verify.SSHSignersFiles, "source-verify-gpg-keys": s.Verify.GPGKeysFiles,
		} {
			for _, file := range files {
				add(flag, s.Name, r.inDir(file))
			}
		}
		if s.NoRewrite {
			of["source-no-rewrite"] = append(of["source-no-rewrite"], s.Name)
		}
		add("source-accept-rewrite", s.Name, s.AcceptRewrites...)
		add("source-github-repo", s.Name, s.GitHub.Repository)
		add("source-github-token-file", s.Name, r.inDir(s.GitHub.TokenFile))
	}
	for _, flag := range slices.Sorted(maps.Keys(of)) {
		r.set(flag, of[flag], "sources")
	}
}

// isLocal reports whether a repository is a folder of this machine, by a path. What has a colon is a URL or user@host:path.
func isLocal(url string) bool { return !strings.Contains(url, ":") }

func (r *reader) clusters(declared []v1alpha1.DaemonCluster) {
	var values []string
	for i, c := range declared {
		ways := 0
		for _, way := range []bool{c.InCluster, c.Kubeconfig != "" || c.Context != "", c.Cloud != nil, c.Agent != nil} {
			if way {
				ways++
			}
		}
		switch {
		case ways > 1 && c.Agent != nil:
			r.wrong("a cluster is kept by an agent, or reached by the daemon: not both", "remove one of them", "clusters", i)
		case ways > 1:
			r.wrong("a cluster is reached by a kubeconfig, from inside of it, or by its cloud: not by several", "keep one of them", "clusters", i)
		case c.Agent != nil:
			values = append(values, c.Name+"=agent")
		case c.InCluster:
			values = append(values, c.Name+"=in-cluster")
		case c.Cloud != nil:
			values = append(values, r.cloud(c.Name, *c.Cloud, i)...)
		case c.Kubeconfig == "":
			r.wrong(fmt.Sprintf("there is no way to reach the cluster %q", c.Name), "write kubeconfig: FILE, inCluster: true, cloud: {provider: …} or agent: {…}", "clusters", i)
		case c.Context != "":
			values = append(values, c.Name+"="+r.inDir(c.Kubeconfig)+"#"+c.Context)
		default:
			values = append(values, c.Name+"="+r.inDir(c.Kubeconfig))
		}
	}
	r.set("cluster", values, "clusters")
	r.agents(declared)
}

func (r *reader) agents(declared []v1alpha1.DaemonCluster) {
	of := map[string][]string{}
	for _, c := range declared {
		if c.Agent == nil {
			continue
		}
		for flag, value := range map[string]string{
			"agent-certificate": c.Agent.Certificate, "agent-issuer": c.Agent.Issuer, "agent-subject": c.Agent.Subject, "agent-keys-file": r.inDir(c.Agent.KeysFile),
		} {
			if value != "" {
				of[flag] = append(of[flag], c.Name+"="+value)
			}
		}
	}
	for _, flag := range slices.Sorted(maps.Keys(of)) {
		r.set(flag, of[flag], "clusters")
	}
}

// cloud says how a cluster of a cloud is reached. A field of another cloud is an error: it would be left out in silence.
func (r *reader) cloud(name string, c v1alpha1.DaemonCloud, i int) []string {
	ref := cloud.Ref{Provider: cloud.Provider(c.Provider), Cluster: c.Cluster, Place: c.Region, Role: c.Role, Client: c.ClientID, Address: c.Address, API: c.API}
	foreign := map[string]string{"project": c.Project, "subscription": c.Subscription, "resourceGroup": c.ResourceGroup, "region": "", "role": "", "clientID": ""}
	switch c.Provider {
	case v1alpha1.CloudAWS:
		foreign["clientID"] = c.ClientID
	case v1alpha1.CloudGCP:
		ref.Owner, foreign["project"], foreign["role"], foreign["clientID"] = c.Project, "", c.Role, c.ClientID
	case v1alpha1.CloudAzure:
		ref.Owner, ref.Place = c.Subscription, c.ResourceGroup
		foreign["subscription"], foreign["resourceGroup"], foreign["region"], foreign["role"] = "", "", c.Region, c.Role
	}
	for _, field := range slices.Sorted(maps.Keys(foreign)) {
		if foreign[field] != "" {
			r.wrong(fmt.Sprintf("provider %s has no %s", c.Provider, field), "remove it", "clusters", i, "cloud", field)
			return nil
		}
	}
	if err := ref.Check(); err != nil {
		r.wrong(strings.ReplaceAll(err.Error(), "\n", "; "), `"trunkline explain daemonConfiguration.spec.clusters.cloud" says which fields each cloud needs`, "clusters", i, "cloud")
		return nil
	}
	return []string{name + "=" + ref.String()}
}

func (r *reader) serve(s v1alpha1.DaemonSpec) {
	at := "serve"
	r.text("listen", s.Serve.Listen, at, "listen")
	r.text("apps-listen", s.Serve.AppsListen, at, "appsListen")
	r.text("apps-url", s.Serve.AppsURL, at, "appsURL")
	r.file("token-file", s.Serve.TokenFile, at, "tokenFile")
	r.file("tokens-file", s.Serve.TokensFile, at, "tokensFile")
	r.file("hook-secret-file", s.Serve.HookSecretFile, at, "hookSecretFile")
	r.file("arrivals-token-file", s.Serve.ArrivalsTokenFile, at, "arrivalsTokenFile")
	r.file("tls-cert-file", s.Serve.TLSCertFile, at, "tlsCertFile")
	r.file("tls-key-file", s.Serve.TLSKeyFile, at, "tlsKeyFile")
	if s.SignOn != nil {
		r.signOn(*s.SignOn)
	}
	r.text("home", s.Replicas.Home, "replicas", "home")
	r.text("group", s.Replicas.Group, "replicas", "group")
	r.flag("shards", s.Replicas.Shards, "replicas", "shards")
}

func (r *reader) rest(s v1alpha1.DaemonSpec) {
	r.file("data", s.Data, "data")
	r.text("default-service-account", s.Deploy.DefaultServiceAccount, "deploy", "defaultServiceAccount")
	r.flag("allow-exec-credentials", s.Deploy.AllowExecCredentials, "deploy", "allowExecCredentials")
	r.text("history", string(s.History.Store), "history", "store")
	r.file("history-dsn-file", s.History.DSNFile, "history", "dsnFile")
	r.duration("history-keep", s.History.Keep, "history", "keep")
	if s.History.Events > 0 {
		r.text("history-events", strconv.Itoa(s.History.Events), "history", "events")
	}
	r.flag("usage", s.Usage.Count, "usage", "count")
	r.days("usage-keep", s.Usage.Keep, "usage", "keep")
	r.days("usage-keep-runs", s.Usage.KeepRuns, "usage", "keepRuns")
	if s.Traces != nil {
		r.text("traces", s.Traces.URL, "traces", "url")
		r.file("traces-headers-file", s.Traces.HeadersFile, "traces", "headersFile")
		r.text("traces-ratio", string(s.Traces.Ratio), "traces", "ratio")
	}
	var keys []string
	for _, key := range s.SOPS.AgeKeyFiles {
		if scope, file, scoped := strings.Cut(key, "="); scoped {
			keys = append(keys, scope+"="+r.inDir(file))
			continue
		}
		keys = append(keys, r.inDir(key))
	}
	r.set("sops-age-key-file", keys, "sops", "ageKeyFiles")
	r.set("sops-kms", s.SOPS.KMS, "sops", "kms")
	r.text("s3-endpoint", s.Stores.S3Endpoint, "stores", "s3Endpoint")
	r.events(s.Events)
	r.channels(s.Channels)
	r.duration("lots-interval", s.Stores.LotsInterval, "stores", "lotsInterval")
	r.text("log-level", string(s.LogLevel), "logLevel")
	r.text("agent-listen", s.Agents.Listen, "agents", "listen")
	r.file("agent-tls-cert-file", s.Agents.TLSCertFile, "agents", "tlsCertFile")
	r.file("agent-tls-key-file", s.Agents.TLSKeyFile, "agents", "tlsKeyFile")
	r.file("agent-ca-file", s.Agents.CAFile, "agents", "caFile")
	r.text("agent-audience", s.Agents.Audience, "agents", "audience")
	if s.GitHub != nil {
		r.github(*s.GitHub)
	}
	if s.Images != nil {
		r.images(*s.Images)
	}
	if a := s.Artifacts; a != nil {
		r.set("artifact-host", a.Hosts, "artifacts", "hosts")
		r.file("artifact-config", a.ConfigFile, "artifacts", "configFile")
		r.flag("artifact-cloud-identity", a.CloudIdentity, "artifacts", "cloudIdentity")
	}
}

func (r *reader) github(g v1alpha1.DaemonGitHub) {
	at := "github"
	r.text("github-repo", g.Repository, at, "repository")
	r.number("github-app-id", g.AppID, at, "appID")
	r.file("github-app-key-file", g.AppKeyFile, at, "appKeyFile")
	r.number("github-installation", g.InstallationID, at, "installationID")
	r.file("github-token-file", g.TokenFile, at, "tokenFile")
	r.file("github-setup-dir", g.SetupFolder, at, "setupFolder")
	r.text("github-url", g.URL, at, "url")
	r.text("public-url", g.PublicURL, at, "publicURL")
}

func (r *reader) signOn(s v1alpha1.DaemonSignOn) {
	at := "signOn"
	r.text("sign-on-issuer", s.Issuer, at, "issuer")
	r.text("sign-on-client-id", s.ClientID, at, "clientID")
	r.file("sign-on-client-secret-file", s.ClientSecretFile, at, "clientSecretFile")
	r.text("sign-on-cli-client-id", s.CLIClientID, at, "cliClientID")
	r.text("sign-on-url", s.URL, at, "url")
	r.file("sign-on-session-key-file", s.SessionKeyFile, at, "sessionKeyFile")
	r.set("sign-on-scope", s.Scopes, at, "scopes")
	r.text("sign-on-name-claim", s.NameClaim, at, "nameClaim")
	r.text("sign-on-groups-claim", s.GroupsClaim, at, "groupsClaim")
	var issuers, audiences, subjects, groups []string
	for _, m := range s.Machines {
		issuers, audiences = append(issuers, m.Name+"="+m.Issuer), append(audiences, m.Name+"="+m.Audience)
		for _, subject := range m.Subjects {
			subjects = append(subjects, m.Name+"="+subject)
		}
		for _, group := range m.Groups {
			groups = append(groups, m.Name+"="+group)
		}
	}
	r.set("machine-issuer", issuers, at, "machines")
	r.set("machine-audience", audiences, at, "machines")
	r.set("machine-subject", subjects, at, "machines")
	r.set("machine-group", groups, at, "machines")
}

func (r *reader) events(declared []v1alpha1.DaemonEvents) {
	of := map[string][]string{}
	for _, e := range declared {
		for flag, value := range map[string]string{
			"event-target": e.URL, "event-format": string(e.Format), "event-secret-file": r.inDir(e.SecretFile), "event-token-file": r.inDir(e.TokenFile),
		} {
			if value != "" {
				of[flag] = append(of[flag], e.Name+"="+value)
			}
		}
	}
	for _, flag := range slices.Sorted(maps.Keys(of)) {
		r.set(flag, of[flag], "events")
	}
}

func (r *reader) channels(declared []v1alpha1.DaemonChannel) {
	of := map[string][]string{}
	for _, c := range declared {
		add := func(flag, value string) {
			if value != "" {
				of[flag] = append(of[flag], c.Name+"="+value)
			}
		}
		add("channel", string(c.Kind))
		add("channel-url", c.URL)
		add("channel-url-file", r.inDir(c.URLFile))
		add("channel-token-file", r.inDir(c.TokenFile))
		add("channel-secret-file", r.inDir(c.SecretFile))
		add("channel-from", c.From)
		add("channel-username", c.Username)
		for _, to := range c.To {
			add("channel-to", to)
		}
		if c.PerHour != 0 {
			add("channel-per-hour", strconv.Itoa(c.PerHour))
		}
	}
	for _, flag := range slices.Sorted(maps.Keys(of)) {
		r.set(flag, of[flag], "channels")
	}
}

func (r *reader) images(i v1alpha1.DaemonImages) {
	at := "images"
	r.set("image-registry", i.Registries, at, "registries")
	r.file("image-registry-config", i.ConfigFile, at, "configFile")
	r.flag("image-registry-cloud-identity", i.CloudIdentity, at, "cloudIdentity")
	r.duration("image-interval", i.Interval, at, "interval")
}

func (r *reader) number(flag string, value int, path ...any) {
	if value != 0 {
		r.text(flag, strconv.Itoa(value), path...)
	}
}
