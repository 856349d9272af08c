// SPDX-License-Identifier: Apache-2.0

package v1alpha1

// PlatformNotification says what a channel is told of a platform.
type PlatformNotification struct {
	// To is one of the channels of the platform.
	To string `json:"to" required:"true"`
	// About are the topics that are told; default: all.
	About []NotificationTopic `json:"about,omitempty"`
	// Projects are patterns of the projects that are told of, with "*" for any text; with them, nothing is told that is about no project, such
	// as a cluster. Default: all.
	Projects []string `json:"projects,omitempty"`
	// Environments are patterns of the environments that are told of, with "*" for any text, and of the clusters that these are on;
	// default: all.
	Environments []string `json:"environments,omitempty"`
	// After is how long something is so before it is told; default: at once, and what passes by itself as a rule after minutes, or an hour.
	After Duration `json:"after,omitempty"`
	// Repeat is after how long something is told again that is still so; default: 24h.
	Repeat Duration `json:"repeat,omitempty"`
}

// EnvironmentNotification says what a channel is told of an environment, and of the clusters that it is on.
type EnvironmentNotification struct {
	// To is one of the channels of the platform.
	To string `json:"to" required:"true"`
	// About are the topics that are told; default: all.
	About []NotificationTopic `json:"about,omitempty"`
	// Projects are patterns of the projects that are told of, with "*" for any text; with them, nothing is told that is about no project, such
	// as a cluster. Default: all.
	Projects []string `json:"projects,omitempty"`
	// After is how long something is so before it is told; default: at once, and what passes by itself as a rule after minutes, or an hour.
	After Duration `json:"after,omitempty"`
	// Repeat is after how long something is told again that is still so; default: 24h.
	Repeat Duration `json:"repeat,omitempty"`
}

// ProjectNotification says what a channel is told of a project.
type ProjectNotification struct {
	// To is one of the channels of the platform.
	To string `json:"to" required:"true"`
	// About are the topics that are told; default: all.
	About []NotificationTopic `json:"about,omitempty"`
	// Environments are patterns of the environments that are told of, with "*" for any text; default: all.
	Environments []string `json:"environments,omitempty"`
	// Only are patterns of the workloads and datasets that are told of, such as "load" or "orders-raw@1", with "*" for any text; with them,
	// only their lots are told of. Default: all, and the project itself.
	Only []string `json:"only,omitempty"`
	// After is how long something is so before it is told; default: at once, and what passes by itself as a rule after minutes, or an hour.
	After Duration `json:"after,omitempty"`
	// Repeat is after how long something is told again that is still so; default: 24h.
	Repeat Duration `json:"repeat,omitempty"`
}

// NotificationTopic is what someone is told about.
type NotificationTopic string

// The topics.
const (
	// NotifyReleaseFailed is a release that failed, or is not healthy.
	NotifyReleaseFailed NotificationTopic = "release-failed"
	// NotifyRolledBack is a release that went back to an older state.
	NotifyRolledBack NotificationTopic = "rolled-back"
	// NotifyDrift is a release that others have changed, if that is left, or they do it again and again; after 5m.
	NotifyDrift NotificationTopic = "drift"
	// NotifyHeld is a release that does not take its newest state; after 1h.
	NotifyHeld NotificationTopic = "held"
	// NotifyResourceFailed is what a project has made in the cloud, and is not as declared; after 5m.
	NotifyResourceFailed NotificationTopic = "resource-failed"
	// NotifyLotFailed is a workload of which a run for a lot failed.
	NotifyLotFailed NotificationTopic = "lot-failed"
	// NotifyLotLate is a dataset that is late, by its freshness.
	NotifyLotLate NotificationTopic = "lot-late"
	// NotifyCommitRefused is a commit that does not count, because of what it declares.
	NotifyCommitRefused NotificationTopic = "commit-refused"
	// NotifyRepositoryUnreachable is a repository that cannot be read; after 5m.
	NotifyRepositoryUnreachable NotificationTopic = "repository-unreachable"
	// NotifyClusterUnreachable is a cluster that does not answer, or whose agent does not; after 2m.
	NotifyClusterUnreachable NotificationTopic = "cluster-unreachable"
	// NotifyOverBudget is an environment, or a project in one, that has cost more than its budget of the month, or is going to; after 1h.
	NotifyOverBudget NotificationTopic = "over-budget"
	// NotifyPreviewEnding is the preview of a pull request that is removed within 6h, since nobody uses it.
	NotifyPreviewEnding NotificationTopic = "preview-ending"
)

func (NotificationTopic) values() []string {
	return []string{
		string(NotifyReleaseFailed), string(NotifyRolledBack), string(NotifyDrift), string(NotifyHeld), string(NotifyResourceFailed),
		string(NotifyLotFailed), string(NotifyLotLate), string(NotifyCommitRefused), string(NotifyRepositoryUnreachable), string(NotifyClusterUnreachable),
		string(NotifyOverBudget), string(NotifyPreviewEnding),
	}
}
