// SPDX-License-Identifier: Apache-2.0

package v1alpha1

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
	// Governance says where declarations that govern others count, and who owns them; default: outside of the folders of
	// projects, and those whom CODEOWNERS names.
	Governance Governance `json:"governance,omitzero"`
	// Defaults fill what a workload leaves out.
	Defaults WorkloadDefaults `json:"defaults,omitzero"`
	// Sizes maps the name of a size class to what it is; it adds to, or replaces, the built-in ones.
	Sizes map[string]Size `json:"sizes,omitempty"`
	// Rates are what resources cost; a cluster's own win.
	Rates Rates `json:"rates,omitzero"`
	// Rules maps the id of a built-in rule, or of a policy, to how severe it is in every environment that does
	// not say otherwise; default: what the rule's own page says.
	Rules map[string]RuleMode `json:"rules,omitempty"`
	// Exceptions silence a rule in one place, for a reason.
	Exceptions []Exception `json:"exceptions,omitempty"`
	// Policies are folders with Rego packages and ValidatingAdmissionPolicy manifests to judge by.
	Policies []string `json:"policies,omitempty"`
	// Health says how objects of custom kinds are doing, which cannot be told from their conditions alone; one for a kind
	// that Trunkline knows itself wins over what it knows.
	Health []HealthRule `json:"health,omitempty"`
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

// HealthRule says how objects of one kind are doing, by expressions in CEL over "object", which is the whole object as the
// cluster has it. Failed is asked first, then Stalled, then Healthy; an object that none of them is true for is progressing,
// and so is one that they cannot be evaluated for. While the object's controller has not seen its newest generation
// (status.observedGeneration), it is progressing too, unless an expression of the rule looks at observedGeneration itself.
type HealthRule struct {
	// Kind is the kind and its API group, such as "SparkApplication.sparkoperator.k8s.io".
	Kind string `json:"kind" required:"true"`
	// Healthy is a condition in CEL that is true for an object that does what it is for, or has done it.
	Healthy string `json:"healthy" required:"true"`
	// Stalled is a condition in CEL that is true for an object that will not go on until something around it changes;
	// default: none is.
	Stalled string `json:"stalled,omitempty"`
	// Failed is a condition in CEL that is true for an object that has ended badly; default: none has.
	Failed string `json:"failed,omitempty"`
	// Message makes a text in CEL that says to people why an object is not healthy; default: it names the expression that
	// decided.
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
	// Price is what an hour of one container costs, such as "0.096"; default: made of the rates.
	Price Amount `json:"price,omitempty" unit:"currency of the rates, for a container and hour"`
}

// Rates are prices of resources.
type Rates struct {
	// Currency is the ISO 4217 code of all prices, such as "EUR"; default: "USD".
	Currency string `json:"currency,omitempty"`
	// CPU is the price of one core for an hour, such as "0.0425"; default: none.
	CPU Amount `json:"cpu,omitempty" unit:"currency, for a core and hour"`
	// Memory is the price of one GiB of memory for an hour, such as "0.0053"; default: none.
	Memory Amount `json:"memory,omitempty" unit:"currency, for a GiB and hour"`
	// Storage is the price of one GiB of a volume for a month of 730 hours, such as "0.08"; default: none.
	Storage Amount `json:"storage,omitempty" unit:"currency, for a GiB and month of 730 hours"`
	// Spot is the share of CPU and Memory that a spot machine costs, such as "0.35"; default: 1.
	Spot Amount `json:"spot,omitempty" unit:"a share, from 0 to 1"`
}

// RuleMode says what breaking a rule does.
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

// Exception silences a rule for what it names: each name that it gives narrows it. It stands with the platform
// and not with a project, so that nobody can make an exception for himself in the change that needs it.
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
	// Reason says to people why there is an exception.
	Reason string `json:"reason" required:"true"`
	// Until is the day, in UTC, from which on the exception counts no more, such as "2027-04-01"; default: none, it
	// always counts.
	Until Date `json:"until,omitzero"`
}

// Lifecycle is the kind of machine a workload may run on.
type Lifecycle string

// The lifecycles.
const (
	// OnDemand machines stay until they are given back.
	OnDemand Lifecycle = "on-demand"
	// Spot machines are cheap and may be taken away at any time.
	Spot Lifecycle = "spot"
)

func (Lifecycle) values() []string { return []string{string(OnDemand), string(Spot)} }

// Cluster describes a Kubernetes cluster. How to reach it, and with which credentials, is the daemon's
// configuration and never in the repository.
type Cluster struct {
	// Metadata names the cluster, as environments and the daemon's configuration call it.
	Metadata Metadata `json:"metadata" required:"true"`
	// Spec is what is special about the cluster.
	Spec ClusterSpec `json:"spec,omitzero"`
}

// ClusterSpec is the body of a [Cluster].
type ClusterSpec struct {
	// Cloud is the provider, such as "aws"; default: none, a cluster of one's own.
	Cloud string `json:"cloud,omitempty"`
	// Region is the provider's name of the place, such as "eu-west-1"; default: none.
	Region string `json:"region,omitempty"`
	// Sizes maps the name of a size class to what it is on this cluster; it adds to, or replaces, the platform's.
	Sizes map[string]Size `json:"sizes,omitempty"`
	// Rates are what resources cost here; what they leave out is the platform's.
	Rates Rates `json:"rates,omitzero"`
}
