// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import "slices"

// Platform holds what is true for the whole monorepo. There is exactly one.
type Platform struct {
	// Metadata names the platform.
	Metadata Metadata `json:"metadata" required:"true"`
	// Spec is what holds for everything in the repository.
	Spec PlatformSpec `json:"spec,omitzero"`
}

// PlatformSpec is the body of a [Platform].
type PlatformSpec struct {
	// Roots are the folders that are searched for declarations, relative to the root of the tree; default: the whole
	// tree.
	Roots []string `json:"roots,omitempty"`
	// Sources are other repositories that are part of the platform, each below the folder "sources" by its name; default: none.
	Sources []IncludedRepository `json:"sources,omitempty"`
	// Governance says where declarations that govern others count, and who owns them; default: anywhere outside the
	// folders of projects, and the owners that CODEOWNERS names.
	Governance Governance `json:"governance,omitzero"`
	// Defaults fill what a workload leaves out.
	Defaults WorkloadDefaults `json:"defaults,omitzero"`
	// Sizes maps the name of a size class to its definition; they add to, or replace, the built-in ones.
	Sizes map[string]Size `json:"sizes,omitempty"`
	// Rates are what resources cost; those of a cluster win over them.
	Rates Rates `json:"rates,omitzero"`
	// Rules maps the id of a built-in rule, or of a policy, to its severity in every environment that does not set
	// its own; default: that of the rule's page.
	Rules map[string]RuleMode `json:"rules,omitempty"`
	// Exceptions silence a rule in one place, for a reason.
	Exceptions []Exception `json:"exceptions,omitempty"`
	// Policies are folders with Rego packages and ValidatingAdmissionPolicy manifests to check against.
	Policies []string `json:"policies,omitempty"`
	// Airflow is the version of the one Apache Airflow that loads the DAG files of all projects, unless their environments
	// or they themselves have another, such as "3.1"; default: "3.3".
	Airflow AirflowVersion `json:"airflow,omitempty"`
	// Signatures say which artifacts of registries have to be signed, and by which keys; default: none has to be. What several
	// patterns match needs a signature for each of them.
	Signatures []SignatureRule `json:"signatures,omitempty"`
	// Health has rules for the health of custom kinds, where their conditions alone do not show it; a rule for a kind
	// that Trunkline knows replaces the built-in one.
	Health []HealthRule `json:"health,omitempty"`
	// Channels are the names of the channels that people and systems are told by, such as "data-team"; where that is, such as in Slack, and
	// with which credentials is in the configuration of the daemon. Default: none.
	Channels []string `json:"channels,omitempty"`
	// Notify says who is told of what goes wrong, in the whole platform; default: nobody.
	Notify []PlatformNotification `json:"notify,omitempty"`
	// Workspaces says what people's notebooks and editors are made from; default: there are none.
	Workspaces Workspaces `json:"workspaces,omitzero"`
}

// IncludedRepository is another repository that is part of the platform, and what it may declare. How it is read, and who may sign its
// commits, is in the daemon's configuration, which has a source of the same name.
type IncludedRepository struct {
	// Name is that of its folder, below "sources": a label of DNS.
	Name string `json:"name" required:"true"`
	// URL is where it is, as the daemon's configuration has it, without credentials.
	URL string `json:"url" required:"true"`
	// Branch is the one to follow; default: main, unless there is a tag or a commit.
	Branch string `json:"branch,omitempty"`
	// Tag is the one to follow instead of a branch; default: none.
	Tag string `json:"tag,omitempty"`
	// Commit is the full hash of the one to stay at, instead of a branch; default: none.
	Commit string `json:"commit,omitempty"`
	// Path is the folder of it that counts; default: the repository itself.
	Path string `json:"path,omitempty"`
	// Kinds are those that it may declare. Every kind but Project governs others; Platform is never one of them. Default: Project.
	Kinds []IncludedKind `json:"kinds,omitempty"`
	// Projects are patterns of names, such as "billing" or "billing-*", of which each of its projects has to match one; default: any name.
	Projects []string `json:"projects,omitempty"`
	// Owners are those whom the owner of each of its projects has to be one of; default: anybody.
	Owners []string `json:"owners,omitempty"`
	// Environments are those that its projects may be in; default: all.
	Environments []string `json:"environments,omitempty"`
}

// IncludedKind is a kind that a repository may declare that a platform includes: any but Platform.
type IncludedKind string

// The kinds.
const (
	// IncludedProject lets it declare projects.
	IncludedProject IncludedKind = "Project"
	// IncludedBlueprint lets it declare blueprints, which any project can use.
	IncludedBlueprint IncludedKind = "Blueprint"
	// IncludedEnvironment lets it declare environments, which grant rights.
	IncludedEnvironment IncludedKind = "Environment"
	// IncludedCluster lets it declare clusters.
	IncludedCluster IncludedKind = "Cluster"
	// IncludedPolicy lets it declare policies, which judge all projects.
	IncludedPolicy IncludedKind = "Policy"
	// IncludedPolicyTest lets it declare tests of policies.
	IncludedPolicyTest IncludedKind = "PolicyTest"
)

func (IncludedKind) values() []string {
	return []string{
		string(IncludedProject), string(IncludedBlueprint), string(IncludedEnvironment), string(IncludedCluster), string(IncludedPolicy), string(IncludedPolicyTest),
	}
}

// May reports whether it may declare a kind.
func (r IncludedRepository) May(kind Kind) bool {
	if len(r.Kinds) == 0 {
		return kind == KindProject
	}
	return kind != KindPlatform && slices.Contains(r.Kinds, IncludedKind(kind))
}

// SignatureRule says who signs artifacts.
type SignatureRule struct {
	// Sources is a pattern of repositories, in which "*" is any text, such as "oci://ghcr.io/acme/*".
	Sources string `json:"sources" required:"true"`
	// Signers are those of whom one has to have signed.
	Signers []Signer `json:"signers" required:"true"`
}

// Signer is who signs artifacts. Exactly one of CosignKey, Keyless and Notation says how.
type Signer struct {
	// Name is who it is, as people are told.
	Name string `json:"name" required:"true"`
	// CosignKey is the public key of someone who signs with cosign and a key, in PEM; default: none.
	CosignKey string `json:"cosignKey,omitempty"`
	// Keyless is someone who signs with cosign and without a key of their own.
	Keyless *KeylessSigner `json:"keyless,omitempty"`
	// Notation is someone who signs with notation, of the Notary Project.
	Notation *NotationSigner `json:"notation,omitempty"`
}

// KeylessSigner is someone who signs by a certificate that Fulcio has made for them, and that the log Rekor has recorded. Both are
// verified by what is given here: neither they nor anything else is asked.
type KeylessSigner struct {
	// Issuer is the identity provider that says who they are, such as "https://token.actions.githubusercontent.com".
	Issuer string `json:"issuer" required:"true"`
	// Identity is who they are, as the certificate has it: a mail address, or the URL of a workflow. "*" is any text in it, such as
	// "https://github.com/acme/charts/.github/workflows/release.yml@refs/tags/*".
	Identity string `json:"identity" required:"true"`
	// FulcioRoots are the certificates of Fulcio, in PEM: its roots, and those between them and the signers'; default: none,
	// TrustedRoot has them.
	FulcioRoots string `json:"fulcioRoots,omitempty"`
	// RekorKeys are the public keys of Rekor, in PEM; default: none, TrustedRoot has them.
	RekorKeys string `json:"rekorKeys,omitempty"`
	// CTLogKeys are the public keys of the log in which Fulcio's certificates are, in PEM; default: they need be in none.
	CTLogKeys string `json:"ctLogKeys,omitempty"`
	// TrustedRoot has all of that in one, in JSON, as Sigstore distributes it and "cosign trusted-root create" writes it, instead of the
	// other three; default: none.
	TrustedRoot string `json:"trustedRoot,omitempty"`
}

// NotationSigner is someone who signs by a certificate of an authority that is trusted.
type NotationSigner struct {
	// Roots are the certificates of the authorities, in PEM.
	Roots string `json:"roots" required:"true"`
	// Subjects are those of the certificates that may sign, as parts of their names, such as "C=US, ST=WA, O=acme.io"; default: any
	// that is issued by one of the roots.
	Subjects []string `json:"subjects,omitempty"`
	// TimestampRoots are the certificates of authorities for timestamps, in PEM: what they say that was signed in time counts also once
	// the signer's certificate has expired. Default: then it does not count.
	TimestampRoots string `json:"timestampRoots,omitempty"`
}

// Governance is about every kind of declaration but Project: what one of them says holds for projects of other teams.
type Governance struct {
	// Folders are those, with all below, in which such declarations count, relative to the root of the tree; "." is the
	// root itself, without the folders below it. No project may be declared in them. Default: every folder that is not a
	// project's own, which is a folder with the declaration of a project and all below it; nothing makes the root one.
	Folders []string `json:"folders,omitempty"`
	// Owners are the GitHub teams or users who own trunkline.yaml, these declarations, and the files that they name,
	// beside those whom CODEOWNERS names; default: none.
	Owners []string `json:"owners,omitempty"`
}

// HealthRule decides the health of objects of one kind, by expressions in CEL over "object", which is the whole object as
// the cluster has it. Failed is evaluated first, then Stalled, then Healthy; an object for which none of them is true, or
// for which they cannot be evaluated, is progressing. While the object's controller has not seen its newest generation
// (status.observedGeneration), it is progressing too, unless an expression of the rule uses observedGeneration itself.
type HealthRule struct {
	// Kind is the kind and its API group, such as "SparkApplication.sparkoperator.k8s.io".
	Kind string `json:"kind" required:"true"`
	// Healthy is a condition in CEL that is true for an object that works, or has completed.
	Healthy string `json:"healthy" required:"true"`
	// Stalled is a condition in CEL that is true for an object that makes no progress until something else changes;
	// default: never.
	Stalled string `json:"stalled,omitempty"`
	// Failed is a condition in CEL that is true for an object that has failed; default: never.
	Failed string `json:"failed,omitempty"`
	// Message is an expression in CEL for a text that tells people why an object is not healthy; default: a text that
	// names the deciding expression.
	Message string `json:"message,omitempty"`
}

// WorkloadDefaults fills what a workload leaves out.
type WorkloadDefaults struct {
	// Size is the name of a size class; default: "mx.micro".
	Size string `json:"size,omitempty"`
	// Timeout bounds one run of a job, together with its retries; default: 1h.
	Timeout Duration `json:"timeout,omitempty"`
	// Lifecycle is the kind of machine to run on; default: "on-demand".
	Lifecycle Lifecycle `json:"lifecycle,omitempty"`
	// Params maps the name of a blueprint to parameters for each workload that uses it and does not set them.
	Params map[string]map[string]any `json:"params,omitempty"`
}

// Size is a size class: what one container requests, which is also its limit.
type Size struct {
	// CPU is a Kubernetes quantity of cores, such as "500m".
	CPU Quantity `json:"cpu" required:"true" unit:"cores"`
	// Memory is a Kubernetes quantity of bytes, such as "2Gi".
	Memory Quantity `json:"memory" required:"true" unit:"bytes"`
	// Price is what an hour of one container costs on demand, such as "0.096"; default: computed from the rates.
	Price Amount `json:"price,omitempty" unit:"currency of the rates, for a container and hour"`
}

// Rates are prices of resources. What is not declared is taken from list prices that are built in, for rates in "USD", and else
// is not estimated; "0" says that something is free.
type Rates struct {
	// Currency is the ISO 4217 code of all prices, such as "EUR"; prices in another one are not taken over from the
	// platform; default: "USD".
	Currency Currency `json:"currency,omitempty"`
	// CPU is the price of one core for an hour, such as "0.0425"; default: built in.
	CPU Amount `json:"cpu,omitempty" unit:"currency, for a core and hour"`
	// Memory is the price of one GiB of memory for an hour, such as "0.0053"; default: built in.
	Memory Amount `json:"memory,omitempty" unit:"currency, for a GiB and hour"`
	// Storage is the price of one GiB of a volume for a month, such as "0.08"; default: built in.
	Storage Amount `json:"storage,omitempty" unit:"currency, for a GiB and month"`
	// StorageClasses maps the name of a storage class to the price of one GiB of its volumes for a month, such as
	// "0.125"; default: Storage.
	StorageClasses map[string]Amount `json:"storageClasses,omitempty"`
	// EphemeralStorage is the price of one GiB of a node's disk, as far as pods request it, for an hour, such as "0.0001";
	// default: built in for some clouds, else none.
	EphemeralStorage Amount `json:"ephemeralStorage,omitempty" unit:"currency, for a GiB and hour"`
	// Devices maps the name of a resource of nodes, such as "nvidia.com/gpu", to the price of one for an hour, such as
	// "0.35"; default: none.
	Devices map[string]Amount `json:"devices,omitempty"`
	// Spot is the share of the prices of cores, memory, devices and size classes that a spot machine costs, such as
	// "0.35"; default: 1.
	Spot Amount `json:"spot,omitempty" unit:"a share, from 0 to 1"`
	// Changes are prices that are others from a day on, the earliest first: what is there before such a day costs what it did;
	// default: none.
	Changes []RatesChange `json:"changes,omitempty"`
}

// RatesChange is what resources cost from a day on. What it does not declare costs what it did before.
type RatesChange struct {
	// From is the first day, in UTC, on which the prices hold, such as "2027-01-01".
	From Date `json:"from" required:"true"`
	// CPU is the price of one core for an hour, such as "0.0425"; default: as before.
	CPU Amount `json:"cpu,omitempty" unit:"currency, for a core and hour"`
	// Memory is the price of one GiB of memory for an hour, such as "0.0053"; default: as before.
	Memory Amount `json:"memory,omitempty" unit:"currency, for a GiB and hour"`
	// Storage is the price of one GiB of a volume for a month, such as "0.08"; default: as before.
	Storage Amount `json:"storage,omitempty" unit:"currency, for a GiB and month"`
	// StorageClasses maps the name of a storage class to the price of one GiB of its volumes for a month, such as
	// "0.125"; default: as before.
	StorageClasses map[string]Amount `json:"storageClasses,omitempty"`
	// EphemeralStorage is the price of one GiB of a node's disk for an hour, such as "0.0001"; default: as before.
	EphemeralStorage Amount `json:"ephemeralStorage,omitempty" unit:"currency, for a GiB and hour"`
	// Devices maps the name of a resource of nodes, such as "nvidia.com/gpu", to the price of one for an hour, such as
	// "0.35"; default: as before.
	Devices map[string]Amount `json:"devices,omitempty"`
	// Spot is the share of the prices that a spot machine costs, such as "0.35"; default: as before.
	Spot Amount `json:"spot,omitempty" unit:"a share, from 0 to 1"`
}

// RuleMode is the severity of a rule.
type RuleMode string

// The modes of a rule.
const (
	// RuleDeny refuses the commit.
	RuleDeny RuleMode = "deny"
	// RuleWarn shows the problem and changes nothing.
	RuleWarn RuleMode = "warn"
	// RuleOff shows nothing.
	RuleOff RuleMode = "off"
)

func (RuleMode) values() []string {
	return []string{string(RuleDeny), string(RuleWarn), string(RuleOff)}
}

// Exception silences a rule for what it names: each name narrows it. It belongs to the platform
// and not to a project, so that nobody can exempt themselves in the change that needs it.
type Exception struct {
	// Rule is the id of the rule, such as "path-overlap".
	Rule string `json:"rule" required:"true"`
	// Project is the name of the project that it is for; default: all.
	Project string `json:"project,omitempty"`
	// Environment is the name of the environment that it is for; default: all.
	Environment string `json:"environment,omitempty"`
	// Workload is the name of the workload that it is for; default: all.
	Workload string `json:"workload,omitempty"`
	// Dataset is the dataset that it is for, such as "orders-raw" or "orders-raw@1"; default: all.
	Dataset string `json:"dataset,omitempty"`
	// Reason tells people why there is an exception.
	Reason string `json:"reason" required:"true"`
	// Until is the day, in UTC, on which the exception expires, such as "2027-04-01"; default: none, it never
	// expires.
	Until Date `json:"until,omitzero"`
}

// Lifecycle is the kind of machine a workload may run on.
type Lifecycle string

// The lifecycles.
const (
	// OnDemand machines stay until they are released.
	OnDemand Lifecycle = "on-demand"
	// Spot machines are cheap and may be reclaimed at any time.
	Spot Lifecycle = "spot"
)

func (Lifecycle) values() []string { return []string{string(OnDemand), string(Spot)} }

// Cluster describes a Kubernetes cluster. How to reach it, and with which credentials, belongs into the daemon's
// configuration and never into the repository.
type Cluster struct {
	// Metadata names the cluster, as environments and the daemon's configuration call it.
	Metadata Metadata `json:"metadata" required:"true"`
	// Spec is what is special about the cluster.
	Spec ClusterSpec `json:"spec,omitzero"`
}

// SpotMachines says how pods get to the spot machines of a cluster.
type SpotMachines struct {
	// By is who makes the machines, whose labels and taints are built in: "eks" for node groups of EKS, "karpenter", "gke" or "aks".
	// Default: whoever gives them the label "trunkline.dev/lifecycle: spot".
	By MachineMaker `json:"by,omitempty"`
	// NodeSelector are further labels that the machines have, such as "pool: batch"; default: none.
	NodeSelector map[string]string `json:"nodeSelector,omitempty"`
	// Tolerations are further taints of the machines that pods put up with; default: none.
	Tolerations []Toleration `json:"tolerations,omitempty"`
}

// MachineMaker is who makes the machines of a cluster.
type MachineMaker string

// Those whose labels and taints are known.
const (
	MachinesOfEKS       MachineMaker = "eks"
	MachinesOfKarpenter MachineMaker = "karpenter"
	MachinesOfGKE       MachineMaker = "gke"
	MachinesOfAKS       MachineMaker = "aks"
)

func (MachineMaker) values() []string {
	return []string{string(MachinesOfEKS), string(MachinesOfKarpenter), string(MachinesOfGKE), string(MachinesOfAKS)}
}

// Toleration is a taint that pods put up with.
type Toleration struct {
	// Key is that of the taint, such as "acme.example/batch".
	Key string `json:"key" required:"true"`
	// Value is that of the taint, such as "true"; default: any.
	Value string `json:"value,omitempty"`
	// Effect is that of the taint; default: any.
	Effect TaintEffect `json:"effect,omitempty"`
}

// TaintEffect is what a taint does to pods that do not tolerate it.
type TaintEffect string

// The effects, as Kubernetes calls them.
const (
	NoSchedule       TaintEffect = "NoSchedule"
	PreferNoSchedule TaintEffect = "PreferNoSchedule"
	NoExecute        TaintEffect = "NoExecute"
)

func (TaintEffect) values() []string {
	return []string{string(NoSchedule), string(PreferNoSchedule), string(NoExecute)}
}

// Drain says why a cluster is drained, and how much of it.
type Drain struct {
	// Reason tells people why, such as "its nodes are upgraded".
	Reason string `json:"reason" required:"true"`
	// Share is how many percent of the releases that can move do, from 1 to 100. A larger one has further releases move, and none come
	// back: so a cluster is drained in steps, a commit each. Default: 100.
	Share *int `json:"share,omitempty" unit:"percent of the releases that can move"`
}

// ClusterSpec is the body of a [Cluster].
type ClusterSpec struct {
	// Cloud is the provider, such as "aws"; default: none, a cluster of one's own.
	Cloud string `json:"cloud,omitempty"`
	// Region is the provider's name of the place, such as "eu-west-1"; default: none.
	Region string `json:"region,omitempty"`
	// Labels say what else the cluster is, such as "tier: gold", for the conditions by which projects choose clusters; default: none.
	Labels map[string]string `json:"labels,omitempty"`
	// Drained has nothing placed on the cluster any more: what may be on another one moves there, and lots are made in the others of an
	// environment first. Projects that are on all clusters stay. Default: it is not drained.
	Drained *Drain `json:"drained,omitempty" bare:"refused"`
	// Spot says how pods of the lifecycle "spot" get to the cluster's spot machines; default: by the label and the taint
	// "trunkline.dev/lifecycle: spot".
	Spot *SpotMachines `json:"spot,omitempty" bare:"refused"`
	// Sizes maps the name of a size class to its definition on this cluster; they add to, or replace, the platform's.
	Sizes map[string]Size `json:"sizes,omitempty"`
	// Rates are what resources cost here; the platform's fill in what they leave out.
	Rates Rates `json:"rates,omitzero"`
	// Nodes is how many nodes the cluster has, to estimate what runs on each of them; default: not known.
	Nodes *int `json:"nodes,omitempty" unit:"nodes"`
	// KubeVersion is the version of Kubernetes that charts are told and whose versions of kinds objects may have, such as
	// "v1.36.2"; default: v1.36.0. "trunkline cluster capabilities" writes this and APIVersions.
	KubeVersion string `json:"kubeVersion,omitempty"`
	// APIVersions are what charts are told that the cluster serves, as "monitoring.coreos.com/v1" or
	// "monitoring.coreos.com/v1/ServiceMonitor". They add to what Helm counts on without a cluster; a list that has "v1" is
	// complete and replaces it. What the definitions of a release define counts in any case. Default: none.
	APIVersions []string `json:"apiVersions,omitempty"`
}
