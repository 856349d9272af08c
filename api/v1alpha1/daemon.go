// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"go.yaml.in/yaml/v3"
)

// KindDaemonConfiguration configures a daemon. It is not a kind of the repository, which does not decide how a daemon
// runs.
const KindDaemonConfiguration Kind = "DaemonConfiguration"

// DaemonConfiguration says which repository a daemon follows, and how it reaches the clusters. It belongs to whoever runs
// the daemon, and never into the repository. Flags of the command line win over it. Paths are relative to its folder.
type DaemonConfiguration struct {
	Spec DaemonSpec `json:"spec" required:"true"`
}

// DaemonSpec is the body of a [DaemonConfiguration].
type DaemonSpec struct {
	// Repository is the one to follow.
	Repository DaemonRepository `json:"repository" required:"true"`
	// Sources are other repositories that the platform may include, and how to read them; default: none.
	Sources []DaemonSource `json:"sources,omitempty"`
	// Clusters are those to deploy to, and how to reach them.
	Clusters []DaemonCluster `json:"clusters" required:"true"`
	// Deploy says which account deploys releases.
	Deploy DaemonDeploy `json:"deploy,omitzero"`
	// Data is the folder for the copy of the repository: a cache, to which nobody else may write; default:
	// trunkline in the user's cache folder.
	Data string `json:"data,omitempty"`
	// Serve configures the daemon's HTTP API: address, tokens and TLS.
	Serve DaemonServe `json:"serve,omitzero"`
	// SignOn says at which issuers people and machines sign on; default: none, and callers have the tokens of Serve.
	SignOn *DaemonSignOn `json:"signOn,omitempty" bare:"refused"`
	// Replicas configures several daemons that share the work; default: a single daemon.
	Replicas DaemonReplicas `json:"replicas,omitzero"`
	// History configures where events are stored, and for how long.
	History DaemonHistory `json:"history,omitzero"`
	// Usage configures the counting of what things cost, and for how long that is kept; default: nothing is counted.
	Usage DaemonUsage `json:"usage,omitzero"`
	// Traces says where traces of commits and pull requests are sent; default: none are made.
	Traces *DaemonTraces `json:"traces,omitempty" bare:"refused"`
	// SOPS has the keys that decrypt encrypted Secrets; default: none.
	SOPS DaemonSOPS `json:"sops,omitzero"`
	// Stores says where the object stores of datasets are, with their data and the manifests of their lots.
	Stores DaemonStores `json:"stores,omitzero"`
	// Events are the targets that environments have told of their lots; default: none.
	Events []DaemonEvents `json:"events,omitempty"`
	// Channels are where people and systems are told what goes wrong, by the names that declarations call them; default: none.
	Channels []DaemonChannel `json:"channels,omitempty"`
	// GitHub connects the daemon to GitHub, which reports on pull requests there; default: it is not.
	GitHub *DaemonGitHub `json:"github,omitempty" bare:"refused"`
	// Images says which registries are asked for newer images that projects follow; default: none.
	Images *DaemonImages `json:"images,omitempty" bare:"refused"`
	// Artifacts says which registries and Helm repositories blueprints are fetched from; default: none.
	Artifacts *DaemonArtifacts `json:"artifacts,omitempty" bare:"refused"`
	// Agents configures where agents come that keep clusters which the daemon cannot reach; default: none come.
	Agents DaemonAgents `json:"agents,omitzero"`
	// LogLevel is the lowest level to log; default: info.
	LogLevel LogLevel `json:"logLevel,omitempty"`
}

// DaemonStores is where object stores are. Their credentials are those of the cloud's own tools, such as AWS_ACCESS_KEY_ID or the
// role of the pod.
type DaemonStores struct {
	// S3Endpoint is the address of an S3 that is not AWS', such as "https://minio.example.com"; default: AWS.
	S3Endpoint string `json:"s3Endpoint,omitempty"`
	// LotsInterval is how often the manifests of lots are listed, which finds what others have written; default: 1m.
	LotsInterval Duration `json:"lotsInterval,omitempty"`
}

// DaemonEvents is a target of events of lots, which environments subscribe by its name. It is not a matter of the repository where data
// about the platform may be sent, and with which credentials.
type DaemonEvents struct {
	// Name is how environments call it: lower-case letters, digits and dashes.
	Name string `json:"name" required:"true"`
	// URL accepts the events, by POST; redirections are not followed. Or it is a subject of NATS, "nats://host:4222/lots", or a topic of Kafka,
	// "kafka://host:9092/lots".
	URL string `json:"url" required:"true"`
	// Format is how events are written; default: cloudevents.
	Format EventFormat `json:"format,omitempty"`
	// SecretFile holds the secret that messages are signed with as Standard Webhooks have it, "whsec_" and base64, and is read for each;
	// default: none, and they are not.
	SecretFile string `json:"secretFile,omitempty"`
	// TokenFile holds a bearer token to send along, by https only, and is read for each message; default: none.
	TokenFile string `json:"tokenFile,omitempty"`
}

// EventFormat is how events of lots are written.
type EventFormat string

// The formats.
const (
	// EventsCloudEvents is CloudEvents 1.0 as JSON.
	EventsCloudEvents EventFormat = "cloudevents"
	// EventsCloudEventsBinary is CloudEvents 1.0 with attributes in headers.
	EventsCloudEventsBinary EventFormat = "cloudevents-binary"
	// EventsClusterless is the notification of Clusterless' arcs, for lots that are available.
	EventsClusterless EventFormat = "clusterless"
	// EventsOpenLineage is the RunEvent of OpenLineage, for runs.
	EventsOpenLineage EventFormat = "openlineage"
)

func (EventFormat) values() []string {
	return []string{string(EventsCloudEvents), string(EventsCloudEventsBinary), string(EventsClusterless), string(EventsOpenLineage)}
}

// DaemonGitHub is how the daemon works on pull requests: by a GitHub App, or by a token, which can write commit statuses
// instead of checks. The secret of its webhook is that of serve.hookSecretFile.
type DaemonGitHub struct {
	// Repository is the name at GitHub of the repository that is followed, OWNER/NAME; default: none, and the daemon does nothing at GitHub but
	// what the page /setup/github is asked for.
	Repository string `json:"repository,omitempty"`
	// AppID is the number of the App; default: none, and a token is used.
	AppID int `json:"appID,omitempty"`
	// AppKeyFile holds the App's private key, in PEM.
	AppKeyFile string `json:"appKeyFile,omitempty"`
	// InstallationID is the number of the App's installation; default: the repository's, which GitHub is asked for.
	InstallationID int `json:"installationID,omitempty"`
	// TokenFile holds an access token, where there is no App; default: none.
	TokenFile string `json:"tokenFile,omitempty"`
	// URL is the address of GitHub Enterprise Server; default: "https://github.com".
	URL string `json:"url,omitempty"`
	// PublicURL is where people reach the daemon, for links; default: none, and there are no links.
	PublicURL string `json:"publicURL,omitempty"`
	// SetupFolder is an existing folder for the credentials of an App that is made at /setup/github; default: they are encrypted for the keys of
	// sops.ageKeyFiles, to be committed.
	SetupFolder string `json:"setupFolder,omitempty"`
}

// DaemonImages is how registries are asked for newer images. Pull requests at GitHub move them, so github is needed too.
type DaemonImages struct {
	// Registries are the hosts that may be asked, such as "ghcr.io"; others are not.
	Registries []string `json:"registries" required:"true"`
	// ConfigFile is a docker config.json with credentials for them; default: none.
	ConfigFile string `json:"configFile,omitempty"`
	// CloudIdentity signs on to registries of ECR, Artifact Registry and ACR that the file has no credentials for, with the identity that the
	// cloud gives the daemon; default: false.
	CloudIdentity bool `json:"cloudIdentity,omitempty"`
	// Interval is how often each repository is looked at; default: 5m.
	Interval Duration `json:"interval,omitempty"`
}

// DaemonArtifacts is where blueprints are fetched from that are not in the repository.
type DaemonArtifacts struct {
	// Hosts may be asked, such as "ghcr.io" or "charts.example.com"; others are not.
	Hosts []string `json:"hosts" required:"true"`
	// ConfigFile is a docker config.json with credentials for them; default: none.
	ConfigFile string `json:"configFile,omitempty"`
	// CloudIdentity signs on to registries of ECR, Artifact Registry and ACR that the file has no credentials for, with the identity that the
	// cloud gives the daemon; default: false.
	CloudIdentity bool `json:"cloudIdentity,omitempty"`
}

// DaemonRepository is a branch of a repository, and how to read it.
type DaemonRepository struct {
	// URL is a path, or a file://, http(s):// or ssh:// URL, or user@host:path.
	URL string `json:"url" required:"true"`
	// Branch is the one to follow; default: main.
	Branch string `json:"branch,omitempty"`
	// Folder is the folder of the repository that holds the platform; default: the root of the repository.
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
	// Verify says who may sign commits: a head that none of them signed is refused; default: nobody need sign.
	Verify DaemonVerify `json:"verify,omitzero"`
	// NoRewrite refuses a head that does not come after the accepted commit; default: false.
	NoRewrite bool `json:"noRewrite,omitempty"`
	// AcceptRewrites are rewrites to accept all the same, each FROM..TO with two full hashes of commits; default: none.
	AcceptRewrites []string `json:"acceptRewrites,omitempty"`
}

// DaemonSource is a repository that the platform may include by its name, and how to read it. What of it counts, and what it may declare,
// the platform says.
type DaemonSource struct {
	// Name is that of the source in the platform.
	Name string `json:"name" required:"true"`
	// URL is a path, or a file://, http(s):// or ssh:// URL, or user@host:path. A platform that has the source at another address is refused.
	URL string `json:"url" required:"true"`
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
	// Verify says who may sign commits: a head that none of them signed is refused; default: nobody need sign.
	Verify DaemonVerify `json:"verify,omitzero"`
	// NoRewrite refuses a head that does not come after the accepted commit; default: false.
	NoRewrite bool `json:"noRewrite,omitempty"`
	// AcceptRewrites are rewrites to accept all the same, each FROM..TO with two full hashes of commits; default: none.
	AcceptRewrites []string `json:"acceptRewrites,omitempty"`
	// GitHub has its pull requests worked on, as those of the platform's own repository are; default: they are not.
	GitHub DaemonSourceGitHub `json:"github,omitzero"`
}

// DaemonSourceGitHub is where a source is at the GitHub of the platform.
type DaemonSourceGitHub struct {
	// Repository is OWNER/NAME.
	Repository string `json:"repository,omitempty"`
	// TokenFile holds an access token, where the App is not installed; default: none, the credentials of the platform's repository are used.
	TokenFile string `json:"tokenFile,omitempty"`
}

// DaemonVerify says whose keys may sign commits. The files are read again when they change.
type DaemonVerify struct {
	// SSHSignersFiles are files of allowed signers, as ssh-keygen and Git know them; default: none.
	SSHSignersFiles []string `json:"sshSignersFiles,omitempty"`
	// GPGKeysFiles are files of public OpenPGP keys, as "gpg --export" writes them; default: none.
	GPGKeysFiles []string `json:"gpgKeysFiles,omitempty"`
}

// DaemonCluster is a cluster, and how to reach it: by a kubeconfig, from inside the cluster, or by the identity that a cloud gives the daemon; or by an
// agent that comes to the daemon.
type DaemonCluster struct {
	// Name is that of the cluster's declaration.
	Name string `json:"name" required:"true"`
	// Kubeconfig is a file; default: none.
	Kubeconfig string `json:"kubeconfig,omitempty"`
	// Context is one of the kubeconfig; default: its current one.
	Context string `json:"context,omitempty"`
	// InCluster uses the account of the daemon's own pod instead of a kubeconfig; default: false.
	InCluster bool `json:"inCluster,omitempty"`
	// Cloud uses the identity that a cloud gives the daemon, for a cluster that the cloud runs; default: none.
	Cloud *DaemonCloud `json:"cloud,omitempty" bare:"refused"`
	// Agent is who the agent is that keeps a cluster which the daemon cannot reach; default: none, the daemon reaches it.
	Agent *DaemonClusterAgent `json:"agent,omitempty" bare:"refused"`
}

// DaemonCloud is a cluster of EKS, GKE or AKS. Where it is, its cloud is asked; it is reached with the identity of the daemon's pod or machine, so
// that no secret is stored.
type DaemonCloud struct {
	// Provider is the cloud.
	Provider CloudProvider `json:"provider" required:"true"`
	// Cluster is the name that the cloud has for it.
	Cluster string `json:"cluster" required:"true"`
	// Region is that of AWS, such as "eu-west-1", or the region or zone of Google Cloud, such as "europe-west1"; default: none, for Azure.
	Region string `json:"region,omitempty"`
	// Role is the ARN of a role to assume in AWS, such as one of the cluster's account; default: none, and the daemon's own counts.
	Role string `json:"role,omitempty"`
	// Project is the id of the project of Google Cloud; default: none, for the others.
	Project string `json:"project,omitempty"`
	// Subscription is the id of the subscription of Azure; default: none, for the others.
	Subscription string `json:"subscription,omitempty"`
	// ResourceGroup is that of Azure which the cluster is in; default: none, for the others.
	ResourceGroup string `json:"resourceGroup,omitempty"`
	// ClientID is that of the identity of Azure to use; default: the one of the pod, or the only one of the machine.
	ClientID string `json:"clientID,omitempty"`
	// Address is where the API server is, such as "https://10.0.0.2"; default: where the cloud says.
	Address string `json:"address,omitempty"`
	// API is where the API of the cloud is, such as a private endpoint or that of a sovereign cloud; default: the public one.
	API string `json:"api,omitempty"`
}

// CloudProvider is a cloud that runs clusters.
type CloudProvider string

// The clouds.
const (
	// CloudAWS is Amazon Web Services, with EKS.
	CloudAWS CloudProvider = "aws"
	// CloudGCP is Google Cloud, with GKE.
	CloudGCP CloudProvider = "gcp"
	// CloudAzure is Microsoft Azure, with AKS.
	CloudAzure CloudProvider = "azure"
)

func (CloudProvider) values() []string {
	return []string{string(CloudAWS), string(CloudGCP), string(CloudAzure)}
}

// DaemonClusterAgent is who the agent of a cluster is: the holder of a certificate, or of a token. An agent that is someone else is not
// let in.
type DaemonClusterAgent struct {
	// Certificate is a DNS name or URI in the certificate of the agent, of an authority of `agents.caFile`; default: none, no certificate
	// counts.
	Certificate string `json:"certificate,omitempty"`
	// Issuer is the https URL of who issues the tokens of the agent, such as that of the service accounts of its cluster; default: none, no
	// token counts.
	Issuer string `json:"issuer,omitempty"`
	// Subject is who the tokens are about, such as "system:serviceaccount:trunkline-system:trunkline-agent"; default: none.
	Subject string `json:"subject,omitempty"`
	// KeysFile holds the public keys of the issuer, a JSON Web Key Set, and is read again when it changes; default: none, and the issuer is
	// asked for them.
	KeysFile string `json:"keysFile,omitempty"`
}

// DaemonAgents configures where agents come that keep clusters which the daemon cannot reach.
type DaemonAgents struct {
	// Listen is the address to which they come, by TLS; default: none.
	Listen string `json:"listen,omitempty"`
	// TLSCertFile holds the PEM certificate and its chain, and is read again when it changes; default: none.
	TLSCertFile string `json:"tlsCertFile,omitempty"`
	// TLSKeyFile holds the private key of the certificate; default: none.
	TLSKeyFile string `json:"tlsKeyFile,omitempty"`
	// CAFile holds PEM certificates of the authorities of agents' certificates, and is read again when it changes; default: none, no
	// certificate counts.
	CAFile string `json:"caFile,omitempty"`
	// Audience is who the tokens of agents are for; default: trunkline.
	Audience string `json:"audience,omitempty"`
}

// DaemonDeploy says which account deploys releases.
type DaemonDeploy struct {
	// DefaultServiceAccount is the account, in a release's namespace, that deploys it if its environment names none;
	// default: none, the daemon's own rights.
	DefaultServiceAccount string `json:"defaultServiceAccount,omitempty"`
	// AllowExecCredentials runs the programs that a kubeconfig names to get credentials; default: false.
	AllowExecCredentials bool `json:"allowExecCredentials,omitempty"`
}

// DaemonServe configures the daemon's HTTP API: address, tokens and TLS.
type DaemonServe struct {
	// Listen is the address for health, metrics and the API, which needs tokens unless it is loopback; default:
	// 127.0.0.1:8080.
	Listen string `json:"listen,omitempty"`
	// TokenFile holds one token that callers share, and is read again when it changes; who they are is their own claim; default:
	// none.
	TokenFile string `json:"tokenFile,omitempty"`
	// TokensFile holds a token for each caller, "name: token" on each line, and is read again when it changes; default: none.
	TokensFile string `json:"tokensFile,omitempty"`
	// HookSecretFile holds the secret of a webhook at GitHub, and is read again when it changes; default: none, and no
	// delivery is accepted.
	HookSecretFile string `json:"hookSecretFile,omitempty"`
	// ArrivalsTokenFile holds the token with which object stores may notify of what was written, at /hooks/arrivals, and is read
	// again when it changes; default: none, and no notification is accepted.
	ArrivalsTokenFile string `json:"arrivalsTokenFile,omitempty"`
	// TLSCertFile holds the PEM certificate and its chain, and is read again when it changes; default: none, and HTTP is
	// served.
	TLSCertFile string `json:"tlsCertFile,omitempty"`
	// TLSKeyFile holds the private key of the certificate; default: none.
	TLSKeyFile string `json:"tlsKeyFile,omitempty"`
	// AppsListen is the address for applications that run in clusters, such as notebooks, apart from all else that is served; default: none.
	AppsListen string `json:"appsListen,omitempty"`
	// AppsURL is that by which people reach applications, on another host than that of the console; with "*." each application has a host of
	// its own, such as "https://*.apps.example.com"; default: "*.localhost" with the port of `appsListen`, where that is loopback.
	AppsURL string `json:"appsURL,omitempty"`
}

// DaemonReplicas configures several daemons that share the work.
type DaemonReplicas struct {
	// Home is the cluster in which they coordinate, by Leases in trunkline-system; default: none, a single daemon.
	Home string `json:"home,omitempty"`
	// Group is the name, a DNS label, that all daemons that share the work have in common; default: trunkline.
	Group string `json:"group,omitempty"`
	// Shards spreads the releases over the replicas; default: false, the leader has all of them.
	Shards bool `json:"shards,omitempty"`
}

// DaemonHistory configures where events are stored, and for how long.
type DaemonHistory struct {
	// Store is where events are stored; default: sqlite.
	Store HistoryStore `json:"store,omitempty"`
	// DSNFile holds the connection string of the PostgreSQL database; default: none.
	DSNFile string `json:"dsnFile,omitempty"`
	// Keep is how long events are kept; default: 2160h.
	Keep Duration `json:"keep,omitempty"`
	// Events is how many events are kept, the newest ones; default: 500000.
	Events int `json:"events,omitempty" unit:"events"`
}

// DaemonUsage configures the counting of what pods and claims cost, by what they request for as long as they are there. It is kept with the
// history.
type DaemonUsage struct {
	// Count has it counted; default: false.
	Count bool `json:"count,omitempty"`
	// Keep is how long the sums of days and workloads are kept; default: 1095d.
	Keep Days `json:"keep,omitempty"`
	// KeepRuns is how long it is kept what single runs and lots did cost; default: 62d.
	KeepRuns Days `json:"keepRuns,omitempty"`
}

// DaemonTraces says where traces of commits, pull requests and runs for lots are sent.
type DaemonTraces struct {
	// URL is that of a receiver of OpenTelemetry, OTLP over HTTP, such as "https://otel.example.com:4318".
	URL string `json:"url"`
	// HeadersFile holds headers for that receiver, "Name: value" on each line; default: none.
	HeadersFile string `json:"headersFile,omitempty"`
	// Ratio is the share of the traces to send, from 0 to 1, such as "0.25"; default: 1.
	Ratio Amount `json:"ratio,omitempty"`
}

// DaemonSOPS has the keys that decrypt Secrets that SOPS has encrypted.
type DaemonSOPS struct {
	// AgeKeyFiles hold private keys of age: FILE, or PROJECT/ENVIRONMENT=FILE for some releases only, where * matches any;
	// default: none.
	AgeKeyFiles []string `json:"ageKeyFiles,omitempty"`
	// KMS are keys of AWS KMS, Google Cloud KMS or Azure Key Vault that may be used: KEY, or PROJECT/ENVIRONMENT=KEY;
	// default: none.
	KMS []string `json:"kms,omitempty"`
}

// LogLevel is the lowest level to log.
type LogLevel string

// The levels.
const (
	// LogDebug logs everything.
	LogDebug LogLevel = "debug"
	// LogInfo logs the normal course of events.
	LogInfo LogLevel = "info"
	// LogWarn logs what may need attention.
	LogWarn LogLevel = "warn"
	// LogError logs failures.
	LogError LogLevel = "error"
)

func (LogLevel) values() []string {
	return []string{string(LogDebug), string(LogInfo), string(LogWarn), string(LogError)}
}

// HistoryStore is where events are stored.
type HistoryStore string

// The stores.
const (
	// HistorySQLite is a file in the data folder.
	HistorySQLite HistoryStore = "sqlite"
	// HistoryPostgres is a PostgreSQL database.
	HistoryPostgres HistoryStore = "postgres"
	// HistoryOff stores no events.
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
		return nil, Problems{ExplainSyntax(file, err, data)}
	}
	if err := parser.Decode(&more); !errors.Is(err, io.EOF) {
		return nil, wrong(RuleSyntax, "the file holds more than one document", "keep one of them")
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
		return nil, wrong(RuleUnknownKind, "the file is not a daemon configuration", "begin it with apiVersion: "+Version+" and kind: "+string(KindDaemonConfiguration))
	}
	doc.data = data
	return doc, nil
}
