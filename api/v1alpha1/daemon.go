// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"go.yaml.in/yaml/v3"
)

// KindDaemonConfiguration is what a daemon is told by whoever runs it. It is none of the kinds of a repository: nothing there
// says how a daemon runs.
const KindDaemonConfiguration Kind = "DaemonConfiguration"

// DaemonConfiguration says which repository a daemon follows, and how it reaches the clusters: what is with whoever runs the
// daemon, and never in the repository. Flags of the command line win over it. Paths are relative to its folder.
type DaemonConfiguration struct {
	Spec DaemonSpec `json:"spec" required:"true"`
}

// DaemonSpec is the body of a [DaemonConfiguration].
type DaemonSpec struct {
	// Repository is the one that is followed.
	Repository DaemonRepository `json:"repository" required:"true"`
	// Clusters are how clusters are reached.
	Clusters []DaemonCluster `json:"clusters" required:"true"`
	// Deploy says as whom releases are deployed.
	Deploy DaemonDeploy `json:"deploy,omitzero"`
	// Data is the folder for the copy of the repository, which may be lost; nobody else may write to it; default:
	// trunkline in the user's cache folder.
	Data string `json:"data,omitempty"`
	// Serve is what the daemon answers, and to whom.
	Serve DaemonServe `json:"serve,omitzero"`
	// Replicas are other daemons that share the work; default: there is one.
	Replicas DaemonReplicas `json:"replicas,omitzero"`
	// History is where to keep what happened.
	History DaemonHistory `json:"history,omitzero"`
	// SOPS is with what encrypted Secrets are decrypted; default: none is.
	SOPS DaemonSOPS `json:"sops,omitzero"`
	// LogLevel is the least level to log; default: info.
	LogLevel LogLevel `json:"logLevel,omitempty"`
}

// DaemonRepository is a branch of a repository, and how to read it.
type DaemonRepository struct {
	// URL is a path, or a file://, http(s):// or ssh:// URL, or user@host:path.
	URL string `json:"url" required:"true"`
	// Branch is the one to follow; default: main.
	Branch string `json:"branch,omitempty"`
	// Folder is the one of the repository that holds the platform; default: the repository itself.
	Folder string `json:"folder,omitempty"`
	// Poll is how often to fetch; default: 30s.
	Poll Duration `json:"poll,omitempty"`
	// Username is the name for http(s); default: none.
	Username string `json:"username,omitempty"`
	// PasswordFile holds the password or access token for http(s); default: none.
	PasswordFile string `json:"passwordFile,omitempty"`
	// TokenFile holds a bearer token for http(s); default: none.
	TokenFile string `json:"tokenFile,omitempty"`
	// CAFile holds PEM certificates to trust for https besides the system's; default: none.
	CAFile string `json:"caFile,omitempty"`
	// KeyFile holds the private key for ssh; default: none.
	KeyFile string `json:"keyFile,omitempty"`
	// KeyPassphraseFile holds the passphrase of the private key; default: none.
	KeyPassphraseFile string `json:"keyPassphraseFile,omitempty"`
	// KnownHostsFile holds the host keys to accept for ssh; default: none.
	KnownHostsFile string `json:"knownHostsFile,omitempty"`
}

// DaemonCluster is how a cluster is reached: by a kubeconfig, or from inside of it.
type DaemonCluster struct {
	// Name is that of the cluster's declaration.
	Name string `json:"name" required:"true"`
	// Kubeconfig is a file; default: none.
	Kubeconfig string `json:"kubeconfig,omitempty"`
	// Context is one of the kubeconfig; default: its current one.
	Context string `json:"context,omitempty"`
	// InCluster uses the account of the daemon's own pod instead of a kubeconfig; default: false.
	InCluster bool `json:"inCluster,omitempty"`
}

// DaemonDeploy says as whom releases are deployed.
type DaemonDeploy struct {
	// DefaultServiceAccount is the account, in a release's namespace, as which it is deployed if its environment names none;
	// default: the daemon's own rights.
	DefaultServiceAccount string `json:"defaultServiceAccount,omitempty"`
	// AllowExecCredentials runs the programs that a kubeconfig names to get credentials; default: false.
	AllowExecCredentials bool `json:"allowExecCredentials,omitempty"`
}

// DaemonServe is what the daemon answers, and to whom.
type DaemonServe struct {
	// Listen is the address for health, metrics and the API, which needs tokens unless it is loopback; default:
	// 127.0.0.1:8080.
	Listen string `json:"listen,omitempty"`
	// TokenFile holds one token that callers share, who say who they are; default: none.
	TokenFile string `json:"tokenFile,omitempty"`
	// TokensFile holds a token for each caller, "name: token" on each line; default: none.
	TokensFile string `json:"tokensFile,omitempty"`
	// HookSecretFile holds the secret of a webhook at GitHub; default: none, and no delivery is accepted.
	HookSecretFile string `json:"hookSecretFile,omitempty"`
	// TLSCertFile holds the PEM certificate and its chain, and is read again when it changes; default: none, and HTTP is
	// served.
	TLSCertFile string `json:"tlsCertFile,omitempty"`
	// TLSKeyFile holds the private key of the certificate; default: none.
	TLSKeyFile string `json:"tlsKeyFile,omitempty"`
}

// DaemonReplicas are daemons that share the work.
type DaemonReplicas struct {
	// Home is the cluster in which they meet, by Leases in trunkline-system; default: there is one replica.
	Home string `json:"home,omitempty"`
	// Group names those that belong together, a DNS label; default: trunkline.
	Group string `json:"group,omitempty"`
	// Shards spreads the releases over the replicas; default: false, one of them has all.
	Shards bool `json:"shards,omitempty"`
}

// DaemonHistory is where to keep what happened.
type DaemonHistory struct {
	// Store is where; default: sqlite.
	Store HistoryStore `json:"store,omitempty"`
	// DSNFile holds the connection string of the PostgreSQL database; default: none.
	DSNFile string `json:"dsnFile,omitempty"`
	// Keep is how long; default: 2160h.
	Keep Duration `json:"keep,omitempty"`
	// Events is how many, the newest ones; default: 500000.
	Events int `json:"events,omitempty" unit:"events"`
}

// DaemonSOPS is with what Secrets that SOPS has encrypted are decrypted.
type DaemonSOPS struct {
	// AgeKeyFiles hold private keys of age: FILE, or PROJECT/ENVIRONMENT=FILE for some releases only, where * matches any;
	// default: none.
	AgeKeyFiles []string `json:"ageKeyFiles,omitempty"`
	// KMS are keys of AWS KMS, Google Cloud KMS or Azure Key Vault that may be asked: KEY, or PROJECT/ENVIRONMENT=KEY;
	// default: none.
	KMS []string `json:"kms,omitempty"`
}

// LogLevel is the least level to log.
type LogLevel string

// The levels.
const (
	// LogDebug logs all.
	LogDebug LogLevel = "debug"
	// LogInfo logs what happens.
	LogInfo LogLevel = "info"
	// LogWarn logs what someone may have to look at.
	LogWarn LogLevel = "warn"
	// LogError logs what went wrong.
	LogError LogLevel = "error"
)

func (LogLevel) values() []string {
	return []string{string(LogDebug), string(LogInfo), string(LogWarn), string(LogError)}
}

// HistoryStore is where history is kept.
type HistoryStore string

// The stores.
const (
	// HistorySQLite is a file in the data folder.
	HistorySQLite HistoryStore = "sqlite"
	// HistoryPostgres is a database.
	HistoryPostgres HistoryStore = "postgres"
	// HistoryOff keeps none.
	HistoryOff HistoryStore = "off"
)

func (HistoryStore) values() []string {
	return []string{string(HistorySQLite), string(HistoryPostgres), string(HistoryOff)}
}

// DecodeDaemonConfiguration reads the configuration of a daemon, as strictly as [Decode] reads declarations. The document is
// nil if there are problems.
func DecodeDaemonConfiguration(file string, data []byte) (*Document, Problems) {
	wrong := func(rule, message, hint string) Problems {
		return Problems{{Rule: rule, Position: Position{File: file}, Severity: Deny, Message: message, Hint: hint}}
	}
	if len(data) > MaxFileBytes {
		return nil, wrong(RuleLimit, fmt.Sprintf("the file is too large: a configuration has at most %d bytes", MaxFileBytes), "")
	}
	parser := yaml.NewDecoder(bytes.NewReader(data))
	var node, more yaml.Node
	switch err := parser.Decode(&node); {
	case errors.Is(err, io.EOF):
		return nil, wrong(RuleSyntax, "the file is empty", "trunkline explain daemonConfiguration shows an example")
	case err != nil:
		return nil, Problems{syntaxProblem(file, err, data)}
	}
	if err := parser.Decode(&more); !errors.Is(err, io.EOF) {
		return nil, wrong(RuleSyntax, "the file holds more than one document", "leave one of them")
	}
	doc, problems := decodeAs(file, &node, func(k Kind) any {
		if k == KindDaemonConfiguration {
			return &DaemonConfiguration{}
		}
		return nil
	}, []Kind{KindDaemonConfiguration})
	switch {
	case problems.Denied():
		problems.Sort()
		return nil, problems
	case doc == nil:
		return nil, wrong(RuleUnknownKind, "the file is no configuration of a daemon", "begin it with apiVersion: "+Version+" and kind: "+string(KindDaemonConfiguration))
	}
	doc.data = data
	return doc, nil
}
