// SPDX-License-Identifier: Apache-2.0

package policy

// The rules of the package itself, beside those of the decoder (package v1alpha1), of linking (package
// catalog) and of Airflow's files (package policy/airflow). Each has a page in docs/rules.
const (
	// RuleUnwritten is broken by the read of a dataset that nobody writes.
	RuleUnwritten = "dataset-unwritten"
	// RuleLots is broken by lots that do not line up between what is read and what is written.
	RuleLots = "lot-mismatch"
	// RuleRetention is broken by a window over lots that are deleted before they are read.
	RuleRetention = "retention-too-short"
	// RuleJoin is broken by a join that waits for more inputs than there are.
	RuleJoin = "join-impossible"
	// RuleManyLots is broken by a dataset that has more lots than anyone means.
	RuleManyLots = "many-lots"
	// RuleNever is broken by a schedule that never fires.
	RuleNever = "schedule-never"
	// RuleOften is broken by a schedule that fires before the previous run must have ended.
	RuleOften = "schedule-too-often"
	// RuleTrigger is broken by a workload that runs by the clock and for each lot.
	RuleTrigger = "schedule-and-trigger"
	// RuleDigest is broken by an image that is not named by its digest.
	RuleDigest = "image-digest"
	// RuleIdentity is broken by an identity that the environment does not allow for the project.
	RuleIdentity = "identity-pattern"
	// RuleNameLength is broken by a name that is too long once it is expanded.
	RuleNameLength = "name-too-long"
	// RuleSuspended is broken by something suspended or excluded that others need.
	RuleSuspended = "suspended-needed"
	// RulePromotion is broken by a project or environment that cannot be promoted to.
	RulePromotion = "promotion-order"
	// RuleBudget is broken by costs above a budget.
	RuleBudget = "budget"
	// RuleException is broken by an exception that has expired, or never did.
	RuleException = "exception-expired"

	// RuleBreaking is broken by a change that readers of a dataset were not built for, without a new version.
	RuleBreaking = "schema-breaking"
	// RuleRestart is broken by a stream that begins from nothing and does not say why.
	RuleRestart = "stream-restart"
	// RulePackageChanged is broken by a version of a package that is not any more what was released.
	RulePackageChanged = "package-changed"
	// RuleRemoved is broken by the removal of what others still read.
	RuleRemoved = "removed-in-use"
	// RuleProtected is broken by the removal of a project from a protected environment.
	RuleProtected = "protected-removal"
	// RuleRemoval is broken by a change that deletes releases.
	RuleRemoval = "removal"
	// RuleVolumes is broken by a move to another cluster that leaves data in volumes behind.
	RuleVolumes = "volumes-stay"
	// RuleOwnership is broken by a change that no owner has made or approved.
	RuleOwnership = "ownership"

	// RuleWidened is broken by a change that grants more rights, or guards less.
	RuleWidened = "privilege-widened"

	// RuleDataWidened is broken by a change that lets an account read or write more data.
	RuleDataWidened = "data-widened"

	// RuleNotRendered is broken by a workload that does not render, so that it cannot run.
	RuleNotRendered = "not-rendered"

	// RuleImage is broken by an image that no container runtime can pull.
	RuleImage = "invalid-image"
	// RuleShared is broken by an object that several releases declare.
	RuleShared = "object-shared"
	// RuleSecret is broken by what looks like a secret and is written where everybody reads it.
	RuleSecret = "secret-in-clear"
	// RuleClock is broken by a schedule that names a time that does not come, or comes twice, when a clock is set.
	RuleClock = "schedule-clock-change"
	// RuleNotRead is broken by what looks as if it counted, and is not read.
	RuleNotRead = "not-read"
	// RuleObject is broken by a rendered object that an API server would not take, for its version, its fields or their types.
	RuleObject = "invalid-object"
)
