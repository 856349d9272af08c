// SPDX-License-Identifier: Apache-2.0

package access

import (
	"slices"

	"trunkline.dev/trunkline/api/v1alpha1"
)

// Right is something that can be done.
type Right string

// The rights.
const (
	// SignedOn is what everybody may who has signed on, such as to ask who they are.
	SignedOn Right = "signed-on"
	// View is to see that something is there and how it is.
	View Right = "view"
	// ViewLogs is to read what runs have written, ViewSamples to see data themselves, and ViewCost what things cost.
	ViewLogs    Right = "view-logs"
	ViewSamples Right = "view-samples"
	ViewCost    Right = "view-cost"
	// Deploy is to have a release applied again, or promoted, and Rollback to have it go back.
	Deploy   Right = "deploy"
	Rollback Right = "rollback"
	// Suspend is to have a release left as it is, and Resume to have it kept again.
	Suspend Right = "suspend"
	Resume  Right = "resume"
	// Approve is to confirm what a commit does that has to be confirmed.
	Approve Right = "approve"
	// Preview is to have a preview made, kept longer or removed.
	Preview Right = "preview"
	// RetryLots is to have lots made again, SwitchLots to disable and enable workloads, and RemoveLots to have lots removed.
	RetryLots  Right = "retry-lots"
	SwitchLots Right = "switch-lots"
	RemoveLots Right = "remove-lots"
	// Run is to have code of one's own run where a workload runs, and to end such a run.
	Run Right = "run"
	// Workspace is to have a notebook or an editor of one's own beside a project's data.
	Workspace Right = "workspace"
	// ProjectTokens is to make and revoke tokens of a project.
	ProjectTokens Right = "project-tokens"
	// Sync is to have the repository fetched now.
	Sync Right = "sync"
	// Metrics is to read the metrics of the daemon.
	Metrics Right = "metrics"
	// Admin is to administer the platform, such as to see and revoke the tokens of others.
	Admin Right = "admin"
)

// need is which sides have to give a right.
type need int

const (
	// either: one side is enough.
	either need = iota
	// both: a role in the project and one in the environment.
	both
	// whole: a role on the platform.
	whole
	// anybody who has signed on.
	anybody
)

func (n need) String() string {
	return [...]string{"a role in the project or in the environment", "roles in the project and in the environment", "a role on the platform", "to have signed on"}[n]
}

// row is a right, which sides have to give it, and the roles that do.
type row struct {
	right Right
	need  need
	what  string
	roles []v1alpha1.AccessRole
}

// table is all that is decided by, but for platform-admin, who may do everything. What is not in it nobody may do.
func table() []row {
	const (
		viewer                     = v1alpha1.PlatformViewer
		projectAdmin, contributor  = v1alpha1.ProjectAdmin, v1alpha1.ProjectContributor
		environmentAdmin, deployer = v1alpha1.EnvironmentAdmin, v1alpha1.EnvironmentContributor
		operator                   = v1alpha1.EnvironmentOperator
	)
	type roles = []v1alpha1.AccessRole
	return []row{
		{SignedOn, anybody, "ask who one is", nil},
		{View, either, "see what there is, and how it is", roles{viewer, projectAdmin, contributor, environmentAdmin, deployer, operator}},
		{ViewCost, either, "see what it costs", roles{viewer, projectAdmin, contributor, environmentAdmin, deployer}},
		{ViewLogs, either, "read what runs have written", roles{projectAdmin, contributor, environmentAdmin, deployer, operator}},
		{ViewSamples, both, "see data", roles{projectAdmin, contributor, environmentAdmin, deployer, operator}},
		{Deploy, both, "have a release applied again or promoted", roles{projectAdmin, contributor, environmentAdmin, deployer}},
		{Rollback, both, "have a release go back", roles{projectAdmin, contributor, environmentAdmin, deployer}},
		{Suspend, both, "have a release left as it is", roles{projectAdmin, contributor, environmentAdmin, deployer}},
		{Resume, both, "have a release kept again", roles{projectAdmin, contributor, environmentAdmin, deployer}},
		{Approve, either, "confirm what has to be confirmed", roles{environmentAdmin}},
		{Preview, either, "have previews made, kept or removed", roles{projectAdmin, contributor, environmentAdmin}},
		{RetryLots, either, "have lots made again", roles{projectAdmin, environmentAdmin, deployer, operator}},
		{SwitchLots, both, "disable and enable workloads", roles{projectAdmin, contributor, environmentAdmin, deployer, operator}},
		{RemoveLots, both, "have lots and their data removed", roles{projectAdmin, environmentAdmin}},
		{Run, both, "have code of one's own run", roles{projectAdmin, contributor, environmentAdmin, deployer}},
		{Workspace, both, "have a notebook or an editor", roles{projectAdmin, contributor, environmentAdmin, deployer}},
		{ProjectTokens, either, "make and revoke tokens of a project", roles{projectAdmin}},
		{Sync, either, "have the repository fetched", roles{viewer, projectAdmin, contributor, environmentAdmin, deployer, operator}},
		{Metrics, whole, "read the daemon's metrics", roles{viewer}},
		{Admin, whole, "administer the platform", nil},
	}
}

func rowOf(right Right) (row, bool) {
	rows := table()
	i := slices.IndexFunc(rows, func(r row) bool { return r.right == right })
	if i < 0 {
		return row{}, false
	}
	return rows[i], true
}

// Rights lists all rights.
func Rights() []Right {
	var out []Right
	for _, r := range table() {
		out = append(out, r.right)
	}
	return out
}

// gives reports whether a role gives a right.
func (r row) gives(role v1alpha1.AccessRole) bool {
	return role == v1alpha1.PlatformAdmin || slices.Contains(r.roles, role)
}
