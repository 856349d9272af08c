// SPDX-License-Identifier: Apache-2.0

package catalog

// The rules that linking holds the declarations to, beside those of the decoder. Each has a page in docs/rules.
const (
	// RulePlatform is broken by a tree that declares no platform, or more than one.
	RulePlatform = "platform"
	// RuleGovernance is broken by a declaration that governs others, or what it names, where it may not be.
	RuleGovernance = "governance"
	// RuleSource is broken by a declaration that the repository may not make which the platform includes, and by a repository of which
	// nothing is known.
	RuleSource = "source"
	// RuleName is broken by a name that is not one.
	RuleName = "invalid-name"
	// RulePattern is broken by a placeholder that stands for nothing.
	RulePattern = "unknown-placeholder"
	// RulePath is broken by a path that is not one, or leads out of where it may lead.
	RulePath = "invalid-path"
	// RuleFile is broken by a file or folder that does not exist.
	RuleFile = "unknown-file"
	// RuleCluster is broken by a cluster that nobody declares; and so on.
	RuleCluster     = "unknown-cluster"
	RuleEnvironment = "unknown-environment"
	RuleBlueprint   = "unknown-blueprint"
	RulePackage     = "unknown-package"
	RuleProject     = "unknown-project"
	RuleWorkload    = "unknown-workload"
	RuleSize        = "unknown-size"
	RuleStore       = "unknown-store"
	RuleChannel     = "unknown-channel"
	RuleRule        = "unknown-rule"
	// RuleDatasetOwner is broken by a dataset that no project owns, or that more than one would.
	RuleDatasetOwner = "dataset-owner"
	// RuleVersion is broken by the read of a version that nobody declares.
	RuleVersion = "unknown-version"
	// RuleDeployed is broken by the read of a dataset, or the need of a project, that is not in the same environment.
	RuleDeployed = "not-deployed"
	// RuleAfter is broken by a workload that runs after one of another project.
	RuleAfter = "after-other-project"
	// RuleField is broken by a field that the workload's blueprint does not honour.
	RuleField = "field-not-honoured"
	// RuleParams is broken by params that the blueprint's schema does not accept.
	RuleParams = "params"
	// RuleSchema is broken by a schema that is none.
	RuleSchema = "invalid-schema"
	// RuleSchedule is broken by an invalid schedule or time zone.
	RuleSchedule = "invalid-schedule"
	// RuleTimeZone is broken by a time zone that is not what it seems.
	RuleTimeZone = "time-zone"
	// RuleNamespace is broken by a release whose namespace Kubernetes does not take, or that is reserved.
	RuleNamespace = "invalid-namespace"
	// RuleCollision is broken by names that meet once they are expanded.
	RuleCollision = "name-collision"
	// RuleOverlap is broken by datasets whose data would lie in one folder.
	RuleOverlap = "path-overlap"
	// RuleCheckpoint is broken by a stream whose checkpoint is not its own.
	RuleCheckpoint = "stream-checkpoint"
	// RuleLotPlace is broken by datasets whose manifests would be the same objects.
	RuleLotPlace = "lot-place"
	// RuleNoResources is broken by a resource in an environment that does not say how they are made.
	RuleNoResources = "no-resources"
	// RuleResourceOwner is broken by a resource of the cloud that has more than one owner.
	RuleResourceOwner = "resource-owner"
	// RuleDatabase is broken by a table in a database that nobody declares.
	RuleDatabase = "unknown-database"
	// RuleReplay is broken by a replay that there are no lots for.
	RuleReplay = "replay-nothing"
	// RuleCycle is broken by datasets, workloads and projects that wait for themselves.
	RuleCycle = "dag-cycle"
	// RuleUnevaluated is broken when a rule or policy could not come to a verdict.
	RuleUnevaluated = "not-evaluated"
	// RuleWriters is broken by a dataset that more than one workload writes.
	RuleWriters = "dataset-writers"
	// RuleOrchestrator is broken by an environment whose DAGs have no Airflow to run them, or more than one.
	RuleOrchestrator = "orchestrator"
	// RuleNotYet is broken by what a chart or manifest asks for that is not done, or done otherwise.
	RuleNotYet = "not-supported-yet"
)
