// SPDX-License-Identifier: Apache-2.0

package v1alpha1

// Blueprint is a parameterised Helm chart, Kustomize base, program in Jsonnet or package in CUE that renders one kind of workload.
type Blueprint struct {
	// Metadata names the blueprint, as workloads call it.
	Metadata Metadata `json:"metadata" required:"true"`
	// Spec is how workloads are rendered, and what they may set.
	Spec BlueprintSpec `json:"spec" required:"true"`
}

// BlueprintSpec is the body of a [Blueprint].
type BlueprintSpec struct {
	// Description says what the blueprint is for, in a sentence; default: none.
	Description string `json:"description,omitempty"`
	// Engine is the engine that renders the source.
	Engine Engine `json:"engine" required:"true"`
	// Source is the folder of the chart, base, program (with a main.jsonnet) or package, relative to the file that declares the blueprint,
	// such as "chart". Or it is a repository of a registry, such as "oci://ghcr.io/acme/charts/web", or a Helm repository, such as
	// "https://charts.example.com".
	Source string `json:"source" required:"true"`
	// Artifact says what of the registry or Helm repository is the blueprint; default: none, and the source is a folder.
	Artifact *Artifact `json:"artifact,omitempty" bare:"refused"`
	// Parameters is the JSON Schema (draft 2020-12) of a workload's params; default: no parameters.
	Parameters map[string]any `json:"parameters,omitempty"`
	// Fields names the optional workload fields that the blueprint honours, beyond reads, writes and after
	// that every workload may have. A workload that sets a field its blueprint does not honour is refused, so
	// that nothing is silently ignored.
	Fields []WorkloadField `json:"fields,omitempty"`
	// Command is the program and its arguments of workloads that set no command; default: that of their image. It is as a workload's is:
	// in a run for a lot, an argument such as "$.arcNotifyEvent.lot" is filled.
	Command []string `json:"command,omitempty"`
}

// Artifact is what of a registry or of a Helm repository a blueprint is. It is always the one with the digest.
type Artifact struct {
	// Chart is the name of the chart in a Helm repository; default: none, in a registry.
	Chart string `json:"chart,omitempty"`
	// Track is what is followed: a semver range, such as "^1.4", a tag of a registry, or a version of a Helm repository; default:
	// none, and nothing is followed. A pull request, or "trunkline lock", moves tag and digest to what is new.
	Track string `json:"track,omitempty"`
	// Tag is the tag or version in force, such as "1.4.2", for people to read; default: none.
	Tag string `json:"tag,omitempty"`
	// Digest is the one in force, such as "sha256:0123…": of the manifest in a registry, and of the chart's archive in a Helm
	// repository; default: none, and the blueprint is refused until "trunkline lock" has written it.
	Digest string `json:"digest,omitempty"`
	// Folder is the one of the chart or base in the artifact; default: the chart itself, or the root.
	Folder string `json:"folder,omitempty"`
}

// InForce is the tag or version in force; empty if it is not known.
func (a *Artifact) InForce() string {
	if IsTag(a.Track) {
		return a.Track
	}
	return a.Tag
}

// Engine is what renders the source of a blueprint.
type Engine string

// The engines.
const (
	// Helm renders a chart.
	Helm Engine = "helm"
	// Kustomize renders a base or component.
	Kustomize Engine = "kustomize"
	// Manifests takes plain YAML and JSON as they are.
	Manifests Engine = "manifests"
	// Jsonnet evaluates a program.
	Jsonnet Engine = "jsonnet"
	// CUE evaluates a package.
	CUE Engine = "cue"
)

func (Engine) values() []string {
	return []string{string(Helm), string(Kustomize), string(Manifests), string(Jsonnet), string(CUE)}
}

// WorkloadField is the name of an optional field of a workload that a blueprint may honour.
type WorkloadField string

// The fields that a blueprint may honour.
const (
	FieldImage    WorkloadField = "image"
	FieldCommand  WorkloadField = "command"
	FieldEnv      WorkloadField = "env"
	FieldSecrets  WorkloadField = "secrets"
	FieldFiles    WorkloadField = "files"
	FieldSize     WorkloadField = "size"
	FieldIdentity WorkloadField = "identity"
	FieldSchedule WorkloadField = "schedule"
	FieldRetries  WorkloadField = "retries"
	FieldTimeout  WorkloadField = "timeout"
	FieldSuspend  WorkloadField = "suspend"
)

func (WorkloadField) values() []string {
	return []string{
		string(FieldImage), string(FieldCommand), string(FieldEnv), string(FieldSecrets), string(FieldFiles),
		string(FieldSize), string(FieldIdentity), string(FieldSchedule), string(FieldRetries), string(FieldTimeout),
		string(FieldSuspend),
	}
}
