// SPDX-License-Identifier: Apache-2.0

package config

// Key is a key of a configuration, the flag that it stands for, and what becomes of it when it is changed while the daemon runs.
type Key struct {
	Flag, Path string
	// Live reports that it counts at once; otherwise a configuration that changes it is refused until the daemon is started again.
	Live bool
	// Note says more.
	Note string
}

const (
	inFile   = "the file is read again when it changes"
	perUse   = "the file is read for each fetch"
	perSend  = "a change of the file itself counts at once"
	asBefore = "neither the first one nor the last one without a restart; " + inFile
)

// Keys are all keys that stand for flags, by their paths in the order of the declaration.
func Keys() []Key {
	return []Key{
		{"repo", "repository.url", false, "another repository is another platform"},
		{"branch", "repository.branch", false, ""},
		{"dir", "repository.folder", false, ""},
		{"poll", "repository.poll", true, "from the next fetch on"},
		{"git-username", "repository.username", true, ""},
		{"git-password-file", "repository.passwordFile", true, inFile},
		{"git-token-file", "repository.tokenFile", true, inFile},
		{"git-ca-file", "repository.caFile", true, perUse},
		{"git-key-file", "repository.keyFile", true, perUse},
		{"git-key-passphrase-file", "repository.keyPassphraseFile", true, inFile},
		{"git-known-hosts", "repository.knownHostsFile", true, perUse},
		{"verify-ssh-signers", "repository.verify.sshSignersFiles", false, inFile},
		{"verify-gpg-keys", "repository.verify.gpgKeysFiles", false, inFile},
		{"no-rewrite", "repository.noRewrite", false, ""},
		{"accept-rewrite", "repository.acceptRewrites", false, ""},
		{"source-repo", "sources[].url", true, "with `sources[].name`"},
		{"source-username", "sources[].username", true, ""},
		{"source-password-file", "sources[].passwordFile", true, inFile},
		{"source-token-file", "sources[].tokenFile", true, inFile},
		{"source-ca-file", "sources[].caFile", true, perUse},
		{"source-key-file", "sources[].keyFile", true, perUse},
		{"source-key-passphrase-file", "sources[].keyPassphraseFile", true, inFile},
		{"source-known-hosts", "sources[].knownHostsFile", true, perUse},
		{"source-verify-ssh-signers", "sources[].verify.sshSignersFiles", true, inFile},
		{"source-verify-gpg-keys", "sources[].verify.gpgKeysFiles", true, inFile},
		{"source-no-rewrite", "sources[].noRewrite", true, ""},
		{"source-accept-rewrite", "sources[].acceptRewrites", true, ""},
		{"source-github-repo", "sources[].github.repository", false, ""},
		{"source-github-token-file", "sources[].github.tokenFile", false, "the file is read at the start alone"},
		{"cluster", "clusters", true, "but `replicas.home` cannot be taken away; kubeconfigs are read again when they change"},
		{"default-service-account", "deploy.defaultServiceAccount", false, ""},
		{"allow-exec-credentials", "deploy.allowExecCredentials", true, "with the next connection"},
		{"data", "data", false, ""},
		{"listen", "serve.listen", false, ""},
		{"token-file", "serve.tokenFile", true, asBefore},
		{"tokens-file", "serve.tokensFile", true, asBefore},
		{"hook-secret-file", "serve.hookSecretFile", true, inFile},
		{"arrivals-token-file", "serve.arrivalsTokenFile", true, inFile},
		{"tls-cert-file", "serve.tlsCertFile", true, "not from HTTP to HTTPS, or back; " + inFile},
		{"tls-key-file", "serve.tlsKeyFile", true, inFile},
		{"apps-listen", "serve.appsListen", false, ""},
		{"apps-url", "serve.appsURL", false, ""},
		{"sign-on-issuer", "signOn.issuer", false, ""},
		{"sign-on-client-id", "signOn.clientID", false, ""},
		{"sign-on-client-secret-file", "signOn.clientSecretFile", false, "the file is read at the start alone"},
		{"sign-on-cli-client-id", "signOn.cliClientID", false, ""},
		{"sign-on-url", "signOn.url", false, ""},
		{"sign-on-session-key-file", "signOn.sessionKeyFile", false, "the file is read at the start alone"},
		{"sign-on-scope", "signOn.scopes", false, ""},
		{"sign-on-name-claim", "signOn.nameClaim", false, ""},
		{"sign-on-groups-claim", "signOn.groupsClaim", false, ""},
		{"machine-issuer", "signOn.machines[].issuer", false, "with `signOn.machines[].name`"},
		{"machine-audience", "signOn.machines[].audience", false, ""},
		{"machine-subject", "signOn.machines[].subjects", false, ""},
		{"machine-group", "signOn.machines[].groups", false, ""},
		{"home", "replicas.home", false, ""},
		{"group", "replicas.group", false, ""},
		{"shards", "replicas.shards", false, ""},
		{"history", "history.store", false, ""},
		{"history-dsn-file", "history.dsnFile", false, "the file is read at the start alone"},
		{"history-keep", "history.keep", false, ""},
		{"history-events", "history.events", false, ""},
		{"usage", "usage.count", false, ""},
		{"usage-keep", "usage.keep", false, ""},
		{"usage-keep-runs", "usage.keepRuns", false, ""},
		{"traces", "traces.url", false, ""},
		{"traces-headers-file", "traces.headersFile", false, "the file is read at the start alone"},
		{"traces-ratio", "traces.ratio", false, ""},
		{"sops-age-key-file", "sops.ageKeyFiles", true, inFile},
		{"sops-kms", "sops.kms", true, ""},
		{"s3-endpoint", "stores.s3Endpoint", false, ""},
		{"lots-interval", "stores.lotsInterval", false, ""},
		{"event-target", "events[].url", false, "with `events[].name`"},
		{"event-format", "events[].format", false, ""},
		{"event-secret-file", "events[].secretFile", false, perSend},
		{"event-token-file", "events[].tokenFile", false, perSend},
		{"channel", "channels[].kind", false, "with `channels[].name`"},
		{"channel-url", "channels[].url", false, ""},
		{"channel-url-file", "channels[].urlFile", false, perSend},
		{"channel-token-file", "channels[].tokenFile", false, perSend},
		{"channel-secret-file", "channels[].secretFile", false, perSend},
		{"channel-to", "channels[].to", false, ""},
		{"channel-from", "channels[].from", false, ""},
		{"channel-username", "channels[].username", false, ""},
		{"channel-per-hour", "channels[].perHour", false, ""},
		{"github-repo", "github.repository", false, ""},
		{"github-app-id", "github.appID", false, ""},
		{"github-app-key-file", "github.appKeyFile", false, "the file is read at the start alone"},
		{"github-installation", "github.installationID", false, ""},
		{"github-token-file", "github.tokenFile", false, "the file is read at the start alone"},
		{"github-url", "github.url", false, ""},
		{"public-url", "github.publicURL", false, ""},
		{"github-setup-dir", "github.setupFolder", false, ""},
		{"image-registry", "images.registries", false, ""},
		{"image-registry-config", "images.configFile", false, ""},
		{"image-registry-cloud-identity", "images.cloudIdentity", false, ""},
		{"image-interval", "images.interval", false, ""},
		{"artifact-host", "artifacts.hosts", false, ""},
		{"artifact-config", "artifacts.configFile", false, ""},
		{"artifact-cloud-identity", "artifacts.cloudIdentity", false, ""},
		{"agent-listen", "agents.listen", false, ""},
		{"agent-tls-cert-file", "agents.tlsCertFile", false, inFile},
		{"agent-tls-key-file", "agents.tlsKeyFile", false, inFile},
		{"agent-ca-file", "agents.caFile", false, inFile},
		{"agent-audience", "agents.audience", false, ""},
		{"agent-certificate", "clusters[].agent.certificate", true, "from the next connection on"},
		{"agent-issuer", "clusters[].agent.issuer", true, "from the next connection on"},
		{"agent-subject", "clusters[].agent.subject", true, "from the next connection on"},
		{"agent-keys-file", "clusters[].agent.keysFile", true, inFile},
		{"log-level", "logLevel", true, "the Kubernetes client logs only if it is debug from the start"},
	}
}

// KeyOf returns the key of a flag.
func KeyOf(flag string) (Key, bool) {
	for _, k := range Keys() {
		if k.Flag == flag {
			return k, true
		}
	}
	return Key{}, false
}
