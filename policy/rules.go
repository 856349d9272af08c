// SPDX-License-Identifier: Apache-2.0

package policy

// The rules that the package itself judges by, beside those of the decoder (package v1alpha1), of linking (package
// catalog) and of Airflow's files (package policy/airflow). Each has a page in docs/rules.
const (
	// RuleUnwritten is broken by the read of a dataset that nobody writes.
	RuleUnwritten = "dataset-unwritten"
	// RuleWriters is broken by a dataset that more than one workload writes.
	RuleWriters = "dataset-writers"
	// RuleLots is broken by lots that do not line up between what is read and what is written.
	RuleLots = "lot-mismatch"
	// RuleRetention is broken by a window over lots that are deleted before they are read.
	RuleRetention = "retention-too-short"
	// RuleJoin is broken by a join that waits for more inputs than there are.
	RuleJoin = "join-impossible"
	// RuleNever is broken by a schedule that never fires.
	RuleNever = "schedule-never"
	// RuleOften is broken by a schedule that fires before the run before it must have ended.
	RuleOften = "schedule-too-often"
	// RuleTrigger is broken by a workload that runs by the clock and for each lot.
	RuleTrigger = "schedule-and-trigger"
	// RuleDigest is broken by an image that is not named by its digest.
	RuleDigest = "image-digest"
	// RuleIdentity is broken by an identity that the environment does not give to the project.
	RuleIdentity = "identity-pattern"
	// RuleNameLength is broken by a name that is too long once it is expanded.
	RuleNameLength = "name-too-long"
	// RuleSuspended is broken by something suspended or excluded that others need.
	RuleSuspended = "suspended-needed"
	// RulePromotion is broken by a project or environment that cannot be promoted to.
	RulePromotion = "promotion-order"
	// RuleBudget is broken by costs above a budget.
	RuleBudget = "budget"
	// RuleException is broken by an exception that counts no more, or never did.
	RuleException = "exception-expired"

	// RuleBreaking is broken by a change that readers of a dataset were not built for, without a new version.
	RuleBreaking = "schema-breaking"
	// RuleRemoved is broken by the removal of what others still read.
	RuleRemoved = "removed-in-use"
	// RuleProtected is broken by the removal of a project from a protected environment.
	RuleProtected = "protected-removal"
	// RuleOwnership is broken by a change that no owner has made or approved.
	RuleOwnership = "ownership"

	// RuleWidened is broken by a change that gives more rights, or guards less.
	RuleWidened = "privilege-widened"

	// RuleUnevaluated is broken when a rule or policy could not come to a verdict.
	RuleUnevaluated = "not-evaluated"
)
