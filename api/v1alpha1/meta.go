package v1alpha1

// Version is the apiVersion of every declaration in this package.
const Version = "trunkline.dev/v1alpha1"

// Kind names a kind of declaration.
type Kind string

// The kinds of declaration.
const (
	KindPlatform    Kind = "Platform"
	KindCluster     Kind = "Cluster"
	KindEnvironment Kind = "Environment"
	KindBlueprint   Kind = "Blueprint"
	KindProject     Kind = "Project"
)

// Metadata identifies a declaration among those of its kind.
type Metadata struct {
	// Name is a DNS label (RFC 1123): lower-case letters, digits and dashes, at most 63 characters.
	Name string `json:"name" required:"true"`
	// Labels are free for the platform's own use.
	Labels map[string]string `json:"labels,omitempty"`
	// Annotations are free for the platform's own use.
	Annotations map[string]string `json:"annotations,omitempty"`
}

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
}

// WorkloadDefaults fills what a workload leaves out.
type WorkloadDefaults struct {
	// Size is the name of a size class; default: "mx.micro".
	Size string `json:"size,omitempty"`
	// Timeout bounds one run of a job; default: 1h.
	Timeout Duration `json:"timeout,omitempty"`
	// Lifecycle is the kind of machine to run on; default: "on-demand".
	Lifecycle Lifecycle `json:"lifecycle,omitempty"`
}

// Size is a size class: what one container requests, which is also its limit.
type Size struct {
	// CPU is a Kubernetes quantity of cores, such as "500m".
	CPU Quantity `json:"cpu" required:"true"`
	// Memory is a Kubernetes quantity of bytes, such as "2Gi".
	Memory Quantity `json:"memory" required:"true"`
}

// Lifecycle is the kind of machine a workload may run on.
type Lifecycle string

// The lifecycles.
const (
	OnDemand Lifecycle = "on-demand"
	Spot     Lifecycle = "spot"
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
	// Cloud is the provider, such as "aws"; empty for a cluster of one's own.
	Cloud string `json:"cloud,omitempty"`
	// Region is the provider's name of the place.
	Region string `json:"region,omitempty"`
	// Sizes adds to, or replaces, the platform's size classes on this cluster.
	Sizes map[string]Size `json:"sizes,omitempty"`
}

// Blueprint is a parameterised Helm chart or Kustomize base that renders one kind of workload.
type Blueprint struct {
	Metadata Metadata      `json:"metadata" required:"true"`
	Spec     BlueprintSpec `json:"spec" required:"true"`
}

// BlueprintSpec is the body of a [Blueprint].
type BlueprintSpec struct {
	// Description says what the blueprint is for, in a sentence.
	Description string `json:"description,omitempty"`
	// Engine renders it.
	Engine Engine `json:"engine" required:"true"`
	// Source is the folder of the chart or base, relative to the file that declares the blueprint.
	Source string `json:"source" required:"true"`
	// Parameters is the JSON Schema (draft 2020-12) of a workload's params; default: no parameters are taken.
	Parameters map[string]any `json:"parameters,omitempty"`
	// Fields names the optional workload fields that the blueprint honours, beyond reads, writes and after
	// that every workload may have. A workload that sets a field its blueprint does not honour is refused, so
	// that nothing is silently ignored.
	Fields []WorkloadField `json:"fields,omitempty"`
}

// Engine is a template engine.
type Engine string

// The engines.
const (
	Helm      Engine = "helm"
	Kustomize Engine = "kustomize"
)

func (Engine) values() []string { return []string{string(Helm), string(Kustomize)} }

// WorkloadField is the name of an optional field of a workload that a blueprint may honour.
type WorkloadField string

// The fields that a blueprint may honour.
const (
	FieldImage    WorkloadField = "image"
	FieldCommand  WorkloadField = "command"
	FieldEnv      WorkloadField = "env"
	FieldFiles    WorkloadField = "files"
	FieldSize     WorkloadField = "size"
	FieldSchedule WorkloadField = "schedule"
	FieldRetries  WorkloadField = "retries"
	FieldTimeout  WorkloadField = "timeout"
)

func (WorkloadField) values() []string {
	return []string{
		string(FieldImage), string(FieldCommand), string(FieldEnv), string(FieldFiles),
		string(FieldSize), string(FieldSchedule), string(FieldRetries), string(FieldTimeout),
	}
}
