// SPDX-License-Identifier: Apache-2.0

package notify

import "time"

// Topic is what a message is about.
type Topic string

// The topics.
const (
	// ReleaseFailed is a release that failed, or is not healthy.
	ReleaseFailed Topic = "release-failed"
	// RolledBack is a release that went back to an older state. It has happened, and is not over.
	RolledBack Topic = "rolled-back"
	// Drift is a release that others have changed: that was left, or they change it again and again.
	Drift Topic = "drift"
	// Held is a release that does not take its newest state.
	Held Topic = "held"
	// ResourceFailed is what a project has made in the cloud, and is not as declared.
	ResourceFailed Topic = "resource-failed"
	// LotFailed is a workload of which a run for a lot failed.
	LotFailed Topic = "lot-failed"
	// LotLate is a dataset whose newest lot had to be there.
	LotLate Topic = "lot-late"
	// CommitRefused is a commit that does not count, because of what it declares.
	CommitRefused Topic = "commit-refused"
	// RepositoryUnreachable is a repository that cannot be read.
	RepositoryUnreachable Topic = "repository-unreachable"
	// ClusterUnreachable is a cluster that does not answer, or whose agent does not.
	ClusterUnreachable Topic = "cluster-unreachable"
	// OverBudget is an environment, or a project in one, that has cost more than its budget of the month, or is going to.
	OverBudget Topic = "over-budget"
	// PreviewEnding is the preview of a pull request that is removed soon, since nobody uses it.
	PreviewEnding Topic = "preview-ending"
	// Test is a message that a person asked for.
	Test Topic = "test"
)

// Severity is how much it matters.
type Severity string

// The severities.
const (
	Critical Severity = "critical"
	Warning  Severity = "warning"
	Info     Severity = "info"
)

// about is what is known of a topic.
type about struct {
	title    string
	severity Severity
	// after is how long it is so before it is told, unless a route says otherwise.
	after time.Duration
	// todo is what a person can do.
	todo string
}

// known are the topics. What passes by itself as a rule is told after a while.
func known(t Topic) about {
	switch t {
	case ReleaseFailed:
		return about{"Release failed", Critical, 0, `Read the reason, and fix it by a commit; "trunkline status" and "trunkline explain" say more.`}
	case RolledBack:
		return about{"Release rolled back", Warning, 0, "The commit that failed is not tried again: fix it by another commit."}
	case Drift:
		return about{"Release was changed by others", Warning, 5 * time.Minute, "Put the change into the repository, or take it back in the cluster."}
	case Held:
		return about{"Release is held", Warning, time.Hour, `See what it waits for: "trunkline status" says who can let it go on.`}
	case ResourceFailed:
		return about{"Resource of the cloud failed", Critical, 5 * time.Minute, "Read the reason: as a rule a right is missing, or the resource is someone else's."}
	case LotFailed:
		return about{"Lots failed", Warning, 0, `See why: "trunkline lots show" has the reason and the log; "trunkline lots retry" tries them again.`}
	case LotLate:
		return about{"Dataset is late", Critical, 0, `See what it waits for: "trunkline lots gaps" names the first cause.`}
	case CommitRefused:
		return about{"Commit refused", Warning, 0, `What runs is left as it was. Fix the declarations: "trunkline validate" says the same.`}
	case RepositoryUnreachable:
		return about{"Repository cannot be read", Critical, 5 * time.Minute, "What runs is left as it is. Look at the address, the credentials and the server."}
	case ClusterUnreachable:
		return about{"Cluster does not answer", Critical, 2 * time.Minute, `What runs there is not kept. "trunkline doctor" finds what is in the way.`}
	case OverBudget:
		return about{"Budget does not last", Warning, time.Hour, `See what costs it: "trunkline cost --since DAY --by project,workload". Change what runs, or the budget.`}
	case PreviewEnding:
		return about{"Preview is removed soon", Info, 0, `To keep it, write "/trunkline preview extend" in its pull request.`}
	case Test:
		return about{"Test message", Info, 0, "Nothing has to be done."}
	}
	return about{title: string(t), severity: Warning}
}

// Title says in a few words what the topic is.
func (t Topic) Title() string { return known(t).title }

// Severity says how much it matters.
func (t Topic) Severity() Severity { return known(t).severity }

// Todo says what a person can do.
func (t Topic) Todo() string { return known(t).todo }

// After is how long it is so before it is told, unless a route says otherwise.
func (t Topic) After() time.Duration { return known(t).after }
