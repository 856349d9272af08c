package v1alpha1

// Platform holds what is true for the whole monorepo. There is exactly one.
type Platform struct {
	Metadata Metadata     `json:"metadata" required:"true"`
	Spec     PlatformSpec `json:"spec,omitzero"`
}

// PlatformSpec is the body of a [Platform].
type PlatformSpec struct {
	// Roots are the folders that are searched for declarations; default: the whole tree.
	Roots []string `json:"roots,omitempty"`
	// Defaults apply to every workload that does not say otherwise.
	Defaults WorkloadDefaults `json:"defaults,omitzero"`
	// Sizes adds to, or replaces, the built-in size classes.
	Sizes map[string]Size `json:"sizes,omitempty"`
	// Rates are what resources cost; a cluster's own win.
	Rates Rates `json:"rates,omitzero"`
	// Rules maps the id of a built-in rule, or of a policy, to how severe it is in every environment that does
	// not say otherwise.
	Rules map[string]RuleMode `json:"rules,omitempty"`
	// Exceptions silence a rule in one place, for a reason.
	Exceptions []Exception `json:"exceptions,omitempty"`
	// Policies are folders with Rego packages and ValidatingAdmissionPolicy manifests to judge by.
	Policies []string `json:"policies,omitempty"`
}

// WorkloadDefaults fills what a workload leaves out.
type WorkloadDefaults struct {
	// Size is the name of a size class; default: "mx.micro".
	Size string `json:"size,omitempty"`
	// Timeout bounds one run of a job; default: 1h.
	Timeout Duration `json:"timeout,omitempty"`
	// Lifecycle is the kind of machine to run on; default: "on-demand".
	Lifecycle Lifecycle `json:"lifecycle,omitempty"`
	// Params maps the name of a blueprint to parameters for each workload that uses it and does not set them.
	Params map[string]map[string]any `json:"params,omitempty"`
}

// Size is a size class: what one container requests, which is also its limit.
type Size struct {
	// CPU is a Kubernetes quantity of cores, such as "500m".
	CPU Quantity `json:"cpu" required:"true"`
	// Memory is a Kubernetes quantity of bytes, such as "2Gi".
	Memory Quantity `json:"memory" required:"true"`
	// Price is what an hour of one container costs, in the currency of the rates; default: made of the rates.
	Price Amount `json:"price,omitempty"`
}

// Rates are prices of resources.
type Rates struct {
	// Currency is the ISO 4217 code of all prices, such as "EUR"; default: "USD".
	Currency string `json:"currency,omitempty"`
	// CPU is the price of one core for an hour.
	CPU Amount `json:"cpu,omitempty"`
	// Memory is the price of one GiB of memory for an hour.
	Memory Amount `json:"memory,omitempty"`
	// Storage is the price of one GiB of a volume for a month of 730 hours.
	Storage Amount `json:"storage,omitempty"`
	// Spot is the share of CPU and Memory that a spot machine costs, such as "0.35"; default: 1.
	Spot Amount `json:"spot,omitempty"`
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
	// Rule is the id of the rule.
	Rule string `json:"rule" required:"true"`
	// Project is the name of the project that it is for; default: all.
	Project string `json:"project,omitempty"`
	// Environment is the name of the environment that it is for; default: all.
	Environment string `json:"environment,omitempty"`
	// Workload is the name of the workload that it is for; default: all.
	Workload string `json:"workload,omitempty"`
	// Dataset is the dataset that it is for, as "name" or "name@version"; default: all.
	Dataset string `json:"dataset,omitempty"`
	// Reason says to people why there is an exception.
	Reason string `json:"reason" required:"true"`
	// Until is the day, in UTC, from which on the exception counts no more; default: it always counts.
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
	Metadata Metadata    `json:"metadata" required:"true"`
	Spec     ClusterSpec `json:"spec,omitzero"`
}

// ClusterSpec is the body of a [Cluster].
type ClusterSpec struct {
	// Cloud is the provider, such as "aws"; default: none, a cluster of one's own.
	Cloud string `json:"cloud,omitempty"`
	// Region is the provider's name of the place, such as "eu-west-1".
	Region string `json:"region,omitempty"`
	// Sizes adds to, or replaces, the platform's size classes on this cluster.
	Sizes map[string]Size `json:"sizes,omitempty"`
	// Rates are what resources cost here; what they leave out is the platform's.
	Rates Rates `json:"rates,omitzero"`
}
